//! What `DepthwiseConv1D` and `DepthwiseConv2D` share.

/// Defines a layer that convolves each channel by itself along `$rank` spatial axes.
macro_rules! depthwise_convolution_layer {
    ($(#[doc = $doc:literal])* $layer:ident, $rank:literal) => {
        super::convolution::sliding_layer! {
            $(#[doc = $doc])*
            $layer, $rank, {
                /// Filters for each channel; 1 by default.
                depth_multiplier: is usize = 1,
                /// Initial values of the kernel; `GlorotUniform` by default.
                depthwise_initializer: into Initializer = GlorotUniform::default().into(),
                /// Penalty on the kernel, added to the loss.
                depthwise_regularizer: some Regularizer = None,
                /// Projection of the kernel after each update.
                depthwise_constraint: some Constraint = None,
            }
        }

        impl $layer {
            /// A layer of kernels of this size.
            #[track_caller]
            pub fn new(kernel_size: impl Into<Extents<$rank>>) -> $layer {
                $layer { kernel_size: kernel_size.into(), ..$layer::default() }
            }
        }

        impl Layer for $layer {
            $crate::layer_facts!($layer);

            fn check(&self) -> Vec<ConfigError> {
                let sliding = self.sliding();
                let mut found = sliding.check(&[("depth_multiplier", self.depth_multiplier)]);
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
                    WeightSpec::new("kernel", shape, self.depthwise_initializer.clone())
                        .regularizer(self.depthwise_regularizer.clone())
                        .constraint(self.depthwise_constraint.clone()),
                );
                self.ask_for_bias(build, channels * self.depth_multiplier);
                Ok(())
            }

            fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
                let (kernel, bias) = (call.weight("kernel"), call.optional_weight("bias"));
                let x = inputs[0].cast(self.base.dtype.compute());
                let (strides, dilation) = (&self.strides.0, &self.dilation_rate.0);
                let convolve =
                    |x: &Tensor| x.depthwise_convolution(&kernel, strides, self.padding, dilation);
                let y = self.sliding().forward(&x, bias.as_ref(), convolve);
                vec![self.activation.apply(&y)]
            }
        }
    };
}
pub(super) use depthwise_convolution_layer;
