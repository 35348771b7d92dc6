//! `L1`, `L2` and `L1L2`: sums of absolute values and of squares.

use ibex_graph::Tensor;
use serde::{Deserialize, Serialize};

use super::Regularize;
use crate::keras_object;

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

    fn penalty(&self, x: &Tensor) -> Tensor {
        x.square().sum_all() * self.l2
    }
}
