//! The row of ONNX files.

use std::path::Path;

use ibex_format::NamedArrays;
use ibex_format::onnx::OnnxModel;

use super::Format;
use crate::error::Result;
use crate::model::Model;
use crate::transfer::Layout;

/// Whole models for prediction; their weights have the names and axes of the nodes that use them.
pub(super) const FORMAT: Format = Format {
    name: "ONNX model",
    endings: &[".onnx"],
    // A protocol buffer has no magic bytes.
    is_start: |_| false,
    open_model: Some(|path| Model::from_onnx(path)),
    read,
    save_model: Some(|model, path, _| model.export_onnx(path)),
    write: None,
    layout: Layout::Torch,
    is_tree: false,
    read_config: None,
};

fn read(path: &Path) -> Result<NamedArrays> {
    Ok(NamedArrays::new(OnnxModel::read(path)?.graph.initializers)?)
}
