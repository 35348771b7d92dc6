//! Metrics, one file each, one row each in the table.
//!
//! A metric has states (variables) that a step's graph updates and a result that the host
//! computes from them; states are reset at the start of each epoch.

use std::fmt;

use ibex_graph::{Array, Tensor, Type};
use serde_json::Value;

use crate::keras_family;
use crate::object::ConfigError;
use crate::partial::PartialType;

mod choice;

pub use choice::MetricChoice;

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

    /// The new values of the states after one batch.
    ///
    /// `weight` has the shape of the samples, or one that broadcasts to the values' shape.
    fn update(
        &self,
        states: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor>;

    /// The result from the values of the states; 0 before the first batch, as in Keras.
    fn result(&self, states: &[Array]) -> f64;
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
    pub fn zeros(name: &str, shape: impl Into<ibex_graph::Shape>) -> State {
        let ty = Type::new(ibex_graph::DType::F32, shape);
        State { name: name.to_string(), ty, initial: 0.0 }
    }
}

keras_family! {
    /// A metric: a number that judges a model and that training does not follow.
    Metric(dyn MetricFunction), "keras.metrics", "metric", {
    }
}

/// The metric that a name means for targets and predictions of these types.
///
/// # Errors
/// If there is none of that name; the nearest is suggested.
pub fn resolve(
    name: &str,
    y_true: &PartialType,
    y_pred: &PartialType,
) -> Result<Metric, ConfigError> {
    let _ = (y_true, y_pred);
    name.parse()
}
