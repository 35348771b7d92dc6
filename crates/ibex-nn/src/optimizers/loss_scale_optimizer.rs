//! `LossScaleOptimizer`: another optimizer, with a loss scale that follows the gradients.
//!
//! The scale keeps small gradients of `float16` from vanishing; a step whose gradients are not
//! finite is skipped.

use ibex_graph::{Array, DType, Tensor, Variable};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Optimizer, OptimizerRule, Options, Parameter, SGD, Slot, Step, Updated};
use crate::trace::Trace;

/// An optimizer whose loss is scaled, as far up as gradients stay finite.
///
/// The scale is halved, and the step skipped, when a gradient is not finite; it is doubled after
/// `dynamic_growth_steps` finite steps.
/// A `loss_scale_factor` of the inner optimizer is not used.
///
/// ```
/// use ibex_nn::optimizers::{Adam, LossScaleOptimizer, Optimizer};
/// let optimizer = Optimizer::from(LossScaleOptimizer::new(Adam::new(0.01)).initial_scale(1024.0));
/// assert_eq!(optimizer.config()["inner_optimizer"]["class_name"], "Adam");
/// ```
/// Source: <https://keras.io/api/optimizers/loss_scale_optimizer/>.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct LossScaleOptimizer {
    /// The name in files.
    pub name: String,
    /// The optimizer that changes the weights.
    pub inner_optimizer: Optimizer,
    /// The scale at the start.
    pub initial_scale: f64,
    /// After how many finite steps the scale is doubled.
    pub dynamic_growth_steps: u64,
}

impl Default for LossScaleOptimizer {
    fn default() -> LossScaleOptimizer {
        LossScaleOptimizer::new(SGD::default())
    }
}

impl LossScaleOptimizer {
    /// An optimizer with a loss scale that starts at 32768.
    pub fn new(inner_optimizer: impl Into<Optimizer>) -> LossScaleOptimizer {
        LossScaleOptimizer {
            name: "loss_scale_optimizer".to_string(),
            inner_optimizer: inner_optimizer.into(),
            initial_scale: 32768.0,
            dynamic_growth_steps: 2000,
        }
    }

    /// The name in files.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The scale at the start.
    pub fn initial_scale(mut self, scale: f64) -> Self {
        self.initial_scale = scale;
        self
    }

    /// After how many finite steps the scale is doubled.
    pub fn dynamic_growth_steps(mut self, steps: u64) -> Self {
        self.dynamic_growth_steps = steps;
        self
    }

    /// The serialized object with this inner optimizer.
    pub(super) fn with_inner(&self, mut inner: Value) -> Value {
        // Keras takes it from the inner optimizer: gradients would be scaled twice.
        inner["config"]["loss_scale_factor"] = Value::Null;
        json!({
            "name": self.name,
            "inner_optimizer": inner,
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        })
    }
}

impl OptimizerRule for LossScaleOptimizer {
    fn class_name(&self) -> &'static str {
        "LossScaleOptimizer"
    }

    fn config(&self) -> Value {
        self.with_inner(self.inner_optimizer.to_value())
    }

    fn options(&self) -> &Options {
        self.inner_optimizer.options()
    }

    fn slots(&self, parameter: Parameter<'_>) -> Vec<Vec<Slot>> {
        self.inner_optimizer.slots(parameter)
    }

    fn update(&self, step: &Step<'_>) -> Updated {
        self.inner_optimizer.update(step)
    }

    fn check(&self) -> Result<(), crate::ConfigError> {
        Optimizer::check(&self.inner_optimizer)
    }

    fn loss_scale(&self) -> Option<&LossScaleOptimizer> {
        Some(self)
    }
}

/// The variables of a loss scale.
#[derive(Debug)]
pub(super) struct LossScale {
    pub(super) optimizer: LossScaleOptimizer,
    /// Keras keeps two variables of every optimizer, which this one does not use.
    unused: [Variable; 2],
    finite_steps: Variable,
    scale: Variable,
}

impl LossScale {
    pub(super) fn new(optimizer: &LossScaleOptimizer) -> LossScale {
        let name = |part: &str| format!("{}/{part}", optimizer.name);
        let count = || Array::zeros(DType::I32, ());
        LossScale {
            unused: [
                Variable::new(name("iteration"), count()),
                Variable::new(name("learning_rate"), Array::scalar(0f32)),
            ],
            finite_steps: Variable::new(name("step_counter"), count()),
            scale: Variable::new(
                name("dynamic_scale"),
                Array::scalar(optimizer.initial_scale as f32),
            ),
            optimizer: optimizer.clone(),
        }
    }

    /// The variables, in Keras's order.
    pub(super) fn variables(&self) -> Vec<Variable> {
        let [iteration, rate] = self.unused.clone();
        vec![iteration, rate, self.finite_steps.clone(), self.scale.clone()]
    }

    /// The scale at this point.
    pub(super) fn value(&self, trace: &mut Trace) -> Tensor {
        trace.read(&self.scale)
    }

    /// Changes the scale after a step whose gradients were or were not `finite`.
    pub(super) fn follow(&self, trace: &mut Trace, finite: &Tensor) {
        let (scale, steps) = (trace.read(&self.scale), trace.read(&self.finite_steps));
        let count = |n: u64| Tensor::scalar(DType::I32, n as f64);
        let growth = self.optimizer.dynamic_growth_steps.saturating_sub(1);
        let grows = finite.logical_and(&steps.equal(&count(growth)));
        let counted = finite.logical_and(&grows.logical_not());
        trace.assign(&self.finite_steps, counted.select(&(&steps + count(1)), &count(0)));
        let grown = grows.select(&(&scale * 2.0), &scale);
        trace.assign(&self.scale, finite.select(&grown, &(&scale * 0.5)));
    }
}
