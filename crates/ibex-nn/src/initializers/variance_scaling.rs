//! Initializers whose variance follows from the numbers of inputs and outputs of a unit.

use ibex_graph::{Array, DType, Shape};
use serde::{Deserialize, Serialize};

use super::{Initialize, Seeds};
use crate::keras_object;

/// Uniform in `±sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio, 2010).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GlorotUniform {
    /// Its own seed; the model's by default.
    pub seed: Option<u64>,
}

impl Initialize for GlorotUniform {
    keras_object!(GlorotUniform);

    fn initialize(&self, shape: &Shape, seeds: &mut Seeds) -> Array {
        let (fan_in, fan_out) = fans(shape);
        let limit = (6.0 / (fan_in + fan_out).max(1.0)).sqrt();
        let draw = seeds.draw(self.seed);
        let at = |i: usize| limit * (2.0 * f64::from(draw.uniform(i as u64)) - 1.0);
        let values: Vec<f64> = (0..shape.size()).map(at).collect();
        Array::from_f64_slice(DType::F32, shape, &values)
    }
}

/// The numbers of inputs and outputs of a unit, as Keras's `compute_fans` counts them.
pub(super) fn fans(shape: &Shape) -> (f64, f64) {
    match shape.dims() {
        [] => (1.0, 1.0),
        [n] => (*n as f64, *n as f64),
        [window @ .., inputs, outputs] => {
            let field: usize = window.iter().product();
            ((inputs * field) as f64, (outputs * field) as f64)
        }
    }
}
