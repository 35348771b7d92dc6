//! `mish`: `x · tanh(softplus(x))`.
//!
//! Source: Misra, "Mish: a self regularized non-monotonic activation function", 2019.

use ibex_graph::Tensor;

pub(super) fn mish(x: &Tensor) -> Tensor {
    x * x.softplus().tanh()
}
