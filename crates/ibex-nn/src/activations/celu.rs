//! `celu`: `max(x, 0) + alpha · (e^(min(x, 0) / alpha) - 1)`.
//!
//! Source: Barron, "Continuously differentiable exponential linear units", 2017.

use ibex_graph::Tensor;

pub(super) fn celu(x: &Tensor) -> Tensor {
    celu_with(x, 1.0)
}

/// The function for any `alpha`.
pub fn celu_with(x: &Tensor, alpha: f64) -> Tensor {
    let below = x.minimum(&Tensor::scalar(x.dtype(), 0.0));
    x.relu() + (below / alpha).expm1() * alpha
}
