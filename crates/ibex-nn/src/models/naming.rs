//! Automatic layer names: those of a fresh Keras session, for each model by itself.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::instance::Instance;
use crate::layer::Layer;

/// Names every layer that has no name, in order of creation: `dense`, `dense_1`, ….
///
/// Layers that are options of others count too: Keras named them when they were made.
/// Names that are taken by other layers of the model are passed over.
pub(crate) fn name_layers(instances: &[Arc<Instance>]) {
    let mut layers = Vec::new();
    instances.iter().for_each(|instance| collect_all(instance, &mut layers));
    layers.sort_by_key(|layer| layer.base().identity.sequence());
    layers.dedup_by_key(|layer| layer.base().identity.sequence());
    let mut taken: HashSet<String> =
        instances.iter().filter_map(|i| i.layer().base().name.clone()).collect();
    let mut next: HashMap<String, usize> = HashMap::new();
    for layer in layers {
        if layer.base().name.is_some() || layer.base().named_after.is_some() {
            continue;
        }
        let stem = layer.stem();
        let count = next.entry(stem.clone()).or_default();
        let name = loop {
            let name = if *count == 0 { stem.clone() } else { format!("{stem}_{count}") };
            *count += 1;
            if taken.insert(name.clone()) {
                break name;
            }
        };
        layer.base().identity.set_name(name);
    }
}

/// A layer, those that are its options, and those that it made when it was built.
fn collect_all(instance: &Arc<Instance>, layers: &mut Vec<Arc<dyn Layer>>) {
    collect(instance.layer(), layers);
    // A model inside has named its layers itself.
    if !["Functional", "Sequential"].contains(&instance.layer().class_name()) {
        instance.children().iter().for_each(|(_, child)| collect_all(child, layers));
    }
}

/// A layer and those that are its options.
fn collect(layer: &Arc<dyn Layer>, layers: &mut Vec<Arc<dyn Layer>>) {
    layers.push(layer.clone());
    layer.inner_layers().iter().for_each(|inner| collect(inner, layers));
}
