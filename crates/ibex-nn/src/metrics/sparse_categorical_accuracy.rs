//! `SparseCategoricalAccuracy`: how often the likeliest class is the target.

use ibex_graph::{DType, Tensor};

use super::{mean_metric, metric_options};

metric_options! {
    /// How often predictions `(…, classes)` are largest at the target, a class index.
    ///
    /// Targets have the shape `(…)` or `(…, 1)`.
    ///
    /// Source: <https://keras.io/api/metrics/accuracy_metrics/>.
    SparseCategoricalAccuracy = "sparse_categorical_accuracy" {}
}

mean_metric!(SparseCategoricalAccuracy, |_, y_true: &Tensor, y_pred| {
    let labels = match y_true.rank() == y_pred.rank() && y_true.dim(-1) == 1 {
        true => y_true.squeeze(-1),
        false => y_true.clone(),
    };
    let best = y_pred.arg_max(-1).cast(DType::F32);
    let matches = labels.cast(DType::F32).equal(&best).cast(DType::F32);
    match matches.rank() > 1 && matches.dim(-1) == 1 {
        true => matches.squeeze(-1).into(),
        false => matches.into(),
    }
});
