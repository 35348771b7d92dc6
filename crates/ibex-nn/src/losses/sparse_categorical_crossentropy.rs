//! `SparseCategoricalCrossentropy`: `-log` of the probability of the right class, for class
//! indices.

use ibex_graph::{Array, Tensor};

use super::{EPSILON, LossFunction, Reduction, loss_object, loss_options, shapes};
use crate::object::ConfigError;
use crate::partial::PartialType;

loss_options! {
    /// `-log(y_pred[y_true])`: targets are class indices, whole numbers from 0.
    ///
    /// Targets `(…)` or `(…, 1)` and predictions `(…, classes)` give losses `(…)`.
    /// Predictions are probabilities, divided by their sum and kept within `[1e-7, 1 - 1e-7]`, or
    /// logits.
    /// Keras does not write `axis` to files; Ibex writes it if it is not -1, and Keras reads it.
    ///
    /// Source: <https://keras.io/api/losses/probabilistic_losses/>.
    SparseCategoricalCrossentropy = "sparse_categorical_crossentropy" {
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool = false,
        /// The target whose samples do not count.
        ignore_class: Option<i64> = None,
        /// The axis of the classes.
        axis: isize = -1,
    }
}

impl SparseCategoricalCrossentropy {
    /// The targets without the axis of extent 1 in the place of the classes.
    fn indices(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        match y_true.rank() == y_pred.rank() && y_true.dim(self.axis) == 1 {
            true => y_true.squeeze(self.axis),
            false => y_true.clone(),
        }
    }

    fn counts(&self, indices: &Tensor) -> Option<Tensor> {
        let ignored = Tensor::scalar(indices.dtype(), self.ignore_class? as f64);
        Some(indices.not_equal(&ignored))
    }
}

impl LossFunction for SparseCategoricalCrossentropy {
    loss_object!(SparseCategoricalCrossentropy, ["axis"]);

    fn takes_integers(&self) -> bool {
        true
    }

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let indices = self.indices(y_true, y_pred);
        let y_pred = y_pred.move_axis(self.axis, -1);
        let Some(valid) = self.counts(&indices) else {
            return cross_entropy(&indices, &y_pred, self.from_logits);
        };
        // Predictions that do not count are replaced before they can make a NaN.
        let indices = valid.select(&indices, &indices.zeros_like());
        let y_pred = valid.expand_dims(-1).select(&y_pred, &y_pred.ones_like());
        let values = cross_entropy(&indices, &y_pred, self.from_logits);
        valid.select(&values, &values.zeros_like())
    }

    fn valid(&self, y_true: &Tensor, y_pred: &Tensor) -> Option<Tensor> {
        self.counts(&self.indices(y_true, y_pred))
    }

    fn check(&self, y_true: &PartialType, y_pred: &PartialType) -> Result<(), ConfigError> {
        match self.axis {
            -1 => shapes::expect_indices(&self.name, y_true, y_pred),
            _ => Ok(()),
        }
    }

    fn check_labels(&self, y_true: &Array, y_pred: &PartialType) -> Result<(), ConfigError> {
        let classes = y_pred.shape.dim(self.axis);
        shapes::expect_classes(&self.name, y_true, classes, self.ignore_class)
    }
}

/// The cross-entropy of predictions whose classes lie along the last axis.
fn cross_entropy(indices: &Tensor, y_pred: &Tensor, from_logits: bool) -> Tensor {
    if from_logits {
        return y_pred.sparse_softmax_cross_entropy(indices);
    }
    let Some(last) = y_pred.shape().axis(-1) else { return y_pred.bad_axis("classes", -1) };
    // One probability is chosen before the logarithm, not after it: the rest are not needed.
    let chosen = y_pred.take_along_axis(&indices.expand_dims(-1), -1);
    let p = (chosen / y_pred.sum(&[last], true)).clip(EPSILON, 1.0 - EPSILON);
    -p.log().squeeze(-1)
}
