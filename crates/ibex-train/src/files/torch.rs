//! The row of PyTorch's state dictionaries.

use std::path::Path;

use ibex_format::NamedArrays;
use ibex_format::torch::{self, Extent};

use super::Format;
use crate::error::Result;
use crate::model::Model;
use crate::transfer::Layout;

/// State dictionaries, alone or in a checkpoint.
pub(super) const FORMAT: Format = Format {
    name: "PyTorch state dictionary",
    endings: &[".pt", ".pth", ".th", ".ckpt", ".bin"],
    is_start: |bytes| bytes.starts_with(b"\x80\x02\x8a\x0a"),
    open_model: None,
    read: |path| Ok(torch::read(path, Extent::Model)?),
    save_model: Some(save_model),
    write: Some(write),
    layout: Layout::Torch,
    is_tree: false,
    read_config: None,
};

fn save_model(model: &Model, path: &Path, layout: Layout) -> Result<()> {
    write(&model.tensors(layout)?, path)
}

fn write(content: &NamedArrays, path: &Path) -> Result<()> {
    Ok(torch::write(path, content)?)
}
