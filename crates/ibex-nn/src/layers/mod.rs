//! The layers, one file each, one row each in [`LAYERS`].

use std::sync::Arc;

use serde_json::Value;

use crate::layer::{Layer, layer_from_config};
use crate::object::ConfigError;

macro_rules! layers {
    ($($module:ident: $layer:ident,)*) => {
        $(pub mod $module;
        pub use $module::$layer;)*

        /// Every layer that files may name.
        pub const LAYERS: &[LayerRow] = &[$(LayerRow {
            class_name: stringify!($layer),
            load: |config| Ok(Arc::new(layer_from_config::<$layer>(stringify!($layer), config)?)),
        },)*];
    };
}

/// One layer of the table.
#[derive(Debug)]
pub struct LayerRow {
    /// The name in files.
    pub class_name: &'static str,
    /// Makes it from its configuration.
    pub load: fn(&Value) -> Result<Arc<dyn Layer>, ConfigError>,
}

pub mod input;
pub use input::{Input, InputLayer};

layers! {
    dense: Dense,
}
