//! `Identity`: the identity matrix.

use ibex_graph::{Array, DType, Shape};
use serde::{Deserialize, Serialize};

use super::{Initialize, Seeds};
use crate::keras_object;
use crate::object::ConfigError;

/// `gain` on the diagonal of a matrix, zero elsewhere.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// The value on the diagonal; Keras does not write it to files.
    #[serde(skip, default = "one")]
    pub gain: f64,
}

fn one() -> f64 {
    1.0
}

impl Identity {
    /// This value on the diagonal.
    pub fn new(gain: f64) -> Identity {
        Identity { gain }
    }
}

impl Default for Identity {
    fn default() -> Identity {
        Identity::new(1.0)
    }
}

impl Initialize for Identity {
    keras_object!(Identity);

    fn check(&self, shape: &Shape) -> Result<(), ConfigError> {
        match shape.rank() {
            2 => Ok(()),
            _ => Err(ConfigError::new("`Identity` initializes matrices")
                .expected("a weight of two axes")
                .received(format!("a weight of shape {shape}"))),
        }
    }

    fn initialize(&self, shape: &Shape, _: &mut Seeds) -> Array {
        let columns = shape.last().copied().unwrap_or(1).max(1);
        let at = |i: usize| if i / columns == i % columns { self.gain } else { 0.0 };
        let values: Vec<f64> = (0..shape.size()).map(at).collect();
        Array::from_f64_slice(DType::F32, shape, &values)
    }
}
