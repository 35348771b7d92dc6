//! Learning rates as functions of the step, one file each, one row each in the table.

use std::fmt;

use ibex_graph::{DType, OpError, Tensor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::keras_family;

mod cosine_decay;
mod cosine_decay_restarts;
mod exponential_decay;
mod inverse_time_decay;
mod piecewise_constant_decay;
mod polynomial_decay;
mod steps;

pub use cosine_decay::CosineDecay;
pub use cosine_decay_restarts::CosineDecayRestarts;
pub use exponential_decay::ExponentialDecay;
pub use inverse_time_decay::InverseTimeDecay;
pub use piecewise_constant_decay::PiecewiseConstantDecay;
pub use polynomial_decay::PolynomialDecay;
pub use steps::Steps;

/// How a schedule behaves.
pub trait ScheduleFunction: fmt::Debug + Send + Sync {
    /// The name in files, such as `ExponentialDecay`.
    fn class_name(&self) -> &'static str;

    /// The configuration.
    fn config(&self) -> Value;

    /// The learning rate, a `float32` scalar, at `step`, a `float32` scalar counted from 0.
    ///
    /// Options that make no sense give a poisoned tensor.
    fn value(&self, step: &Tensor) -> Tensor;
}

keras_family! {
    /// A learning rate that follows the step.
    Schedule(dyn ScheduleFunction), "keras.optimizers.schedules", "schedule", {
        CosineDecay: [],
        CosineDecayRestarts: [],
        ExponentialDecay: [],
        InverseTimeDecay: [],
        PiecewiseConstantDecay: [],
        PolynomialDecay: [],
    }
}

/// A learning rate: a number, or a schedule.
#[derive(Clone, Debug)]
pub enum LearningRate {
    /// The same at every step, unless a callback changes it.
    Constant(f64),
    /// A function of the step.
    Schedule(Schedule),
}

impl From<f64> for LearningRate {
    fn from(rate: f64) -> LearningRate {
        LearningRate::Constant(rate)
    }
}

impl<S: Into<Schedule>> From<S> for LearningRate {
    fn from(schedule: S) -> LearningRate {
        LearningRate::Schedule(schedule.into())
    }
}

impl Serialize for LearningRate {
    /// A number as `float32` holds it, which is what Keras writes; or a schedule.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            LearningRate::Constant(rate) => f64::from(*rate as f32).serialize(to),
            LearningRate::Schedule(schedule) => schedule.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for LearningRate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<LearningRate, D::Error> {
        let value = Value::deserialize(from)?;
        match value.as_f64() {
            Some(rate) => Ok(LearningRate::Constant(rate)),
            None => Schedule::from_value(&value)
                .map(LearningRate::Schedule)
                .map_err(serde::de::Error::custom),
        }
    }
}

/// A `float32` scalar.
fn number(value: f64) -> Tensor {
    Tensor::scalar(DType::F32, value)
}

/// The number of steps as a scalar; poisoned unless it is above 0.
fn positive(schedule: &str, option: &str, steps: Steps) -> Tensor {
    match steps.0 > 0.0 {
        true => number(steps.0),
        false => Tensor::poisoned(OpError::new(
            format!("`{option}` of the schedule `{schedule}` is out of range"),
            "a number of steps above 0",
            steps.0.to_string(),
        )),
    }
}
