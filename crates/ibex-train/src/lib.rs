//! Models, the training loop, data sets and curves: what turns descriptions into trained files.
//!
//! It must not know kernels: it compiles graphs through the door of the device and no other way.
//! Read in this order: [`model`], [`compile`], [`problem`], [`data`], `step` (one step as one
//! program), `judge` (losses and metrics), [`fit`] (the only training loop), [`callbacks`],
//! [`custom`], [`saving`], [`onnx`], [`transfer`] (weights by name), [`files`] (every kind of
//! file), [`zoo`], [`summary`], [`pictures`], [`board`] (a page about a training).

pub mod apply;
mod arrays;
pub mod board;
pub mod callbacks;
mod checkpoint;
pub mod compile;
pub mod custom;
pub mod data;
pub mod datasets;
pub mod device;
mod diagram;
mod download;
pub mod error;
mod evaluate;
mod feed;
pub mod files;
pub mod fit;
mod guard;
pub mod history;
mod in_batches;
mod judge;
pub mod model;
pub mod npz;
mod numpy_random;
pub mod onnx;
pub mod pictures;
pub mod plot;
pub mod problem;
pub mod profile;
mod progress;
pub mod random;
pub mod saving;
pub mod sources;
pub mod starters;
mod step;
pub mod summary;
pub mod transfer;
mod wanted;
pub mod zoo;

pub use apply::ApplyLayer;
pub use callbacks::{Callback, Event, Moment, Plan};
pub use checkpoint::Position;
pub use compile::{Compile, MetricChoice};
pub use custom::{BuildOptimizer, custom_loss, custom_metric, trace, with_derivative};
pub use data::{Arrays, Dataset, Samples};
pub use device::DeviceExt;
pub use error::{Error, Result};
pub use fit::Fit;
pub use guard::{CheckpointEvery, Interrupt};
pub use history::{History, Logs};
pub use in_batches::InBatches;
pub use model::{BuildModel, Model, set_random_seed};
pub use onnx::OnnxOptions;
pub use profile::Profile;
pub use saving::{Mismatch, TextLayer};
pub use transfer::{Layout, TransferReport};

/// Arrays by name, as files hold them.
pub mod tensors {
    pub use ibex_format::{NamedArrays, RawArray, RawDType};
}

/// Writes a text file, whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn write_text(path: impl AsRef<std::path::Path>, text: &str) -> Result<()> {
    let path = path.as_ref();
    let failed = ibex_format::FormatError::writing(path);
    Ok(ibex_format::write_atomically(path, |file| {
        std::io::Write::write_all(file, text.as_bytes()).map_err(&failed)
    })?)
}
