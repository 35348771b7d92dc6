//! Optimizers, one file each, one row each in the table.
//!
//! An optimizer describes how one variable and its slots change; [`OptimizerState`] holds the
//! variables and applies what all optimizers share, in Keras's order: loss scale, accumulation,
//! clipping, weight decay, update, moving averages, constraints.

use std::fmt;

use ibex_graph::{Shape, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::keras_family;
use crate::schedules::LearningRate;

mod sgd;
mod state;

pub use sgd::SGD;
pub use state::OptimizerState;

/// How an optimizer behaves.
pub trait OptimizerRule: fmt::Debug + Send + Sync {
    /// The name in files, such as `Adam`.
    fn class_name(&self) -> &'static str;

    /// The configuration.
    fn config(&self) -> Value;

    /// The options that every optimizer has.
    fn options(&self) -> &Options;

    /// The slots that each variable needs, in Keras's order of creation.
    fn slots(&self) -> Vec<Slot>;

    /// The new values of a variable and its slots.
    fn update(&self, step: &Step<'_>) -> Updated;
}

keras_family! {
    /// An optimizer: how gradients change weights.
    Optimizer(dyn OptimizerRule), "keras.optimizers", "optimizer", {
        SGD: ["sgd"],
    }
}

/// One slot that each variable has.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The name, such as `momentum`.
    pub name: &'static str,
    /// The value at the start.
    pub initial: f64,
    /// Its shape from that of the variable: the same, for most.
    pub shape: fn(&Shape) -> Shape,
}

impl Slot {
    /// A slot of the variable's shape that starts at zero.
    pub fn zeros(name: &'static str) -> Slot {
        Slot { name, initial: 0.0, shape: Shape::clone }
    }
}

/// What an update sees of one variable.
#[derive(Debug)]
pub struct Step<'a> {
    /// The variable's value.
    pub variable: &'a Tensor,
    /// Its gradient, clipped.
    pub gradient: &'a Tensor,
    /// Its slots.
    pub slots: &'a [Tensor],
    /// The learning rate, a scalar of the variable's dtype.
    pub learning_rate: &'a Tensor,
    /// The number of updates before this one, as a scalar of the variable's dtype.
    pub iterations: &'a Tensor,
}

/// What an update gives.
#[derive(Debug)]
pub struct Updated {
    /// The variable's new value.
    pub variable: Tensor,
    /// The new values of its slots.
    pub slots: Vec<Tensor>,
}

/// The options that every optimizer has, under Keras's names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The name in logs and files.
    pub name: String,
    /// The learning rate.
    pub learning_rate: LearningRate,
    /// Decoupled weight decay.
    pub weight_decay: Option<f64>,
    /// Bound of each gradient's norm.
    pub clipnorm: Option<f64>,
    /// Bound of the norm of all gradients together.
    pub global_clipnorm: Option<f64>,
    /// Bound of each gradient's elements.
    pub clipvalue: Option<f64>,
    /// Whether moving averages of the weights are kept.
    pub use_ema: bool,
    /// Their momentum.
    pub ema_momentum: f64,
    /// After how many steps they replace the weights; `None`: only at the end of training.
    pub ema_overwrite_frequency: Option<u64>,
    /// Factor by which the loss is scaled and the gradients are divided.
    pub loss_scale_factor: Option<f64>,
    /// Number of batches whose gradients make one update.
    pub gradient_accumulation_steps: Option<u64>,
}

impl Options {
    /// The options with Keras's defaults, under a name and a learning rate.
    pub fn named(name: &str, learning_rate: f64) -> Options {
        let learning_rate = LearningRate::Constant(learning_rate);
        Options { name: name.to_string(), learning_rate, ..Options::default() }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            name: String::new(),
            learning_rate: LearningRate::Constant(0.001),
            weight_decay: None,
            clipnorm: None,
            global_clipnorm: None,
            clipvalue: None,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: None,
            loss_scale_factor: None,
            gradient_accumulation_steps: None,
        }
    }
}

impl Updated {
    /// No change: for a step whose slots are not those that the rule asked for.
    pub fn nothing(step: &Step<'_>) -> Updated {
        Updated { variable: step.variable.clone(), slots: step.slots.to_vec() }
    }
}
