//! `tanh_shrink`: `x - tanh(x)`.

use ibex_graph::Tensor;

pub(super) fn tanh_shrink(x: &Tensor) -> Tensor {
    x - x.tanh()
}
