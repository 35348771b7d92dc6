//! Losses and metrics from plain functions, and functions with a derivative of one's own.
//!
//! Members of the catalogue live in `ibex_nn`; these adapters are for programs.

use std::fmt;
use std::sync::Arc;

use ibex_graph::{Array, Tensor};
use ibex_nn::losses::{Loss, LossFunction, Reduction};
use ibex_nn::metrics::{Metric, MetricFunction, State};
use ibex_nn::{ConfigError, PartialType};
use serde_json::{Value, json};

/// A function of targets and predictions that gives one value for each sample.
type PerSample = Arc<dyn Fn(&Tensor, &Tensor) -> Tensor + Send + Sync>;

/// A named function as loss or metric.
struct Named {
    name: &'static str,
    function: PerSample,
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A loss from a function of `(y_true, y_pred)` that gives one value for each sample.
///
/// Weights and reduction are those of every loss: the mean over the batch.
/// A saved model names it `name`; to load it, register a loss under that name.
pub fn custom_loss(
    name: &'static str,
    function: impl Fn(&Tensor, &Tensor) -> Tensor + Send + Sync + 'static,
) -> Loss {
    Loss::custom(Named { name, function: Arc::new(function) })
}

/// A metric from a function of `(y_true, y_pred)` that gives one value for each sample: their
/// mean over the epoch.
pub fn custom_metric(
    name: &'static str,
    function: impl Fn(&Tensor, &Tensor) -> Tensor + Send + Sync + 'static,
) -> Metric {
    Metric::custom(Named { name, function: Arc::new(function) })
}

impl LossFunction for Named {
    fn class_name(&self) -> &'static str {
        self.name
    }

    fn config(&self) -> Value {
        json!({"name": self.name})
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn reduction(&self) -> Reduction {
        Reduction::SumOverBatchSize
    }

    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Tensor {
        (self.function)(y_true, y_pred)
    }
}

impl MetricFunction for Named {
    fn class_name(&self) -> &'static str {
        self.name
    }

    fn config(&self) -> Value {
        json!({"name": self.name})
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn states(&self, _: &PartialType, _: &PartialType) -> Result<Vec<State>, ConfigError> {
        Ok(vec![State::zeros("total", ()), State::zeros("count", ())])
    }

    fn update(
        &self,
        states: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor> {
        let values = (self.function)(&y_true.cast(y_pred.dtype()), y_pred);
        let weight = match weight {
            Some(weight) => weight.cast(values.dtype()).broadcast_to(values.shape()),
            None => values.ones_like(),
        };
        let total = &states[0] + (&values * &weight).sum_all().cast(states[0].dtype());
        let count = &states[1] + weight.sum_all().cast(states[1].dtype());
        vec![total, count]
    }

    fn result(&self, states: &[Array]) -> f64 {
        let number = |i: usize| states.get(i).and_then(|a| a.to_f64_vec().first().copied());
        match (number(0), number(1)) {
            (Some(total), Some(count)) if count != 0.0 => total / count,
            _ => 0.0,
        }
    }
}

/// An elementwise function of `x` with a derivative of one's own: the value is `value`, and
/// gradients flow to `x` through `derivative` alone.
///
/// Both are computed from `x` as any other tensor; [`check_gradients`](ibex_graph::check_gradients)
/// says whether they belong together.
#[track_caller]
pub fn with_derivative(x: &Tensor, value: &Tensor, derivative: &Tensor) -> Tensor {
    // The second term is 0 and has the slope of the derivative.
    value.stop_gradient() + (x - x.stop_gradient()) * derivative.stop_gradient()
}
