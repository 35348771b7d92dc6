//! What `SeparableConv1D` and `SeparableConv2D` share.

/// Defines a layer that convolves each channel by itself along `$rank` spatial axes and then mixes
/// the channels of each place.
macro_rules! separable_convolution_layer {
    ($(#[doc = $doc:literal])* $layer:ident, $rank:literal) => {
        super::convolution::sliding_layer! {
            $(#[doc = $doc])*
            $layer, $rank, {
                /// Filters for each channel before they are mixed; 1 by default.
                depth_multiplier: is usize = 1,
                /// Number of filters: the channels of the output.
                filters: is usize = 1,
                /// Initial values of the kernel of each channel; `GlorotUniform` by default.
                depthwise_initializer: into Initializer = GlorotUniform::default().into(),
                /// Initial values of the kernel that mixes; `GlorotUniform` by default.
                pointwise_initializer: into Initializer = GlorotUniform::default().into(),
                /// Penalty on the kernel of each channel, added to the loss.
                depthwise_regularizer: some Regularizer = None,
                /// Penalty on the kernel that mixes, added to the loss.
                pointwise_regularizer: some Regularizer = None,
                /// Projection of the kernel of each channel after each update.
                depthwise_constraint: some Constraint = None,
                /// Projection of the kernel that mixes after each update.
                pointwise_constraint: some Constraint = None,
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
                let counts =
                    [("depth_multiplier", self.depth_multiplier), ("filters", self.filters)];
                let mut found = sliding.check(&counts);
                found.extend(sliding.check_not_causal());
                found
            }

            fn build(
                &self,
                build: &mut Build<'_>,
                inputs: &[PartialType],
            ) -> Result<(), ConfigError> {
                let sliding = self.sliding();
                let channels = sliding.channels(&inputs[0].shape)?;
                let shape = sliding.kernel_shape([channels, self.depth_multiplier]);
                build.weight(
                    WeightSpec::new("depthwise_kernel", shape, self.depthwise_initializer.clone())
                        .regularizer(self.depthwise_regularizer.clone())
                        .constraint(self.depthwise_constraint.clone()),
                );
                let mut shape = vec![1; $rank];
                shape.extend([channels * self.depth_multiplier, self.filters]);
                build.weight(
                    WeightSpec::new("pointwise_kernel", shape, self.pointwise_initializer.clone())
                        .regularizer(self.pointwise_regularizer.clone())
                        .constraint(self.pointwise_constraint.clone()),
                );
                self.ask_for_bias(build, self.filters);
                Ok(())
            }

            fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
                let bias = call.optional_weight("bias");
                let (own, mix) = (call.weight("depthwise_kernel"), call.weight("pointwise_kernel"));
                let x = inputs[0].cast(self.base.dtype.compute());
                let (strides, dilation) = (&self.strides.0, &self.dilation_rate.0);
                let convolve = |x: &Tensor| {
                    let each = x.depthwise_convolution(&own, strides, self.padding, dilation);
                    each.convolution(&mix, &[1; $rank], Padding::Valid, &[1; $rank], 1)
                };
                let y = self.sliding().forward(&x, bias.as_ref(), convolve);
                vec![self.activation.apply(&y)]
            }
        }
    };
}
pub(super) use separable_convolution_layer;
