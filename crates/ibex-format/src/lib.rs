//! Bytes to named arrays and JSON, and back.
//!
//! Reads and writes `.npy`, `.npz`, HDF5 weight files, `.keras` archives, `safetensors`, the state
//! dictionaries of PyTorch and ONNX, exactly as numpy, h5py, Keras 3, PyTorch and onnxruntime do,
//! and writes the event files of TensorBoard.
//! It must not know tensors, layers or devices: an array here is an element type, a shape and
//! little-endian bytes.
//!
//! Whatever a file claims is held against the bytes that are there before memory is allocated,
//! and a damaged or hostile file gives a [`FormatError`], never a panic.
//!
//! Read in this order: [`error`], [`mod@array`], `strided`, [`named`], `mapped`, `bytes`,
//! `zip_archive`, [`npy`], `npy_lists`, [`npz`], [`hdf5`], [`sharded`], [`json`],
//! [`keras_zip`], [`safetensors`], [`torch`], `wire`, [`onnx`], [`events`], [`atomic`].
//!
//! ```
//! use ibex_format::{Compression, NpzReader, RawArray, npz};
//!
//! # fn main() -> ibex_format::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("data.npz");
//! let x = RawArray::from_slice(&[2, 2], &[1.0f32, 2.0, 3.0, 4.0])?;
//! npz::write(&path, [("x0", &x)], Compression::Deflated)?;
//!
//! let mut data = NpzReader::open(&path)?;
//! assert_eq!(data.names(), ["x0"]);
//! assert_eq!(data.read("x0")?.as_f32()?[3], 4.0);
//! # Ok(())
//! # }
//! ```

pub mod array;
pub mod atomic;
mod bytes;
pub mod error;
pub mod events;
pub mod hdf5;
pub mod json;
pub mod keras_zip;
mod mapped;
pub mod named;
pub mod npy;
mod npy_lists;
pub mod npz;
pub mod onnx;
pub mod safetensors;
pub mod sharded;
mod strided;
pub mod torch;
mod wire;
mod zip_archive;

pub use array::{Element, RawArray, RawDType};
pub use atomic::write_atomically;
pub use bytes::SharedBytes;
pub use error::{FormatError, IoFailure, Location, Problem, Result};
pub use hdf5::{Attribute, Hdf5Dataset, Hdf5Group, Hdf5Node};
pub use keras_zip::{KerasArchive, KerasReader};
pub use named::NamedArrays;
pub use npz::{Compression, NpzReader};
