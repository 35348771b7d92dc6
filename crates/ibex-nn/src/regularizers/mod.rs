//! Penalties on weights and outputs, one file each, one row each in the table.

use std::fmt;

use ibex_graph::Tensor;
use serde_json::Value;

use crate::keras_family;
use crate::object::ConfigError;

mod l1_l2;
mod orthogonal;

pub use l1_l2::{L1, L1L2, L2};
pub use orthogonal::{OrthogonalMode, OrthogonalRegularizer};

/// How a penalty behaves.
pub trait Regularize: fmt::Debug + Send + Sync {
    /// The name in files.
    fn class_name(&self) -> &'static str;

    /// The configuration.
    fn config(&self) -> Value;

    /// Whether its options make sense.
    ///
    /// # Errors
    /// Naming the option that does not.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    /// The penalty, a scalar.
    fn penalty(&self, x: &Tensor) -> Tensor;
}

keras_family! {
    /// A penalty that is added to the loss.
    Regularizer(dyn Regularize), "keras.regularizers", "regularizer", {
        L1: ["l1"],
        L2: ["l2"],
        L1L2: ["l1l2", "l1_l2"],
        OrthogonalRegularizer: ["orthogonal_regularizer"],
    }
}

/// Checks that a factor is a number of 0 or more.
fn check_factor(name: &str, value: f64) -> Result<(), ConfigError> {
    match value.is_finite() && value >= 0.0 {
        true => Ok(()),
        false => Err(ConfigError::new(format!("`{name}` of a regularizer does not make sense"))
            .expected("a number of 0 or more")
            .received(format!("{name} = {value}"))),
    }
}
