//! What the layers share that pool to a given number of windows.

/// Defines a layer that pools `$rank` spatial axes to given extents with the method `$pool`.
macro_rules! adaptive_pooling_layer {
    ($(#[doc = $doc:literal])* $layer:ident, $rank:literal, $pool:ident) => {
        use ibex_graph::Tensor;

        use super::options::{DataFormat, Extents, check_positive};
        use super::pooling::expect_spatial;
        use $crate::instance::Build;
        use $crate::layer::Layer;
        use $crate::object::ConfigError;
        use $crate::partial::PartialType;
        use $crate::trace::Call;

        $crate::layer! {
            $(#[doc = $doc])*
            $layer {
                /// Number of windows along each spatial axis.
                output_size: into Extents<$rank> = Extents::from(1),
                /// Where the channels are; last by default.
                data_format: is DataFormat = DataFormat::ChannelsLast,
            }
        }

        impl $layer {
            /// This many windows along each spatial axis.
            #[track_caller]
            pub fn new(output_size: impl Into<Extents<$rank>>) -> $layer {
                $layer { output_size: output_size.into(), ..$layer::default() }
            }
        }

        impl Layer for $layer {
            $crate::layer_facts!($layer);

            fn check(&self) -> Vec<ConfigError> {
                let mut found = Vec::new();
                check_positive("output_size", &self.output_size.0, &mut found);
                found
            }

            fn build(
                &self,
                _: &mut Build<'_>,
                inputs: &[PartialType],
            ) -> Result<(), ConfigError> {
                expect_spatial(&inputs[0].shape, $rank, self.data_format)
            }

            fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
                let pool = |x: &Tensor| x.$pool(&self.output_size.0);
                vec![self.data_format.channels_last(&inputs[0], pool)]
            }
        }
    };
}
pub(super) use adaptive_pooling_layer;
