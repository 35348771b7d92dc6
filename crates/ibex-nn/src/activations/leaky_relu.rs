//! `leaky_relu`: `x` where it is not negative, else `negative_slope · x`.
//!
//! Source: Maas et al., "Rectifier nonlinearities improve neural network acoustic models", 2013.

use ibex_graph::Tensor;

pub(super) fn leaky_relu(x: &Tensor) -> Tensor {
    leaky_relu_with(x, 0.2)
}

/// The function for any slope.
pub fn leaky_relu_with(x: &Tensor, negative_slope: f64) -> Tensor {
    let zero = Tensor::scalar(x.dtype(), 0.0);
    x.greater_equal(&zero).select(x, &(x * negative_slope))
}
