//! Learning rates as functions of the step, one file each, one row each in the table.

use std::fmt;

use ibex_graph::Tensor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::keras_family;

/// How a schedule behaves.
pub trait ScheduleFunction: fmt::Debug + Send + Sync {
    /// The name in files, such as `ExponentialDecay`.
    fn class_name(&self) -> &'static str;

    /// The configuration.
    fn config(&self) -> Value;

    /// The learning rate, a `float32` scalar, at `step`, a `float32` scalar counted from 0.
    fn value(&self, step: &Tensor) -> Tensor;
}

keras_family! {
    /// A learning rate that follows the step.
    Schedule(dyn ScheduleFunction), "keras.optimizers.schedules", "schedule", {
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
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            LearningRate::Constant(rate) => rate.serialize(to),
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
