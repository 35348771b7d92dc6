//! Weights that are cut into several HDF5 files: an index `NAME.weights.json` and the shards
//! `NAME_00000.weights.h5`, … beside it, as Keras 3 writes them with `max_shard_size`.
//!
//! It must not know what the arrays mean.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::atomic::write_atomically;
use crate::bytes::ByteSource;
use crate::error::{FormatError, Problem, Result, excerpt};
use crate::hdf5::{self, Hdf5Group, Hdf5Node};
use crate::json;

/// The ending of an index.
pub const INDEX_ENDING: &str = ".weights.json";

/// More shards than any index of Keras names.
const MAX_SHARDS: usize = 1 << 16;

/// Whether this is an index of shards.
pub fn is_index(value: &Value) -> bool {
    value.get("weight_map").is_some_and(Value::is_object)
}

/// Reads an index and its shards as one tree.
///
/// # Errors
/// When the index or a shard cannot be read, or a shard would lie outside the folder of the index.
pub fn read(path: impl AsRef<Path>) -> Result<Hdf5Group> {
    let path = path.as_ref();
    let source = ByteSource::open(path)?;
    let mut bytes = vec![0; usize::try_from(source.len()).unwrap_or(usize::MAX)];
    source.read_exact_at(0, &mut bytes).map_err(FormatError::reading(path))?;
    let index = json::parse(&bytes).map_err(|error| error.in_file(path))?;
    let open = |name: &str| hdf5::read(path.with_file_name(name));
    merge(&index, open).map_err(|error| error.in_file(path))
}

/// The tree of the shards that an index names, each opened by its name.
pub(crate) fn merge(
    index: &Value,
    mut open: impl FnMut(&str) -> Result<Hdf5Group>,
) -> Result<Hdf5Group> {
    let mut root = Hdf5Group::new();
    for name in shards(index)? {
        absorb(&mut root, open(&name)?, &name)?;
    }
    Ok(root)
}

/// The names of the shards, each once.
fn shards(index: &Value) -> Result<BTreeSet<String>> {
    let map = index.get("weight_map").and_then(Value::as_object).ok_or_else(|| {
        Problem::new("this is no index of weights")
            .expected("an object with a `weight_map` of names of files")
            .invalid()
    })?;
    let mut names = BTreeSet::new();
    for value in map.values() {
        let one = std::slice::from_ref(value);
        for name in value.as_array().map_or(one, Vec::as_slice) {
            names.insert(checked_name(name)?);
        }
    }
    if names.len() > MAX_SHARDS {
        return Err(Problem::new("the index names too many files")
            .expected(format!("at most {MAX_SHARDS}"))
            .received(names.len().to_string())
            .refused());
    }
    Ok(names)
}

/// The name of a file beside the index, and nowhere else.
fn checked_name(value: &Value) -> Result<String> {
    let name = value.as_str().unwrap_or_default();
    let is_plain = !name.is_empty() && name != "." && name != "..";
    if is_plain && !name.contains(['/', '\\', ':', '\0']) {
        return Ok(name.to_string());
    }
    Err(Problem::new("the index names a file that does not lie beside it")
        .expected("names of files without a folder")
        .received(format!("`{}`", excerpt(&value.to_string())))
        .refused())
}

/// Puts the groups and arrays of a shard into the tree of all.
fn absorb(into: &mut Hdf5Group, from: Hdf5Group, shard: &str) -> Result<()> {
    into.attributes.extend(from.attributes);
    for (name, node) in from.children {
        match (into.children.get_mut(&name), node) {
            (None, node) => _ = into.children.insert(name, node),
            (Some(Hdf5Node::Group(known)), Hdf5Node::Group(group)) => absorb(known, group, shard)?,
            _ => {
                return Err(Problem::new("two files hold the same array")
                    .received(format!("`{}`", excerpt(&name)))
                    .damaged()
                    .in_member(excerpt(shard)));
            }
        }
    }
    Ok(())
}

/// Writes a tree as an index and shards of at most `max_bytes` bytes of arrays each.
///
/// The index is written last, so that it never names a shard that is not there.
///
/// # Errors
/// When the path does not end in `.weights.json`, an array alone is larger than a shard may be, or
/// the disk refuses.
pub fn write(path: impl AsRef<Path>, root: Hdf5Group, max_bytes: u64) -> Result<()> {
    let path = path.as_ref();
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(base) = name.strip_suffix(INDEX_ENDING) else {
        return Err(Problem::new(format!("the name of the index must end in `{INDEX_ENDING}`"))
            .received(path.display().to_string())
            .invalid());
    };
    let mut cutter = Cutter {
        max_bytes,
        shards: vec![Hdf5Group::new()],
        filled: 0,
        total: 0,
        map: BTreeMap::new(),
    };
    cutter.cut(root, "").map_err(|error| error.in_file(path))?;
    let file = |index: usize| format!("{base}_{index:05}.weights.h5");
    let mut map = serde_json::Map::new();
    for (group, shards) in cutter.map {
        let names: Vec<Value> = shards.into_iter().map(|shard| json!(file(shard))).collect();
        map.insert(group, if names.len() == 1 { names[0].clone() } else { json!(names) });
    }
    for (index, shard) in cutter.shards.into_iter().enumerate() {
        hdf5::write(path.with_file_name(file(index)), shard)?;
    }
    let index = json!({"metadata": {"total_size": cutter.total}, "weight_map": map});
    let text = serde_json::to_string_pretty(&index).unwrap_or_default();
    write_atomically(path, |out| {
        std::io::Write::write_all(out, text.as_bytes()).map_err(FormatError::writing(""))
    })
}

/// Distributes arrays over shards, in the order of their names.
struct Cutter {
    max_bytes: u64,
    shards: Vec<Hdf5Group>,
    /// The bytes in the last shard.
    filled: u64,
    total: u64,
    /// The shards that hold arrays of each group.
    map: BTreeMap<String, Vec<usize>>,
}

impl Cutter {
    fn cut(&mut self, group: Hdf5Group, path: &str) -> Result<()> {
        let Hdf5Group { attributes, children } = group;
        for (name, node) in children {
            match node {
                Hdf5Node::Group(child) => self.cut(child, &format!("{path}/{name}"))?,
                Hdf5Node::Dataset(dataset) => {
                    let bytes = dataset.array.data().len() as u64;
                    let place = self.shard_for(bytes, path, &name)?;
                    let target = self.shards[place].group_mut(path.trim_start_matches('/'))?;
                    target.attributes.clone_from(&attributes);
                    target.children.insert(name, Hdf5Node::Dataset(dataset));
                    let places = self.map.entry(path.to_string()).or_default();
                    if places.last() != Some(&place) {
                        places.push(place);
                    }
                }
            }
        }
        Ok(())
    }

    /// The shard that takes so many more bytes.
    fn shard_for(&mut self, bytes: u64, path: &str, name: &str) -> Result<usize> {
        if bytes > self.max_bytes {
            return Err(Problem::new("an array is larger than a file may be")
                .expected(format!("at most {} bytes", self.max_bytes))
                .received(format!("{bytes} bytes in `{path}/{name}`"))
                .help("allow larger files")
                .invalid());
        }
        self.filled += bytes;
        self.total += bytes;
        if self.filled > self.max_bytes {
            self.filled = bytes;
            self.shards.push(Hdf5Group::new());
        }
        Ok(self.shards.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::RawArray;

    fn sample() -> Hdf5Group {
        let mut root = Hdf5Group::new();
        for layer in ["dense", "dense_1"] {
            for index in 0..3 {
                let path = format!("layers/{layer}/vars/{index}");
                root.insert(&path, RawArray::from_slice(&[4], &[index as f32; 4]).unwrap())
                    .unwrap();
            }
        }
        root
    }

    #[test]
    fn shards_come_back_as_one_tree() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.weights.json");
        for max_bytes in [16, 32, 1 << 20] {
            write(&path, sample(), max_bytes).unwrap();
            assert_eq!(read(&path).unwrap(), sample());
        }
        assert!(write(&path, sample(), 15).is_err());
        assert!(write(folder.path().join("m.json"), sample(), 16).is_err());
    }

    #[test]
    fn an_index_names_no_file_elsewhere() {
        for name in ["../a.h5", "/etc/passwd", "", "..", "a\\b", "c:d"] {
            let index = json!({"weight_map": {"/vars": name}});
            let error = merge(&index, |_| Ok(Hdf5Group::new())).unwrap_err();
            assert!(matches!(error, FormatError::Refused(_)), "{error}");
        }
        assert!(merge(&json!({}), |_| Ok(Hdf5Group::new())).is_err());
        let twice = json!({"weight_map": {"/vars": ["a.h5", "b.h5"]}});
        assert!(merge(&twice, |_| Ok(sample())).is_err());
    }
}
