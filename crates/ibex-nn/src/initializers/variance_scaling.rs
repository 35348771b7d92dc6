//! Initializers whose variance follows from the numbers of inputs and outputs of a unit.

use ibex_graph::{Array, Shape, shape};
use serde::{Deserialize, Serialize};

use super::stream::{Stream, filled};
use super::{Initialize, Seeds};
use crate::keras_object;
use crate::object::ConfigError;

/// Numbers of mean 0 whose variance is `scale` over a count of inputs, outputs or both.
///
/// Source: <https://keras.io/api/layers/initializers/#variancescaling-class>.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct VarianceScaling {
    /// Its own seed; the model's by default.
    pub seed: Option<u64>,
    /// The variance times the count; 1 by default.
    pub scale: f64,
    /// What is counted; the inputs by default.
    pub mode: Mode,
    /// The distribution; the truncated normal one by default.
    pub distribution: Distribution,
    /// The axes of the weight that are inputs, where Keras's rule does not fit.
    pub input_axes: Option<Vec<isize>>,
    /// The axes of the weight that are outputs.
    pub output_axes: Option<Vec<isize>>,
}

/// What [`VarianceScaling`] divides by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The number of inputs of a unit.
    #[default]
    FanIn,
    /// The number of outputs of a unit.
    FanOut,
    /// The mean of both.
    FanAvg,
}

/// The distribution of [`VarianceScaling`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Normal, without what lies beyond two standard deviations.
    #[default]
    #[serde(alias = "normal")]
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Uniform.
    Uniform,
}

impl VarianceScaling {
    /// Numbers of this scale, mode and distribution.
    pub fn new(scale: f64, mode: Mode, distribution: Distribution) -> VarianceScaling {
        let (seed, input_axes, output_axes) = (None, None, None);
        VarianceScaling { seed, scale, mode, distribution, input_axes, output_axes }
    }

    /// The numbers of inputs and outputs of a unit.
    fn fans(&self, shape: &Shape) -> (f64, f64) {
        match (&self.input_axes, &self.output_axes) {
            (Some(inputs), Some(outputs)) => (extent(shape, inputs), extent(shape, outputs)),
            _ => fans(shape),
        }
    }
}

impl Default for VarianceScaling {
    fn default() -> VarianceScaling {
        VarianceScaling::new(1.0, Mode::default(), Distribution::default())
    }
}

impl Initialize for VarianceScaling {
    keras_object!(VarianceScaling);

    fn check(&self, shape: &Shape) -> Result<(), ConfigError> {
        if self.scale.is_nan() || self.scale <= 0.0 {
            return Err(ConfigError::new("the scale of an initializer must be positive")
                .received(format!("scale = {}", self.scale)));
        }
        let axes = self.input_axes.iter().chain(&self.output_axes).flatten();
        match axes.copied().find(|&axis| shape.axis(axis).is_none()) {
            None => Ok(()),
            Some(axis) => Err(ConfigError::new(format!("the weight has no axis {axis}"))
                .expected(format!("axes of {shape}"))),
        }
    }

    fn initialize(&self, shape: &Shape, seeds: &mut Seeds) -> Array {
        let (fan_in, fan_out) = self.fans(shape);
        let count = match self.mode {
            Mode::FanIn => fan_in,
            Mode::FanOut => fan_out,
            Mode::FanAvg => (fan_in + fan_out) / 2.0,
        };
        let variance = self.scale / count.max(1.0);
        let mut stream = Stream::new(seeds.draw(self.seed));
        match self.distribution {
            Distribution::TruncatedNormal => {
                // The standard deviation of what is left of a normal distribution within ±2.
                let stddev = variance.sqrt() / 0.879_625_661_034_239_8;
                filled(shape, || stddev * stream.truncated_normal())
            }
            Distribution::UntruncatedNormal => filled(shape, || variance.sqrt() * stream.normal()),
            Distribution::Uniform => {
                let limit = (3.0 * variance).sqrt();
                filled(shape, || limit * (2.0 * stream.uniform() - 1.0))
            }
        }
    }
}

/// The product of the extents along `axes`.
fn extent(shape: &Shape, axes: &[isize]) -> f64 {
    let along = |&axis: &isize| shape::resolve_axis(axis, shape.rank()).map(|axis| shape[axis]);
    axes.iter().filter_map(along).map(|extent| extent as f64).product()
}

/// The numbers of inputs and outputs of a unit, as Keras's `compute_fans` counts them.
fn fans(shape: &Shape) -> (f64, f64) {
    match shape.dims() {
        [] => (1.0, 1.0),
        [n] => (*n as f64, *n as f64),
        [window @ .., inputs, outputs] => {
            let field: f64 = window.iter().map(|&extent| extent as f64).product();
            (*inputs as f64 * field, *outputs as f64 * field)
        }
    }
}

macro_rules! named_scalings {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident $scale:literal $mode:ident $distribution:ident;
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            /// Its own seed; the model's by default.
            pub seed: Option<u64>,
            /// The axes of the weight that are inputs, where Keras's rule does not fit.
            pub input_axes: Option<Vec<isize>>,
            /// The axes of the weight that are outputs.
            pub output_axes: Option<Vec<isize>>,
        }

        impl $name {
            /// The initializer with the model's seed.
            pub fn new() -> $name {
                $name::default()
            }

            fn scaling(&self) -> VarianceScaling {
                VarianceScaling {
                    seed: self.seed,
                    input_axes: self.input_axes.clone(),
                    output_axes: self.output_axes.clone(),
                    ..VarianceScaling::new($scale, Mode::$mode, Distribution::$distribution)
                }
            }
        }

        impl Initialize for $name {
            keras_object!($name);

            fn check(&self, shape: &Shape) -> Result<(), ConfigError> {
                self.scaling().check(shape)
            }

            fn initialize(&self, shape: &Shape, seeds: &mut Seeds) -> Array {
                self.scaling().initialize(shape, seeds)
            }
        }
    )*};
}

named_scalings! {
    /// Truncated normal of variance `2 / (fan_in + fan_out)` (Glorot and Bengio, 2010).
    GlorotNormal 1.0 FanAvg TruncatedNormal;
    /// Uniform in `±sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio, 2010).
    GlorotUniform 1.0 FanAvg Uniform;
    /// Truncated normal of variance `2 / fan_in` (He et al., 2015).
    HeNormal 2.0 FanIn TruncatedNormal;
    /// Uniform in `±sqrt(6 / fan_in)` (He et al., 2015).
    HeUniform 2.0 FanIn Uniform;
    /// Truncated normal of variance `1 / fan_in` (LeCun et al., 1998).
    LecunNormal 1.0 FanIn TruncatedNormal;
    /// Uniform in `±sqrt(3 / fan_in)` (LeCun et al., 1998).
    LecunUniform 1.0 FanIn Uniform;
}
