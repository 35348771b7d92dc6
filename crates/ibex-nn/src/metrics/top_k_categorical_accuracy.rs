//! `TopKCategoricalAccuracy`: how often the class of the one-hot target is among the `k` likeliest.

use ibex_graph::Tensor;

use super::sparse_top_k_categorical_accuracy::in_top_k;
use super::{mean_metric, metric_options};

metric_options! {
    /// How often the class of one-hot targets is among the `k` largest of predictions
    /// `(…, classes)`.
    ///
    /// Source: <https://keras.io/api/metrics/accuracy_metrics/>.
    TopKCategoricalAccuracy = "top_k_categorical_accuracy" {
        /// How many classes may be named.
        k: usize = 5,
    }
}

mean_metric!(TopKCategoricalAccuracy, |metric, y_true: &Tensor, y_pred| {
    in_top_k(&y_true.arg_max(-1), y_pred, metric.k).into()
});
