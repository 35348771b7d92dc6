//! Models as Keras's JSON, both ways: what is in `config.json` of a `.keras` file.
//!
//! [`model_config`] writes, [`model_from_config`] reads; both know the structure of a model only,
//! each layer knows its own configuration.
//! Nothing in a configuration is executed.
//! The compile configuration and the weights are not this module's.

use serde_json::{Map, Value};

use crate::layer::Layer;
use crate::models::Functional;

mod legacy;
mod read;
mod write;

pub use crate::layers::register_layer;
pub use read::{layer_from_config, model_from_config};

/// A model as Keras writes it, without its compile configuration.
///
/// ```
/// use ibex_nn::layers::{Dense, Input};
/// use ibex_nn::models::Sequential;
/// use ibex_nn::saving::{model_config, model_from_config};
///
/// let model = Sequential::new().add(Input::new([4])).add(Dense::new(2)).to_functional()?;
/// let config = model_config(&model);
/// assert_eq!(config["config"]["layers"][1]["config"]["units"], 2);
/// assert_eq!(model_config(&*model_from_config(&config)?), config);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn model_config(model: &Functional) -> Value {
    write::model_object(model)
}

/// A layer as Keras writes it: class, module and configuration.
///
/// Without a name of its own it gets the first automatic one.
///
/// ```
/// use ibex_nn::layers::Dense;
/// use ibex_nn::saving::{layer_config, layer_from_config};
///
/// let config = layer_config(&Dense::new(8));
/// assert_eq!(config["config"]["name"], "dense");
/// assert_eq!(layer_config(layer_from_config(&config)?.as_ref()), config);
/// # Ok::<(), ibex_nn::ConfigError>(())
/// ```
pub fn layer_config(layer: &dyn Layer) -> Value {
    write::object_of_layer(layer)
}

/// A layer that is an option of another, as Keras writes it there.
pub(crate) fn inner_layer_config(layer: &std::sync::Arc<dyn Layer>) -> Value {
    write::object_of_inner(layer)
}

/// The `config` part of a model that is named `name`.
pub(crate) fn config_of_model(
    model: &Functional,
    name: &str,
    trainable: bool,
) -> Map<String, Value> {
    write::config_of_model(model, name, trainable)
}
