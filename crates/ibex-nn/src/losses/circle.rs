//! `Circle`: brings embeddings of one class together and those of different classes apart.

use ibex_graph::{DType, Tensor};

use super::{LossFunction, Reduction, loss_object, loss_options, shapes};
use crate::object::ConfigError;
use crate::partial::PartialType;

loss_options! {
    /// For each sample `log(1 + sum over other classes · sum over its own class)` of exponentials
    /// of weighted distances between embeddings.
    ///
    /// Targets are class indices `(batch,)` or `(batch, 1)`, predictions vectors of length 1,
    /// `(batch, extent)`, such as `UnitNormalization` gives.
    /// Samples whose loss is 0 do not count in the mean.
    ///
    /// ```
    /// use ibex_nn::losses::{Circle, Loss};
    /// assert_eq!(Loss::from(Circle::new().gamma(32.0)).config()["gamma"], 32.0);
    /// ```
    /// Source: <https://arxiv.org/abs/2002.10857>.
    Circle = "circle" {
        /// The scale of the weighted distances.
        gamma: f64 = 80.0,
        /// How near samples of one class shall be.
        margin: f64 = 0.4,
        /// Whether a sample is no pair with itself.
        remove_diagonal: bool = true,
    }
}

/// So small an exponent that adding its exponential changes nothing.
const NOTHING: f64 = -1e30;

impl LossFunction for Circle {
    loss_object!(Circle);

    fn takes_integers(&self) -> bool {
        true
    }

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let batch = y_pred.dim(0);
        let labels = y_true.reshape([batch, 1]);
        let distance = 1.0 - y_pred.matmul(&y_pred.matrix_transpose());
        let distance = distance.maximum(&distance.zeros_like());
        let equal = labels.equal(&labels.matrix_transpose());
        let positive = match self.remove_diagonal {
            true => equal.logical_and(&Tensor::eye(DType::Bool, batch, batch, 0).logical_not()),
            false => equal.clone(),
        };
        let negative = equal.logical_not();

        // The farther from where it should be, the more a pair weighs.
        let weight = |x: Tensor| x.maximum(&x.zeros_like());
        let attracted = weight(&distance + self.margin) * (&distance - self.margin) * self.gamma;
        let repelled =
            weight(1.0 + self.margin - &distance) * (1.0 - self.margin - &distance) * self.gamma;
        let sum = |pairs: &Tensor, of: &Tensor| {
            let nothing = Tensor::full(of.dtype(), of.shape(), NOTHING);
            pairs.select(of, &nothing).logsumexp(&[1], false)
        };
        (sum(&positive, &attracted) + sum(&negative, &repelled)).softplus()
    }

    fn valid(&self, y_true: &Tensor, y_pred: &Tensor) -> Option<Tensor> {
        let values = self.call(y_true, y_pred);
        Some(values.greater(&values.zeros_like()))
    }

    fn check(&self, y_true: &PartialType, y_pred: &PartialType) -> Result<(), ConfigError> {
        let one_each = match y_true.shape.rank() {
            1 => true,
            2 => y_true.shape.dim(-1) == Some(1),
            _ => false,
        };
        if one_each && y_pred.shape.rank() == 2 {
            return Ok(());
        }
        let expected = "targets (None,), predictions (None, extent)";
        Err(shapes::misfit(&self.name, y_true, y_pred, expected))
    }
}
