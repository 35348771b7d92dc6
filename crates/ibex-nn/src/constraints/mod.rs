//! Projections of weights after each update, one file each, one row each in the table.

use std::fmt;

use ibex_graph::Tensor;
use serde_json::Value;

use crate::keras_family;

mod non_neg;
mod norms;

pub use non_neg::NonNeg;
pub use norms::{MaxNorm, MinMaxNorm, UnitNorm};

/// How a projection behaves.
pub trait Constrain: fmt::Debug + Send + Sync {
    /// The name in files.
    fn class_name(&self) -> &'static str;

    /// The configuration.
    fn config(&self) -> Value;

    /// The weight, projected.
    fn project(&self, weight: &Tensor) -> Tensor;
}

keras_family! {
    /// A projection of a weight after each update.
    Constraint(dyn Constrain), "keras.constraints", "constraint", {
        MaxNorm: ["max_norm"],
        MinMaxNorm: ["min_max_norm"],
        NonNeg: ["non_neg", "nonneg"],
        UnitNorm: ["unit_norm"],
    }
}
