//! Optimizers, one file each, one row each in the table.
//!
//! An optimizer describes how one variable and its slots change; [`OptimizerState`] holds the
//! variables and applies what all optimizers share, in Keras's order: loss scale, accumulation,
//! clipping, weight decay, update, moving averages, constraints.
//! Read in this order: this file, `options`, [`SGD`], `state`, then any optimizer.

use std::fmt;

use ibex_graph::{DType, Shape, Tensor};
use serde_json::Value;

use crate::keras_family;
use crate::object::ConfigError;

mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod clipping;
mod ftrl;
mod lamb;
mod lion;
mod loss_scale_optimizer;
mod muon;
mod nadam;
mod options;
mod rmsprop;
mod schedule_free_adamw;
mod sgd;
mod state;

pub use adadelta::Adadelta;
pub use adafactor::Adafactor;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use ftrl::Ftrl;
pub use lamb::Lamb;
pub use lion::Lion;
pub use loss_scale_optimizer::LossScaleOptimizer;
pub use muon::Muon;
pub use nadam::Nadam;
pub use options::Options;
pub use rmsprop::RMSprop;
pub use schedule_free_adamw::ScheduleFreeAdamW;
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

    /// The slots that a variable needs, in the groups in which Keras creates them.
    ///
    /// Keras makes a group for one variable after the other, and then the next group; the number
    /// of groups is the same for all variables.
    fn slots(&self, parameter: Parameter<'_>) -> Vec<Vec<Slot>>;

    /// The new values of a variable and its slots.
    fn update(&self, step: &Step<'_>) -> Updated;

    /// The scalars that all variables share; they are saved after the slots.
    fn shared(&self) -> Vec<Slot> {
        Vec::new()
    }

    /// The shared scalars at update `number`, counted from 1, before any variable is updated.
    fn update_shared(&self, shared: &[Tensor], number: &Tensor) -> Vec<Tensor> {
        let _ = number;
        shared.to_vec()
    }

    /// The weight decay of a variable, unless it is excluded.
    fn weight_decay(&self, parameter: Parameter<'_>) -> Option<f64> {
        let _ = parameter;
        self.options().weight_decay
    }

    /// Whether the rule's own options make sense.
    ///
    /// # Errors
    /// Naming the option that does not.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    /// The loss scale, if the optimizer is one inside a [`LossScaleOptimizer`].
    fn loss_scale(&self) -> Option<&LossScaleOptimizer> {
        None
    }
}

/// The error of an option of an optimizer that is not what `expected` says, unless it `fits`.
fn check_option(
    class: &str,
    option: &str,
    value: f64,
    expected: &str,
    fits: bool,
) -> Result<(), ConfigError> {
    match fits {
        true => Ok(()),
        false => {
            Err(ConfigError::new(format!("`{option}` of the optimizer `{class}` is out of range"))
                .expected(expected)
                .received(format!("{option} = {value}")))
        }
    }
}

/// A variable as an optimizer knows it before there are values.
#[derive(Clone, Copy, Debug)]
pub struct Parameter<'a> {
    /// The path, such as `dense/kernel`.
    pub path: &'a str,
    /// The shape.
    pub shape: &'a Shape,
}

keras_family! {
    /// An optimizer: how gradients change weights.
    Optimizer(dyn OptimizerRule), "keras.optimizers", "optimizer", {
        Adadelta: ["adadelta"],
        Adafactor: ["adafactor"],
        Adagrad: ["adagrad"],
        Adam: ["adam"],
        AdamW: ["adamw"],
        Adamax: ["adamax"],
        Ftrl: ["ftrl"],
        Lamb: ["lamb"],
        Lion: ["lion"],
        LossScaleOptimizer: ["lossscaleoptimizer"],
        Muon: ["muon"],
        Nadam: ["nadam"],
        RMSprop: ["rmsprop", "RMSProp"],
        SGD: ["sgd"],
        ScheduleFreeAdamW: ["schedulefreeadamw"],
    }
}

/// One slot that a variable has.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The name, such as `momentum`; if empty, the slot has the name of the variable.
    pub name: &'static str,
    /// The value at the start.
    pub initial: Initial,
    /// Its shape from that of the variable: the same, for most.
    pub shape: fn(&Shape) -> Shape,
    /// Its dtype; that of the variable if `None`.
    pub dtype: Option<DType>,
}

/// The value of a slot before the first update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initial {
    /// A number everywhere.
    Filled(f64),
    /// The value that the variable has when training begins.
    Copied,
}

impl Slot {
    /// A slot of the variable's shape that starts at zero.
    pub fn zeros(name: &'static str) -> Slot {
        Slot::filled(name, 0.0)
    }

    /// A slot of the variable's shape that starts at `initial` everywhere.
    pub fn filled(name: &'static str, initial: f64) -> Slot {
        Slot { name, initial: Initial::Filled(initial), shape: Shape::clone, dtype: None }
    }

    /// A slot that starts as a copy of the variable.
    pub fn copied(name: &'static str) -> Slot {
        Slot { initial: Initial::Copied, ..Slot::zeros(name) }
    }
}

/// What an update sees of one variable.
#[derive(Debug)]
pub struct Step<'a> {
    /// The variable's value, after weight decay.
    pub variable: &'a Tensor,
    /// Its gradient, clipped, in the variable's dtype.
    pub gradient: &'a Tensor,
    /// Its slots, all groups one after the other.
    pub slots: &'a [Tensor],
    /// The scalars that all variables share, after their update.
    pub shared: &'a [Tensor],
    /// The learning rate, a scalar of the variable's dtype.
    pub learning_rate: &'a Tensor,
    /// The number of updates before this one, as a scalar of the variable's dtype.
    pub iterations: &'a Tensor,
}

impl Step<'_> {
    /// A scalar of the variable's dtype.
    pub fn scalar(&self, value: f64) -> Tensor {
        Tensor::scalar(self.variable.dtype(), value)
    }

    /// The number of this update, counted from 1.
    pub fn number(&self) -> Tensor {
        self.iterations + 1.0
    }
}

/// What an update gives.
#[derive(Debug)]
pub struct Updated {
    /// The variable's new value.
    pub variable: Tensor,
    /// The new values of its slots.
    pub slots: Vec<Tensor>,
}

impl Updated {
    /// A new value with slots, in order.
    pub fn new(variable: Tensor, slots: impl Into<Vec<Tensor>>) -> Updated {
        Updated { variable, slots: slots.into() }
    }

    /// No change: for a step whose slots are not those that the rule asked for.
    pub fn nothing(step: &Step<'_>) -> Updated {
        Updated { variable: step.variable.clone(), slots: step.slots.to_vec() }
    }
}
