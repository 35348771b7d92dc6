//! `sparse_plus`: 0 up to -1, `(x + 1)² / 4` up to 1, `x` from there.
//!
//! Source: <https://keras.io/api/layers/activations/#sparseplus-function>.

use ibex_graph::Tensor;

pub(super) fn sparse_plus(x: &Tensor) -> Tensor {
    let at = |value: f64| Tensor::scalar(x.dtype(), value);
    let middle = (x.clip(-1.0, 1.0) + 1.0).square() * 0.25;
    x.greater_equal(&at(1.0)).select(x, &middle)
}
