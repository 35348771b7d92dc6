//! Models, the training loop, data sets and curves: what turns descriptions into trained files.
//!
//! It must not know kernels: it compiles graphs through the door of the device and no other way.

pub mod datasets;
pub mod plot;
