//! Automatic layer names: those of a fresh Keras session, for each model by itself.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::instance::Instance;

/// Names every layer that has no name, in order of creation: `dense`, `dense_1`, ….
///
/// Names that are taken by other layers of the model are passed over.
pub(crate) fn name_layers(instances: &[Arc<Instance>]) {
    let mut by_creation: Vec<&Arc<Instance>> = instances.iter().collect();
    by_creation.sort_by_key(|i| i.layer().base().identity.sequence());
    let mut taken: HashSet<String> =
        instances.iter().filter_map(|i| i.layer().base().name.clone()).collect();
    let mut next: HashMap<String, usize> = HashMap::new();
    for instance in by_creation {
        if instance.layer().base().name.is_some() {
            continue;
        }
        let stem = instance.layer().stem();
        let count = next.entry(stem.clone()).or_default();
        let name = loop {
            let name = if *count == 0 { stem.clone() } else { format!("{stem}_{count}") };
            *count += 1;
            if taken.insert(name.clone()) {
                break name;
            }
        };
        instance.set_name(name);
    }
}
