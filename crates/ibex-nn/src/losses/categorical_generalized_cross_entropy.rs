//! `CategoricalGeneralizedCrossEntropy`: between cross-entropy and absolute error, for targets of
//! which some are wrong.

use ibex_graph::{Array, Tensor};

use super::{LossFunction, Reduction, loss_object, loss_options, shapes};
use crate::object::ConfigError;
use crate::partial::PartialType;

loss_options! {
    /// `(1 - p^q) / q`, where `p` is the probability of the right class.
    ///
    /// Targets are class indices `(…)`, predictions probabilities `(…, classes)`.
    ///
    /// Source: <https://arxiv.org/abs/1805.07836>.
    CategoricalGeneralizedCrossEntropy = "categorical_generalized_cross_entropy" {
        /// From 0, the cross-entropy, to 1, the absolute error.
        q: f64 = 0.5,
    }
}

impl LossFunction for CategoricalGeneralizedCrossEntropy {
    loss_object!(CategoricalGeneralizedCrossEntropy);

    fn takes_integers(&self) -> bool {
        true
    }

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let indices = match y_true.rank() == y_pred.rank() && y_true.dim(-1) == 1 {
            true => y_true.squeeze(-1),
            false => y_true.clone(),
        };
        let p = y_pred.take_along_axis(&indices.expand_dims(-1), -1).squeeze(-1);
        let q = Tensor::scalar(p.dtype(), self.q);
        (1.0 - p.power(&q)) / q
    }

    fn check(&self, y_true: &PartialType, y_pred: &PartialType) -> Result<(), ConfigError> {
        shapes::expect_indices(&self.name, y_true, y_pred)
    }

    fn check_labels(&self, y_true: &Array, y_pred: &PartialType) -> Result<(), ConfigError> {
        shapes::expect_classes(&self.name, y_true, y_pred.shape.dim(-1), None)
    }
}
