//! `Poisson`: the mean of `y_pred - y_true · log(y_pred)`.

use ibex_graph::Tensor;

use super::{EPSILON, LossFunction, Reduction, loss_object, loss_options, mean_last};

loss_options! {
    /// The mean of `y_pred - y_true · log(y_pred + 1e-7)` over the last axis.
    ///
    /// Source: <https://keras.io/api/losses/probabilistic_losses/>.
    Poisson = "poisson" {}
}

impl LossFunction for Poisson {
    loss_object!(Poisson);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        mean_last(&(y_pred - y_true * (y_pred + EPSILON).log()))
    }
}
