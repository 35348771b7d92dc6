//! The activations that recurrent operations apply inside a step.
//!
//! Each has a derivative that follows from its result alone, so nothing before it is kept.

use crate::Tensor;

/// A function inside a recurrent step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Activation {
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `relu6(x + 3) / 6`.
    HardSigmoid,
    /// `max(x, 0)`.
    Relu,
    /// `x`.
    Linear,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Activation; 5] = [
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::HardSigmoid,
        Activation::Relu,
        Activation::Linear,
    ];

    /// The name in Keras.
    pub const fn name(self) -> &'static str {
        match self {
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
            Activation::HardSigmoid => "hard_sigmoid",
            Activation::Relu => "relu",
            Activation::Linear => "linear",
        }
    }

    /// The activation that Keras calls `name`, if it is one of these.
    pub fn from_name(name: &str) -> Option<Activation> {
        Activation::ALL.into_iter().find(|activation| activation.name() == name)
    }

    /// The function of one number.
    pub fn eval(self, x: f64) -> f64 {
        match self {
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Activation::HardSigmoid if x.is_nan() => x,
            Activation::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
            Activation::Relu if x < 0.0 => 0.0,
            Activation::Relu | Activation::Linear => x,
        }
    }

    /// The derivative where the result is `y`.
    pub fn slope(self, y: f64) -> f64 {
        match self {
            Activation::Tanh => 1.0 - y * y,
            Activation::Sigmoid => y * (1.0 - y),
            Activation::HardSigmoid if 0.0 < y && y < 1.0 => 1.0 / 6.0,
            Activation::Relu if y > 0.0 => 1.0,
            Activation::HardSigmoid | Activation::Relu => 0.0,
            Activation::Linear => 1.0,
        }
    }

    /// The function of each element.
    pub(super) fn apply(self, x: &Tensor) -> Tensor {
        match self {
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => x.sigmoid(),
            Activation::HardSigmoid => (x + 3.0).clip(0.0, 6.0) / 6.0,
            Activation::Relu => x.relu(),
            Activation::Linear => x.clone(),
        }
    }

    /// `g` times the derivative, where the results are `y`.
    pub(super) fn backward(self, y: &Tensor, g: &Tensor) -> Tensor {
        let positive = || y.greater(&y.zeros_like());
        match self {
            Activation::Tanh => g * (1.0 - y * y),
            Activation::Sigmoid => g * (y * (1.0 - y)),
            Activation::HardSigmoid => {
                let inside = positive().logical_and(&y.less(&y.ones_like()));
                inside.select(&(g / 6.0), &g.zeros_like())
            }
            Activation::Relu => positive().select(g, &g.zeros_like()),
            Activation::Linear => g.clone(),
        }
    }
}
