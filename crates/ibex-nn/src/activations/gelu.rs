//! `gelu`: `x` times the probability that a normal number is below `x`.
//!
//! Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use ibex_graph::Tensor;

pub(super) fn gelu(x: &Tensor) -> Tensor {
    x * 0.5 * ((x * FRAC_1_SQRT_2).erf() + 1.0)
}

/// The approximation by a hyperbolic tangent.
pub fn gelu_approximate(x: &Tensor) -> Tensor {
    let cubic = x * (x.square() * 0.044715 + 1.0);
    x * 0.5 * ((cubic * (2.0 / PI).sqrt()).tanh() + 1.0)
}
