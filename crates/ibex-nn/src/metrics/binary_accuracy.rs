//! `BinaryAccuracy`: how often a probability is on the right side of a threshold.

use ibex_graph::{DType, Tensor};

use super::{mean_metric, metric_options};
use crate::losses::shapes::same_rank;

metric_options! {
    /// How often targets of 0 and 1 equal "the prediction is above the threshold".
    ///
    /// Source: <https://keras.io/api/metrics/accuracy_metrics/>.
    BinaryAccuracy = "binary_accuracy" {
        /// Predictions above it count as 1.
        threshold: f64 = 0.5,
    }
}

mean_metric!(BinaryAccuracy, |metric, y_true: &Tensor, y_pred| {
    let (y_true, y_pred) = same_rank(&y_true.cast(DType::F32), y_pred, true);
    let threshold = Tensor::scalar(y_pred.dtype(), metric.threshold);
    let positive = y_pred.greater(&threshold).cast(DType::F32);
    y_true.equal(&positive).cast(DType::F32).into()
});
