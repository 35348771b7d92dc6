//! `Pipeline`: layers one after the other, as one layer.

use std::sync::Arc;

use ibex_graph::Tensor;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value, json};

use super::layer_loader;
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::{ConfigError, serialized};
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Applies layers one after the other.
    ///
    /// The shape of the output is that of the last layer.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, Pipeline, RandomInvert, Rescaling};
    ///
    /// let both = Pipeline::new().add(RandomInvert::default()).add(Rescaling::new(1.0 / 255.0));
    /// let y = both.call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    Pipeline {
        /// The layers, in order.
        layers: is LayerList = LayerList::default(),
    }
}

impl Pipeline {
    /// No layers yet.
    #[track_caller]
    pub fn new() -> Pipeline {
        Pipeline::default()
    }

    /// The same with a layer more at the end.
    #[expect(clippy::should_implement_trait, reason = "as models have it")]
    pub fn add(mut self, layer: impl Layer + 'static) -> Pipeline {
        self.layers.0.push(layer.shared());
        self
    }

    /// The name of a layer among the children.
    fn child_name(at: usize) -> String {
        format!("layers_{at}")
    }
}

impl Layer for Pipeline {
    layer_facts!(Pipeline);

    fn full_config(&self, name: &str, _: bool) -> Map<String, Value> {
        let mut config = Map::new();
        config.insert("name".to_string(), json!(name));
        config.insert("layers".to_string(), json!(self.layers));
        config
    }

    fn check(&self) -> Vec<ConfigError> {
        self.layers.0.iter().flat_map(|layer| layer.check()).collect()
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let mut types = inputs.to_vec();
        for (at, layer) in self.layers.0.iter().enumerate() {
            types = build.child(&Pipeline::child_name(at), layer, &types)?;
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let mut values = inputs.to_vec();
        for at in 0..self.layers.0.len() {
            values = call.child(&Pipeline::child_name(at), &values);
        }
        values
    }

    fn inner_layers(&self) -> Vec<Arc<dyn Layer>> {
        self.layers.0.clone()
    }

    fn draws_random_numbers(&self) -> bool {
        self.layers.0.iter().any(|layer| layer.draws_random_numbers())
    }
}

/// Layers as an option of another one.
#[derive(Clone, Debug, Default)]
pub struct LayerList(pub Vec<Arc<dyn Layer>>);

impl Serialize for LayerList {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let written = |layer: &Arc<dyn Layer>| {
            let base = layer.base();
            let stem = layer.stem();
            let name = base.known_name().unwrap_or(&stem);
            let config = Value::Object(layer.full_config(name, base.trainable));
            match layer.module() {
                Some(module) => {
                    serialized(module, layer.class_name(), config, layer.registered_name())
                }
                None => json!({
                    "module": null,
                    "class_name": layer.class_name(),
                    "config": config,
                    "registered_name": layer.registered_name(),
                }),
            }
        };
        self.0.iter().map(written).collect::<Vec<Value>>().serialize(to)
    }
}

impl<'de> Deserialize<'de> for LayerList {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<LayerList, D::Error> {
        let read = |object: &Value| -> Result<Arc<dyn Layer>, ConfigError> {
            let class = object.get("class_name").and_then(Value::as_str).unwrap_or_default();
            let registered = object.get("registered_name").and_then(Value::as_str);
            let nothing = json!({});
            layer_loader(class, registered)?(object.get("config").unwrap_or(&nothing))
        };
        let objects: Vec<Value> = Vec::deserialize(from)?;
        let layers: Result<Vec<Arc<dyn Layer>>, ConfigError> = objects.iter().map(read).collect();
        layers.map(LayerList).map_err(de::Error::custom)
    }
}
