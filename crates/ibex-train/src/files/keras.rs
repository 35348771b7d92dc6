//! The row of `.keras` archives.

use std::path::Path;

use ibex_format::{KerasArchive, NamedArrays};
use serde_json::Value;

use super::Format;
use super::weights_h5::named;
use crate::error::Result;
use crate::model::Model;
use crate::transfer::Layout;

/// Whole models of Keras 3.
pub(super) const FORMAT: Format = Format {
    name: "Keras 3 model",
    endings: &[".keras"],
    is_start: |_| false,
    open_model: Some(|path| Model::load(path)),
    read,
    save_model: Some(save_model),
    write: None,
    layout: Layout::Keras,
    is_tree: true,
    read_config: Some(read_config),
};

fn read(path: &Path) -> Result<NamedArrays> {
    let archive = KerasArchive::read(path)?;
    let mut content = named(archive.weights);
    let texts = archive.metadata.as_object().into_iter().flatten();
    let texts = texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_string())));
    content.metadata.extend(texts);
    Ok(content)
}

fn save_model(model: &Model, path: &Path, _: Layout) -> Result<()> {
    model.save(path)
}

fn read_config(path: &Path) -> Result<Value> {
    Ok(KerasArchive::read_config(path)?)
}
