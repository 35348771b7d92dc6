//! What `Conv1D` and `Conv2D` share: their options, weights and forward function.

use ibex_graph::ops::window::Padding;
use ibex_graph::{Shape, Tensor};

use super::options::{DataFormat, check_positive, expect_rank, known_extent};
use crate::object::ConfigError;
use crate::partial::PartialShape;

/// The options of a convolution, whatever its number of spatial axes.
pub(super) struct Options<'a> {
    pub(super) filters: usize,
    pub(super) kernel_size: &'a [usize],
    pub(super) strides: &'a [usize],
    pub(super) padding: Padding,
    pub(super) data_format: DataFormat,
    pub(super) dilation_rate: &'a [usize],
    pub(super) groups: usize,
}

impl Options<'_> {
    /// What is wrong with the options by themselves.
    pub(super) fn check(&self) -> Vec<ConfigError> {
        let mut found = Vec::new();
        let scalars = [("filters", self.filters), ("groups", self.groups)];
        for (name, value) in scalars {
            check_positive(name, &[value], &mut found);
        }
        check_positive("kernel_size", self.kernel_size, &mut found);
        check_positive("strides", self.strides, &mut found);
        check_positive("dilation_rate", self.dilation_rate, &mut found);
        if self.groups > 0 && !self.filters.is_multiple_of(self.groups) {
            found.push(
                ConfigError::new("the filters cannot be divided into groups of equal size")
                    .expected("`filters` a multiple of `groups`")
                    .received(format!("filters = {}, groups = {}", self.filters, self.groups)),
            );
        }
        let more = |values: &[usize]| values.iter().any(|&value| value > 1);
        if more(self.strides) && more(self.dilation_rate) {
            found.push(
                ConfigError::new("strides and dilation cannot be used together")
                    .expected("`strides` = 1 or `dilation_rate` = 1")
                    .received(format!(
                        "strides = {:?}, dilation_rate = {:?}",
                        self.strides, self.dilation_rate
                    )),
            );
        }
        if self.padding == Padding::Causal && self.kernel_size.len() != 1 {
            found.push(
                ConfigError::new("causal padding is for sequences")
                    .expected("valid or same")
                    .received("padding = causal"),
            );
        }
        found
    }

    /// The shape of the kernel for an input.
    pub(super) fn kernel_shape(&self, input: &PartialShape) -> Result<Shape, ConfigError> {
        let rank = self.kernel_size.len() + 2;
        let axes = match self.data_format {
            DataFormat::ChannelsLast => "(batch, *spatial, channels)",
            DataFormat::ChannelsFirst => "(batch, channels, *spatial)",
        };
        expect_rank(input, rank, axes)?;
        let channels = known_extent(input, self.data_format.channel_axis(rank), "channel")?;
        if !channels.is_multiple_of(self.groups) {
            return Err(ConfigError::new(
                "the channels cannot be divided into groups of equal size",
            )
            .expected(format!("a multiple of groups = {}", self.groups))
            .received(format!("{channels} channels in {input}")));
        }
        let mut dims = self.kernel_size.to_vec();
        dims.extend([channels / self.groups, self.filters]);
        Ok(dims.into())
    }

    /// The convolution with the bias added.
    pub(super) fn forward(&self, x: &Tensor, kernel: &Tensor, bias: Option<&Tensor>) -> Tensor {
        self.data_format.channels_last(x, |x| {
            let y =
                x.convolution(kernel, self.strides, self.padding, self.dilation_rate, self.groups);
            match bias {
                Some(bias) => y + bias,
                None => y,
            }
        })
    }
}

/// Defines a convolution layer of `$rank` spatial axes.
macro_rules! convolution_layer {
    ($(#[doc = $doc:literal])* $layer:ident, $rank:literal) => {
        use ibex_graph::Tensor;
        use ibex_graph::ops::window::Padding;

        use super::convolution::Options;
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
                /// Number of filters: the channels of the output.
                filters: is usize = 1,
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
                /// Into how many independent parts channels and filters are divided.
                groups: is usize = 1,
                /// Applied to the result.
                activation: into Activation = Activation::Linear,
                /// Whether a bias is added; it is by default.
                use_bias: is bool = true,
                /// Initial values of the kernel; `GlorotUniform` by default.
                kernel_initializer: into Initializer = GlorotUniform::default().into(),
                /// Initial values of the bias; zeros by default.
                bias_initializer: into Initializer = Zeros.into(),
                /// Penalty on the kernel, added to the loss.
                kernel_regularizer: some Regularizer = None,
                /// Penalty on the bias, added to the loss.
                bias_regularizer: some Regularizer = None,
                /// Projection of the kernel after each update.
                kernel_constraint: some Constraint = None,
                /// Projection of the bias after each update.
                bias_constraint: some Constraint = None,
            }
        }

        impl $layer {
            /// A layer of `filters` filters of this size.
            #[track_caller]
            pub fn new(filters: usize, kernel_size: impl Into<Extents<$rank>>) -> $layer {
                $layer { filters, kernel_size: kernel_size.into(), ..$layer::default() }
            }

            fn options(&self) -> Options<'_> {
                Options {
                    filters: self.filters,
                    kernel_size: &self.kernel_size.0,
                    strides: &self.strides.0,
                    padding: self.padding,
                    data_format: self.data_format,
                    dilation_rate: &self.dilation_rate.0,
                    groups: self.groups,
                }
            }
        }

        impl Layer for $layer {
            $crate::layer_facts!($layer);

            fn check(&self) -> Vec<ConfigError> {
                self.options().check()
            }

            fn build(
                &self,
                build: &mut Build<'_>,
                inputs: &[PartialType],
            ) -> Result<(), ConfigError> {
                let shape = self.options().kernel_shape(&inputs[0].shape)?;
                build.weight(
                    WeightSpec::new("kernel", shape, self.kernel_initializer.clone())
                        .regularizer(self.kernel_regularizer.clone())
                        .constraint(self.kernel_constraint.clone()),
                );
                if self.use_bias {
                    build.weight(
                        WeightSpec::new("bias", [self.filters], self.bias_initializer.clone())
                            .regularizer(self.bias_regularizer.clone())
                            .constraint(self.bias_constraint.clone()),
                    );
                }
                Ok(())
            }

            fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
                let (kernel, bias) = (call.weight("kernel"), call.optional_weight("bias"));
                let x = inputs[0].cast(self.base.dtype.compute());
                vec![self.activation.apply(&self.options().forward(&x, &kernel, bias.as_ref()))]
            }
        }
    };
}
pub(super) use convolution_layer;
