//! `LayerNormalization`: each sample brought to mean 0 and variance 1.

use ibex_graph::Tensor;

use super::options::{Axes, known_extent};
use crate::constraints::Constraint;
use crate::initializers::{Initializer, Ones, Zeros};
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::regularizers::Regularizer;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Brings each sample to mean 0 and variance 1 along `axis`, then scales and shifts it.
    ///
    /// Input and output have the same shape.
    /// Weights `gamma` and `beta`, the extents along `axis`.
    /// Source: Ba et al., "Layer normalization", 2016,
    /// <https://keras.io/api/layers/normalization_layers/layer_normalization/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, LayerNormalization};
    ///
    /// let y = LayerNormalization::new().call(&Input::new([10, 16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 10, 16)");
    /// ```
    LayerNormalization {
        /// The axis or axes to normalise along; the last by default.
        axis: into Axes = Axes::One(-1),
        /// Added to the variance; 1e-3 by default.
        epsilon: is f64 = 1e-3,
        /// Whether `beta` is added; it is by default.
        center: is bool = true,
        /// Whether `gamma` multiplies; it does by default.
        scale: is bool = true,
        /// Keras's old option: `x · gamma / sqrt(variance + epsilon)`, without mean and `beta`.
        rms_scaling: is bool = false,
        /// Initial values of `beta`; zeros by default.
        beta_initializer: into Initializer = Zeros.into(),
        /// Initial values of `gamma`; ones by default.
        gamma_initializer: into Initializer = Ones.into(),
        /// Penalty on `beta`, added to the loss.
        beta_regularizer: some Regularizer = None,
        /// Penalty on `gamma`, added to the loss.
        gamma_regularizer: some Regularizer = None,
        /// Projection of `beta` after each update.
        beta_constraint: some Constraint = None,
        /// Projection of `gamma` after each update.
        gamma_constraint: some Constraint = None,
    }
}

impl LayerNormalization {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> LayerNormalization {
        LayerNormalization::default()
    }
}

impl Layer for LayerNormalization {
    layer_facts!(LayerNormalization);

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let shape = &inputs[0].shape;
        let axes = self.axis.resolve(shape.rank())?;
        let extents = axes.iter().map(|&axis| known_extent(shape, axis, "normalised"));
        let extents = extents.collect::<Result<Vec<usize>, ConfigError>>()?;
        if self.scale || self.rms_scaling {
            build.weight(
                WeightSpec::new("gamma", extents.clone(), self.gamma_initializer.clone())
                    .regularizer(self.gamma_regularizer.clone())
                    .constraint(self.gamma_constraint.clone()),
            );
        }
        if self.center && !self.rms_scaling {
            build.weight(
                WeightSpec::new("beta", extents, self.beta_initializer.clone())
                    .regularizer(self.beta_regularizer.clone())
                    .constraint(self.beta_constraint.clone()),
            );
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        let axes = self.axis.resolve(x.rank()).unwrap_or_default();
        let mut factor = vec![1; x.rank()];
        axes.iter().for_each(|&axis| factor[axis] = x.shape()[axis]);
        let mut weight = |name: &str, otherwise: f64| match call.optional_weight(name) {
            Some(weight) => weight.cast(x.dtype()).reshape(factor.clone()),
            None => Tensor::full(x.dtype(), factor.clone(), otherwise),
        };
        let (gamma, beta) = (weight("gamma", 1.0), weight("beta", 0.0));
        if self.rms_scaling {
            let [_, variance] = x.moments(&axes);
            return vec![x * (variance + self.epsilon).rsqrt() * gamma];
        }
        let [y, _, _] = x.normalize(&gamma, &beta, &axes, self.epsilon);
        vec![y]
    }

    fn computes_in_float32(&self) -> bool {
        true
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
