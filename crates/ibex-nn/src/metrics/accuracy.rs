//! `Accuracy`: how often predictions equal targets.

use ibex_graph::{DType, Tensor};

use super::{mean_metric, metric_options};
use crate::losses::shapes::same_rank;

metric_options! {
    /// How often predictions equal targets exactly.
    ///
    /// Source: <https://keras.io/api/metrics/accuracy_metrics/>.
    Accuracy = "accuracy" {}
}

mean_metric!(Accuracy, |_, y_true: &Tensor, y_pred| {
    let (y_true, y_pred) = same_rank(&y_true.cast(y_pred.dtype()), y_pred, true);
    y_true.equal(&y_pred).cast(DType::F32).into()
});
