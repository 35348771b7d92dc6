//! `Dice`: one minus twice the overlap of target and prediction over their sizes.

use ibex_graph::Tensor;

use super::{EPSILON, LossFunction, Reduction, loss_object, loss_options};

/// The axes of a sum.
pub(super) type Axes = Vec<isize>;

loss_options! {
    /// `1 - 2 · sum(y_true · y_pred) / (sum(y_true) + sum(y_pred) + 1e-7)` over `axis`.
    ///
    /// Source: <https://keras.io/api/losses/segmentation_losses/>.
    Dice = "dice" {
        /// The axes of the sums; all of them if `None`.
        axis: Option<Axes> = None,
    }
}

impl LossFunction for Dice {
    loss_object!(Dice);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let sum = |x: &Tensor| sum_over(x, self.axis.as_deref());
        let overlap = sum(&(y_true * y_pred)) * 2.0;
        1.0 - overlap / (sum(y_true) + sum(y_pred) + EPSILON)
    }
}

/// The sum over some axes, or over all of them.
pub(super) fn sum_over(x: &Tensor, axes: Option<&[isize]>) -> Tensor {
    let Some(axes) = axes else { return x.sum_all() };
    let mut resolved = Vec::new();
    for &axis in axes {
        match x.shape().axis(axis) {
            Some(axis) => resolved.push(axis),
            None => return x.bad_axis("sum", axis),
        }
    }
    resolved.sort_unstable();
    x.sum(&resolved, false)
}
