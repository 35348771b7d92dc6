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

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::CompressionMethod::{self, Deflated, Stored};

    use super::*;
    use crate::error::FormatError;
    use crate::zip_archive::ZipBuilder;

    fn file(pickle: &[u8], storage: (CompressionMethod, &[u8])) -> Vec<u8> {
        let mut archive = ZipBuilder::new(Cursor::new(Vec::new()));
        let (method, bytes) = storage;
        for (name, method, bytes) in [("a/data.pkl", Stored, pickle), ("a/data/0", method, bytes)] {
            let write =
                |out: &mut dyn Write| out.write_all(bytes).map_err(FormatError::writing(""));
            archive.add(name, method, bytes.len() as u64, write).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    /// A dictionary with one float32 tensor `w` of one axis, whose storage claims `count` elements.
    fn tensor(count: u32, offset: u8, extent: u32, stride: u8) -> Vec<u8> {
        let number = |value: u32| [&b"J"[..], &value.to_le_bytes()].concat();
        [
            b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((".as_slice(),
            b"X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu",
            &number(count),
            &[b't', b'Q', b'K', offset],
            &number(extent),
            &[0x85, b'K', stride, 0x85, 0x89],
            b"}tRs.",
        ]
        .concat()
    }

    fn error(bytes: Vec<u8>) -> FormatError {
        from_bytes(bytes, Extent::Model).unwrap_err()
    }

    #[test]
    fn a_tensor_stays_within_its_storage_and_the_file() {
        let bytes = [1.0f32, 2.0].map(f32::to_le_bytes).concat();
        let sound = from_bytes(file(&tensor(2, 0, 2, 1), (Stored, &bytes)), Extent::Model).unwrap();
        assert_eq!(sound.get("w").unwrap().to_f32_vec(), [1.0, 2.0]);
        let turned = from_bytes(file(&tensor(2, 1, 3, 0), (Stored, &bytes)), Extent::Model);
        assert_eq!(turned.unwrap().get("w").unwrap().to_f32_vec(), [2.0; 3]);
        for (count, offset, extent, stride) in
            [(2, 1, 2, 1), (2, 0, 2, 2), (2, 0, 3, 1), (9, 0, 9, 1), (2, 0, u32::MAX, 1)]
        {
            let found = error(file(&tensor(count, offset, extent, stride), (Stored, &bytes)));
            let kinds = matches!(found, FormatError::Damaged(_) | FormatError::Unsupported(_));
            assert!(kinds, "{found}");
        }
        // Two numbers expanded to eight gigabytes.
        let found = error(file(&tensor(2, 0, i32::MAX as u32, 0), (Stored, &bytes)));
        assert!(matches!(found, FormatError::Refused(_)), "{found}");
        let found = error(file(&tensor(2, 0, 2, 1), (Deflated, &bytes)));
        assert!(found.to_string().starts_with("a storage is compressed"), "{found}");
    }

    #[test]
    fn dictionaries_in_one_another_have_an_end() {
        // A dictionary that holds itself.
        let cycle = b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.";
        let found = error(file(cycle, (Stored, b"")));
        assert!(matches!(found, FormatError::Refused(_)), "{found}");
        // Each holds the one before twice: a million leaves from a few hundred bytes.
        let mut shared = b"\x80\x02}q\x00".to_vec();
        for level in 1..=19u8 {
            let before = level - 1;
            shared.extend([b'}', b'q', level, b'(', b'K', 1, b'h', before, b'K', 2, b'h', before]);
            shared.push(b'u');
        }
        shared.push(b'.');
        let found = error(file(&shared, (Stored, b"")));
        assert!(matches!(found, FormatError::Refused(_)), "{found}");
    }
}
