//! Models: layers applied to symbolic tensors, as a graph of calls.
//!
//! [`symbolic`] is how they are written, [`functional`] what they become (a layer again, so
//! models nest), [`sequential`] the shorter way to write a chain, [`naming`] how layers without a
//! name get Keras's automatic ones, [`structure`] how inputs and outputs are arranged.

pub mod functional;
pub mod naming;
pub mod sequential;
pub mod structure;
pub mod symbolic;

pub use functional::{Functional, ModelError};
pub use sequential::Sequential;
pub use structure::Structure;
pub use symbolic::SymbolicTensor;

use std::sync::Arc;

use crate::instance::Instance;

/// The layers of a model as Keras lists them; `None` if the layer is no model.
///
/// The input counts as a layer of a functional model, but not of a chain.
pub fn listed_layers(layer: &Instance) -> Option<Vec<&Arc<Instance>>> {
    let chain = match layer.layer().class_name() {
        "Functional" => false,
        "Sequential" => true,
        _ => return None,
    };
    let children = layer.children().iter().map(|(_, child)| child);
    Some(children.filter(|c| !chain || c.layer().class_name() != "InputLayer").collect())
}
