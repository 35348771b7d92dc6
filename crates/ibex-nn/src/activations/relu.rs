//! `relu`: `max(x, 0)`.

use ibex_graph::Tensor;

pub(super) fn relu(x: &Tensor) -> Tensor {
    x.relu()
}
