//! Losses, one file each, one row each in the table.
//!
//! A loss gives one value for each sample (and time step, …); [`Loss::value`] weights and reduces
//! them as Keras does.

use std::fmt;

use ibex_graph::{Array, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::keras_family;
use crate::object::ConfigError;
use crate::partial::PartialType;

mod mean_squared_error;

pub use mean_squared_error::MeanSquaredError;

/// How a loss behaves.
pub trait LossFunction: fmt::Debug + Send + Sync {
    /// The name in files, such as `MeanSquaredError`.
    fn class_name(&self) -> &'static str;

    /// The configuration.
    fn config(&self) -> Value;

    /// The name in logs.
    fn name(&self) -> String;

    /// How the values are reduced to a scalar.
    fn reduction(&self) -> Reduction;

    /// The loss of each sample, before weights and reduction.
    ///
    /// `y_true` comes with the dtype of `y_pred`, unless [`LossFunction::takes_integers`].
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor;

    /// Whether the targets are class indices, which keep their integer dtype.
    fn takes_integers(&self) -> bool {
        false
    }

    /// Whether the targets' values make sense, such as class indices in range.
    ///
    /// # Errors
    /// Naming the value and its position.
    fn check_labels(&self, y_true: &Array, y_pred: &PartialType) -> Result<(), ConfigError> {
        let _ = (y_true, y_pred);
        Ok(())
    }

    /// Whether targets of this type fit predictions of that type.
    ///
    /// # Errors
    /// Saying what the loss needs.
    fn check(&self, y_true: &PartialType, y_pred: &PartialType) -> Result<(), ConfigError> {
        let _ = (y_true, y_pred);
        Ok(())
    }
}

keras_family! {
    /// A loss: a number that training makes small.
    Loss(dyn LossFunction), "keras.losses", "loss", {
        MeanSquaredError: ["mse", "MSE", "mean_squared_error"],
    }
}

/// How the losses of the samples become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Their sum over their number; weights do not change the number.
    #[default]
    SumOverBatchSize,
    /// Their sum.
    Sum,
    /// The same as [`Reduction::SumOverBatchSize`].
    Mean,
    /// Their weighted sum over the sum of the weights.
    MeanWithSampleWeight,
    /// No reduction: one value for each sample.
    None,
}

impl Loss {
    /// The loss of a batch: one number, or one for each sample under [`Reduction::None`].
    ///
    /// `sample_weight` has the shape of the samples' losses, or fewer axes; `mask` is false where
    /// a value does not count.
    pub fn value(
        &self,
        y_true: &Tensor,
        y_pred: &Tensor,
        sample_weight: Option<&Tensor>,
        mask: Option<&Tensor>,
    ) -> Tensor {
        let values = self.call(y_true, y_pred);
        let mask = mask.map(|m| m.cast(values.dtype()));
        let weight = match (sample_weight, mask) {
            (Some(weight), Some(mask)) => Some(weight.cast(values.dtype()) * mask),
            (weight, mask) => weight.map(|w| w.cast(values.dtype())).or(mask),
        };
        let weighted = match &weight {
            Some(weight) => &values * aligned(weight, &values),
            None => values.clone(),
        };
        match self.reduction() {
            Reduction::None => weighted,
            Reduction::Sum => weighted.sum_all(),
            Reduction::SumOverBatchSize | Reduction::Mean => weighted.mean_all(),
            Reduction::MeanWithSampleWeight => match &weight {
                Some(weight) => {
                    weighted.sum_all()
                        / aligned(weight, &values).broadcast_to(values.shape()).sum_all()
                }
                None => weighted.mean_all(),
            },
        }
    }
}

/// Weights with an axis of extent 1 for each axis of `values` that they lack at the end.
fn aligned(weight: &Tensor, values: &Tensor) -> Tensor {
    let mut dims = weight.shape().to_vec();
    while dims.len() > values.rank() && dims.last() == Some(&1) {
        dims.pop();
    }
    dims.resize(dims.len().max(values.rank()), 1);
    weight.reshape(dims)
}
