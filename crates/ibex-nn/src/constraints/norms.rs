//! `MaxNorm`, `MinMaxNorm` and `UnitNorm`: bounds of the lengths of a weight's vectors.

use ibex_graph::Tensor;
use serde::{Deserialize, Serialize};

use super::Constrain;
use crate::keras_object;
use crate::layers::Axes;

/// Keras's epsilon, which keeps quotients finite.
const EPSILON: f64 = 1e-7;

/// Lengths along `axes`, kept as extent 1.
fn lengths(weight: &Tensor, axes: &Axes) -> Tensor {
    match axes.resolve(weight.rank()) {
        Ok(axes) => weight.square().sum(&axes, true).sqrt(),
        Err(error) => {
            Tensor::poisoned(ibex_graph::OpError::new(error.what, error.expected, error.received))
        }
    }
}

/// Makes vectors shorter that are longer than `max_value`.
///
/// Source: Srivastava et al., "Dropout", 2014.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct MaxNorm {
    /// The largest length; 2 by default.
    pub max_value: f64,
    /// The axes along which the vectors lie; the first by default.
    pub axis: Axes,
}

impl MaxNorm {
    /// Lengths of at most `max_value` along the first axis.
    pub fn new(max_value: f64) -> MaxNorm {
        MaxNorm { max_value, axis: Axes::One(0) }
    }

    /// The axes along which the vectors lie: `[0, 1, 2]` for the kernels of a `Conv2D`.
    pub fn axis(mut self, axis: impl Into<Axes>) -> MaxNorm {
        self.axis = axis.into();
        self
    }
}

impl Default for MaxNorm {
    fn default() -> MaxNorm {
        MaxNorm::new(2.0)
    }
}

impl Constrain for MaxNorm {
    keras_object!(MaxNorm);

    fn project(&self, weight: &Tensor) -> Tensor {
        let lengths = lengths(weight, &self.axis);
        let wanted = lengths.clip(0.0, self.max_value);
        weight * (wanted / (lengths + EPSILON))
    }
}

/// Moves the lengths of vectors to between `min_value` and `max_value`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct MinMaxNorm {
    /// The smallest length; 0 by default.
    pub min_value: f64,
    /// The largest length; 1 by default.
    pub max_value: f64,
    /// Which part of the way a vector is moved at each step; 1 by default.
    pub rate: f64,
    /// The axes along which the vectors lie; the first by default.
    pub axis: Axes,
}

impl MinMaxNorm {
    /// Lengths between these bounds along the first axis.
    pub fn new(min_value: f64, max_value: f64) -> MinMaxNorm {
        MinMaxNorm { min_value, max_value, rate: 1.0, axis: Axes::One(0) }
    }

    /// Which part of the way a vector is moved at each step.
    pub fn rate(mut self, rate: f64) -> MinMaxNorm {
        self.rate = rate;
        self
    }

    /// The axes along which the vectors lie.
    pub fn axis(mut self, axis: impl Into<Axes>) -> MinMaxNorm {
        self.axis = axis.into();
        self
    }
}

impl Default for MinMaxNorm {
    fn default() -> MinMaxNorm {
        MinMaxNorm::new(0.0, 1.0)
    }
}

impl Constrain for MinMaxNorm {
    keras_object!(MinMaxNorm);

    fn project(&self, weight: &Tensor) -> Tensor {
        let lengths = lengths(weight, &self.axis);
        let bounded = lengths.clip(self.min_value, self.max_value);
        let wanted = bounded * self.rate + &lengths * (1.0 - self.rate);
        weight * (wanted / (lengths + EPSILON))
    }
}

/// Gives vectors the length 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitNorm {
    /// The axes along which the vectors lie; the first by default.
    pub axis: Axes,
}

impl UnitNorm {
    /// Length 1 along the first axis.
    pub fn new() -> UnitNorm {
        UnitNorm { axis: Axes::One(0) }
    }

    /// The axes along which the vectors lie.
    pub fn axis(mut self, axis: impl Into<Axes>) -> UnitNorm {
        self.axis = axis.into();
        self
    }
}

impl Default for UnitNorm {
    fn default() -> UnitNorm {
        UnitNorm::new()
    }
}

impl Constrain for UnitNorm {
    keras_object!(UnitNorm);

    fn project(&self, weight: &Tensor) -> Tensor {
        weight / (lengths(weight, &self.axis) + EPSILON)
    }
}
