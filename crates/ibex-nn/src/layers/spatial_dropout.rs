//! What `SpatialDropout1D`, `SpatialDropout2D` and `SpatialDropout3D` share.

use serde_json::{Map, Value, json};

use crate::layer::Layer;

/// The configuration as Keras writes it for these layers: they know neither `trainable` nor a
/// policy.
pub(super) fn short_config(layer: &dyn Layer, name: &str) -> Map<String, Value> {
    let mut config = Map::new();
    config.insert("name".to_string(), json!(name));
    config.insert("dtype".to_string(), json!(layer.base().dtype.variable().name()));
    if let Value::Object(own) = layer.config() {
        config.extend(own);
    }
    config
}

/// Defines a layer that drops whole channels along `$rank` spatial axes.
///
/// `$format` are the fields of a layer that has a data format, `$of` gives it.
macro_rules! spatial_dropout_layer {
    (
        $(#[doc = $doc:literal])* $layer:ident, $rank:literal,
        { $($format:tt)* }, |$this:ident| $of:expr
    ) => {
        use ibex_graph::Tensor;
        use serde_json::{Map, Value};

        use super::noise::dropped;
        use super::options::{DataFormat, check_fraction};
        use super::pooling::expect_spatial;
        use super::spatial_dropout::short_config;
        use $crate::instance::Build;
        use $crate::layer::Layer;
        use $crate::object::ConfigError;
        use $crate::partial::PartialType;
        use $crate::trace::Call;

        $crate::layer! {
            $(#[doc = $doc])*
            $layer {
                /// The fraction of channels that are dropped.
                rate: is f64 = 0.5,
                /// The layer's own seed; the model's by default.
                seed: some u64 = None,
                $($format)*
            }
        }

        impl $layer {
            /// Drops this fraction of the channels.
            #[track_caller]
            pub fn new(rate: f64) -> $layer {
                $layer { rate, ..$layer::default() }
            }

            fn format(&self) -> DataFormat {
                let $this = self;
                $of
            }
        }

        impl Layer for $layer {
            $crate::layer_facts!($layer);

            fn full_config(&self, name: &str, _: bool) -> Map<String, Value> {
                short_config(self, name)
            }

            fn check(&self) -> Vec<ConfigError> {
                check_fraction("rate", self.rate).into_iter().collect()
            }

            fn build(
                &self,
                _: &mut Build<'_>,
                inputs: &[PartialType],
            ) -> Result<(), ConfigError> {
                expect_spatial(&inputs[0].shape, $rank, self.format())
            }

            fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
                let x = &inputs[0];
                if !call.training() || self.rate == 0.0 {
                    return vec![x.clone()];
                }
                let mut shape = x.shape().to_vec();
                let axes = self.format().spatial_axes(x.rank());
                axes.into_iter().for_each(|axis| shape[axis] = 1);
                vec![dropped(call, x, self.rate, self.seed, shape)]
            }

            fn draws_random_numbers(&self) -> bool {
                self.rate > 0.0
            }

            fn supports_masking(&self) -> bool {
                true
            }

            fn is_built_at_once(&self) -> bool {
                true
            }
        }
    };
}
pub(super) use spatial_dropout_layer;
