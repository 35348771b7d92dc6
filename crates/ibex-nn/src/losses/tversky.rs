//! `Tversky`: a Dice loss in which false positives and false negatives weigh differently.

use ibex_graph::Tensor;

use super::dice::{Axes, sum_over};
use super::{EPSILON, LossFunction, Reduction, loss_object, loss_options};

loss_options! {
    /// `1 - overlap / (overlap + alpha · missed + beta · invented + 1e-7)`, sums over `axis`.
    ///
    /// Missed is `sum(y_true · (1 - y_pred))`, invented `sum((1 - y_true) · y_pred)`.
    ///
    /// Source: <https://arxiv.org/abs/1706.05721>.
    Tversky = "tversky" {
        /// The weight of what is missed.
        alpha: f64 = 0.5,
        /// The weight of what is invented.
        beta: f64 = 0.5,
        /// The axes of the sums; all of them if `None`.
        axis: Option<Axes> = None,
    }
}

impl LossFunction for Tversky {
    loss_object!(Tversky);

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        let sum = |x: Tensor| sum_over(&x, self.axis.as_deref());
        let overlap = sum(y_true * y_pred);
        let missed = sum((1.0 - y_pred) * y_true) * self.alpha;
        let invented = sum(y_pred * (1.0 - y_true)) * self.beta;
        1.0 - &overlap / (&overlap + missed + invented + EPSILON)
    }
}
