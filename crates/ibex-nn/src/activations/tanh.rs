//! `tanh`: the hyperbolic tangent.

use ibex_graph::Tensor;

pub(super) fn tanh(x: &Tensor) -> Tensor {
    x.tanh()
}
