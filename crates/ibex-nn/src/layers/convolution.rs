//! What the convolution layers share: windows that slide, their checks, kernels and biases.
//!
//! [`sliding_layer`] gives a layer the options that all of them have; [`convolution_layer`] makes
//! the plain ones of it, and its neighbours the depthwise, separable and transposed ones.

use ibex_graph::ops::window::Padding;
use ibex_graph::{Shape, Tensor};

use super::options::{DataFormat, check_positive, expect_rank, known_extent};
use crate::object::ConfigError;
use crate::partial::PartialShape;

/// How the window of a convolution slides, whatever its number of spatial axes.
pub(super) struct Sliding<'a> {
    pub(super) kernel_size: &'a [usize],
    pub(super) strides: &'a [usize],
    pub(super) padding: Padding,
    pub(super) data_format: DataFormat,
    pub(super) dilation_rate: &'a [usize],
}

impl Sliding<'_> {
    /// What is wrong with the options by themselves; `counts` are those that must be positive too.
    pub(super) fn check(&self, counts: &[(&str, usize)]) -> Vec<ConfigError> {
        let mut found = Vec::new();
        for (name, value) in counts {
            check_positive(name, &[*value], &mut found);
        }
        check_positive("kernel_size", self.kernel_size, &mut found);
        check_positive("strides", self.strides, &mut found);
        check_positive("dilation_rate", self.dilation_rate, &mut found);
        found
    }

    /// The error of a stride and a dilation that are used together, where Keras refuses it.
    pub(super) fn check_dilated_strides(&self) -> Option<ConfigError> {
        let more = |values: &[usize]| values.iter().any(|&value| value > 1);
        (more(self.strides) && more(self.dilation_rate)).then(|| {
            ConfigError::new("strides and dilation cannot be used together")
                .expected("`strides` = 1 or `dilation_rate` = 1")
                .received(format!(
                    "strides = {:?}, dilation_rate = {:?}",
                    self.strides, self.dilation_rate
                ))
        })
    }

    /// The error of causal padding, which only plain convolutions of sequences have.
    pub(super) fn check_not_causal(&self) -> Option<ConfigError> {
        (self.padding == Padding::Causal).then(|| {
            ConfigError::new("causal padding is for plain convolutions of sequences")
                .expected("valid or same")
                .received("padding = causal")
        })
    }

    /// The channels of an input.
    pub(super) fn channels(&self, input: &PartialShape) -> Result<usize, ConfigError> {
        let rank = self.kernel_size.len() + 2;
        let axes = match self.data_format {
            DataFormat::ChannelsLast => "(batch, *spatial, channels)",
            DataFormat::ChannelsFirst => "(batch, channels, *spatial)",
        };
        expect_rank(input, rank, axes)?;
        known_extent(input, self.data_format.channel_axis(rank), "channel")
    }

    /// The shape of a kernel whose last two axes are these.
    pub(super) fn kernel_shape(&self, last: [usize; 2]) -> Shape {
        [self.kernel_size, &last].concat().into()
    }

    /// The convolution that `convolve` does with channels last, and the bias added.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        bias: Option<&Tensor>,
        convolve: impl FnOnce(&Tensor) -> Tensor,
    ) -> Tensor {
        self.data_format.channels_last(x, |x| match bias {
            Some(bias) => convolve(x) + bias,
            None => convolve(x),
        })
    }
}

/// The channels of one group.
pub(super) fn grouped_channels(
    channels: usize,
    groups: usize,
    input: &PartialShape,
) -> Result<usize, ConfigError> {
    match channels.is_multiple_of(groups) {
        true => Ok(channels / groups),
        false => Err(ConfigError::new("the channels cannot be divided into groups of equal size")
            .expected(format!("a multiple of groups = {groups}"))
            .received(format!("{channels} channels in {input}"))),
    }
}

/// The error of filters that do not divide into groups, if they do not.
pub(super) fn check_groups(filters: usize, groups: usize) -> Option<ConfigError> {
    (groups > 0 && !filters.is_multiple_of(groups)).then(|| {
        ConfigError::new("the filters cannot be divided into groups of equal size")
            .expected("`filters` a multiple of `groups`")
            .received(format!("filters = {filters}, groups = {groups}"))
    })
}

/// Defines the struct of a layer whose window slides along `$rank` spatial axes: `$own` options
/// and those that all have, but for the kernels'.
macro_rules! sliding_layer {
    ($(#[doc = $doc:literal])* $layer:ident, $rank:literal, { $($own:tt)* }) => {
        use ibex_graph::Tensor;
        use ibex_graph::ops::window::Padding;

        use super::convolution::Sliding;
        use super::options::{DataFormat, Extents};
        use $crate::activations::Activation;
        use $crate::constraints::Constraint;
        use $crate::initializers::{GlorotUniform, Initializer, Zeros};
        use $crate::instance::{Build, WeightSpec};
        use $crate::layer::Layer;
        use $crate::object::ConfigError;
        use $crate::partial::PartialType;
        use $crate::regularizers::Regularizer;
        use $crate::trace::Call;

        $crate::layer! {
            $(#[doc = $doc])*
            $layer {
                $($own)*
                /// Extents of the kernel.
                kernel_size: into Extents<$rank> = Extents::from(1),
                /// Distance between two windows; 1 by default.
                strides: into Extents<$rank> = Extents::from(1),
                /// How the borders are padded; not at all by default.
                #[serde(with = "super::options::padding")]
                padding: is Padding = Padding::Valid,
                /// Where the channels are; last by default.
                data_format: is DataFormat = DataFormat::ChannelsLast,
                /// Distance between two elements under the kernel; 1 by default.
                dilation_rate: into Extents<$rank> = Extents::from(1),
                /// Applied to the result.
                activation: into Activation = Activation::Linear,
                /// Whether a bias is added; it is by default.
                use_bias: is bool = true,
                /// Initial values of the bias; zeros by default.
                bias_initializer: into Initializer = Zeros.into(),
                /// Penalty on the bias, added to the loss.
                bias_regularizer: some Regularizer = None,
                /// Projection of the bias after each update.
                bias_constraint: some Constraint = None,
            }
        }

        impl $layer {
            fn sliding(&self) -> Sliding<'_> {
                Sliding {
                    kernel_size: &self.kernel_size.0,
                    strides: &self.strides.0,
                    padding: self.padding,
                    data_format: self.data_format,
                    dilation_rate: &self.dilation_rate.0,
                }
            }

            /// Asks for a bias for each of `filters` filters, if there is one.
            fn ask_for_bias(&self, build: &mut Build<'_>, filters: usize) {
                if self.use_bias {
                    build.weight(
                        WeightSpec::new("bias", [filters], self.bias_initializer.clone())
                            .regularizer(self.bias_regularizer.clone())
                            .constraint(self.bias_constraint.clone()),
                    );
                }
            }
        }
    };
}
pub(super) use sliding_layer;

/// Defines a plain convolution layer of `$rank` spatial axes.
macro_rules! convolution_layer {
    ($(#[doc = $doc:literal])* $layer:ident, $rank:literal) => {
        use super::convolution::{check_groups, grouped_channels};

        super::convolution::sliding_layer! {
            $(#[doc = $doc])*
            $layer, $rank, {
                /// Number of filters: the channels of the output.
                filters: is usize = 1,
                /// Into how many independent parts channels and filters are divided.
                groups: is usize = 1,
                /// Initial values of the kernel; `GlorotUniform` by default.
                kernel_initializer: into Initializer = GlorotUniform::default().into(),
                /// Penalty on the kernel, added to the loss.
                kernel_regularizer: some Regularizer = None,
                /// Projection of the kernel after each update.
                kernel_constraint: some Constraint = None,
            }
        }

        impl $layer {
            /// A layer of `filters` filters of this size.
            #[track_caller]
            pub fn new(filters: usize, kernel_size: impl Into<Extents<$rank>>) -> $layer {
                $layer { filters, kernel_size: kernel_size.into(), ..$layer::default() }
            }
        }

        impl Layer for $layer {
            $crate::layer_facts!($layer);

            fn check(&self) -> Vec<ConfigError> {
                let sliding = self.sliding();
                let counts = [("filters", self.filters), ("groups", self.groups)];
                let mut found = sliding.check(&counts);
                found.extend(check_groups(self.filters, self.groups));
                found.extend(sliding.check_dilated_strides());
                found.extend(sliding.check_not_causal().filter(|_| $rank != 1));
                found
            }

            fn build(
                &self,
                build: &mut Build<'_>,
                inputs: &[PartialType],
            ) -> Result<(), ConfigError> {
                let sliding = self.sliding();
                let channels = sliding.channels(&inputs[0].shape)?;
                let depth = grouped_channels(channels, self.groups, &inputs[0].shape)?;
                let shape = sliding.kernel_shape([depth, self.filters]);
                build.weight(
                    WeightSpec::new("kernel", shape, self.kernel_initializer.clone())
                        .regularizer(self.kernel_regularizer.clone())
                        .constraint(self.kernel_constraint.clone()),
                );
                self.ask_for_bias(build, self.filters);
                Ok(())
            }

            fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
                let (kernel, bias) = (call.weight("kernel"), call.optional_weight("bias"));
                let x = inputs[0].cast(self.base.dtype.compute());
                let (strides, dilation) = (&self.strides.0, &self.dilation_rate.0);
                let convolve = |x: &Tensor| {
                    x.convolution(&kernel, strides, self.padding, dilation, self.groups)
                };
                let y = self.sliding().forward(&x, bias.as_ref(), convolve);
                vec![self.activation.apply(&y)]
            }
        }
    };
}
pub(super) use convolution_layer;
