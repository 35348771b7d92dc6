//! State dictionaries of PyTorch: `.pt`, `.pth`, `.th`, as zip archives and in the older form.
//!
//! A pickle is a program; here it is read by a machine of our own that knows the instructions and
//! names of state dictionaries and runs nothing.
//! It must not know what the tensors are for.
//!
//! Read in this order: `globals` (what may be named), `value`, `pickle` (the machine), `build`
//! (what names make), `tree` (tensors by path), `view`, `container`, `write`.

mod build;
mod container;
mod globals;
mod pickle;
mod tree;
mod value;
mod view;
mod write;

use std::path::Path;

use crate::array::RawArray;
use crate::bytes::ByteSource;
use crate::error::{Problem, Result, excerpt};
use crate::named::NamedArrays;
use crate::npy::swap_bytes;
use container::Container;
use tree::Found;
use view::Place;

pub use write::{to_bytes, write};

/// The names under which training scripts put a state dictionary beside other things.
const WRAPPERS: &[&str] =
    &["state_dict", "model_state_dict", "model", "net", "params_ema", "params", "module"];

/// What all arrays together may take for each byte of the file: tied weights are copied, and an
/// expanded tensor is more than its storage.
const MAX_COPIES: u64 = 3;

/// The same for small files.
const MIN_COPIES: u64 = 1 << 24;

/// Which tensors of a checkpoint are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The state dictionary of the model; the optimizer's state and the like are left where they
    /// are, and the key that leads to it (`state_dict`, `model`, …) is not part of the names.
    Model,
    /// Every tensor, under its full path.
    Everything,
}

/// Reads the tensors of a file, in its order; numbers and texts beside them become metadata.
///
/// # Errors
/// When the file cannot be read, is damaged, claims more than its bytes, or its pickle names
/// something other than tensors and plain values, which the text names.
pub fn read(path: impl AsRef<Path>, extent: Extent) -> Result<NamedArrays> {
    let path = path.as_ref();
    from_source(ByteSource::map(path)?, extent).map_err(|error| error.in_file(path))
}

/// Reads the bytes of a file.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: Vec<u8>, extent: Extent) -> Result<NamedArrays> {
    from_source(ByteSource::from_bytes(bytes), extent)
}

fn from_source(source: ByteSource, extent: Extent) -> Result<NamedArrays> {
    let allowed = source.len().saturating_mul(MAX_COPIES).max(MIN_COPIES);
    let mut file = Container::open(source)?;
    let found = std::mem::take(&mut file.found);
    let skipped = match extent {
        Extent::Model => wrapper(&found),
        Extent::Everything => Vec::new(),
    };
    let mut arrays = Vec::new();
    let mut total = 0u64;
    for (path, view) in &found.tensors {
        let Some(rest) = path.strip_prefix(skipped.as_slice()) else { continue };
        let name = rest.join(".");
        let read = || -> Result<RawArray> {
            let place = Place::new(&file.values, view)?;
            total = total.saturating_add(place.bytes());
            if total > allowed {
                return Err(Problem::new("the tensors of the file are far larger than the file")
                    .expected(format!("at most {allowed} bytes together"))
                    .refused());
            }
            let array = place.read(&file.storage(view)?)?;
            match file.big_endian && array.dtype().size() > 1 {
                true => {
                    let (dtype, shape) = (array.dtype(), array.shape().to_vec());
                    let mut bytes = array.into_data();
                    swap_bytes(&mut bytes, dtype.size());
                    RawArray::new(dtype, shape, bytes)
                }
                false => Ok(array),
            }
        };
        let mut read = read;
        let array = read().map_err(|error| error.in_member(excerpt(&name)))?;
        arrays.push((name, array));
    }
    if arrays.is_empty() {
        return Err(Problem::new("the file holds no tensors by name")
            .expected("a dictionary of tensors, as `model.state_dict()` gives it")
            .missing());
    }
    let mut content = NamedArrays::new(arrays)?;
    content.metadata = found.texts.into_iter().map(|(path, text)| (path.join("."), text)).collect();
    Ok(content)
}

/// The keys that lead to the state dictionary of the model; none when the file is one.
fn wrapper(found: &Found) -> Vec<String> {
    let is_plain = found.tensors.iter().any(|(path, _)| path.len() == 1);
    if is_plain {
        return Vec::new();
    }
    let has = |key: &str| found.tensors.iter().any(|(path, _)| path.len() == 2 && path[0] == key);
    if let Some(known) = WRAPPERS.iter().find(|key| has(key)) {
        return vec![(*known).to_string()];
    }
    // A dictionary in a dictionary is a wrapper, whatever it is called, if it is the only one.
    let mut first = found.tensors.iter().map(|(path, _)| path.first());
    let key = first.next().flatten();
    match key {
        Some(key) if first.all(|other| other == Some(key)) && has(key) => vec![key.clone()],
        _ => Vec::new(),
    }
}
