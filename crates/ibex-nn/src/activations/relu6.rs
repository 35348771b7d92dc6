//! `relu6`: `x`, but at least 0 and at most 6.
//!
//! Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.

use ibex_graph::Tensor;

pub(super) fn relu6(x: &Tensor) -> Tensor {
    x.clip(0.0, 6.0)
}
