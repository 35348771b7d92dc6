//! `CategoricalHinge`: by how much the best wrong class comes too near the right one.

use ibex_graph::Tensor;

use super::{LossFunction, Reduction, loss_object, loss_options, sum_along};

loss_options! {
    /// `max(neg - pos + 1, 0)` with `neg = max((1 - y_true) · y_pred)` and
    /// `pos = sum(y_true · y_pred)`, over the last axis.
    ///
    /// Source: <https://keras.io/api/losses/hinge_losses/>.
    CategoricalHinge = "categorical_hinge" {}
}

impl LossFunction for CategoricalHinge {
    loss_object!(CategoricalHinge);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let right = sum_along(&(y_true * y_pred), -1);
        let others = (1.0 - y_true) * y_pred;
        let Some(last) = others.shape().axis(-1) else { return others.bad_axis("max", -1) };
        let margin = others.max(&[last], false) - right + 1.0;
        margin.maximum(&margin.zeros_like())
    }
}
