//! Losses as metrics: the mean of a loss over the samples; they differ only in the loss, so they
//! are rows of one table.

use ibex_graph::{DType, Tensor};

use super::reduction::Values;
use super::{mean_metric, metric_options};
use crate::losses::{self, LossFunction, shapes};

/// The values of a loss, before any reduction.
pub(super) fn values_of(loss: &dyn LossFunction, y_true: &Tensor, y_pred: &Tensor) -> Values {
    let y_pred = y_pred.cast(DType::F32);
    let y_true = y_true.cast(if loss.takes_integers() { DType::I32 } else { DType::F32 });
    let (y_true, y_pred) = shapes::same_rank(&y_true, &y_pred, true);
    Values { values: loss.call(&y_true, &y_pred), valid: loss.valid(&y_true, &y_pred) }
}

macro_rules! loss_metrics {
    ($($(#[$doc:meta])* $member:ident = $name:literal { $($fields:tt)* }, $loss:expr;)*) => {$(
        metric_options! {
            $(#[$doc])*
            ///
            /// The loss of the same formula is in [`crate::losses`].
            $member = $name { $($fields)* }
        }

        mean_metric!($member, |metric, y_true: &Tensor, y_pred| {
            let loss: fn(&$member) -> Box<dyn LossFunction> = $loss;
            values_of(&*loss(metric), y_true, y_pred)
        });
    )*};
}

loss_metrics! {
    /// The mean of squared errors.
    MeanSquaredError = "mean_squared_error" {}, |_| Box::new(losses::MeanSquaredError::new());
    /// The mean of absolute errors.
    MeanAbsoluteError = "mean_absolute_error" {}, |_| Box::new(losses::MeanAbsoluteError::new());
    /// The mean of absolute errors in percent of the targets.
    MeanAbsolutePercentageError = "mean_absolute_percentage_error" {},
        |_| Box::new(losses::MeanAbsolutePercentageError::new());
    /// The mean of squared differences of logarithms.
    MeanSquaredLogarithmicError = "mean_squared_logarithmic_error" {},
        |_| Box::new(losses::MeanSquaredLogarithmicError::new());
    /// The mean of `log(cosh(error))`.
    LogCoshError = "logcosh" {}, |_| Box::new(losses::LogCosh::new());
    /// The mean of hinge losses.
    Hinge = "hinge" {}, |_| Box::new(losses::Hinge::new());
    /// The mean of squared hinge losses.
    SquaredHinge = "squared_hinge" {}, |_| Box::new(losses::SquaredHinge::new());
    /// The mean of categorical hinge losses.
    CategoricalHinge = "categorical_hinge" {}, |_| Box::new(losses::CategoricalHinge::new());
    /// The mean of Kullback-Leibler divergences.
    KLDivergence = "kl_divergence" {}, |_| Box::new(losses::KLDivergence::new());
    /// The mean of Poisson losses.
    Poisson = "poisson" {}, |_| Box::new(losses::Poisson::new());
    /// The mean of binary cross-entropies.
    BinaryCrossentropy = "binary_crossentropy" {
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool = false,
        /// How far targets are moved toward one half.
        label_smoothing: f64 = 0.0,
    }, |metric| Box::new(
        losses::BinaryCrossentropy::new()
            .from_logits(metric.from_logits)
            .label_smoothing(metric.label_smoothing),
    );
    /// The mean of cross-entropies against one-hot targets.
    CategoricalCrossentropy = "categorical_crossentropy" {
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool = false,
        /// How far targets are moved toward the uniform distribution.
        label_smoothing: f64 = 0.0,
        /// The axis of the classes.
        axis: isize = -1,
    }, |metric| Box::new(
        losses::CategoricalCrossentropy::new()
            .from_logits(metric.from_logits)
            .label_smoothing(metric.label_smoothing)
            .axis(metric.axis),
    );
    /// The mean of cross-entropies against class indices.
    SparseCategoricalCrossentropy = "sparse_categorical_crossentropy" {
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool = false,
        /// The target whose samples do not count.
        ignore_class: Option<i64> = None,
        /// The axis of the classes.
        axis: isize = -1,
    }, |metric| {
        let loss = losses::SparseCategoricalCrossentropy::new();
        Box::new(losses::SparseCategoricalCrossentropy {
            from_logits: metric.from_logits,
            ignore_class: metric.ignore_class,
            axis: metric.axis,
            ..loss
        })
    };
}

metric_options! {
    /// The mean cosine of the angle between targets and predictions: 1 for equal directions.
    ///
    /// Keras does not write `axis` to files; Ibex writes it if it is not -1, and Keras reads it.
    ///
    /// Source: <https://keras.io/api/metrics/regression_metrics/>.
    CosineSimilarity = "cosine_similarity" {
        /// The axis along which the vectors lie.
        axis: isize = -1,
    }
}

mean_metric!(CosineSimilarity["axis"], |metric, y_true: &Tensor, y_pred| {
    // The loss is minus the cosine.
    let loss = losses::CosineSimilarity::new().axis(metric.axis);
    let values = values_of(&loss, y_true, y_pred);
    Values::from(-values.values)
});
