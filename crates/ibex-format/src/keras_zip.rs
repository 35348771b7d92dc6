//! The `.keras` archive of Keras 3: `metadata.json`, `config.json`, `model.weights.h5`, `assets/`.
//!
//! It must not know what the configuration says, nor which arrays a layer has.
//! Nothing in an archive is executed or unpacked to the disk.

use std::collections::BTreeMap;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::Value;
use zip::CompressionMethod;

use crate::atomic::write_atomically;
use crate::bytes::ByteSource;
use crate::error::{FormatError, Problem, Result, excerpt};
use crate::hdf5::{self, Hdf5Group};
use crate::json;
use crate::sharded;
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
    /// Reads a file, or the folder that Keras writes with `zipped=False`.
    ///
    /// # Errors
    /// When the file cannot be read, is no such archive, is damaged, or asks for more than its
    /// bytes can hold; the text names the member.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        KerasReader::open(path)?.read().map_err(|error| error.in_file(path))
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// As [`KerasArchive::read`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        KerasReader::from_source(ByteSource::from_bytes(bytes))?.read()
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

/// An archive whose weights have not been read yet.
pub struct KerasReader {
    /// Everything else.
    archive: KerasArchive,
    weights: Weights,
}

/// Where weights are.
enum Weights {
    Member(ZipReader),
    Folder(PathBuf),
}

impl KerasReader {
    /// Opens a file, or the folder that Keras writes with `zipped=False`.
    ///
    /// # Errors
    /// As [`KerasArchive::read`], but for what is wrong with the weights.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if path.join(CONFIG).is_file() {
            return Self::open_folder(path);
        }
        Self::from_source(ByteSource::map(path)?).map_err(|error| error.in_file(path))
    }

    fn open_folder(path: &Path) -> Result<Self> {
        let read_json = |name: &str| {
            let source = ByteSource::open(&path.join(name))?;
            let mut bytes = vec![0; usize::try_from(source.len()).unwrap_or(usize::MAX)];
            source.read_exact_at(0, &mut bytes).map_err(FormatError::reading(&path.join(name)))?;
            json::parse(&bytes).map_err(|error| error.in_file(path.join(name)))
        };
        let config = read_json(CONFIG)?;
        let metadata = match path.join(METADATA).is_file() {
            true => read_json(METADATA)?,
            false => Value::Null,
        };
        let mut assets = BTreeMap::new();
        read_assets(&path.join(ASSETS), "", 0, &mut assets)?;
        let archive = KerasArchive { metadata, config, weights: Hdf5Group::new(), assets };
        Ok(Self { archive, weights: Weights::Folder(path.to_path_buf()) })
    }

    fn from_source(source: ByteSource) -> Result<Self> {
        let mut zip = open(source)?;
        let config = read_json(&mut zip, CONFIG)?;
        // Keras itself does not look at it, so a model without it is a model all the same.
        let metadata = match zip.contains(METADATA) {
            true => read_json(&mut zip, METADATA)?,
            false => Value::Null,
        };
        let names: Vec<String> =
            zip.names().filter(|name| name.starts_with(ASSETS)).map(str::to_string).collect();
        let mut assets = BTreeMap::new();
        for name in names {
            let bytes = zip.read(&name)?;
            assets.insert(name[ASSETS.len()..].to_string(), bytes);
        }
        let archive = KerasArchive { metadata, config, weights: Hdf5Group::new(), assets };
        Ok(Self { archive, weights: Weights::Member(zip) })
    }

    /// Reads the weights.
    ///
    /// # Errors
    /// As [`KerasArchive::read`].
    pub fn read(self) -> Result<KerasArchive> {
        Ok(KerasArchive { weights: self.weights.read()?, ..self.archive })
    }

    /// Reads the weights on another thread during some work on the rest of the archive, which
    /// sees it without weights.
    ///
    /// # Errors
    /// As [`KerasArchive::read`].
    pub fn read_during<T>(
        self,
        work: impl FnOnce(&KerasArchive) -> T,
    ) -> Result<(KerasArchive, T)> {
        let Self { archive, weights } = self;
        let (weights, done) = thread::scope(|scope| {
            let reading = scope.spawn(|| weights.read());
            let done = work(&archive);
            (reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), done)
        });
        Ok((KerasArchive { weights: weights?, ..archive }, done))
    }
}

impl Weights {
    fn read(self) -> Result<Hdf5Group> {
        match self {
            Weights::Member(mut zip) => read_weights(&mut zip),
            Weights::Folder(path) if path.join(SHARDED_WEIGHTS).is_file() => {
                sharded::read(path.join(SHARDED_WEIGHTS))
            }
            Weights::Folder(path) => hdf5::read(path.join(WEIGHTS)),
        }
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

fn read_weights(archive: &mut ZipReader) -> Result<Hdf5Group> {
    let read = |archive: &mut ZipReader, name: &str| {
        let source = archive.source(name)?;
        hdf5::from_source(source).map_err(|error| error.in_member(name))
    };
    if archive.contains(WEIGHTS) || !archive.contains(SHARDED_WEIGHTS) {
        return read(archive, WEIGHTS);
    }
    let index = read_json(archive, SHARDED_WEIGHTS)?;
    sharded::merge(&index, |name| read(archive, name))
        .map_err(|error| error.in_member(SHARDED_WEIGHTS))
}

/// The files of a folder and of the folders in it, by their path from the first one.
fn read_assets(
    folder: &Path,
    above: &str,
    depth: usize,
    assets: &mut BTreeMap<String, Vec<u8>>,
) -> Result<()> {
    if depth > hdf5::MAX_DEPTH || !folder.is_dir() {
        return Ok(());
    }
    let failed = FormatError::reading(folder);
    for entry in std::fs::read_dir(folder).map_err(&failed)? {
        let entry = entry.map_err(&failed)?;
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        // Links are not followed: they may lead in circles, and out of the folder.
        let kind = entry.file_type().map_err(&failed)?;
        if kind.is_dir() {
            read_assets(&entry.path(), &format!("{name}/"), depth + 1, assets)?;
        } else if kind.is_file() {
            let bytes = std::fs::read(entry.path()).map_err(FormatError::reading(&entry.path()))?;
            assets.insert(name, bytes);
        }
    }
    Ok(())
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
    fn folders_and_shards_are_models_too() {
        let folder = tempfile::tempdir().unwrap();
        let model = sample();
        std::fs::write(folder.path().join(CONFIG), model.config.to_string()).unwrap();
        std::fs::write(folder.path().join(METADATA), model.metadata.to_string()).unwrap();
        let asset = folder.path().join("assets/layers/text");
        std::fs::create_dir_all(&asset).unwrap();
        std::fs::write(asset.join("vocabulary.txt"), b"a\nb").unwrap();
        sharded::write(folder.path().join(SHARDED_WEIGHTS), model.weights.clone(), 8).unwrap();
        let mut expected = sample();
        // Shards hold no empty groups.
        expected.weights.children.remove("vars");
        assert_eq!(KerasArchive::read(folder.path()).unwrap(), expected);
        let shard = std::fs::read(folder.path().join("model_00000.weights.h5")).unwrap();
        let index = std::fs::read(folder.path().join(SHARDED_WEIGHTS)).unwrap();
        let bytes = zip_of(&[
            (CONFIG, model.config.to_string().as_bytes()),
            (SHARDED_WEIGHTS, &index),
            ("model_00000.weights.h5", &shard),
        ]);
        assert_eq!(KerasArchive::from_bytes(bytes).unwrap().weights, expected.weights);
        hdf5::write(folder.path().join(WEIGHTS), model.weights).unwrap();
        std::fs::remove_file(folder.path().join(SHARDED_WEIGHTS)).unwrap();
        assert_eq!(KerasArchive::read(folder.path()).unwrap(), sample());
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
        assert!(text(zip_of(&members)).starts_with("this is no index of weights"));
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
