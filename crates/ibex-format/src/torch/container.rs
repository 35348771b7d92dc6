//! Where the pickle and the storages lie: in a zip archive, or one after another.
//!
//! It must not know what the storages are for.

use std::collections::HashMap;

use super::pickle;
use super::tree::{self, Found};
use super::value::{Value, Values, View};
use crate::array::RawDType;
use crate::bytes::ByteSource;
use crate::error::{FormatError, Problem, Result, excerpt};
use crate::zip_archive::ZipReader;

/// The pickle of a state dictionary of a hundred thousand tensors is a third of this.
const MAX_PICKLE: u64 = 1 << 26;

/// The first object of a file in the format before 1.6, as a little-endian integer.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// An opened file: what its pickle describes, and its storages.
pub(super) struct Container {
    pub(super) values: Values,
    pub(super) found: Found,
    pub(super) big_endian: bool,
    storages: Storages,
}

enum Storages {
    Zip { archive: Box<ZipReader>, folder: String, opened: HashMap<String, ByteSource> },
    Legacy(HashMap<String, ByteSource>),
}

impl Container {
    pub(super) fn open(source: ByteSource) -> Result<Self> {
        let mut start = [0; 4];
        match source.read_exact_at(0, &mut start) {
            Ok(()) if start == *b"PK\x03\x04" => Self::zip(source),
            _ => Self::legacy(&source),
        }
    }

    fn zip(source: ByteSource) -> Result<Self> {
        let mut archive = ZipReader::new(source)?;
        let pickles: Vec<String> = archive
            .names()
            .filter(|name| name.split_once('/').is_some_and(|(_, rest)| rest == "data.pkl"))
            .map(str::to_string)
            .collect();
        let [name] = pickles.as_slice() else {
            let names: Vec<String> =
                archive.names().take(8).map(|name| format!("`{}`", excerpt(name))).collect();
            return Err(Problem::new("the archive holds no PyTorch file")
                .expected("one member `FOLDER/data.pkl`")
                .received(names.join(", "))
                .missing());
        };
        let folder = name.trim_end_matches("data.pkl").to_string();
        if archive.size(name).is_some_and(|size| size > MAX_PICKLE) {
            return Err(too_long().in_member(name));
        }
        let bytes = archive.read(name)?;
        let (values, _) = pickle::parse(&bytes).map_err(|error| error.in_member(name))?;
        let found = tree::collect(&values).map_err(|error| error.in_member(name))?;
        let order = format!("{folder}byteorder");
        let big_endian = archive.contains(&order) && archive.read(&order)?.starts_with(b"big");
        let archive = Box::new(archive);
        let storages = Storages::Zip { archive, folder, opened: HashMap::new() };
        Ok(Self { values, found, big_endian, storages })
    }

    /// Four pickles (a magic number, a version, the machine, the object), the keys of the
    /// storages, and the storages in that order, each after its number of elements.
    fn legacy(source: &ByteSource) -> Result<Self> {
        let head = source.len().min(MAX_PICKLE);
        let bytes = source.read_vec_at(0, head).map_err(FormatError::reading(""))?;
        let mut at = 0;
        let mut next = || -> Result<Values> {
            let (values, length) = pickle::parse(bytes.get(at..).unwrap_or_default())?;
            at += length;
            Ok(values)
        };
        let magic = next().ok();
        let magic = magic.as_ref().map(|values| values.get(values.root));
        if !matches!(magic, Some(Value::Long(bytes)) if *bytes == LEGACY_MAGIC) {
            return Err(Problem::new("the file is no PyTorch file")
                .expected("a zip archive with a member `FOLDER/data.pkl`, or the older form")
                .received("other bytes at its start")
                .unsupported());
        }
        next()?;
        next()?;
        let values = next()?;
        let keys = next()?;
        let found = tree::collect(&values)?;
        let storages = legacy_storages(source, at as u64, &values, &keys)?;
        Ok(Self { values, found, big_endian: false, storages: Storages::Legacy(storages) })
    }

    /// The bytes of the storage of a view.
    pub(super) fn storage(&mut self, view: &View) -> Result<ByteSource> {
        let key = self.values.key(view.storage.key).unwrap_or_default();
        match &mut self.storages {
            Storages::Legacy(storages) => storages.get(&key).cloned().ok_or_else(|| {
                Problem::new(format!("the file has no storage `{}`", excerpt(&key))).missing()
            }),
            Storages::Zip { archive, folder, opened } => {
                if let Some(source) = opened.get(&key) {
                    return Ok(source.clone());
                }
                let name = format!("{folder}data/{key}");
                // PyTorch never packs storages: one that is packed could unfold to anything.
                if archive.contains(&name) && !archive.is_stored(&name) {
                    return Err(Problem::new("a storage is compressed")
                        .expected("storages as they are, as `torch.save` writes them")
                        .refused()
                        .in_member(name));
                }
                let source = archive.source(&name)?;
                opened.insert(key, source.clone());
                Ok(source)
            }
        }
    }
}

fn legacy_storages(
    source: &ByteSource,
    mut at: u64,
    values: &Values,
    keys: &Values,
) -> Result<HashMap<String, ByteSource>> {
    let sizes: HashMap<String, RawDType> = values
        .values
        .iter()
        .filter_map(|value| match value {
            Value::Storage(storage) => Some((values.key(storage.key)?, storage.dtype)),
            _ => None,
        })
        .collect();
    let mut storages = HashMap::new();
    for id in keys.items(keys.root).unwrap_or_default() {
        let key = keys.key(*id).unwrap_or_default();
        let section = sizes.get(&key).and_then(|dtype| {
            let mut count = [0; 8];
            source.read_exact_at(at, &mut count).ok()?;
            let length = u64::from_le_bytes(count).checked_mul(dtype.size() as u64)?;
            source.section(at + 8, length)
        });
        let section = section.ok_or_else(|| {
            Problem::new("a storage reaches past the end of the file")
                .help("the file was cut short; copy or download it again")
                .damaged()
                .in_member(excerpt(&key))
        })?;
        at += 8 + section.len();
        storages.insert(key, section);
    }
    Ok(storages)
}

fn too_long() -> FormatError {
    Problem::new("the pickle is too long").expected(format!("at most {MAX_PICKLE} bytes")).refused()
}
