//! `elu`: `x` where positive, else `alpha · (e^x - 1)`.
//!
//! Source: Clevert et al., "Fast and accurate deep network learning by exponential linear units",
//! 2016.

use ibex_graph::Tensor;

pub(super) fn elu(x: &Tensor) -> Tensor {
    elu_with(x, 1.0)
}

/// The function for any `alpha`.
pub fn elu_with(x: &Tensor, alpha: f64) -> Tensor {
    let zero = Tensor::scalar(x.dtype(), 0.0);
    let positive = x.greater(&zero);
    // The exponential of a large positive number would overflow, and spoil the gradient.
    let below = x.minimum(&zero).expm1();
    let below = if alpha == 1.0 { below } else { below * alpha };
    positive.select(x, &below)
}
