//! `softsign`: `x / (|x| + 1)`.

use ibex_graph::Tensor;

pub(super) fn softsign(x: &Tensor) -> Tensor {
    x / (x.abs() + 1.0)
}
