//! ONNX files: a graph of named operations with its weights, as a protobuf message.
//!
//! What is read and written here is the part of the format that says what is computed; training
//! information, quantization annotations and documentation are left out.
//! It must not know layers, tensors or what any operation means.
//! Read in this order: this file (what a file holds), `crate::wire` (the encoding), `tensor`,
//! `read`, `write`.
//!
//! The encoding is written by hand, in a few lines: a generated decoder takes memory for as many
//! messages as a file claims, a hundred times its size, where this one counts them first.

mod read;
mod tensor;
mod write;

use std::path::Path;

use crate::array::{RawArray, RawDType};
use crate::atomic::write_atomically;
use crate::bytes::ByteSource;
use crate::error::{FormatError, Result};

/// The largest file: the length of a protobuf message is a signed number of 32 bits.
pub const MAX_BYTES: u64 = i32::MAX as u64;

/// A whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxModel {
    /// The version of the file format itself.
    pub ir_version: i64,
    /// The program that wrote the file.
    pub producer: String,
    /// Its version.
    pub producer_version: String,
    /// The version of the operations of each domain; the domain of ONNX itself is empty.
    pub opsets: Vec<(String, i64)>,
    /// What is computed.
    pub graph: OnnxGraph,
    /// Further facts by name.
    pub metadata: Vec<(String, String)>,
}

/// Nodes in an order in which they can be computed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OnnxGraph {
    /// A name for readers.
    pub name: String,
    /// The operations.
    pub nodes: Vec<OnnxNode>,
    /// Known values by name: weights and constants.
    pub initializers: Vec<(String, RawArray)>,
    /// The arguments; older files list the initializers among them.
    pub inputs: Vec<OnnxValue>,
    /// The results.
    pub outputs: Vec<OnnxValue>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OnnxNode {
    /// Such as `Conv`.
    pub op_type: String,
    /// Whose operation it is; empty for those of ONNX itself.
    pub domain: String,
    /// A name for readers, often empty.
    pub name: String,
    /// The names of the values that it takes; an empty one was left out.
    pub inputs: Vec<String>,
    /// The names of the values that it gives; an empty one is not wanted.
    pub outputs: Vec<String>,
    /// The options by name.
    pub attributes: Vec<(String, OnnxAttribute)>,
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq)]
pub enum OnnxAttribute {
    /// A number with a fraction.
    Float(f32),
    /// An integer.
    Int(i64),
    /// A name.
    Text(String),
    /// An array.
    Tensor(RawArray),
    /// A graph that the operation runs.
    Graph(Box<OnnxGraph>),
    /// Numbers with fractions.
    Floats(Vec<f32>),
    /// Integers.
    Ints(Vec<i64>),
    /// Names.
    Texts(Vec<String>),
    /// Something that is not read here: a sparse tensor, a type, a reference.
    Other,
}

/// The name and the type of an argument or a result.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxValue {
    /// The name.
    pub name: String,
    /// The element type; `None` if it is none of [`RawDType`] or the value is no tensor.
    pub dtype: Option<RawDType>,
    /// The extents; `None` if not even their number is known.
    pub shape: Option<Vec<OnnxExtent>>,
}

/// The extent of an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnnxExtent {
    /// A known number.
    Known(usize),
    /// An unknown number; extents of one name are equal.
    Named(String),
    /// An unknown number.
    Unknown,
}

impl OnnxModel {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, is no ONNX file, is damaged, keeps its weights in other files, or
    /// asks for more than is safe.
    pub fn read(path: impl AsRef<Path>) -> Result<OnnxModel> {
        let path = path.as_ref();
        let source = ByteSource::open(path)?;
        let length = usize::try_from(source.len().min(MAX_BYTES + 1)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        source.read_exact_at(0, &mut bytes).map_err(FormatError::reading(path))?;
        OnnxModel::from_bytes(&bytes).map_err(|error| error.in_file(path))
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// As [`OnnxModel::read`].
    ///
    /// ```
    /// use ibex_format::onnx::{OnnxGraph, OnnxModel};
    ///
    /// # fn main() -> ibex_format::Result<()> {
    /// let model = OnnxModel {
    ///     ir_version: 10,
    ///     producer: "me".into(),
    ///     producer_version: String::new(),
    ///     opsets: vec![(String::new(), 21)],
    ///     graph: OnnxGraph::default(),
    ///     metadata: Vec::new(),
    /// };
    /// assert_eq!(OnnxModel::from_bytes(&model.to_bytes()?)?, model);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<OnnxModel> {
        read::model(bytes)
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// If they are more than a protobuf message can have.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        write::model(self)
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// As [`OnnxModel::to_bytes`], and if the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let (path, bytes) = (path.as_ref(), self.to_bytes()?);
        let failed = FormatError::writing(path);
        write_atomically(path, |file| std::io::Write::write_all(file, &bytes).map_err(&failed))
    }
}

impl OnnxNode {
    /// The option of that name.
    pub fn attribute(&self, name: &str) -> Option<&OnnxAttribute> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}
