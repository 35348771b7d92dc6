//! `softmax`: `e^x`, divided by the sum along the last axis.

use ibex_graph::Tensor;

pub(super) fn softmax(x: &Tensor) -> Tensor {
    x.softmax(-1)
}
