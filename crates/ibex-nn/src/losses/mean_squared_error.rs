//! `MeanSquaredError`: the mean of `(y_true - y_pred)²` over the last axis.

use ibex_graph::Tensor;

use super::{LossFunction, Reduction, loss_object, loss_options, mean_last};

loss_options! {
    /// The mean of `(y_true - y_pred)²` over the last axis.
    ///
    /// Source: <https://keras.io/api/losses/regression_losses/>.
    MeanSquaredError = "mean_squared_error" {}
}

impl LossFunction for MeanSquaredError {
    loss_object!(MeanSquaredError);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        mean_last(&(y_true - y_pred).square())
    }
}
