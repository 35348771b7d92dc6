//! `SquaredHinge`: the mean of `max(1 - y_true · y_pred, 0)²`.

use ibex_graph::Tensor;

use super::hinge::margin;
use super::{LossFunction, Reduction, loss_object, loss_options, mean_last};

loss_options! {
    /// The mean of `max(1 - y_true · y_pred, 0)²` over the last axis.
    ///
    /// Targets are -1 or 1; if all are 0 or 1, 0 stands for -1.
    ///
    /// Source: <https://keras.io/api/losses/hinge_losses/>.
    SquaredHinge = "squared_hinge" {}
}

impl LossFunction for SquaredHinge {
    loss_object!(SquaredHinge);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        mean_last(&margin(y_true, y_pred).square())
    }
}
