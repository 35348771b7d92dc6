//! Optimizers, one file each, one row each in the table.
//!
//! An optimizer describes how one variable and its slots change; [`OptimizerState`] holds the
//! variables and applies what all optimizers share, in Keras's order: loss scale, accumulation,
//! clipping, weight decay, update, moving averages, constraints.
//! Read in this order: this file, `options`, [`SGD`], `state`, then any optimizer.

use std::fmt;

use ibex_graph::{Shape, Tensor};
use serde_json::Value;

use crate::keras_family;

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod clipping;
mod ftrl;
mod lion;
mod options;
mod rmsprop;
mod sgd;
mod state;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use ftrl::Ftrl;
pub use lion::Lion;
pub use options::Options;
pub use rmsprop::RMSprop;
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

    /// The slots that each variable needs, in the groups in which Keras creates them.
    ///
    /// Keras makes a group for one variable after the other, and then the next group.
    fn slots(&self) -> Vec<Vec<Slot>>;

    /// The new values of a variable and its slots.
    fn update(&self, step: &Step<'_>) -> Updated;
}

keras_family! {
    /// An optimizer: how gradients change weights.
    Optimizer(dyn OptimizerRule), "keras.optimizers", "optimizer", {
        Adadelta: ["adadelta"],
        Adagrad: ["adagrad"],
        Adam: ["adam"],
        AdamW: ["adamw"],
        Adamax: ["adamax"],
        Ftrl: ["ftrl"],
        Lion: ["lion"],
        RMSprop: ["rmsprop"],
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
        Slot::filled(name, 0.0)
    }

    /// A slot of the variable's shape that starts at `initial` everywhere.
    pub fn filled(name: &'static str, initial: f64) -> Slot {
        Slot { name, initial, shape: Shape::clone }
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
