//! `SparseTopKCategoricalAccuracy`: how often the target is among the `k` likeliest classes.

use ibex_graph::{DType, Tensor};

use super::{mean_metric, metric_options};

metric_options! {
    /// How often the target, a class index, is among the `k` largest of predictions
    /// `(…, classes)`.
    ///
    /// Source: <https://keras.io/api/metrics/accuracy_metrics/>.
    SparseTopKCategoricalAccuracy = "sparse_top_k_categorical_accuracy" {
        /// How many classes may be named.
        k: usize = 5,
    }
}

mean_metric!(SparseTopKCategoricalAccuracy, |metric, y_true: &Tensor, y_pred| {
    let labels = match y_true.rank() == y_pred.rank() && y_true.dim(-1) == 1 {
        true => y_true.squeeze(-1),
        false => y_true.clone(),
    };
    in_top_k(&labels, y_pred, metric.k).into()
});

/// Whether fewer than `k` predictions are above that of the label, as 0 and 1.
///
/// Labels that tie with the last of the `k` count.
pub(super) fn in_top_k(labels: &Tensor, y_pred: &Tensor, k: usize) -> Tensor {
    let index = labels.cast(DType::I32).expand_dims(-1);
    let chosen = y_pred.take_along_axis(&index, -1);
    let Some(last) = y_pred.shape().axis(-1) else { return y_pred.bad_axis("top_k", -1) };
    let above = y_pred.greater(&chosen).cast(DType::F32).sum(&[last], false);
    above.less(&Tensor::scalar(DType::F32, k as f64)).cast(DType::F32)
}
