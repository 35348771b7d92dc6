//! What a path holds, whatever it is called: a `.keras` archive or folder, a whole model or
//! weights in HDF5, a configuration, an index of shards.
//!
//! It must not know what models are made of.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ibex_format::error::Problem;
use ibex_format::{FormatError, Hdf5Group, KerasReader, hdf5, sharded};
use serde_json::Value;

use crate::error::Result;

/// The bytes with which an HDF5 file begins.
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

/// What a file is that models or weights may be read from.
pub(super) enum Source {
    /// A whole model of Keras 3; its weights are still to be read.
    Archive(Box<KerasReader>),
    /// Weights, or a whole model of the older kind.
    Hdf5(Hdf5Group),
    /// The configuration of a model.
    Config(Value),
    /// The weights that an index names.
    Shards(Hdf5Group),
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or is of none of these kinds.
    pub(super) fn open(path: &Path) -> Result<Source> {
        let start = first_bytes(path);
        if start.starts_with(HDF5) {
            return Ok(Source::Hdf5(hdf5::read(path)?));
        }
        let text = start.trim_ascii_start();
        if text.starts_with(b"{") || text.starts_with(b"\"") {
            return Source::open_json(path);
        }
        Ok(Source::Archive(Box::new(KerasReader::open(path)?)))
    }

    fn open_json(path: &Path) -> Result<Source> {
        let bytes = std::fs::read(path).map_err(FormatError::reading(path))?;
        let parsed =
            |bytes: &[u8]| ibex_format::json::parse(bytes).map_err(|error| error.in_file(path));
        let value = match parsed(&bytes)? {
            // `json.dump(model.to_json(), file)` quotes the text once more.
            Value::String(text) => parsed(text.as_bytes())?,
            value => value,
        };
        if sharded::is_index(&value) {
            return Ok(Source::Shards(sharded::read(path)?));
        }
        Ok(Source::Config(value))
    }
}

/// The first bytes of a file; none if it cannot be read, which reading it says better.
fn first_bytes(path: &Path) -> Vec<u8> {
    let mut start = Vec::new();
    // A pipe is not consumed: it is no regular file, and is refused by who opens it.
    if path.is_file()
        && let Ok(file) = File::open(path)
    {
        let _ = file.take(64).read_to_end(&mut start);
    }
    start
}

/// What to say when weights are found where a whole model is wanted.
pub(super) fn weights_alone(path: &Path) -> FormatError {
    Problem::new("the file holds no whole model")
        .expected("a `.keras` file, an `.h5` file that `model.save` wrote, or a configuration")
        .received("weights alone")
        .help("build the model, or load its configuration, and use `load_weights`")
        .missing()
        .in_file(path)
}

/// What to say when a configuration is found where weights are wanted.
pub(super) fn no_weights(path: &Path) -> FormatError {
    Problem::new("the file holds no weights")
        .expected("a `.keras`, `.weights.h5`, `.h5` or `.weights.json` file")
        .received("the configuration of a model")
        .missing()
        .in_file(path)
}
