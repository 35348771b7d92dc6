//! Projections of weights after each update, one file each, one row each in the table.

use std::fmt;

use ibex_graph::Tensor;
use serde_json::Value;

use crate::keras_family;

mod non_neg;

pub use non_neg::NonNeg;

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
        NonNeg: ["non_neg", "nonneg"],
    }
}
