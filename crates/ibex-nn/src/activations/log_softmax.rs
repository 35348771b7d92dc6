//! `log_softmax`: the logarithm of the softmax along the last axis.

use ibex_graph::Tensor;

pub(super) fn log_softmax(x: &Tensor) -> Tensor {
    x.log_softmax(-1)
}
