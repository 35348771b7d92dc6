//! `sparse_sigmoid`: `(x + 1) / 2`, but at least 0 and at most 1.
//!
//! Source: <https://keras.io/api/layers/activations/#sparsesigmoid-function>.

use ibex_graph::Tensor;

pub(super) fn sparse_sigmoid(x: &Tensor) -> Tensor {
    x.clip(-1.0, 1.0) * 0.5 + 0.5
}
