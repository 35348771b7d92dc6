//! `hard_sigmoid`: `relu6(x + 3) / 6`.

use ibex_graph::Tensor;

use super::relu6::relu6;

pub(super) fn hard_sigmoid(x: &Tensor) -> Tensor {
    relu6(&(x + 3.0)) / 6.0
}
