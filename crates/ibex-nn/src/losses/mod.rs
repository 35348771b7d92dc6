//! Losses, one file each, one row each in the table.
//!
//! A loss gives one value for each sample (and time step, …); [`Loss::value`] weights and reduces
//! them as Keras does.
//! Read in this order: this file, `reduction`, `shapes`, then any loss.

use std::fmt;

use ibex_graph::{Array, Tensor};
use serde_json::Value;

use crate::keras_family;
use crate::object::ConfigError;
use crate::partial::PartialType;

mod binary_crossentropy;
mod binary_focal_crossentropy;
mod categorical_crossentropy;
mod categorical_focal_crossentropy;
mod categorical_generalized_cross_entropy;
mod categorical_hinge;
mod choice;
mod circle;
mod cosine_similarity;
pub(crate) mod ctc;
mod dice;
mod hinge;
mod huber;
mod kl_divergence;
mod log_cosh;
mod mean_absolute_error;
mod mean_absolute_percentage_error;
mod mean_squared_error;
mod mean_squared_logarithmic_error;
mod poisson;
mod reduction;
pub(crate) mod shapes;
mod sparse_categorical_crossentropy;
mod squared_hinge;
mod tversky;

pub use binary_crossentropy::BinaryCrossentropy;
pub use binary_focal_crossentropy::BinaryFocalCrossentropy;
pub use categorical_crossentropy::CategoricalCrossentropy;
pub use categorical_focal_crossentropy::CategoricalFocalCrossentropy;
pub use categorical_generalized_cross_entropy::CategoricalGeneralizedCrossEntropy;
pub use categorical_hinge::CategoricalHinge;
pub use choice::LossChoice;
pub use circle::Circle;
pub use cosine_similarity::CosineSimilarity;
pub use ctc::CTC;
pub use dice::Dice;
pub use hinge::Hinge;
pub use huber::Huber;
pub use kl_divergence::KLDivergence;
pub use log_cosh::LogCosh;
pub use mean_absolute_error::MeanAbsoluteError;
pub use mean_absolute_percentage_error::MeanAbsolutePercentageError;
pub use mean_squared_error::MeanSquaredError;
pub use mean_squared_logarithmic_error::MeanSquaredLogarithmicError;
pub use poisson::Poisson;
pub use reduction::Reduction;
pub(crate) use reduction::masked_weight;
pub use sparse_categorical_crossentropy::SparseCategoricalCrossentropy;
pub use squared_hinge::SquaredHinge;
pub use tversky::Tversky;

/// Keras's guard against division by zero and `log(0)`.
pub(crate) const EPSILON: f64 = 1e-7;

/// How a loss behaves.
pub trait LossFunction: fmt::Debug + Send + Sync {
    /// The name in files, such as `MeanSquaredError`.
    fn class_name(&self) -> &'static str;

    /// The configuration.
    fn config(&self) -> Value;

    /// The name in logs.
    fn name(&self) -> String;

    /// How the values are reduced to a scalar.
    fn reduction(&self) -> Reduction;

    /// The loss of each sample, before weights and reduction.
    ///
    /// `y_true` comes with the dtype of `y_pred`, or as `int32` if
    /// [`LossFunction::takes_integers`]; both come with the same number of axes if they differ by
    /// a last axis of extent 1.
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor;

    /// Which of the values count (`bool`), if not all do.
    fn valid(&self, y_true: &Tensor, y_pred: &Tensor) -> Option<Tensor> {
        let _ = (y_true, y_pred);
        None
    }

    /// Whether the targets are class indices.
    fn takes_integers(&self) -> bool {
        false
    }

    /// Whether the targets' values make sense, such as class indices in range.
    ///
    /// # Errors
    /// Naming the value and its position.
    fn check_labels(&self, y_true: &Array, y_pred: &PartialType) -> Result<(), ConfigError> {
        let _ = (y_true, y_pred);
        Ok(())
    }

    /// Whether targets of this type fit predictions of that type.
    ///
    /// # Errors
    /// Saying what the loss needs.
    fn check(&self, y_true: &PartialType, y_pred: &PartialType) -> Result<(), ConfigError> {
        shapes::expect_broadcast(&self.name(), y_true, y_pred)
    }
}

keras_family! {
    /// A loss: a number that training makes small.
    Loss(dyn LossFunction), "keras.losses", "loss", {
        BinaryCrossentropy: ["binary_crossentropy", "bce", "BCE"],
        BinaryFocalCrossentropy: ["binary_focal_crossentropy"],
        CTC: ["ctc"],
        CategoricalCrossentropy: ["categorical_crossentropy"],
        CategoricalFocalCrossentropy: ["categorical_focal_crossentropy"],
        CategoricalGeneralizedCrossEntropy: ["categorical_generalized_cross_entropy"],
        CategoricalHinge: ["categorical_hinge"],
        Circle: ["circle"],
        CosineSimilarity: ["cosine_similarity"],
        Dice: ["dice"],
        Hinge: ["hinge"],
        Huber: ["huber"],
        KLDivergence: ["kl_divergence", "kld", "KLD"],
        LogCosh: ["log_cosh"],
        MeanAbsoluteError: ["mean_absolute_error", "mae", "MAE"],
        MeanAbsolutePercentageError: ["mean_absolute_percentage_error", "mape", "MAPE"],
        MeanSquaredError: ["mean_squared_error", "mse", "MSE"],
        MeanSquaredLogarithmicError: ["mean_squared_logarithmic_error", "msle", "MSLE"],
        Poisson: ["poisson"],
        SparseCategoricalCrossentropy: ["sparse_categorical_crossentropy"],
        SquaredHinge: ["squared_hinge"],
        Tversky: ["tversky"],
    }
}

/// The loss that a name means for targets and predictions of these types.
///
/// `crossentropy` and `ce` mean the binary, sparse or categorical one, as in Keras.
///
/// # Errors
/// If there is none of that name; the nearest is suggested.
pub fn resolve(
    name: &str,
    y_true: &PartialType,
    y_pred: &PartialType,
) -> Result<Loss, ConfigError> {
    use shapes::Labels;
    if !matches!(name.to_lowercase().as_str(), "crossentropy" | "ce") {
        return name.parse();
    }
    Ok(match shapes::labels(y_true, y_pred) {
        Labels::Binary => BinaryCrossentropy::new().name(name).into(),
        Labels::Sparse => SparseCategoricalCrossentropy::new().name(name).into(),
        Labels::OneHot => CategoricalCrossentropy::new().name(name).into(),
    })
}

/// Defines the struct of a loss: its name in logs and its reduction, then its own options.
macro_rules! loss_options {
    ($(#[$doc:meta])* $member:ident = $name:literal { $($fields:tt)* }) => {
        $crate::keras_options! {
            $(#[$doc])*
            $member {
                /// The name in logs.
                name: String = $name.to_string(),
                /// How the samples' losses are reduced.
                reduction: Reduction = Reduction::default(),
                $($fields)*
            }
        }

        impl $member {
            /// The loss with Keras's defaults.
            pub fn new() -> $member {
                $member::default()
            }
        }
    };
}

/// Implements what a loss made by `loss_options!` shares with all others.
///
/// The keys in brackets are written to files only when they differ from their default.
macro_rules! loss_object {
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

        fn reduction(&self) -> Reduction {
            self.reduction
        }
    };
}

pub(crate) use {loss_object, loss_options};

/// The mean over the last axis, or of a scalar itself.
fn mean_last(values: &Tensor) -> Tensor {
    match values.rank().checked_sub(1) {
        Some(last) => values.mean(&[last], false),
        None => values.clone(),
    }
}

/// The sum over `axis`, which is removed.
fn sum_along(values: &Tensor, axis: isize) -> Tensor {
    match values.shape().axis(axis) {
        Some(axis) => values.sum(&[axis], false),
        None => values.bad_axis("sum", axis),
    }
}

/// Probabilities that sum to 1 along `axis`, kept away from 0 and 1 so that their logarithm is
/// finite.
fn clipped_distribution(y_pred: &Tensor, axis: isize) -> Tensor {
    match y_pred.shape().axis(axis) {
        Some(axis) => (y_pred / y_pred.sum(&[axis], true)).clip(EPSILON, 1.0 - EPSILON),
        None => y_pred.bad_axis("sum", axis),
    }
}

/// One-hot targets moved toward the uniform distribution by `amount`.
fn smoothed(y_true: &Tensor, amount: f64) -> Tensor {
    match amount {
        0.0 => y_true.clone(),
        _ => y_true * (1.0 - amount) + amount / y_true.dim(-1).max(1) as f64,
    }
}
