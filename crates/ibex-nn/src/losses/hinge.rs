//! `Hinge`: the mean of `max(1 - y_true · y_pred, 0)`.

use ibex_graph::Tensor;

use super::{LossFunction, Reduction, loss_object, loss_options, mean_last};

loss_options! {
    /// The mean of `max(1 - y_true · y_pred, 0)` over the last axis.
    ///
    /// Targets are -1 or 1; if all are 0 or 1, 0 stands for -1.
    ///
    /// Source: <https://keras.io/api/losses/hinge_losses/>.
    Hinge = "hinge" {}
}

impl LossFunction for Hinge {
    loss_object!(Hinge);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        mean_last(&margin(y_true, y_pred))
    }
}

/// `max(1 - y_true · y_pred, 0)` for targets of -1 and 1, or of 0 and 1.
pub(super) fn margin(y_true: &Tensor, y_pred: &Tensor) -> Tensor {
    let (zero, one) = (y_true.zeros_like(), y_true.ones_like());
    let binary = y_true.equal(&zero).logical_or(&y_true.equal(&one));
    let all_binary = binary.all(&binary.all_axes(), false);
    let y_true = all_binary.select(&(y_true * 2.0 - 1.0), y_true);
    let margin = 1.0 - y_true * y_pred;
    margin.maximum(&margin.zeros_like())
}
