//! The `.keras` archive of Keras 3: `metadata.json`, `config.json`, `model.weights.h5`, `assets/`.
//!
//! It must not know what the configuration says, nor which arrays a layer has.
//! Nothing in an archive is executed or unpacked to the disk.

use std::collections::BTreeMap;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;

use serde_json::Value;
use zip::CompressionMethod;

use crate::atomic::write_atomically;
use crate::bytes::ByteSource;
use crate::error::{FormatError, Problem, Result, excerpt};
use crate::hdf5::{self, Hdf5Group};
use crate::json;
use crate::zip_archive::{ZipBuilder, ZipReader};

const METADATA: &str = "metadata.json";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";
const SHARDED_WEIGHTS: &str = "model.weights.json";
const ASSETS: &str = "assets/";

/// Room for headers and names in the estimate of the size of the weights.
const WEIGHTS_OVERHEAD: u64 = 1 << 26;

/// A saved model, as the file has it.
#[derive(Debug, Clone, PartialEq)]
pub struct KerasArchive {
    /// `metadata.json`: the version of Keras and the date; null when the file has none.
    pub metadata: Value,
    /// `config.json`: the model, its compile configuration and its build configuration.
    pub config: Value,
    /// `model.weights.h5`: weights, optimizer variables and random states.
    pub weights: Hdf5Group,
    /// Files of preprocessing layers, by their path below `assets/`.
    pub assets: BTreeMap<String, Vec<u8>>,
}

impl KerasArchive {
    /// Reads a file.
    ///
    /// # Errors
    /// When the file cannot be read, is no such archive, is damaged, or asks for more than its
    /// bytes can hold; the text names the member.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_source(ByteSource::open(path)?).map_err(|error| error.in_file(path))
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// As [`KerasArchive::read`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Self::from_source(ByteSource::from_bytes(bytes))
    }

    /// Reads only `config.json` of a file, leaving the weights where they are.
    ///
    /// # Errors
    /// As [`KerasArchive::read`].
    pub fn read_config(path: impl AsRef<Path>) -> Result<Value> {
        let path = path.as_ref();
        open(ByteSource::open(path)?)
            .and_then(|mut archive| read_json(&mut archive, CONFIG))
            .map_err(|error| error.in_file(path))
    }

    fn from_source(source: ByteSource) -> Result<Self> {
        let mut archive = open(source)?;
        let config = read_json(&mut archive, CONFIG)?;
        // Keras itself does not look at it, so a model without it is a model all the same.
        let metadata = match archive.contains(METADATA) {
            true => read_json(&mut archive, METADATA)?,
            false => Value::Null,
        };
        if !archive.contains(WEIGHTS) && archive.contains(SHARDED_WEIGHTS) {
            return Err(Problem::new("the weights of the model are cut into several files")
                .expected(format!("a member `{WEIGHTS}`"))
                .received(format!("a member `{SHARDED_WEIGHTS}`"))
                .help("save the model again in Keras without `max_shard_size`")
                .unsupported());
        }
        let weights = archive.source(WEIGHTS)?;
        let weights = hdf5::from_source(weights).map_err(|error| error.in_member(WEIGHTS))?;
        let names: Vec<String> =
            archive.names().filter(|name| name.starts_with(ASSETS)).map(str::to_string).collect();
        let mut assets = BTreeMap::new();
        for name in names {
            let bytes = archive.read(&name)?;
            assets.insert(name[ASSETS.len()..].to_string(), bytes);
        }
        Ok(Self { metadata, config, weights, assets })
    }

    /// Writes a file, whole or not at all; equal models give equal bytes.
    ///
    /// The archive is given away so that its weights need not be copied.
    ///
    /// # Errors
    /// When a name cannot be stored, and when the disk refuses.
    pub fn write(self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path, |file| {
            let mut out = self.write_to(BufWriter::new(file))?;
            out.flush().map_err(FormatError::writing(""))
        })
    }

    /// Writes the bytes of a file into `out` and gives it back.
    ///
    /// # Errors
    /// When a name cannot be stored, and when `out` fails.
    pub fn write_to<W: Write + Seek>(self, out: W) -> Result<W> {
        let mut builder = ZipBuilder::new(out);
        let method = CompressionMethod::Stored;
        for (name, value) in [(METADATA, &self.metadata), (CONFIG, &self.config)] {
            let text = value.to_string();
            // What is written must be readable again.
            json::parse(text.as_bytes()).map_err(|error| error.in_member(name))?;
            builder.add(name, method, text.len() as u64, |out| write_all(out, text.as_bytes()))?;
        }
        let arrays = self.weights.arrays();
        let size: u64 = arrays.iter().map(|(_, array)| array.data().len() as u64).sum();
        builder.add(WEIGHTS, method, size + WEIGHTS_OVERHEAD, |out| {
            hdf5::write_to(out, self.weights)
        })?;
        for (name, bytes) in &self.assets {
            let member = format!("{ASSETS}{name}");
            builder.add(&member, method, bytes.len() as u64, |out| write_all(out, bytes))?;
        }
        builder.finish()
    }
}

fn open(source: ByteSource) -> Result<ZipReader> {
    let mut start = [0; 8];
    if source.read_exact_at(0, &mut start).is_ok() && &start == b"\x89HDF\r\n\x1a\n" {
        return Err(Problem::new("the file is an HDF5 file, not a `.keras` archive")
            .expected("a zip archive that Keras 3 wrote")
            .help("load it as weights, or save the model in Keras 3 with the ending `.keras`")
            .unsupported());
    }
    let archive = ZipReader::new(source)?;
    if archive.contains(CONFIG) {
        return Ok(archive);
    }
    let names: Vec<String> =
        archive.names().take(8).map(|name| format!("`{}`", excerpt(name))).collect();
    Err(Problem::new("the archive holds no model")
        .expected(format!("the members `{METADATA}`, `{CONFIG}` and `{WEIGHTS}`"))
        .received(if names.is_empty() { "no members".into() } else { names.join(", ") })
        .missing())
}

fn read_json(archive: &mut ZipReader, name: &str) -> Result<Value> {
    let bytes = archive.read(name)?;
    json::parse(&bytes).map_err(|error| error.in_member(name))
}

fn write_all(out: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).map_err(FormatError::writing(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::RawArray;
    use expect_test::expect;
    use serde_json::json;
    use std::io::Cursor;

    fn sample() -> KerasArchive {
        let mut weights = Hdf5Group::new();
        let kernel = RawArray::from_slice(&[2, 1], &[0.5f32, -1.0]).unwrap();
        weights.insert("layers/dense/vars/0", kernel).unwrap();
        weights.group_mut("vars").unwrap();
        KerasArchive {
            metadata: json!({"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}),
            config: json!({"class_name": "Sequential", "config": {"name": "b", "a": [1e-7, null]}}),
            weights,
            assets: BTreeMap::from([("layers/text/vocabulary.txt".into(), b"a\nb".to_vec())]),
        }
    }

    fn bytes_of(archive: KerasArchive) -> Vec<u8> {
        archive.write_to(Cursor::new(Vec::new())).unwrap().into_inner()
    }

    fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = ZipBuilder::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            let write = |out: &mut dyn Write| write_all(out, bytes);
            builder.add(name, CompressionMethod::Deflated, 0, write).unwrap();
        }
        builder.finish().unwrap().into_inner()
    }

    #[test]
    fn a_model_comes_back_and_its_bytes_are_always_the_same() {
        let bytes = bytes_of(sample());
        assert_eq!(bytes, bytes_of(sample()));
        let back = KerasArchive::from_bytes(bytes).unwrap();
        assert_eq!(back, sample());
        let keys: Vec<&String> = back.config["config"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["name", "a"]);
    }

    #[test]
    fn files_are_written_whole_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.keras");
        sample().write(&path).unwrap();
        assert_eq!(KerasArchive::read(&path).unwrap(), sample());
        assert_eq!(KerasArchive::read_config(&path).unwrap(), sample().config);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let text = |bytes| KerasArchive::from_bytes(bytes).unwrap_err().to_string();
        expect![[r#"
            the archive holds no model
              expected  the members `metadata.json`, `config.json` and `model.weights.h5`
              received  `x0.npy`"#]]
        .assert_eq(&text(zip_of(&[("x0.npy", b"")])));
        expect![[r#"
            the archive has no member `model.weights.h5`
              received  2 members: `config.json`, `metadata.json`"#]]
        .assert_eq(&text(zip_of(&[(CONFIG, b"{}"), (METADATA, b"{}")])));
        let members = [(CONFIG, b"{}".as_slice()), (METADATA, b"{}"), (SHARDED_WEIGHTS, b"{}")];
        assert!(text(zip_of(&members)).starts_with("the weights of the model are cut"));
        expect![[r#"
            the HDF5 file is damaged or of a kind that is not read here
              received  HDF5 signature not found at any valid offset
              at model.weights.h5"#]]
        .assert_eq(&text(zip_of(&[(CONFIG, b"{}"), (METADATA, b"{}"), (WEIGHTS, b"nothing")])));
        let deep = "[".repeat(1000);
        assert!(text(zip_of(&[(CONFIG, deep.as_bytes())])).ends_with("at config.json"));
        let hdf5 = hdf5::to_bytes(Hdf5Group::new()).unwrap();
        assert!(text(hdf5).starts_with("the file is an HDF5 file"));
    }

    #[test]
    fn assets_stay_inside_the_archive() {
        let mut archive = sample();
        archive.assets.insert("../escape".into(), vec![]);
        let error = archive.write_to(Cursor::new(Vec::new())).unwrap_err();
        assert!(matches!(error, FormatError::Refused(_)), "{error}");
    }
}
