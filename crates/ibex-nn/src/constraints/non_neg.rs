//! `NonNeg`: no negative weights.

use ibex_graph::Tensor;
use serde::{Deserialize, Serialize};

use super::Constrain;
use crate::keras_object;

/// Sets negative weights to zero.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NonNeg {}

impl Constrain for NonNeg {
    keras_object!(NonNeg);

    fn project(&self, weight: &Tensor) -> Tensor {
        weight.relu()
    }
}
