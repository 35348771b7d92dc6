//! `BatchNormalization`: each feature brought to mean 0 and variance 1.

use ibex_graph::Tensor;
use ibex_graph::shape::resolve_axis;
use serde_json::{Map, Value};

use super::options::{bad_axis, known_extent};
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
    /// Brings each feature to mean 0 and variance 1, then scales and shifts it.
    ///
    /// While training the statistics are those of the batch and move the moving ones.
    /// Otherwise, and when the layer is frozen, the moving ones are used.
    /// Input and output have the same shape; masked steps do not count.
    /// Weights `gamma`, `beta`, `moving_mean`, `moving_variance`, one number for each feature.
    /// Source: Ioffe and Szegedy, "Batch normalization", 2015,
    /// <https://keras.io/api/layers/normalization_layers/batch_normalization/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{BatchNormalization, Input};
    ///
    /// let y = BatchNormalization::new().call(&Input::new([8, 8, 16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 16)");
    /// ```
    BatchNormalization {
        /// The axis of the features, each of which has its own statistics; the last by default.
        axis: is isize = -1,
        /// How much of the old moving statistics a step keeps; 0.99 by default.
        momentum: is f64 = 0.99,
        /// Added to the variance; 1e-3 by default.
        epsilon: is f64 = 1e-3,
        /// Whether `beta` is added; it is by default.
        center: is bool = true,
        /// Whether `gamma` multiplies; it does by default.
        scale: is bool = true,
        /// Initial values of `beta`; zeros by default.
        beta_initializer: into Initializer = Zeros.into(),
        /// Initial values of `gamma`; ones by default.
        gamma_initializer: into Initializer = Ones.into(),
        /// Initial values of the moving mean; zeros by default.
        moving_mean_initializer: into Initializer = Zeros.into(),
        /// Initial values of the moving variance; ones by default.
        moving_variance_initializer: into Initializer = Ones.into(),
        /// Penalty on `beta`, added to the loss.
        beta_regularizer: some Regularizer = None,
        /// Penalty on `gamma`, added to the loss.
        gamma_regularizer: some Regularizer = None,
        /// Projection of `beta` after each update.
        beta_constraint: some Constraint = None,
        /// Projection of `gamma` after each update.
        gamma_constraint: some Constraint = None,
        /// Whether statistics span several devices; one device needs nothing for it.
        synchronized: is bool = false,
        /// Batch renormalisation, which is not supported.
        renorm: is bool = false,
        /// Its limits.
        renorm_clipping: some Map<String, Value> = None,
        /// Its momentum.
        renorm_momentum: is f64 = 0.99,
    }
}

impl BatchNormalization {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> BatchNormalization {
        BatchNormalization::default()
    }

    /// The output and the statistics of the batch, masked steps left out.
    fn normalized(
        &self,
        x: &Tensor,
        mask: Option<Tensor>,
        gamma: &Tensor,
        beta: &Tensor,
        axes: &[usize],
    ) -> [Tensor; 3] {
        let Some(mask) = mask else { return x.normalize(gamma, beta, axes, self.epsilon) };
        let kept = mask.expand_dims(-1).broadcast_to(x.shape());
        let zero = x.zeros_like();
        // Keras adds its epsilon where everything might be masked.
        let count = kept.cast(x.dtype()).sum(axes, true) + 1e-7;
        let mean = kept.select(x, &zero).sum(axes, true) / &count;
        let variance = kept.select(&(x - &mean).square(), &zero).sum(axes, true) / &count;
        let y = scaled(x, &mean, &variance, gamma, beta, self.epsilon);
        [y, mean, variance]
    }
}

impl Layer for BatchNormalization {
    layer_facts!(BatchNormalization);

    fn check(&self) -> Vec<ConfigError> {
        let error = || {
            ConfigError::new("batch renormalisation is not supported")
                .expected("renorm = false")
                .received("renorm = true")
        };
        self.renorm.then(error).into_iter().collect()
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let shape = &inputs[0].shape;
        let axis = resolve_axis(self.axis, shape.rank())
            .ok_or_else(|| bad_axis(self.axis, shape.rank()))?;
        let features = [known_extent(shape, axis, "feature")?];
        if self.scale {
            build.weight(
                WeightSpec::new("gamma", features, self.gamma_initializer.clone())
                    .regularizer(self.gamma_regularizer.clone())
                    .constraint(self.gamma_constraint.clone()),
            );
        }
        if self.center {
            build.weight(
                WeightSpec::new("beta", features, self.beta_initializer.clone())
                    .regularizer(self.beta_regularizer.clone())
                    .constraint(self.beta_constraint.clone()),
            );
        }
        let moving = [
            ("moving_mean", &self.moving_mean_initializer),
            ("moving_variance", &self.moving_variance_initializer),
        ];
        for (name, initializer) in moving {
            build.weight(WeightSpec::new(name, features, initializer.clone()).not_trained());
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        let Some(axis) = resolve_axis(self.axis, x.rank()) else { return vec![x.clone()] };
        let axes: Vec<usize> = (0..x.rank()).filter(|&other| other != axis).collect();
        let mut features = vec![1; x.rank()];
        features[axis] = x.shape()[axis];
        let mut weight = |name: &str, otherwise: f64| match call.optional_weight(name) {
            Some(weight) => weight.cast(x.dtype()).reshape(features.clone()),
            None => Tensor::full(x.dtype(), features.clone(), otherwise),
        };
        let (gamma, beta) = (weight("gamma", 1.0), weight("beta", 0.0));
        if !(call.training() && call.trainable()) {
            let mut moving =
                |name: &str| call.weight(name).cast(x.dtype()).reshape(features.clone());
            let (mean, variance) = (moving("moving_mean"), moving("moving_variance"));
            return vec![scaled(x, &mean, &variance, &gamma, &beta, self.epsilon)];
        }
        let mask = call.mask(0);
        let [y, mean, variance] = self.normalized(x, mask, &gamma, &beta, &axes);
        for (name, new) in [("moving_mean", mean), ("moving_variance", variance)] {
            let old = call.weight(name);
            let new = new.reshape(old.shape().clone()).cast(old.dtype()).stop_gradient();
            call.assign(name, old * self.momentum + new * (1.0 - self.momentum));
        }
        vec![y]
    }

    fn computes_in_float32(&self) -> bool {
        true
    }

    fn supports_masking(&self) -> bool {
        true
    }
}

/// `(x - mean) / sqrt(variance + epsilon) · gamma + beta`, with the factor computed once for each
/// feature.
fn scaled(
    x: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    epsilon: f64,
) -> Tensor {
    let factor = (variance + epsilon).rsqrt() * gamma;
    let offset = beta - mean * &factor;
    x * factor + offset
}
