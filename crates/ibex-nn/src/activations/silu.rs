//! `silu`, also `swish`: `x · sigmoid(x)`.
//!
//! Source: Ramachandran et al., "Searching for activation functions", 2017.

use ibex_graph::Tensor;

pub(super) fn silu(x: &Tensor) -> Tensor {
    x * x.sigmoid()
}
