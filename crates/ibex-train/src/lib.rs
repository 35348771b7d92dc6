//! Models, the training loop, data sets and curves: what turns descriptions into trained files.
//!
//! It must not know kernels: it compiles graphs through the door of the device and no other way.
//! Read in this order: [`model`], [`compile`], [`data`], `step` (one step as one program),
//! `judge` (losses and metrics), [`fit`] (the only training loop), [`callbacks`], [`custom`].

pub mod callbacks;
pub mod compile;
pub mod custom;
pub mod data;
pub mod datasets;
pub mod error;
mod evaluate;
pub mod fit;
pub mod history;
mod judge;
pub mod model;
pub mod plot;
mod progress;
mod step;

pub use callbacks::{Callback, Event, Plan};
pub use compile::{Compile, MetricChoice};
pub use custom::trace;
pub use data::{Arrays, Samples};
pub use error::{Error, Result};
pub use fit::Fit;
pub use history::{History, Logs};
pub use model::{BuildModel, Model, set_random_seed};
