//! `log_sigmoid`: the logarithm of the sigmoid, `-softplus(-x)`.

use ibex_graph::Tensor;

pub(super) fn log_sigmoid(x: &Tensor) -> Tensor {
    -(-x).softplus()
}
