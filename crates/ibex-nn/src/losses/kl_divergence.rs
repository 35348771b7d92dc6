//! `KLDivergence`: the sum of `y_true · log(y_true / y_pred)`.

use ibex_graph::Tensor;

use super::{EPSILON, LossFunction, Reduction, loss_object, loss_options, sum_along};

loss_options! {
    /// The sum of `y_true · log(y_true / y_pred)` over the last axis, both between 1e-7 and 1.
    ///
    /// Source: <https://keras.io/api/losses/probabilistic_losses/>.
    KLDivergence = "kl_divergence" {}
}

impl LossFunction for KLDivergence {
    loss_object!(KLDivergence);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let (p, q) = (y_true.clip(EPSILON, 1.0), y_pred.clip(EPSILON, 1.0));
        sum_along(&(&p * (&p / q).log()), -1)
    }
}
