//! `MeanAbsolutePercentageError`: the mean of `100 · |y_true - y_pred| / |y_true|`.

use ibex_graph::Tensor;

use super::{EPSILON, LossFunction, Reduction, loss_object, loss_options, mean_last};

loss_options! {
    /// The mean of `100 · |(y_true - y_pred) / max(|y_true|, 1e-7)|` over the last axis.
    ///
    /// Source: <https://keras.io/api/losses/regression_losses/>.
    MeanAbsolutePercentageError = "mean_absolute_percentage_error" {}
}

impl LossFunction for MeanAbsolutePercentageError {
    loss_object!(MeanAbsolutePercentageError);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let size = y_true.abs().maximum(&Tensor::scalar(y_true.dtype(), EPSILON));
        mean_last(&((y_true - y_pred) / size).abs()) * 100.0
    }
}
