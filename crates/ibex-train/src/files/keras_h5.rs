//! The row of `.h5` files of Keras 1 and 2, and of Keras 3 in that form.

use std::path::Path;

use ibex_format::{Attribute, Hdf5Group, hdf5, json};
use serde_json::Value;

use super::Format;
use super::weights_h5::named;
use crate::error::Result;
use crate::model::Model;
use crate::transfer::Layout;

/// Whole models of the older kind; weights alone are read with a model to put them into.
pub(super) const FORMAT: Format = Format {
    name: "Keras 2 model",
    endings: &[".h5", ".hdf5"],
    is_start: |_| false,
    open_model: Some(|path| Model::load(path)),
    read: |path| Ok(named(hdf5::read(path)?)),
    save_model: None,
    write: None,
    layout: Layout::Keras,
    is_tree: true,
    read_config: Some(read_config),
};

/// The model and its compile configuration, under the names that `.keras` files have for them.
fn read_config(path: &Path) -> Result<Value> {
    let root = hdf5::read(path)?;
    let Some(mut config) = attribute(&root, "model_config", path)? else { return Ok(Value::Null) };
    if let Some(mut training) = attribute(&root, "training_config", path)? {
        if let Some(optimizer) = training.get_mut("optimizer_config").map(Value::take) {
            training["optimizer"] = optimizer;
        }
        config["compile_config"] = training;
    }
    Ok(config)
}

fn attribute(root: &Hdf5Group, name: &str, path: &Path) -> Result<Option<Value>> {
    let text = root.attributes.get(name).and_then(Attribute::as_text);
    let parsed = text.map(|text| json::parse(text.as_bytes())).transpose();
    let value = parsed.map_err(|error| error.in_member(name).in_file(path))?;
    Ok(value.filter(Value::is_object))
}
