//! Layers, losses, metrics, optimizers and what belongs to them, as descriptions over the graph.
//!
//! Everything here speaks Keras 3: the same names, defaults, formulas and configurations.
//! This crate knows no device, no file and no data.
//! Read in this order: [`object`], [`options`], [`mod@layer`], [`instance`], [`trace`], [`models`],
//! then any family.

pub mod activations;
pub mod arguments;
pub mod constraints;
pub mod initializers;
pub mod inner_layer;
pub mod instance;
pub mod layer;
pub mod layers;
pub mod losses;
pub mod metrics;
pub mod models;
pub mod object;
pub mod ops;
pub mod optimizers;
pub mod options;
pub mod partial;
pub mod policy;
pub mod regularizers;
pub mod saving;
pub mod schedules;
pub mod text;
pub mod trace;

pub use inner_layer::InnerLayer;
pub use instance::{Build, Instance, Weight, WeightSpec};
pub use layer::{Base, Layer, LayerExt};
pub use object::ConfigError;
pub use partial::{PartialShape, PartialType};
pub use trace::{Call, Trace};

/// What the macros of this crate name, so that programs that use them need no further dependency.
#[doc(hidden)]
pub mod private {
    pub use ibex_graph::DType;
    pub use serde_json;
}
