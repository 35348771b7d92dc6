//! `MeanAbsoluteError`: the mean of `|y_true - y_pred|` over the last axis.

use ibex_graph::Tensor;

use super::{LossFunction, Reduction, loss_object, loss_options, mean_last};

loss_options! {
    /// The mean of `|y_true - y_pred|` over the last axis.
    ///
    /// Source: <https://keras.io/api/losses/regression_losses/>.
    MeanAbsoluteError = "mean_absolute_error" {}
}

impl LossFunction for MeanAbsoluteError {
    loss_object!(MeanAbsoluteError);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        mean_last(&(y_true - y_pred).abs())
    }
}
