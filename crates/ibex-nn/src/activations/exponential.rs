//! `exponential`: `e^x`.

use ibex_graph::Tensor;

pub(super) fn exponential(x: &Tensor) -> Tensor {
    x.exp()
}
