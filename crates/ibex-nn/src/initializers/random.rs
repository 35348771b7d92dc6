//! `RandomNormal`, `RandomUniform` and `TruncatedNormal`: a distribution with given parameters.

use ibex_graph::{Array, Shape};
use serde::{Deserialize, Serialize};

use super::stream::{Stream, filled};
use super::{Initialize, Seeds};
use crate::keras_object;

/// Normal numbers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomNormal {
    /// Its own seed; the model's by default.
    pub seed: Option<u64>,
    /// The mean; 0 by default.
    pub mean: f64,
    /// The standard deviation; 0.05 by default.
    pub stddev: f64,
}

impl RandomNormal {
    /// Normal numbers of this mean and standard deviation.
    pub fn new(mean: f64, stddev: f64) -> RandomNormal {
        RandomNormal { seed: None, mean, stddev }
    }
}

impl Default for RandomNormal {
    fn default() -> RandomNormal {
        RandomNormal::new(0.0, 0.05)
    }
}

impl Initialize for RandomNormal {
    keras_object!(RandomNormal);

    fn initialize(&self, shape: &Shape, seeds: &mut Seeds) -> Array {
        let mut stream = Stream::new(seeds.draw(self.seed));
        filled(shape, || self.mean + self.stddev * stream.normal())
    }
}

/// Normal numbers that lie within two standard deviations of the mean.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct TruncatedNormal {
    /// Its own seed; the model's by default.
    pub seed: Option<u64>,
    /// The mean; 0 by default.
    pub mean: f64,
    /// The standard deviation before the tails are cut off; 0.05 by default.
    pub stddev: f64,
}

impl TruncatedNormal {
    /// Truncated normal numbers of this mean and standard deviation.
    pub fn new(mean: f64, stddev: f64) -> TruncatedNormal {
        TruncatedNormal { seed: None, mean, stddev }
    }
}

impl Default for TruncatedNormal {
    fn default() -> TruncatedNormal {
        TruncatedNormal::new(0.0, 0.05)
    }
}

impl Initialize for TruncatedNormal {
    keras_object!(TruncatedNormal);

    fn initialize(&self, shape: &Shape, seeds: &mut Seeds) -> Array {
        let mut stream = Stream::new(seeds.draw(self.seed));
        filled(shape, || self.mean + self.stddev * stream.truncated_normal())
    }
}

/// Uniform numbers in `[minval, maxval)`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomUniform {
    /// Its own seed; the model's by default.
    pub seed: Option<u64>,
    /// The smallest value; -0.05 by default.
    pub minval: f64,
    /// The bound above; 0.05 by default.
    pub maxval: f64,
}

impl RandomUniform {
    /// Uniform numbers between these bounds.
    pub fn new(minval: f64, maxval: f64) -> RandomUniform {
        RandomUniform { seed: None, minval, maxval }
    }
}

impl Default for RandomUniform {
    fn default() -> RandomUniform {
        RandomUniform::new(-0.05, 0.05)
    }
}

impl Initialize for RandomUniform {
    keras_object!(RandomUniform);

    fn initialize(&self, shape: &Shape, seeds: &mut Seeds) -> Array {
        let mut stream = Stream::new(seeds.draw(self.seed));
        filled(shape, || self.minval + (self.maxval - self.minval) * stream.uniform())
    }
}
