//! Metrics, one file each, one row each in the table.
//!
//! A metric has states (variables) that a step's graph updates and a result that the host
//! computes from them; states are reset at the start of each epoch.
//! Read in this order: this file, `reduction` and any accuracy, `confusion` and [`Precision`].

use std::fmt;

use ibex_graph::{Array, DType, Shape, Tensor, Type};
use serde_json::{Value, json};

use crate::keras_family;
use crate::losses::shapes::{self, Labels};
use crate::losses::{Reduction, masked_weight};
use crate::object::ConfigError;
use crate::partial::PartialType;

mod accuracy;
mod auc;
mod auc_curve;
mod best_at;
mod binary_accuracy;
mod binary_iou;
mod categorical_accuracy;
mod choice;
mod confusion;
mod confusion_counts;
mod confusion_matrix;
mod correlation;
mod f1_score;
mod f_score;
mod fbeta_score;
mod iou;
mod losses;
mod mean;
mod mean_iou;
mod mean_metric_wrapper;
mod one_hot_iou;
mod one_hot_mean_iou;
mod precision;
mod r2_score;
mod recall;
mod reduction;
mod root_mean_squared_error;
mod sparse_categorical_accuracy;
mod sparse_top_k_categorical_accuracy;
mod sum;
mod thresholds;
mod top_k_categorical_accuracy;

pub use accuracy::Accuracy;
pub use auc::{AUC, LabelWeights};
pub use auc_curve::{AUCCurve, AUCSummationMethod};
pub use best_at::{
    PrecisionAtRecall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity,
};
pub use binary_accuracy::BinaryAccuracy;
pub use binary_iou::BinaryIoU;
pub use categorical_accuracy::CategoricalAccuracy;
pub use choice::MetricChoice;
pub use confusion_counts::{FalseNegatives, FalsePositives, TrueNegatives, TruePositives};
pub use correlation::{ConcordanceCorrelation, PearsonCorrelation};
pub use f_score::Average;
pub use f1_score::F1Score;
pub use fbeta_score::FBetaScore;
pub use iou::IoU;
pub use losses::{
    BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, CosineSimilarity, Hinge,
    KLDivergence, LogCoshError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, Poisson, SparseCategoricalCrossentropy, SquaredHinge,
};
pub use mean::Mean;
pub use mean_iou::MeanIoU;
pub use mean_metric_wrapper::MeanMetricWrapper;
pub use one_hot_iou::OneHotIoU;
pub use one_hot_mean_iou::OneHotMeanIoU;
pub use precision::Precision;
pub use r2_score::{ClassAggregation, R2Score};
pub use recall::Recall;
pub use root_mean_squared_error::RootMeanSquaredError;
pub use sparse_categorical_accuracy::SparseCategoricalAccuracy;
pub use sparse_top_k_categorical_accuracy::SparseTopKCategoricalAccuracy;
pub use sum::Sum;
pub use thresholds::Thresholds;
pub use top_k_categorical_accuracy::TopKCategoricalAccuracy;

/// How a metric behaves.
pub trait MetricFunction: fmt::Debug + Send + Sync {
    /// The name in files, such as `CategoricalAccuracy`.
    fn class_name(&self) -> &'static str;

    /// The configuration.
    fn config(&self) -> Value;

    /// The name in logs.
    fn name(&self) -> String;

    /// The states for targets and predictions of these types.
    ///
    /// # Errors
    /// If the metric does not apply to them.
    fn states(&self, y_true: &PartialType, y_pred: &PartialType)
    -> Result<Vec<State>, ConfigError>;

    /// The new values of the states after one batch; targets and predictions have any dtype.
    ///
    /// `weight` has the shape of the samples, or one that broadcasts to the values' shape.
    fn update(
        &self,
        states: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor>;

    /// Whether the predictions' mask acts as a weight, as it does for means of samples.
    fn uses_mask(&self) -> bool {
        false
    }

    /// The result from the values of the states; 0 before the first batch, as in Keras.
    ///
    /// Of a metric with several results (one for each threshold) this is their mean.
    fn result(&self, states: &[Array]) -> f64;

    /// All results: one for each threshold, one alone for most metrics.
    fn results(&self, states: &[Array]) -> Vec<f64> {
        vec![self.result(states)]
    }
}

/// One variable of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The name inside the metric, such as `total`.
    pub name: String,
    /// Dtype and shape.
    pub ty: Type,
    /// The value after a reset.
    pub initial: f64,
}

impl State {
    /// A `float32` state that starts at zero.
    pub fn zeros(name: &str, shape: impl Into<Shape>) -> State {
        let ty = Type::new(DType::F32, shape);
        State { name: name.to_string(), ty, initial: 0.0 }
    }
}

keras_family! {
    /// A metric: a number that judges a model and that training does not follow.
    Metric(dyn MetricFunction), "keras.metrics", "metric", {
        AUC: ["auc"],
        Accuracy: ["accuracy"],
        BinaryAccuracy: ["binary_accuracy"],
        BinaryCrossentropy: ["binary_crossentropy", "bce", "BCE"],
        BinaryIoU: ["binary_io_u"],
        CategoricalAccuracy: ["categorical_accuracy"],
        CategoricalCrossentropy: ["categorical_crossentropy"],
        CategoricalHinge: ["categorical_hinge"],
        ConcordanceCorrelation: ["concordance_correlation"],
        CosineSimilarity: ["cosine_similarity"],
        F1Score: ["f1_score"],
        FBetaScore: ["f_beta_score"],
        FalseNegatives: ["false_negatives"],
        FalsePositives: ["false_positives"],
        Hinge: ["hinge"],
        IoU: ["io_u"],
        KLDivergence: ["kl_divergence"],
        LogCoshError: ["log_cosh_error"],
        Mean: ["mean"],
        MeanAbsoluteError: ["mean_absolute_error", "mae", "MAE"],
        MeanAbsolutePercentageError: ["mean_absolute_percentage_error", "mape", "MAPE"],
        MeanIoU: ["mean_io_u"],
        MeanMetricWrapper: ["mean_metric_wrapper"],
        MeanSquaredError: ["mean_squared_error", "mse", "MSE"],
        MeanSquaredLogarithmicError: ["mean_squared_logarithmic_error", "msle", "MSLE"],
        OneHotIoU: ["one_hot_io_u"],
        OneHotMeanIoU: ["one_hot_mean_io_u"],
        PearsonCorrelation: ["pearson_correlation"],
        Poisson: ["poisson"],
        Precision: ["precision"],
        PrecisionAtRecall: ["precision_at_recall"],
        R2Score: ["r2_score"],
        Recall: ["recall"],
        RecallAtPrecision: ["recall_at_precision"],
        RootMeanSquaredError: ["root_mean_squared_error"],
        SensitivityAtSpecificity: ["sensitivity_at_specificity"],
        SparseCategoricalAccuracy: ["sparse_categorical_accuracy"],
        SparseCategoricalCrossentropy: ["sparse_categorical_crossentropy"],
        SparseTopKCategoricalAccuracy: ["sparse_top_k_categorical_accuracy"],
        SpecificityAtSensitivity: ["specificity_at_sensitivity"],
        SquaredHinge: ["squared_hinge"],
        Sum: ["sum"],
        TopKCategoricalAccuracy: ["top_k_categorical_accuracy"],
        TrueNegatives: ["true_negatives"],
        TruePositives: ["true_positives"],
    }
}

impl Metric {
    /// The new values of the states after one batch, with the mask of the predictions.
    ///
    /// Whether the mask counts is the metric's to say, as in Keras.
    pub fn update_masked(
        &self,
        states: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
        mask: Option<&Tensor>,
    ) -> Vec<Tensor> {
        let mask = mask.filter(|_| self.uses_mask());
        let weight = masked_weight(weight, mask, DType::F32, Reduction::Sum);
        self.update(states, y_true, y_pred, weight.as_ref())
    }
}

/// The metric that a name means for targets and predictions of these types.
///
/// `accuracy` and `acc` mean the binary, sparse or categorical accuracy, `crossentropy` and `ce`
/// likewise; every other name means one metric.
/// The metric has the given name in logs, as in Keras.
///
/// # Errors
/// If there is none of that name; the nearest is suggested.
pub fn resolve(
    name: &str,
    y_true: &PartialType,
    y_pred: &PartialType,
) -> Result<Metric, ConfigError> {
    let kind = shapes::labels(y_true, y_pred);
    let class = match (name.to_lowercase().as_str(), kind) {
        ("accuracy" | "acc", Labels::Binary) => "BinaryAccuracy",
        ("accuracy" | "acc", Labels::Sparse) => "SparseCategoricalAccuracy",
        ("accuracy" | "acc", Labels::OneHot) => "CategoricalAccuracy",
        ("crossentropy" | "ce", Labels::Binary) => "BinaryCrossentropy",
        ("crossentropy" | "ce", Labels::Sparse) => "SparseCategoricalCrossentropy",
        ("crossentropy" | "ce", Labels::OneHot) => "CategoricalCrossentropy",
        _ => name,
    };
    Metric::from_value(&json!({ "class_name": class, "config": { "name": name } }))
}

/// Defines the struct of a metric: its name in logs and its dtype, then its own options.
macro_rules! metric_options {
    ($(#[$doc:meta])* $member:ident = $name:literal { $($fields:tt)* }) => {
        $crate::keras_options! {
            $(#[$doc])*
            $member {
                /// The name in logs.
                name: String = $name.to_string(),
                /// The dtype that files name; states are always `float32`.
                dtype: String = "float32".to_string(),
                $($fields)*
            }
        }

        impl $member {
            /// The metric with Keras's defaults.
            pub fn new() -> $member {
                $member::default()
            }
        }
    };
}

/// Implements what a metric made by `metric_options!` shares with all others.
///
/// The keys in brackets are written to files only when they differ from their default.
macro_rules! metric_object {
    ($member:ident $(, [$($unwritten:literal),*])?) => {
        fn class_name(&self) -> &'static str {
            stringify!($member)
        }

        fn config(&self) -> ::serde_json::Value {
            $crate::options::config_without(self, &[$($($unwritten),*)?])
        }

        fn name(&self) -> String {
            self.name.clone()
        }
    };
}

/// Implements a metric that is the weighted mean of a value for each sample.
///
/// The key in brackets is written to files only when it differs from its default.
macro_rules! mean_metric {
    ($member:ident $([$unwritten:literal])?, $values:expr) => {
        impl $crate::metrics::MetricFunction for $member {
            $crate::metrics::metric_object!($member $(, [$unwritten])?);

            fn states(
                &self,
                _: &$crate::PartialType,
                _: &$crate::PartialType,
            ) -> Result<Vec<$crate::metrics::State>, $crate::ConfigError> {
                Ok($crate::metrics::reduction::mean_states())
            }

            fn update(
                &self,
                states: &[::ibex_graph::Tensor],
                y_true: &::ibex_graph::Tensor,
                y_pred: &::ibex_graph::Tensor,
                weight: Option<&::ibex_graph::Tensor>,
            ) -> Vec<::ibex_graph::Tensor> {
                let values: fn(
                    &$member,
                    &::ibex_graph::Tensor,
                    &::ibex_graph::Tensor,
                ) -> $crate::metrics::reduction::Values = $values;
                $crate::metrics::reduction::mean_update(
                    states,
                    values(self, y_true, y_pred),
                    weight,
                )
            }

            fn uses_mask(&self) -> bool {
                true
            }

            fn result(&self, states: &[::ibex_graph::Array]) -> f64 {
                $crate::metrics::reduction::mean_result(states)
            }
        }
    };
}

use {mean_metric, metric_object, metric_options};
