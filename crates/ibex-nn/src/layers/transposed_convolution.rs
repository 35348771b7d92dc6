//! What `Conv1DTranspose`, `Conv2DTranspose` and `Conv3DTranspose` share.

use crate::object::ConfigError;

/// The error of an output padding that is not below the stride, if it is not.
pub(super) fn check_output_padding(
    output_padding: &[usize],
    strides: &[usize],
) -> Option<ConfigError> {
    let below = output_padding.iter().zip(strides).all(|(padding, stride)| padding < stride);
    (!below).then(|| {
        ConfigError::new("`output_padding` must be smaller than the stride along each axis")
            .expected(format!("less than strides = {strides:?}"))
            .received(format!("output_padding = {output_padding:?}"))
    })
}

/// Defines a transposed convolution layer of `$rank` spatial axes.
macro_rules! transposed_convolution_layer {
    ($(#[doc = $doc:literal])* $layer:ident, $rank:literal) => {
        use super::transposed_convolution::check_output_padding;

        super::convolution::sliding_layer! {
            $(#[doc = $doc])*
            $layer, $rank, {
                /// Number of filters: the channels of the output.
                filters: is usize = 1,
                /// Elements added at the end of each spatial axis, fewer than its stride; where it
                /// is not given the output is as long as Keras makes it.
                output_padding: some Extents<$rank> = None,
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
                let mut found = sliding.check(&[("filters", self.filters)]);
                found.extend(sliding.check_dilated_strides());
                found.extend(sliding.check_not_causal());
                let padding = self.output_padding.as_ref();
                found.extend(padding.and_then(|p| check_output_padding(&p.0, &self.strides.0)));
                found
            }

            fn build(
                &self,
                build: &mut Build<'_>,
                inputs: &[PartialType],
            ) -> Result<(), ConfigError> {
                let sliding = self.sliding();
                let channels = sliding.channels(&inputs[0].shape)?;
                let shape = sliding.kernel_shape([self.filters, channels]);
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
                let extra = self.output_padding.as_ref().map(|padding| padding.0.as_slice());
                let convolve = |x: &Tensor| {
                    x.convolution_transpose(&kernel, strides, self.padding, extra, dilation)
                };
                let y = self.sliding().forward(&x, bias.as_ref(), convolve);
                vec![self.activation.apply(&y)]
            }
        }
    };
}
pub(super) use transposed_convolution_layer;
