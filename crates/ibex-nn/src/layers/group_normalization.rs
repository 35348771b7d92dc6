//! `GroupNormalization`: groups of channels of each sample brought to mean 0 and variance 1.

use ibex_graph::Tensor;
use ibex_graph::shape::resolve_axis;

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
    /// Brings each group of channels of each sample to mean 0 and variance 1, then scales and
    /// shifts each channel.
    ///
    /// Input and output have the same shape.
    /// Weights `gamma` and `beta`, one number for each channel.
    /// Source: Wu and He, "Group normalization", 2018,
    /// <https://keras.io/api/layers/normalization_layers/group_normalization/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GroupNormalization, Input};
    ///
    /// let y = GroupNormalization::new(4).call(&Input::new([8, 8, 16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 16)");
    /// ```
    GroupNormalization {
        /// Number of groups, which divides the channels; -1 makes each channel a group.
        groups: is isize = 32,
        /// The axis of the channels; the last by default.
        axis: is isize = -1,
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

impl GroupNormalization {
    /// This many groups of channels; -1 makes each channel a group.
    #[track_caller]
    pub fn new(groups: isize) -> GroupNormalization {
        GroupNormalization { groups, ..GroupNormalization::default() }
    }

    /// The number of groups for so many channels.
    fn groups_of(&self, channels: usize) -> Option<usize> {
        let groups = match self.groups {
            -1 => channels,
            groups => usize::try_from(groups).ok()?,
        };
        (groups > 0 && channels.is_multiple_of(groups)).then_some(groups)
    }
}

impl Layer for GroupNormalization {
    layer_facts!(GroupNormalization);

    fn check(&self) -> Vec<ConfigError> {
        let error = || {
            ConfigError::new("`groups` must be positive, or -1 for each channel by itself")
                .received(format!("groups = {}", self.groups))
        };
        (self.groups < -1 || self.groups == 0).then(error).into_iter().collect()
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let shape = &inputs[0].shape;
        let axis = resolve_axis(self.axis, shape.rank())
            .filter(|&axis| axis > 0)
            .ok_or_else(|| bad_axis(self.axis, shape.rank()))?;
        let channels = known_extent(shape, axis, "channel")?;
        if self.groups_of(channels).is_none_or(|groups| groups > channels) {
            return Err(ConfigError::new(
                "the channels cannot be divided into groups of equal size",
            )
            .expected(format!("a multiple of groups = {}", self.groups))
            .received(format!("{channels} channels in {shape}")));
        }
        if self.scale {
            build.weight(
                WeightSpec::new("gamma", [channels], self.gamma_initializer.clone())
                    .regularizer(self.gamma_regularizer.clone())
                    .constraint(self.gamma_constraint.clone()),
            );
        }
        if self.center {
            build.weight(
                WeightSpec::new("beta", [channels], self.beta_initializer.clone())
                    .regularizer(self.beta_regularizer.clone())
                    .constraint(self.beta_constraint.clone()),
            );
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        let axis = resolve_axis(self.axis, x.rank()).filter(|&axis| axis > 0);
        let Some(axis) = axis else { return vec![x.clone()] };
        let channels = x.shape()[axis];
        let groups = self.groups_of(channels).unwrap_or(1);
        let divided = |dims: &[usize]| {
            let mut dims = dims.to_vec();
            dims[axis] = channels / groups;
            dims.insert(axis, groups);
            dims
        };
        let factor = divided(&vec![1; x.rank()]);
        let mut weight = |name: &str, otherwise: f64| match call.optional_weight(name) {
            Some(weight) => weight.cast(x.dtype()).reshape(factor.clone()),
            None => Tensor::full(x.dtype(), factor.clone(), otherwise),
        };
        let (gamma, beta) = (weight("gamma", 1.0), weight("beta", 0.0));
        let axes: Vec<usize> = (1..=x.rank()).filter(|&other| other != axis).collect();
        let grouped = x.reshape(divided(x.shape()));
        let [y, _, _] = grouped.normalize(&gamma, &beta, &axes, self.epsilon);
        vec![y.reshape(x.shape())]
    }

    fn computes_in_float32(&self) -> bool {
        true
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
