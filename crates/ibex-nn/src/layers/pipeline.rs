//! `Pipeline`: layers one after the other, as one layer.

use std::sync::Arc;

use ibex_graph::Tensor;
use serde_json::{Map, Value, json};

use crate::inner_layer::InnerLayer;
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
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
        layers: is Vec<InnerLayer> = Vec::new(),
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
    pub fn add(mut self, layer: impl Into<InnerLayer>) -> Pipeline {
        self.layers.push(layer.into());
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
        self.layers.iter().flat_map(|layer| layer.check()).collect()
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let mut types = inputs.to_vec();
        for (at, layer) in self.layers.iter().enumerate() {
            types = build.child(&Pipeline::child_name(at), layer.layer(), &types)?;
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let mut values = inputs.to_vec();
        for at in 0..self.layers.len() {
            values = call.child(&Pipeline::child_name(at), &values);
        }
        values
    }

    fn inner_layers(&self) -> Vec<Arc<dyn Layer>> {
        self.layers.iter().map(|layer| layer.layer().clone()).collect()
    }

    fn draws_random_numbers(&self) -> bool {
        self.layers.iter().any(|layer| layer.draws_random_numbers())
    }
}
