//! `selu`: `scale · elu(x, alpha)`, which keeps activations normalised.
//!
//! Source: Klambauer et al., "Self-normalizing neural networks", 2017, for both constants.

use ibex_graph::Tensor;

use super::elu::elu_with;

const ALPHA: f64 = 1.673_263_242_354_377_2;
const SCALE: f64 = 1.050_700_987_355_480_5;

pub(super) fn selu(x: &Tensor) -> Tensor {
    elu_with(x, ALPHA) * SCALE
}
