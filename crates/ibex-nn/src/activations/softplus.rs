//! `softplus`: `log(e^x + 1)`.

use ibex_graph::Tensor;

pub(super) fn softplus(x: &Tensor) -> Tensor {
    x.softplus()
}
