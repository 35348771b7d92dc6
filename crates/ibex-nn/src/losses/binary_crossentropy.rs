//! `BinaryCrossentropy`: `-log` of the probability of each yes-or-no answer.

use ibex_graph::{Array, Tensor};

use super::{EPSILON, LossFunction, Reduction, loss_object, loss_options, shapes};
use crate::object::ConfigError;
use crate::partial::PartialType;

loss_options! {
    /// The mean over `axis` of `-(y_true · log(y_pred) + (1 - y_true) · log(1 - y_pred))`.
    ///
    /// Targets are 0 or 1, or probabilities.
    /// Predictions are probabilities, kept within `[1e-7, 1 - 1e-7]`, or logits.
    ///
    /// Source: <https://keras.io/api/losses/probabilistic_losses/>.
    BinaryCrossentropy = "binary_crossentropy" {
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool = false,
        /// How far targets are moved toward one half.
        label_smoothing: f64 = 0.0,
        /// The axis of the mean.
        axis: isize = -1,
    }
}

impl LossFunction for BinaryCrossentropy {
    loss_object!(BinaryCrossentropy);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let y_true = smoothed(y_true, self.label_smoothing);
        let values = match self.from_logits {
            true => from_logits(&y_true, y_pred),
            false => from_probabilities(&y_true, y_pred),
        };
        match values.shape().axis(self.axis) {
            Some(axis) => values.mean(&[axis], false),
            None => values.bad_axis("mean", self.axis),
        }
    }

    fn check(&self, y_true: &PartialType, y_pred: &PartialType) -> Result<(), ConfigError> {
        shapes::expect_same(&self.name, y_true, y_pred)
    }

    fn check_labels(&self, y_true: &Array, _: &PartialType) -> Result<(), ConfigError> {
        shapes::expect_probabilities(&self.name, y_true)
    }
}

/// Targets moved toward one half by `amount`.
pub(super) fn smoothed(y_true: &Tensor, amount: f64) -> Tensor {
    match amount {
        0.0 => y_true.clone(),
        _ => y_true * (1.0 - amount) + 0.5 * amount,
    }
}

/// The cross-entropy of each element of probabilities.
pub(super) fn from_probabilities(y_true: &Tensor, y_pred: &Tensor) -> Tensor {
    let p = y_pred.clip(EPSILON, 1.0 - EPSILON);
    -(y_true * p.log() + (1.0 - y_true) * (1.0 - &p).log())
}

/// The cross-entropy of each element of logits: `-log(sigmoid(x))` is `softplus(-x)`.
fn from_logits(y_true: &Tensor, y_pred: &Tensor) -> Tensor {
    y_true * (-y_pred).softplus() + (1.0 - y_true) * y_pred.softplus()
}
