//! Reading HDF5 files within bounds.
//!
//! Memory and time are held to a multiple of the length of the file: every byte that the
//! parser asks for is counted, an array may be no larger than its stored bytes can unfold to,
//! and a tree may have no more links than fit into the file.
//! A file whose groups contain one another therefore ends in an error, not in a loop.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use hdf5_pure::{AttrValue, Dataset, Datatype, File, Group, Layout, Source};

use super::types::{BFLOAT16, DTYPE_ATTRIBUTE, from_hdf5, is_text};
use super::{Attribute, Hdf5Dataset, Hdf5Group, Hdf5Node, MAX_DEPTH, join};
use crate::array::{RawArray, RawDType, byte_count};
use crate::bytes::ByteSource;
use crate::error::{FormatError, Problem, Result, excerpt, shape_text};
use crate::npy::swap_bytes;

/// How often the parser may read the whole file; a sound file is read about three times.
const MAX_PASSES: u64 = 16;

/// Reads allowed for any file, so that short files are not held to a handful of bytes.
const MIN_READS: u64 = 1 << 20;

/// A link to a child takes at least this many bytes in any version of the format.
const LINK_BYTES: u64 = 8;

/// More than this, DEFLATE cannot expand: 258 bytes from two bits.
const MAX_EXPANSION: u64 = 1032;

/// The filters of HDF5 that leave the number of bytes as it is: shuffle and checksum.
const PLAIN_FILTERS: [u16; 2] = [2, 3];

/// What an array may hold beyond its stored bytes: values that were never written.
const MAX_FILL: u64 = 1 << 16;

/// The same for all arrays of a file together.
const MAX_FILL_TOTAL: u64 = 1 << 24;

/// Reads a file as a tree.
///
/// # Errors
/// When the file cannot be read, is damaged, holds arrays of other elements than numbers, or
/// asks for more memory than its bytes can hold.
pub fn read(path: impl AsRef<Path>) -> Result<Hdf5Group> {
    let path = path.as_ref();
    from_source(ByteSource::map(path)?).map_err(|error| error.in_file(path))
}

/// Reads the bytes of a file as a tree.
///
/// # Errors
/// As [`read()`].
pub fn from_bytes(bytes: Vec<u8>) -> Result<Hdf5Group> {
    from_source(ByteSource::from_bytes(bytes))
}

pub(crate) fn from_source(source: ByteSource) -> Result<Hdf5Group> {
    let length = source.len();
    let allowed = length.saturating_mul(MAX_PASSES).saturating_add(MIN_READS);
    let meter = Arc::new(Mutex::new(Meter { remaining: allowed, failure: None }));
    let metered = MeteredSource { source: source.clone(), meter: Arc::clone(&meter) };
    let read_tree = || -> Result<Hdf5Group> {
        let file = File::from_source(metered).map_err(|error| damaged(&error))?;
        let links = length / LINK_BYTES;
        let mut reader = TreeReader { source, links, stored: length, fill: MAX_FILL_TOTAL };
        reader.group(&file.root(), "", 0)
    };
    read_tree().map_err(|error| {
        // What the source refused is the reason; the parser only reports its consequence.
        let mut meter = meter.lock().unwrap_or_else(PoisonError::into_inner);
        meter.failure.take().unwrap_or(error)
    })
}

/// What may still be read, and why reading stopped.
#[derive(Debug)]
struct Meter {
    remaining: u64,
    failure: Option<FormatError>,
}

/// Bytes that count how many of them are asked for.
struct MeteredSource {
    source: ByteSource,
    meter: Arc<Mutex<Meter>>,
}

impl Source for MeteredSource {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), hdf5_pure::FormatError> {
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        // A read of nothing costs something too: it must not keep a loop going.
        match meter.remaining.checked_sub(buffer.len() as u64 + 1) {
            Some(remaining) => meter.remaining = remaining,
            None => {
                meter.failure = Some(
                    Problem::new("the parts of the file refer to one another again and again")
                        .expected(format!("a file that can be read in {MAX_PASSES} passes"))
                        .refused(),
                );
                return Err(hdf5_pure::FormatError::Source("too many reads".into()));
            }
        }
        self.source.read_exact_at(offset, buffer).map_err(|error| {
            let text = error.to_string();
            if error.kind() != io::ErrorKind::UnexpectedEof {
                meter.failure = Some(FormatError::reading("")(error));
            }
            hdf5_pure::FormatError::Source(text)
        })
    }
}

/// Walks the groups of one file, counting down what a sound file of its length may hold.
struct TreeReader {
    /// The bytes of the file.
    source: ByteSource,
    /// Children that may still be met.
    links: u64,
    /// Stored bytes that arrays may still refer to.
    stored: u64,
    /// Bytes that arrays may still hold without having stored them.
    fill: u64,
}

impl TreeReader {
    fn group(&mut self, group: &Group, path: &str, depth: usize) -> Result<Hdf5Group> {
        if depth > MAX_DEPTH {
            return Err(Problem::new("the groups of the file are nested too deep")
                .expected(format!("at most {MAX_DEPTH} levels"))
                .refused()
                .in_member(excerpt(path)));
        }
        let at = |error: FormatError| error.in_member(excerpt(path));
        let attributes = group
            .attr_datatypes()
            .and_then(|types| Ok((group.attrs()?, types)))
            .map_err(|error| damaged(&error))
            .and_then(|(values, types)| read_attributes(values, &types))
            .map_err(at)?;
        let datasets = group.iter_datasets().map_err(|error| at(damaged(&error)))?;
        let groups = group.iter_groups().map_err(|error| at(damaged(&error)))?;
        let mut children = BTreeMap::new();
        for (name, dataset) in datasets {
            self.count_link()?;
            let path = join(path, &name);
            let dataset =
                self.dataset(&dataset).map_err(|error| error.in_member(excerpt(&path)))?;
            children.insert(name, Hdf5Node::Dataset(dataset));
        }
        for (name, child) in groups {
            self.count_link()?;
            let child = self.group(&child, &join(path, &name), depth + 1)?;
            children.insert(name, Hdf5Node::Group(child));
        }
        Ok(Hdf5Group { attributes, children })
    }

    fn count_link(&mut self) -> Result<()> {
        self.links = self.links.checked_sub(1).ok_or_else(|| {
            Problem::new("the file has more groups and arrays than its bytes can name")
                .help("its groups contain one another; it was not written by h5py or Keras")
                .refused()
        })?;
        Ok(())
    }

    fn dataset(&mut self, dataset: &Dataset) -> Result<Hdf5Dataset> {
        let types = dataset.attr_datatypes().map_err(|error| damaged(&error))?;
        let values = dataset.attrs().map_err(|error| damaged(&error))?;
        let mut attributes = read_attributes(values, &types)?;
        let says_bfloat16 =
            attributes.get(DTYPE_ATTRIBUTE).and_then(Attribute::as_text) == Some(BFLOAT16);
        let datatype = dataset.datatype().map_err(|error| damaged(&error))?;
        let (dtype, big_endian) = from_hdf5(&datatype, says_bfloat16)?;
        if dtype == RawDType::BF16 {
            attributes.remove(DTYPE_ATTRIBUTE);
        }
        let shape = self.checked_shape(dataset, dtype)?;
        let needed = byte_count(dtype, &shape)?;
        if let Some(source) = self.in_place(dataset, needed).filter(|_| !big_endian) {
            let array = RawArray::shared(dtype, shape, source)?;
            return Ok(Hdf5Dataset { array, attributes });
        }
        let mut data = if shape.contains(&0) {
            Vec::new()
        } else {
            dataset.read_raw().map_err(|error| damaged(&error))?
        };
        if data.len() != needed {
            return Err(Problem::new("the array is stored with another number of bytes")
                .expected(format!("{needed} bytes for {dtype} of shape {}", shape_text(&shape)))
                .received(format!("{} bytes", data.len()))
                .damaged());
        }
        if big_endian {
            swap_bytes(&mut data, dtype.size());
        }
        let array = RawArray::new(dtype, shape, data)?;
        Ok(Hdf5Dataset { array, attributes })
    }

    /// The bytes of an array in the file, if they lie there one after another.
    fn in_place(&self, dataset: &Dataset, needed: usize) -> Option<ByteSource> {
        match dataset.layout() {
            Ok(Layout::Contiguous { address: Some(address), size }) if size == needed as u64 => {
                self.source.section(address, size)
            }
            _ => None,
        }
    }

    /// The shape of an array, once it is known that its bytes can be there.
    fn checked_shape(&mut self, dataset: &Dataset, dtype: RawDType) -> Result<Vec<usize>> {
        let extents = dataset.shape().map_err(|error| damaged(&error))?;
        let shape: Vec<usize> =
            extents.iter().map(|&extent| usize::try_from(extent).unwrap_or(usize::MAX)).collect();
        let claimed = byte_count(dtype, &shape)? as u64;
        if claimed == 0 {
            return Ok(shape);
        }
        let storage = Storage::of(dataset, dtype, self.source.len())?;
        let most = storage.most_bytes();
        let fill = claimed.saturating_sub(most);
        if fill > MAX_FILL || storage.stored > self.stored || fill > self.fill {
            return Err(Problem::new("the array claims more bytes than the file holds for it")
                .expected(format!("at most {most} bytes from {} stored ones", storage.stored))
                .received(format!("{claimed} bytes for {dtype} of shape {}", shape_text(&shape)))
                .help("the file is damaged, or was made to exhaust the memory of its reader")
                .refused());
        }
        self.stored -= storage.stored;
        self.fill -= fill;
        Ok(shape)
    }
}

/// What the file holds for one array.
struct Storage {
    stored: u64,
    expands: bool,
}

impl Storage {
    fn of(dataset: &Dataset, dtype: RawDType, length: u64) -> Result<Self> {
        match dataset.layout().map_err(|error| damaged(&error))? {
            Layout::Compact { size } => Ok(Self { stored: size, expands: false }),
            Layout::Contiguous { address, size } => {
                let available = address.map_or(0, |address| length.saturating_sub(address));
                Ok(Self { stored: size.min(available), expands: false })
            }
            Layout::Chunked { chunk_shape, .. } => Self::of_chunks(dataset, dtype, &chunk_shape),
            _ => Err(Problem::new("the array is a view of other files")
                .expected("an array that is stored in this file")
                .unsupported()),
        }
    }

    fn of_chunks(dataset: &Dataset, dtype: RawDType, chunk_shape: &[u64]) -> Result<Self> {
        let filters = dataset.filters();
        let expands = filters.iter().any(|id| !PLAIN_FILTERS.contains(id));
        let chunks = dataset.chunks().map_err(|error| damaged(&error))?;
        let stored = chunks.iter().fold(0u64, |sum, chunk| sum.saturating_add(chunk.storage_size));
        let largest = chunks.iter().map(|chunk| chunk.storage_size).max().unwrap_or(0);
        let chunk_bytes = chunk_shape
            .iter()
            .try_fold(dtype.size() as u64, |bytes, &extent| bytes.checked_mul(extent))
            .unwrap_or(u64::MAX);
        let one = Self { stored: largest, expands };
        if !chunks.is_empty() && chunk_bytes > one.most_bytes().saturating_add(MAX_FILL) {
            return Err(Problem::new("a chunk of the array claims more bytes than are stored")
                .expected(format!("at most {} bytes", one.most_bytes()))
                .received(format!("{chunk_bytes} bytes"))
                .refused());
        }
        Ok(Self { stored, expands })
    }

    fn most_bytes(&self) -> u64 {
        if self.expands { self.stored.saturating_mul(MAX_EXPANSION) } else { self.stored }
    }
}

/// Attributes of kinds that Keras does not write (references, records) are left out.
fn read_attributes(
    mut values: HashMap<String, AttrValue>,
    types: &HashMap<String, Datatype>,
) -> Result<BTreeMap<String, Attribute>> {
    let mut attributes = BTreeMap::new();
    for (name, datatype) in types {
        match values.remove(name) {
            Some(value) => {
                attributes.extend(read_attribute(&value).map(|value| (name.clone(), value)));
            }
            // The parser leaves out what it cannot read; for a text that is no unknown kind.
            None if is_text(datatype) => {
                return Err(Problem::new(format!("the attribute `{}` is damaged", excerpt(name)))
                    .expected("a text")
                    .damaged());
            }
            None => {}
        }
    }
    Ok(attributes)
}

fn read_attribute(value: &AttrValue) -> Option<Attribute> {
    if let Some(text) = value.as_str() {
        return Some(Attribute::Text(text.to_string()));
    }
    if let Some(texts) = value.as_strings() {
        return Some(Attribute::Texts(texts.to_vec()));
    }
    match value {
        AttrValue::F32(number) => Some(Attribute::Float(f64::from(*number))),
        AttrValue::F64(number) => Some(Attribute::Float(*number)),
        AttrValue::F32Array(numbers) => {
            Some(Attribute::Floats(numbers.iter().copied().map(f64::from).collect()))
        }
        AttrValue::F64Array(numbers) => Some(Attribute::Floats(numbers.clone())),
        _ => match value.as_i64() {
            Some(number) => Some(Attribute::Integer(number)),
            None => value.to_i64s().map(Attribute::Integers),
        },
    }
}

fn damaged(error: &hdf5_pure::Error) -> FormatError {
    let reason = match error {
        hdf5_pure::Error::Format(inner) => inner.to_string(),
        other => other.to_string(),
    };
    Problem::new("the HDF5 file is damaged or of a kind that is not read here")
        .received(reason)
        .damaged()
}
