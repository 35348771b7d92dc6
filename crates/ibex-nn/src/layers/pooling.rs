//! What the pooling layers share: windows, the checks of their options, and global pooling.

use ibex_graph::Tensor;

use super::options::{DataFormat, expect_rank};
use crate::object::ConfigError;
use crate::partial::PartialShape;

/// Checks that an input has `spatial` spatial axes.
pub(super) fn expect_spatial(
    shape: &PartialShape,
    spatial: usize,
    data_format: DataFormat,
) -> Result<(), ConfigError> {
    let axes = match data_format {
        DataFormat::ChannelsLast => "(batch, *spatial, channels)",
        DataFormat::ChannelsFirst => "(batch, channels, *spatial)",
    };
    expect_rank(shape, spatial + 2, axes)
}

/// Reduces the spatial axes with `reduce`, which gets the axes and whether to keep them.
pub(super) fn globally(
    x: &Tensor,
    data_format: DataFormat,
    keep_dims: bool,
    reduce: fn(&Tensor, &[usize], bool) -> Tensor,
) -> Tensor {
    reduce(x, &data_format.spatial_axes(x.rank()), keep_dims)
}

/// Defines a layer that pools windows along `$rank` spatial axes with the method `$pool`.
macro_rules! pooling_layer {
    ($(#[doc = $doc:literal])* $layer:ident, $rank:literal, $pool:ident) => {
        use ibex_graph::Tensor;
        use ibex_graph::ops::window::Padding;
        use serde_json::{Value, json};

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
                /// Extents of the window; 2 by default.
                pool_size: into Extents<$rank> = Extents::from(2),
                /// How the borders are padded; not at all by default. Padding never counts.
                #[serde(with = "super::options::padding")]
                padding: is Padding = Padding::Valid,
                /// Distance between two windows; that of windows side by side by default.
                strides: some Extents<$rank> = None,
                /// Where the channels are; last by default.
                data_format: is DataFormat = DataFormat::ChannelsLast,
            }
        }

        impl $layer {
            /// Windows of this size, side by side.
            #[track_caller]
            pub fn new(pool_size: impl Into<Extents<$rank>>) -> $layer {
                $layer { pool_size: pool_size.into(), ..$layer::default() }
            }

            fn distance(&self) -> Extents<$rank> {
                self.strides.unwrap_or(self.pool_size)
            }
        }

        impl Layer for $layer {
            $crate::layer_facts!($layer, |layer| {
                let mut config = ::serde_json::to_value(layer).unwrap_or_default();
                if let Value::Object(config) = &mut config {
                    config.insert("strides".to_string(), json!(layer.distance()));
                }
                config
            });

            fn check(&self) -> Vec<ConfigError> {
                let mut found = Vec::new();
                check_positive("pool_size", &self.pool_size.0, &mut found);
                check_positive("strides", &self.distance().0, &mut found);
                if self.padding == Padding::Causal {
                    found.push(
                        ConfigError::new("pooling has no causal padding")
                            .expected("valid or same")
                            .received("padding = causal"),
                    );
                }
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
                let (window, strides) = (&self.pool_size.0, &self.distance().0);
                let pool = |x: &Tensor| x.$pool(window, strides, self.padding);
                vec![self.data_format.channels_last(&inputs[0], pool)]
            }

            fn is_built_at_once(&self) -> bool {
                true
            }
        }
    };
}
pub(super) use pooling_layer;

/// Defines a layer that reduces all of `$rank` spatial axes with the method `$reduce`.
macro_rules! global_pooling_layer {
    ($(#[doc = $doc:literal])* $layer:ident, $rank:literal, $reduce:ident) => {
        use ibex_graph::Tensor;

        use super::options::DataFormat;
        use super::pooling::{expect_spatial, globally};
        use $crate::instance::Build;
        use $crate::layer::Layer;
        use $crate::object::ConfigError;
        use $crate::partial::PartialType;
        use $crate::trace::Call;

        $crate::layer! {
            $(#[doc = $doc])*
            $layer {
                /// Where the channels are; last by default.
                data_format: is DataFormat = DataFormat::ChannelsLast,
                /// Whether the spatial axes stay, with one element each.
                keepdims: is bool = false,
            }
        }

        impl $layer {
            /// The layer with Keras's defaults.
            #[track_caller]
            pub fn new() -> $layer {
                $layer::default()
            }
        }

        impl Layer for $layer {
            $crate::layer_facts!($layer);

            fn build(
                &self,
                _: &mut Build<'_>,
                inputs: &[PartialType],
            ) -> Result<(), ConfigError> {
                expect_spatial(&inputs[0].shape, $rank, self.data_format)
            }

            fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
                vec![globally(&inputs[0], self.data_format, self.keepdims, Tensor::$reduce)]
            }

            fn is_built_at_once(&self) -> bool {
                true
            }
        }
    };
}
pub(super) use global_pooling_layer;
