//! `LogCosh`: the mean of `log(cosh(y_pred - y_true))`, a smooth absolute error.

use ibex_graph::Tensor;

use super::{LossFunction, Reduction, loss_object, loss_options, mean_last};

loss_options! {
    /// The mean of `log(cosh(y_pred - y_true))` over the last axis.
    ///
    /// About `x² / 2` for small errors and `|x| - log 2` for large ones.
    ///
    /// Source: <https://keras.io/api/losses/regression_losses/>.
    LogCosh = "log_cosh" {}
}

impl LossFunction for LogCosh {
    loss_object!(LogCosh);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let error = y_pred - y_true;
        // Does not overflow, unlike cosh itself.
        let log_cosh = (&error * -2.0).softplus() + &error - std::f64::consts::LN_2;
        mean_last(&log_cosh)
    }
}
