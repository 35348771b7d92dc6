//! `CategoricalFocalCrossentropy`: a categorical cross-entropy in which easy samples weigh less.

use ibex_graph::Tensor;

use super::{
    LossFunction, Reduction, clipped_distribution, loss_object, loss_options, shapes, smoothed,
    sum_along,
};
use crate::object::ConfigError;
use crate::partial::PartialType;

loss_options! {
    /// `-sum(alpha · (1 - p)^gamma · y_true · log(p))` over `axis`, the classes.
    ///
    /// Source: <https://arxiv.org/abs/1708.02002>.
    CategoricalFocalCrossentropy = "categorical_focal_crossentropy" {
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool = false,
        /// How far targets are moved toward the uniform distribution.
        label_smoothing: f64 = 0.0,
        /// The axis of the classes.
        axis: isize = -1,
        /// The weight of all classes.
        alpha: f64 = 0.25,
        /// How much less easy samples weigh.
        gamma: f64 = 2.0,
    }
}

impl LossFunction for CategoricalFocalCrossentropy {
    loss_object!(CategoricalFocalCrossentropy);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let y_true = smoothed(y_true, self.label_smoothing);
        let y_pred = if self.from_logits { y_pred.softmax(self.axis) } else { y_pred.clone() };
        let p = clipped_distribution(&y_pred, self.axis);
        let gamma = Tensor::scalar(p.dtype(), self.gamma);
        let weight = (1.0 - &p).power(&gamma) * self.alpha;
        -sum_along(&(weight * y_true * p.log()), self.axis)
    }

    fn check(&self, y_true: &PartialType, y_pred: &PartialType) -> Result<(), ConfigError> {
        shapes::expect_same(&self.name, y_true, y_pred)
    }
}
