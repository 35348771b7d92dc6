//! `MeanSquaredLogarithmicError`: the mean of `(log(y_true + 1) - log(y_pred + 1))²`.

use ibex_graph::Tensor;

use super::{EPSILON, LossFunction, Reduction, loss_object, loss_options, mean_last};

loss_options! {
    /// The mean of `(log(y_true + 1) - log(y_pred + 1))²` over the last axis, both at least 1e-7.
    ///
    /// Source: <https://keras.io/api/losses/regression_losses/>.
    MeanSquaredLogarithmicError = "mean_squared_logarithmic_error" {}
}

impl LossFunction for MeanSquaredLogarithmicError {
    loss_object!(MeanSquaredLogarithmicError);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let log = |x: &Tensor| (x.maximum(&Tensor::scalar(x.dtype(), EPSILON)) + 1.0).log();
        mean_last(&(log(y_pred) - log(y_true)).square())
    }
}
