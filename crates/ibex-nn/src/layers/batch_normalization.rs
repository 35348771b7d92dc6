//! `BatchNormalization`: each feature brought to mean 0 and variance 1.

use ibex_graph::shape::resolve_axis;
use ibex_graph::{Array, DType, Shape, Tensor};
use serde_json::{Map, Value, json};

use super::options::{bad_axis, known_extent};
use crate::constraints::Constraint;
use crate::initializers::{Initialize, Initializer, Ones, Seeds, Zeros};
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::{ConfigError, shortened};
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
        /// Whether training normalises by running statistics too (batch renormalisation: Ioffe,
        /// 2017); not by default.
        renorm: is bool = false,
        /// The limits `rmin`, `rmax` and `dmax` of what renormalisation corrects.
        renorm_clipping: some Map<String, Value> = None,
        /// How much of the old statistics of renormalisation a step keeps; 0.99 by default.
        renorm_momentum: is f64 = 0.99,
    }
}

impl BatchNormalization {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> BatchNormalization {
        BatchNormalization::default()
    }

    /// The mean and variance of a batch along `axes`, masked steps left out.
    fn moments(&self, x: &Tensor, mask: Option<Tensor>, axes: &[usize]) -> [Tensor; 2] {
        let Some(mask) = mask else { return x.moments(axes) };
        let kept = mask.expand_dims(-1).broadcast_to(x.shape());
        let zero = x.zeros_like();
        // Keras adds its epsilon where everything might be masked.
        let count = kept.cast(x.dtype()).sum(axes, true) + 1e-7;
        let mean = kept.select(x, &zero).sum(axes, true) / &count;
        let variance = kept.select(&(x - &mean).square(), &zero).sum(axes, true) / &count;
        [mean, variance]
    }

    /// The output while training, and the new moving statistics by name.
    fn trained(
        &self,
        call: &mut Call<'_>,
        x: &Tensor,
        [gamma, beta]: [&Tensor; 2],
        axes: &[usize],
    ) -> (Tensor, Vec<(&'static str, Tensor)>) {
        let mask = call.mask(0);
        if self.renorm {
            let [mean, variance] = self.moments(x, mask, axes);
            return self.renormalized(call, x, [&mean, &variance], [gamma, beta]);
        }
        let [y, mean, variance] = match mask {
            None => x.normalize(gamma, beta, axes, self.epsilon),
            mask => {
                let [mean, variance] = self.moments(x, mask, axes);
                [scaled(x, &mean, &variance, gamma, beta, self.epsilon), mean, variance]
            }
        };
        let moved = |call: &mut Call<'_>, name, new| moved(call, name, new, self.momentum);
        let mean = moved(call, "moving_mean", &mean);
        let variance = moved(call, "moving_variance", &variance);
        (y, vec![("moving_mean", mean), ("moving_variance", variance)])
    }

    /// The same with renormalisation: as if the batch had the running statistics, within limits.
    fn renormalized(
        &self,
        call: &mut Call<'_>,
        x: &Tensor,
        [mean, variance]: [&Tensor; 2],
        [gamma, beta]: [&Tensor; 2],
    ) -> (Tensor, Vec<(&'static str, Tensor)>) {
        let mut running =
            |name: &str| call.weight(name).cast(x.dtype()).reshape(mean.shape().clone());
        let (running_mean, running_deviation) = (running("renorm_mean"), running("renorm_stddev"));
        let least = Tensor::scalar(x.dtype(), self.epsilon.sqrt());
        let running_deviation = running_deviation.maximum(&least);
        let deviation = (variance + self.epsilon).sqrt();
        let limit = |name: &str| self.renorm_clipping.as_ref()?.get(name)?.as_f64();
        let number = |value: f64| Tensor::scalar(x.dtype(), value);
        let mut factor = &deviation / &running_deviation;
        if let Some(low) = limit("rmin") {
            factor = factor.maximum(&number(low));
        }
        if let Some(high) = limit("rmax") {
            factor = factor.minimum(&number(high));
        }
        let mut shift = (mean - running_mean) / &running_deviation;
        if let Some(most) = limit("dmax") {
            shift = shift.clip(-most, most);
        }
        let (factor, shift) = (factor.stop_gradient() * gamma, shift.stop_gradient() * gamma);
        let y = scaled(x, mean, variance, &factor, &(shift + beta), self.epsilon);
        let renorm_mean = moved(call, "renorm_mean", mean, self.renorm_momentum);
        let renorm_deviation = moved(call, "renorm_stddev", &deviation, self.renorm_momentum);
        let moving_mean = moved(call, "moving_mean", mean, self.momentum);
        let moving_deviation = moved(call, "moving_stddev", &deviation, self.momentum);
        let moving_variance = moving_deviation.square() - self.epsilon;
        let moving_variance = moving_variance.maximum(&moving_variance.zeros_like());
        let new = vec![
            ("renorm_mean", renorm_mean),
            ("renorm_stddev", renorm_deviation),
            ("moving_mean", moving_mean),
            ("moving_stddev", moving_deviation),
            ("moving_variance", moving_variance),
        ];
        (y, new)
    }

    /// What is wrong with the limits of renormalisation.
    fn check_clipping(&self) -> Option<ConfigError> {
        let limits = self.renorm_clipping.as_ref().filter(|_| self.renorm)?;
        let number = |name: &str| limits.get(name).and_then(Value::as_f64);
        let known = limits.iter().all(|(name, value)| {
            ["rmin", "rmax", "dmax"].contains(&name.as_str())
                && (value.is_null() || value.is_number())
        });
        let ordered = number("rmin").zip(number("rmax")).is_none_or(|(low, high)| low <= high);
        let positive = number("dmax").is_none_or(|most| most >= 0.0);
        let error = || {
            ConfigError::new("the limits of batch renormalisation do not make sense")
                .expected("numbers rmin <= rmax and dmax >= 0, or some of them")
                .received(format!("renorm_clipping = {}", shortened(&json!(limits))))
        };
        (!(known && ordered && positive)).then(error)
    }
}

impl Layer for BatchNormalization {
    layer_facts!(BatchNormalization);

    fn check(&self) -> Vec<ConfigError> {
        self.check_clipping().into_iter().collect()
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
        if self.renorm {
            let deviation = || {
                let variance = self.moving_variance_initializer.clone();
                Initializer::custom(SquareRoot { of: variance })
            };
            let running = [
                ("moving_stddev", deviation()),
                ("renorm_mean", self.moving_mean_initializer.clone()),
                ("renorm_stddev", deviation()),
            ];
            for (name, initializer) in running {
                build.weight(WeightSpec::new(name, features, initializer).not_trained());
            }
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
        let (y, new) = self.trained(call, x, [&gamma, &beta], &axes);
        new.into_iter().for_each(|(name, value)| call.assign(name, value));
        vec![y]
    }

    fn computes_in_float32(&self) -> bool {
        true
    }

    fn mixes_samples(&self) -> bool {
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

/// What a moving statistic becomes: a step towards that of the batch.
fn moved(call: &mut Call<'_>, name: &str, new: &Tensor, momentum: f64) -> Tensor {
    let old = call.weight(name);
    let new = new.reshape(old.shape().clone()).cast(old.dtype()).stop_gradient();
    old * momentum + new * (1.0 - momentum)
}

/// The square roots of what another initializer gives: deviations from variances.
#[derive(Debug)]
struct SquareRoot {
    of: Initializer,
}

impl Initialize for SquareRoot {
    fn class_name(&self) -> &'static str {
        "SquareRoot"
    }

    fn config(&self) -> Value {
        json!({ "of": self.of.to_value() })
    }

    fn check(&self, shape: &Shape) -> Result<(), ConfigError> {
        self.of.check(shape)
    }

    fn initialize(&self, shape: &Shape, seeds: &mut Seeds) -> Array {
        let variance = self.of.initialize(shape, seeds).to_f64_vec();
        let deviation: Vec<f64> = variance.into_iter().map(f64::sqrt).collect();
        Array::from_f64_slice(DType::F32, shape, &deviation)
    }
}
