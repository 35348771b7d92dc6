//! The `safetensors` format of Hugging Face, in one file or in shards with an index.
//!
//! The header is parsed and checked by the crate `safetensors`; the file is mapped, so that an
//! array is copied once, from the file to its own place.
//! Source: <https://huggingface.co/docs/safetensors>
//!
//! It must not know what the names mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use serde_json::{Map, Value, json};

use crate::array::{RawArray, RawDType};
use crate::atomic::write_atomically;
use crate::bytes::ByteSource;
use crate::error::{FormatError, Problem, Result, excerpt};
use crate::json;
use crate::named::NamedArrays;

/// How the name of an index of shards ends.
pub const INDEX_ENDING: &str = ".safetensors.index.json";

/// The bytes before the header: its length.
const LENGTH_BYTES: usize = 8;

/// A header of a hundred thousand arrays is a third of this.
const MAX_HEADER: u64 = 1 << 25;

/// The arrays begin at a multiple of this, as the format asks for.
const ALIGNMENT: usize = 8;

/// The key under which a header holds its texts.
const METADATA: &str = "__metadata__";

/// Reads a file, or every shard that an index names.
///
/// # Errors
/// When a file cannot be read, is damaged, claims more than its bytes, holds elements that numpy
/// does not have (float8, complex), or when an index names an array that its shard lacks.
pub fn read(path: impl AsRef<Path>) -> Result<NamedArrays> {
    let path = path.as_ref();
    if path.to_string_lossy().ends_with(INDEX_ENDING) {
        return read_shards(path).map_err(|error| error.in_file(path));
    }
    from_source(&ByteSource::map(path)?).map_err(|error| error.in_file(path))
}

/// Reads the bytes of a file.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: Vec<u8>) -> Result<NamedArrays> {
    from_source(&ByteSource::from_bytes(bytes))
}

/// Whether bytes can be the first ones of such a file: a plausible length, then a JSON object.
pub fn is_start(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else { return false };
    u64::from_le_bytes(*length) <= MAX_HEADER && rest.first() == Some(&b'{')
}

fn from_source(source: &ByteSource) -> Result<NamedArrays> {
    let bytes = source.memory().ok_or_else(|| damaged("a file that cannot be mapped"))?;
    let length = bytes.first_chunk::<LENGTH_BYTES>().map(|length| u64::from_le_bytes(*length));
    if let Some(length) = length.filter(|&length| length > MAX_HEADER) {
        return Err(Problem::new("the safetensors header is too long")
            .expected(format!("at most {MAX_HEADER} bytes"))
            .received(format!("{length} bytes"))
            .refused());
    }
    let (header, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| damaged(&error.to_string()))?;
    let data = bytes.get(LENGTH_BYTES + header..).unwrap_or_default();
    let mut found = NamedArrays::default();
    for name in metadata.offset_keys() {
        let Some(info) = metadata.info(&name) else { continue };
        let array = array(info, data).map_err(|error| error.in_member(excerpt(&name)))?;
        found.arrays.push((name, array));
    }
    found.metadata = texts(&metadata);
    Ok(found)
}

fn array(info: &TensorInfo, data: &[u8]) -> Result<RawArray> {
    let (start, end) = info.data_offsets;
    let bytes = data.get(start..end).ok_or_else(|| damaged("an array past the end"))?;
    RawArray::new(dtype_of(info.dtype)?, info.shape.clone(), bytes.to_vec())
}

fn texts(metadata: &Metadata) -> BTreeMap<String, String> {
    let texts = metadata.metadata().iter().flatten();
    texts.map(|(key, text)| (key.clone(), text.clone())).collect()
}

/// Element types by their names in a header.
const DTYPES: [(RawDType, Dtype, &str); 13] = [
    (RawDType::F16, Dtype::F16, "F16"),
    (RawDType::BF16, Dtype::BF16, "BF16"),
    (RawDType::F32, Dtype::F32, "F32"),
    (RawDType::F64, Dtype::F64, "F64"),
    (RawDType::I8, Dtype::I8, "I8"),
    (RawDType::I16, Dtype::I16, "I16"),
    (RawDType::I32, Dtype::I32, "I32"),
    (RawDType::I64, Dtype::I64, "I64"),
    (RawDType::U8, Dtype::U8, "U8"),
    (RawDType::U16, Dtype::U16, "U16"),
    (RawDType::U32, Dtype::U32, "U32"),
    (RawDType::U64, Dtype::U64, "U64"),
    (RawDType::Bool, Dtype::BOOL, "BOOL"),
];

fn dtype_of(dtype: Dtype) -> Result<RawDType> {
    let row = DTYPES.iter().find(|(_, stored, _)| *stored == dtype);
    row.map(|(own, _, _)| *own).ok_or_else(|| {
        Problem::new("the array holds elements of a type that is not read here")
            .expected("float16/32/64, bfloat16, int8/16/32/64, uint8/16/32/64 or bool")
            .received(format!("{dtype:?}"))
            .help("convert the array to float32 where it was made")
            .unsupported()
    })
}

fn name_of(dtype: RawDType) -> &'static str {
    let row = DTYPES.iter().find(|(own, _, _)| *own == dtype);
    // invariant: the table has a row for every element type, which a test checks
    row.expect("a row for each type").2
}

fn damaged(reason: &str) -> FormatError {
    Problem::new("the file is no sound safetensors file")
        .expected("a length, a JSON header, and arrays that fill the rest of the file")
        .received(excerpt(reason))
        .damaged()
}

/// Writes a file, whole or not at all; equal arrays give equal bytes.
///
/// # Errors
/// When an array is called `__metadata__`, and when the disk refuses.
pub fn write(path: impl AsRef<Path>, content: &NamedArrays) -> Result<()> {
    let all: Vec<_> = content.arrays.iter().collect();
    write_arrays(path.as_ref(), &all, &content.metadata)
}

/// The bytes of a file.
///
/// # Errors
/// When an array is called `__metadata__`.
pub fn to_bytes(content: &NamedArrays) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let all: Vec<_> = content.arrays.iter().collect();
    write_to(&mut bytes, &all, &content.metadata)?;
    Ok(bytes)
}

type Named<'a> = &'a (String, RawArray);

fn write_arrays(path: &Path, arrays: &[Named], texts: &BTreeMap<String, String>) -> Result<()> {
    write_atomically(path, |file: &mut File| {
        let mut out = BufWriter::new(file);
        write_to(&mut out, arrays, texts)?;
        out.flush().map_err(FormatError::writing(""))
    })
}

fn write_to(out: &mut dyn Write, arrays: &[Named], texts: &BTreeMap<String, String>) -> Result<()> {
    let mut header = Map::new();
    if !texts.is_empty() {
        header.insert(METADATA.to_string(), json!(texts));
    }
    // Wide elements first: then every array is aligned to its elements.
    let mut ordered = arrays.to_vec();
    ordered.sort_by_key(|(_, array)| std::cmp::Reverse(array.dtype().size()));
    let mut offset = 0;
    for (name, array) in &ordered {
        let end = offset + array.data().len();
        let entry = json!({
            "dtype": name_of(array.dtype()),
            "shape": array.shape(),
            "data_offsets": [offset, end],
        });
        if name == METADATA || header.insert(name.clone(), entry).is_some() {
            return Err(Problem::new(format!("`{}` cannot name an array here", excerpt(name)))
                .expected("a name of its own for each array, and not `__metadata__`")
                .invalid());
        }
        offset = end;
    }
    let mut text = Value::Object(header).to_string();
    let padding = text.len().next_multiple_of(ALIGNMENT) - text.len();
    text.extend(std::iter::repeat_n(' ', padding));
    let failed = FormatError::writing("");
    out.write_all(&(text.len() as u64).to_le_bytes()).map_err(&failed)?;
    out.write_all(text.as_bytes()).map_err(&failed)?;
    ordered.iter().try_for_each(|(_, array)| out.write_all(array.data()).map_err(&failed))
}

/// Reads the shards that an index names, which lie beside it.
fn read_shards(path: &Path) -> Result<NamedArrays> {
    let bytes = std::fs::read(path).map_err(FormatError::reading(path))?;
    let index = json::parse(&bytes)?;
    let map = index.get("weight_map").and_then(Value::as_object).ok_or_else(|| {
        Problem::new("the index of shards has no map of weights")
            .expected("`weight_map`: an object from names of arrays to names of files")
            .damaged()
    })?;
    let mut content = NamedArrays::default();
    let mut shards: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, file) in map {
        let file = file.as_str().filter(|file| is_plain_name(file)).ok_or_else(|| {
            Problem::new("the index names a file that cannot be a shard")
                .expected("the name of a file beside the index")
                .received(excerpt(&file.to_string()))
                .refused()
                .in_member(excerpt(name))
        })?;
        shards.entry(file).or_default().insert(name);
    }
    for (file, mut names) in shards {
        let shard = path.with_file_name(file);
        let read = from_source(&ByteSource::map(&shard)?).map_err(|e| e.in_file(&shard))?;
        let wanted = read.arrays.into_iter().filter(|(name, _)| names.remove(name.as_str()));
        content.arrays.extend(wanted);
        if let Some(name) = names.first() {
            return Err(Problem::new(format!("the shard lacks the array `{}`", excerpt(name)))
                .expected("the arrays that the index says it has")
                .missing()
                .in_file(&shard));
        }
        content.metadata.extend(read.metadata);
    }
    Ok(content)
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && !matches!(name, "." | "..") && !name.contains(['/', '\\', ':', '\0'])
}

/// Writes shards of at most `most` bytes of arrays, and an index at `path` that names them.
///
/// # Errors
/// When `path` does not end as an index does, an array cannot be named so, or the disk refuses.
pub fn write_sharded(path: impl AsRef<Path>, content: &NamedArrays, most: u64) -> Result<()> {
    let path = path.as_ref();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let stem = name.as_deref().and_then(|name| name.strip_suffix(INDEX_ENDING));
    let stem = stem.ok_or_else(|| {
        Problem::new("the name of an index of shards has another ending")
            .expected(format!("a path that ends in `{INDEX_ENDING}`"))
            .received(path.display().to_string())
            .invalid()
    })?;
    let shards = cut(&content.arrays, most);
    let mut map = Map::new();
    for (index, shard) in shards.iter().enumerate() {
        let file = format!("{stem}-{:05}-of-{:05}.safetensors", index + 1, shards.len());
        let place: PathBuf = path.with_file_name(&file);
        write_arrays(&place, shard, &content.metadata)?;
        map.extend(shard.iter().map(|(name, _)| (name.clone(), json!(file))));
    }
    let index = json!({"metadata": {"total_size": content.bytes()}, "weight_map": map});
    write_atomically(path, |file| {
        let text = serde_json::to_string_pretty(&index).unwrap_or_else(|_| index.to_string());
        file.write_all(text.as_bytes()).map_err(FormatError::writing(""))
    })
}

/// Cuts arrays into runs of at most `most` bytes; one that is larger is a run of its own.
fn cut(arrays: &[(String, RawArray)], most: u64) -> Vec<Vec<Named<'_>>> {
    let mut shards: Vec<Vec<Named>> = vec![Vec::new()];
    let mut size = 0u64;
    for named in arrays {
        let bytes = named.1.data().len() as u64;
        if size > 0 && size.saturating_add(bytes) > most {
            shards.push(Vec::new());
            size = 0;
        }
        size += bytes;
        if let Some(last) = shards.last_mut() {
            last.push(named);
        }
    }
    shards
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn sample() -> NamedArrays {
        let mut content = NamedArrays::default();
        for dtype in RawDType::ALL {
            for shape in [vec![], vec![3], vec![2, 3], vec![0, 2]] {
                let count = shape.iter().product::<usize>() * dtype.size();
                let data = (0..count).map(|i| (i % 2) as u8).collect();
                let name = format!("{dtype}.{}", shape.len() + usize::from(shape.contains(&0)));
                content.arrays.push((name, RawArray::new(dtype, shape, data).unwrap()));
            }
        }
        content.metadata.insert("format".into(), "pt".into());
        content.metadata.insert("author".into(), "β".into());
        content
    }

    fn sorted(mut content: NamedArrays) -> NamedArrays {
        content.arrays.sort_by(|a, b| a.0.cmp(&b.0));
        content
    }

    #[test]
    fn every_element_type_and_text_comes_back() {
        let bytes = to_bytes(&sample()).unwrap();
        assert_eq!(bytes, to_bytes(&sample()).unwrap());
        assert!(is_start(&bytes));
        assert_eq!(sorted(from_bytes(bytes).unwrap()), sorted(sample()));
    }

    #[test]
    fn shards_come_back_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors.index.json");
        write_sharded(&path, &sample(), 100).unwrap();
        let shards = std::fs::read_dir(folder.path()).unwrap().count();
        assert!(shards > 3, "{shards}");
        assert_eq!(sorted(read(&path).unwrap()), sorted(sample()));
        std::fs::write(&path, r#"{"weight_map": {"a": "../other.safetensors"}}"#).unwrap();
        let error = read(&path).unwrap_err();
        assert!(matches!(error, FormatError::Refused(_)), "{error}");
    }

    #[test]
    fn what_does_not_fit_its_bytes_is_refused() {
        let text = |header: &str, data: usize| {
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.as_bytes());
            bytes.extend(vec![0; data]);
            from_bytes(bytes).unwrap_err().to_string()
        };
        expect![[r#"
            the file is no sound safetensors file
              expected  a length, a JSON header, and arrays that fill the rest of the file
              received  invalid shape, data type, or offset for tensor"#]]
        .assert_eq(&text(r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}}"#, 8));
        let huge = r#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#;
        assert!(text(huge, 8).contains("no sound"));
        expect![[r#"
            the array holds elements of a type that is not read here
              expected  float16/32/64, bfloat16, int8/16/32/64, uint8/16/32/64 or bool
              received  F8_E4M3
              at a
              help: convert the array to float32 where it was made"#]]
        .assert_eq(&text(r#"{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}"#, 8));
        let mut long = u64::MAX.to_le_bytes().to_vec();
        long.extend(b"{}");
        assert!(matches!(from_bytes(long), Err(FormatError::Refused(_))));
        assert!(matches!(from_bytes(vec![]), Err(FormatError::Damaged(_))));
    }
}
