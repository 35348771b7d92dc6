//! `hard_silu`, also `hard_swish`: `x · hard_sigmoid(x)`.
//!
//! Source: Howard et al., "Searching for MobileNetV3", 2019.

use ibex_graph::Tensor;

use super::hard_sigmoid::hard_sigmoid;

pub(super) fn hard_silu(x: &Tensor) -> Tensor {
    x * hard_sigmoid(x)
}
