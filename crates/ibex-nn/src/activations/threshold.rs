//! `threshold`: `x` above a threshold, else a default value.
//!
//! It has no defaults, so no name in a file stands for it: use it in a custom activation.

use ibex_graph::Tensor;

/// `x` where it is above `threshold`, else `default_value`.
///
/// Source: <https://keras.io/api/layers/activations/#threshold-function>.
pub fn threshold(x: &Tensor, threshold: f64, default_value: f64) -> Tensor {
    let above = x.greater(&Tensor::scalar(x.dtype(), threshold));
    above.select(x, &Tensor::full(x.dtype(), x.shape().clone(), default_value))
}
