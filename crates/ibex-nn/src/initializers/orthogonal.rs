//! `Orthogonal`: a matrix whose columns, or rows, are orthogonal and of one length.

use ibex_graph::{Array, DType, Shape};
use serde::{Deserialize, Serialize};

use super::stream::Stream;
use super::{Initialize, Seeds};
use crate::keras_object;
use crate::object::ConfigError;

/// A random matrix with orthogonal columns of length `gain`, or rows if it is wider than tall.
///
/// All axes but the last count as rows.
/// Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear
/// neural networks", 2013.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Orthogonal {
    /// Its own seed; the model's by default.
    pub seed: Option<u64>,
    /// The length of each column; 1 by default.
    pub gain: f64,
}

impl Orthogonal {
    /// A matrix of this gain.
    pub fn new(gain: f64) -> Orthogonal {
        Orthogonal { seed: None, gain }
    }
}

impl Default for Orthogonal {
    fn default() -> Orthogonal {
        Orthogonal::new(1.0)
    }
}

impl Initialize for Orthogonal {
    keras_object!(Orthogonal);

    fn check(&self, shape: &Shape) -> Result<(), ConfigError> {
        match shape.rank() {
            0 | 1 => Err(ConfigError::new("`Orthogonal` initializes matrices")
                .expected("a weight of at least two axes")
                .received(format!("a weight of shape {shape}"))),
            _ => Ok(()),
        }
    }

    fn initialize(&self, shape: &Shape, seeds: &mut Seeds) -> Array {
        let columns = shape.last().copied().unwrap_or(1);
        let rows = shape.size().checked_div(columns).unwrap_or(0);
        let (long, short) = (rows.max(columns), rows.min(columns));
        let mut stream = Stream::new(seeds.draw(self.seed));
        let basis = orthonormal(long, short, &mut stream);
        let mut values = vec![0.0; shape.size()];
        for (i, vector) in basis.iter().enumerate() {
            for (j, &element) in vector.iter().enumerate() {
                let place = if rows < columns { i * columns + j } else { j * columns + i };
                values[place] = self.gain * element;
            }
        }
        Array::from_f64_slice(DType::F32, shape, &values)
    }
}

/// `count` orthonormal vectors of `length` elements, uniformly distributed.
///
/// Normal vectors made orthogonal by Gram and Schmidt's method are the `Q` of a QR decomposition
/// whose `R` has a positive diagonal, as Keras wants it; doing it twice removes rounding.
fn orthonormal(length: usize, count: usize, stream: &mut Stream) -> Vec<Vec<f64>> {
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    while basis.len() < count {
        let mut vector: Vec<f64> = (0..length).map(|_| stream.normal()).collect();
        for _ in 0..2 {
            for earlier in &basis {
                let overlap: f64 = earlier.iter().zip(&vector).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(earlier).for_each(|(v, e)| *v -= overlap * e);
            }
        }
        let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        // A vector that the earlier ones span has no direction left: draw again.
        if norm > 1e-9 {
            vector.iter_mut().for_each(|v| *v /= norm);
            basis.push(vector);
        }
    }
    basis
}
