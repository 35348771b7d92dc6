//! `CategoricalAccuracy`: how often the likeliest class is that of the one-hot target.

use ibex_graph::{DType, Tensor};

use super::{mean_metric, metric_options};

metric_options! {
    /// How often predictions `(…, classes)` are largest where one-hot targets are.
    ///
    /// Source: <https://keras.io/api/metrics/accuracy_metrics/>.
    CategoricalAccuracy = "categorical_accuracy" {}
}

mean_metric!(CategoricalAccuracy, |_, y_true: &Tensor, y_pred| {
    y_true.arg_max(-1).equal(&y_pred.arg_max(-1)).cast(DType::F32).into()
});
