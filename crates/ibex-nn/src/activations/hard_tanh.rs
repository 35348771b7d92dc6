//! `hard_tanh`: `x`, but at least -1 and at most 1.

use ibex_graph::Tensor;

pub(super) fn hard_tanh(x: &Tensor) -> Tensor {
    x.clip(-1.0, 1.0)
}
