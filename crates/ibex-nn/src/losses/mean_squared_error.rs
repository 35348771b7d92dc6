//! `MeanSquaredError`: the mean of `(y_true - y_pred)²` over the last axis.

use ibex_graph::Tensor;
use serde::{Deserialize, Serialize};

use super::{LossFunction, Reduction};
use crate::keras_object;

/// The mean of `(y_true - y_pred)²` over the last axis.
///
/// Source: <https://keras.io/api/losses/regression_losses/>.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct MeanSquaredError {
    /// The name in logs.
    pub name: String,
    /// How the samples' losses are reduced.
    pub reduction: Reduction,
}

impl Default for MeanSquaredError {
    fn default() -> MeanSquaredError {
        let name = "mean_squared_error".to_string();
        MeanSquaredError { name, reduction: Reduction::default() }
    }
}

impl MeanSquaredError {
    /// The loss with Keras's defaults.
    pub fn new() -> MeanSquaredError {
        MeanSquaredError::default()
    }
}

impl LossFunction for MeanSquaredError {
    keras_object!(MeanSquaredError);

    fn name(&self) -> String {
        self.name.clone()
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let last = y_pred.rank().saturating_sub(1);
        (y_true - y_pred).square().mean(&[last], false)
    }
}
