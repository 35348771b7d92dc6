//! `sigmoid`: `1 / (1 + e^-x)`.

use ibex_graph::Tensor;

pub(super) fn sigmoid(x: &Tensor) -> Tensor {
    x.sigmoid()
}
