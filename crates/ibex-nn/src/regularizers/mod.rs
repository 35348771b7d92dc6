//! Penalties on weights and outputs, one file each, one row each in the table.

use std::fmt;

use ibex_graph::Tensor;
use serde_json::Value;

use crate::keras_family;

mod l1_l2;

pub use l1_l2::L2;

/// How a penalty behaves.
pub trait Regularize: fmt::Debug + Send + Sync {
    /// The name in files.
    fn class_name(&self) -> &'static str;

    /// The configuration.
    fn config(&self) -> Value;

    /// The penalty, a scalar.
    fn penalty(&self, x: &Tensor) -> Tensor;
}

keras_family! {
    /// A penalty that is added to the loss.
    Regularizer(dyn Regularize), "keras.regularizers", "regularizer", {
        L2: ["l2"],
    }
}
