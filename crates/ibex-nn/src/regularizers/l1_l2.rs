//! `L1`, `L2` and `L1L2`: sums of absolute values and of squares.

use ibex_graph::Tensor;
use serde::{Deserialize, Serialize};

use super::{Regularize, check_factor};
use crate::keras_object;
use crate::object::ConfigError;

/// `l1 · sum(|x|)`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct L1 {
    /// The factor.
    pub l1: f64,
}

impl L1 {
    /// A penalty with this factor, which Keras rounds to `float32`.
    pub fn new(l1: f64) -> L1 {
        L1 { l1: f64::from(l1 as f32) }
    }
}

impl Default for L1 {
    fn default() -> L1 {
        L1::new(0.01)
    }
}

impl Regularize for L1 {
    keras_object!(L1);

    fn check(&self) -> Result<(), ConfigError> {
        check_factor("l1", self.l1)
    }

    fn penalty(&self, x: &Tensor) -> Tensor {
        x.abs().sum_all() * self.l1
    }
}

/// `l2 · sum(x²)`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct L2 {
    /// The factor.
    pub l2: f64,
}

impl L2 {
    /// A penalty with this factor.
    pub fn new(l2: f64) -> L2 {
        L2 { l2 }
    }
}

impl Default for L2 {
    fn default() -> L2 {
        L2 { l2: 0.01 }
    }
}

impl Regularize for L2 {
    keras_object!(L2);

    fn check(&self) -> Result<(), ConfigError> {
        check_factor("l2", self.l2)
    }

    fn penalty(&self, x: &Tensor) -> Tensor {
        x.square().sum_all() * self.l2
    }
}

/// `l1 · sum(|x|) + l2 · sum(x²)`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct L1L2 {
    /// The factor of the absolute values; 0 by default.
    pub l1: f64,
    /// The factor of the squares; 0 by default.
    pub l2: f64,
}

impl L1L2 {
    /// A penalty with these factors.
    pub fn new(l1: f64, l2: f64) -> L1L2 {
        L1L2 { l1, l2 }
    }
}

impl Regularize for L1L2 {
    keras_object!(L1L2);

    fn check(&self) -> Result<(), ConfigError> {
        check_factor("l1", self.l1).and(check_factor("l2", self.l2))
    }

    fn penalty(&self, x: &Tensor) -> Tensor {
        let first = || x.abs().sum_all() * self.l1;
        let second = || x.square().sum_all() * self.l2;
        match (self.l1 != 0.0, self.l2 != 0.0) {
            (true, true) => first() + second(),
            (true, false) => first(),
            (false, true) => second(),
            (false, false) => Tensor::scalar(x.dtype(), 0.0),
        }
    }
}
