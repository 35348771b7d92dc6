//! `BinaryFocalCrossentropy`: a binary cross-entropy in which easy samples weigh less.

use ibex_graph::{Array, Tensor};

use super::binary_crossentropy::{from_probabilities, smoothed};
use super::{LossFunction, Reduction, loss_object, loss_options, shapes};
use crate::object::ConfigError;
use crate::partial::PartialType;

loss_options! {
    /// The mean over `axis` of the binary cross-entropy times `(1 - p)^gamma`, where `p` is the
    /// probability given to the right answer.
    ///
    /// Source: <https://arxiv.org/abs/1708.02002>.
    BinaryFocalCrossentropy = "binary_focal_crossentropy" {
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool = false,
        /// How far targets are moved toward one half.
        label_smoothing: f64 = 0.0,
        /// The axis of the mean.
        axis: isize = -1,
        /// Whether ones weigh `alpha` and zeros `1 - alpha`.
        apply_class_balancing: bool = false,
        /// The weight of ones.
        alpha: f64 = 0.25,
        /// How much less easy samples weigh.
        gamma: f64 = 2.0,
    }
}

impl LossFunction for BinaryFocalCrossentropy {
    loss_object!(BinaryFocalCrossentropy);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let y_true = smoothed(y_true, self.label_smoothing);
        let p = if self.from_logits { y_pred.sigmoid() } else { y_pred.clone() };
        let right = &y_true * &p + (1.0 - &y_true) * (1.0 - &p);
        let gamma = Tensor::scalar(p.dtype(), self.gamma);
        let mut values = (1.0 - right).power(&gamma) * from_probabilities(&y_true, &p);
        if self.apply_class_balancing {
            let weight = &y_true * self.alpha + (1.0 - &y_true) * (1.0 - self.alpha);
            values = weight * values;
        }
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
