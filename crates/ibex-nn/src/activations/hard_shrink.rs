//! `hard_shrink`: `x` where it is beyond `±threshold`, else 0.

use ibex_graph::Tensor;

pub(super) fn hard_shrink(x: &Tensor) -> Tensor {
    hard_shrink_with(x, 0.5)
}

/// The function for any threshold.
pub fn hard_shrink_with(x: &Tensor, threshold: f64) -> Tensor {
    let far = x.abs().greater(&Tensor::scalar(x.dtype(), threshold));
    far.select(x, &x.zeros_like())
}
