//! `relu`: `max(x, 0)`, and its variants with a slope, a limit and a threshold.
//!
//! Source: <https://keras.io/api/layers/activations/#relu-function>.

use ibex_graph::Tensor;

pub(super) fn relu(x: &Tensor) -> Tensor {
    x.relu()
}

/// `x` above `threshold` and at most `max_value`; `negative_slope · (x - threshold)` below.
pub fn relu_with(
    x: &Tensor,
    negative_slope: f64,
    max_value: Option<f64>,
    threshold: f64,
) -> Tensor {
    let zero = Tensor::scalar(x.dtype(), 0.0);
    let above = match threshold == 0.0 {
        true => x.relu(),
        false => x.greater(&Tensor::scalar(x.dtype(), threshold)).select(x, &x.zeros_like()),
    };
    let limited = match max_value {
        Some(limit) => above.minimum(&Tensor::scalar(x.dtype(), limit)),
        None => above,
    };
    if negative_slope == 0.0 {
        return limited;
    }
    if max_value.is_none() && threshold == 0.0 {
        return x.greater_equal(&zero).select(x, &(x * negative_slope));
    }
    limited - (-x + threshold).relu() * negative_slope
}
