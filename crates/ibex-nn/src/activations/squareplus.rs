//! `squareplus`: `(x + sqrt(x² + b)) / 2`.
//!
//! Source: Barron, "Squareplus: a softplus-like algebraic rectifier", 2021.

use ibex_graph::Tensor;

pub(super) fn squareplus(x: &Tensor) -> Tensor {
    squareplus_with(x, 4.0)
}

/// The function for any `b`.
pub fn squareplus_with(x: &Tensor, b: f64) -> Tensor {
    (x + (x.square() + b).sqrt()) * 0.5
}
