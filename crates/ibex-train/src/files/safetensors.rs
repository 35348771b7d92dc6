//! The row of `safetensors` files.

use std::path::Path;

use ibex_format::NamedArrays;
use ibex_format::safetensors::{self, INDEX_ENDING};

use super::Format;
use crate::error::Result;
use crate::model::Model;
use crate::transfer::Layout;

/// The bytes of a shard, as Hugging Face cuts models.
const SHARD: u64 = 5_000_000_000;

/// Arrays of Hugging Face: a file, or an index of shards.
pub(super) const FORMAT: Format = Format {
    name: "safetensors",
    endings: &[".safetensors", INDEX_ENDING],
    is_start: safetensors::is_start,
    open_model: None,
    read: |path| Ok(safetensors::read(path)?),
    save_model: Some(save_model),
    write: Some(write),
    layout: Layout::Keras,
    is_tree: false,
    read_config: None,
};

fn save_model(model: &Model, path: &Path, layout: Layout) -> Result<()> {
    let mut content = model.tensors(layout)?;
    // The words by which other programs tell whose axes they are.
    let format = if layout == Layout::Torch { "pt" } else { "keras" };
    content.metadata.insert("format".into(), format.into());
    write(&content, path)
}

fn write(content: &NamedArrays, path: &Path) -> Result<()> {
    match path.to_string_lossy().ends_with(INDEX_ENDING) {
        true => Ok(safetensors::write_sharded(path, content, SHARD)?),
        false => Ok(safetensors::write(path, content)?),
    }
}
