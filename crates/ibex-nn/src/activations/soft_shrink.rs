//! `soft_shrink`: `x` moved towards 0 by `threshold`, and 0 if nearer than that.

use ibex_graph::Tensor;

pub(super) fn soft_shrink(x: &Tensor) -> Tensor {
    soft_shrink_with(x, 0.5)
}

/// The function for any threshold.
pub fn soft_shrink_with(x: &Tensor, threshold: f64) -> Tensor {
    (x - threshold).relu() - (-x - threshold).relu()
}
