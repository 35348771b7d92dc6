//! The row of ONNX files.

use ibex_format::NamedArrays;
use ibex_format::onnx::OnnxModel;

use super::Format;
use crate::model::Model;
use crate::transfer::Layout;

/// Graphs with their weights, as many programs run them.
pub(super) const FORMAT: Format = Format {
    name: "ONNX model",
    endings: &[".onnx"],
    // The version of the format is the first field.
    is_start: |start| start.starts_with(&[0x08]),
    open_model: Some(|path| Model::from_onnx(path)),
    read: |path| Ok(NamedArrays::new(OnnxModel::read(path)?.graph.initializers)?),
    // The names are those of the graph, whatever the layout.
    save_model: Some(|model, path, _| model.export_onnx(path)),
    write: None,
    layout: Layout::Keras,
    is_tree: false,
    read_config: None,
};
