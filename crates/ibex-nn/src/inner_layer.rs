//! A layer as an option of another layer: what wrappers and recurrent layers hold.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::layer::Layer;
use crate::layers::Identity;

/// A layer that is an option of another: a wrapper's layer, a cell.
///
/// Clones stand for the same layer, so that a wrapper and what it wraps stay together.
#[derive(Clone, Debug)]
pub struct InnerLayer(Arc<dyn Layer>);

impl InnerLayer {
    /// The layer as a shared object.
    pub fn layer(&self) -> &Arc<dyn Layer> {
        &self.0
    }
}

impl Default for InnerLayer {
    /// A layer that changes nothing.
    #[track_caller]
    fn default() -> InnerLayer {
        InnerLayer(Identity::default().shared())
    }
}

impl Deref for InnerLayer {
    type Target = dyn Layer;

    fn deref(&self) -> &(dyn Layer + 'static) {
        self.0.as_ref()
    }
}

impl<L: Layer> From<L> for InnerLayer {
    fn from(layer: L) -> InnerLayer {
        InnerLayer(layer.shared())
    }
}

impl From<&Arc<dyn Layer>> for InnerLayer {
    fn from(layer: &Arc<dyn Layer>) -> InnerLayer {
        InnerLayer(layer.clone())
    }
}

impl From<Arc<dyn Layer>> for InnerLayer {
    fn from(layer: Arc<dyn Layer>) -> InnerLayer {
        InnerLayer(layer)
    }
}

impl Serialize for InnerLayer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        crate::saving::inner_layer_config(&self.0).serialize(to)
    }
}

impl<'de> Deserialize<'de> for InnerLayer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<InnerLayer, D::Error> {
        let value = Value::deserialize(from)?;
        crate::saving::layer_from_config(&value).map(InnerLayer).map_err(de::Error::custom)
    }
}
