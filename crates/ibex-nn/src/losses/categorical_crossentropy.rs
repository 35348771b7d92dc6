//! `CategoricalCrossentropy`: `-log` of the probability of the right class, for one-hot targets.

use ibex_graph::Tensor;

use super::{
    LossFunction, Reduction, clipped_distribution, loss_object, loss_options, shapes, smoothed,
    sum_along,
};
use crate::object::ConfigError;
use crate::partial::PartialType;

loss_options! {
    /// `-sum(y_true · log(y_pred))` over `axis`, the classes.
    ///
    /// Targets are one-hot vectors or distributions.
    /// Predictions are probabilities, divided by their sum and kept within `[1e-7, 1 - 1e-7]`, or
    /// logits.
    ///
    /// Source: <https://keras.io/api/losses/probabilistic_losses/>.
    CategoricalCrossentropy = "categorical_crossentropy" {
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool = false,
        /// How far targets are moved toward the uniform distribution.
        label_smoothing: f64 = 0.0,
        /// The axis of the classes.
        axis: isize = -1,
    }
}

impl LossFunction for CategoricalCrossentropy {
    loss_object!(CategoricalCrossentropy);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let y_true = smoothed(y_true, self.label_smoothing);
        let log = match self.from_logits {
            true => y_pred.log_softmax(self.axis),
            false => clipped_distribution(y_pred, self.axis).log(),
        };
        -sum_along(&(y_true * log), self.axis)
    }

    fn check(&self, y_true: &PartialType, y_pred: &PartialType) -> Result<(), ConfigError> {
        shapes::expect_same(&self.name, y_true, y_pred)
    }
}
