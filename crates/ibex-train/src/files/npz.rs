//! The row of `.npz` archives.

use std::path::Path;

use ibex_format::npz::{self, Compression};
use ibex_format::{NamedArrays, RawArray, RawDType};

use super::Format;
use crate::error::Result;
use crate::model::Model;
use crate::transfer::Layout;

/// Archives of numpy.
pub(super) const FORMAT: Format = Format {
    name: "numpy archive",
    endings: &[".npz"],
    is_start: |_| false,
    open_model: None,
    read: |path| Ok(NamedArrays::new(npz::read(path)?)?),
    save_model: Some(save_model),
    write: Some(write),
    layout: Layout::Keras,
    is_tree: false,
    read_config: None,
};

fn save_model(model: &Model, path: &Path, layout: Layout) -> Result<()> {
    write(&model.tensors(layout)?, path)
}

/// numpy has no bfloat16; float32 holds every one of its numbers.
fn write(content: &NamedArrays, path: &Path) -> Result<()> {
    let mut wide = Vec::new();
    for (name, array) in &content.arrays {
        if array.dtype() == RawDType::BF16 {
            let numbers = RawArray::from_slice(array.shape(), &array.to_f32_vec())?;
            wide.push((name.as_str(), numbers));
        }
    }
    let arrays = content.arrays.iter().map(|(name, array)| {
        let widened = wide.iter().find(|(other, _)| other == name);
        (name.as_str(), widened.map_or(array, |(_, numbers)| numbers))
    });
    Ok(npz::write(path, arrays, Compression::Stored)?)
}
