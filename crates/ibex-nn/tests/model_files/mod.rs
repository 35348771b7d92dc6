//! Models of real Keras for tests: read from `.keras` files, with their weights.

#![allow(dead_code, unreachable_pub)] // each test file uses its part

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use ibex_format::{Hdf5Group, KerasArchive};
use ibex_graph::{Array, DType};
use ibex_nn::Instance;
use ibex_nn::initializers::Seeds;
use ibex_nn::models::Functional;
use ibex_nn::saving::model_from_config;
use serde_json::Value;

/// The path of a file among the goldens.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens").join(name)
}

/// The model of a `.keras` file with its weights, and its `config.json`.
pub fn load(name: &str) -> (Arc<Functional>, Value) {
    let archive = KerasArchive::read(path(name)).unwrap();
    let model = model_from_config(&archive.config).unwrap_or_else(|e| panic!("{name}: {e}"));
    for layer in model.layers() {
        layer.materialize(layer.name(), &mut Seeds::new(1));
    }
    set_weights(model.layers(), archive.weights.group("layers").unwrap());
    (model, archive.config)
}

/// Gives layers the weights of a file, where groups are named after classes and counted.
fn set_weights(layers: &[Arc<Instance>], group: &Hdf5Group) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for layer in layers {
        if layer.layer().module().is_some_and(|module| module.contains(".ops.")) {
            continue;
        }
        let stem = layer.layer().stem();
        let count = counts.entry(stem.clone()).or_default();
        let name = if *count == 0 { stem.clone() } else { format!("{stem}_{count}") };
        *count += 1;
        // Keras does not count the input among the layers of a chain.
        if stem == "input_layer" {
            continue;
        }
        let own = group.group(&name).unwrap_or_else(|| panic!("no group {name}"));
        set_own_weights(layer, own);
    }
}

/// Gives a layer its weights, and those of the layers inside it that have places of their own.
fn set_own_weights(layer: &Instance, own: &Hdf5Group) {
    for (i, weight) in layer.weights().iter().enumerate() {
        let raw = own.array(&format!("vars/{i}")).unwrap();
        let dtype: DType = raw.dtype().to_string().parse().unwrap();
        let value = Array::from_bytes(dtype, raw.shape().to_vec(), raw.data()).unwrap();
        let variable = weight.variable().unwrap();
        variable.set(&value.cast(variable.dtype())).unwrap();
    }
    if let Some(inner) = own.group("layers") {
        let children = layer.children().iter().map(|(_, child)| child.clone());
        return set_weights(&children.collect::<Vec<_>>(), inner);
    }
    for (name, child) in layer.children() {
        if let Some(inner) = own.group(name) {
            set_own_weights(child, inner);
        }
    }
}
