//! `Input`: where data enters a model.

use ibex_graph::{DType, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::ops::RangeInclusive;
use std::panic::Location;
use std::sync::Arc;

use crate::arguments::Bound;
use crate::layer::{Base, Layer, share_identity};
use crate::models::symbolic::{SymbolicTensor, apply};
use crate::partial::{PartialShape, PartialType};
use crate::policy::DTypePolicy;
use crate::trace::Call;

/// An input of a model: the shape of one sample and its dtype.
///
/// The batch axis is added in front; a `None` is an extent that data decides.
///
/// ```
/// use ibex_nn::layers::Input;
/// let image = Input::new([28, 28, 1]).tensor();
/// assert_eq!(image.shape().to_string(), "(None, 28, 28, 1)");
/// ```
#[derive(Clone, Debug)]
pub struct Input {
    layer: InputLayer,
}

impl Input {
    /// An input whose samples have this shape.
    #[track_caller]
    pub fn new(shape: impl IntoSampleShape) -> Input {
        Input::with_batch_shape(PartialShape::batch_of(&shape.into_sample_shape()))
    }

    /// An input with an explicit batch axis.
    #[track_caller]
    pub fn with_batch_shape(batch_shape: PartialShape) -> Input {
        // Data is `float32` whatever the policy of the layers.
        let base = Base { dtype: DTypePolicy::FLOAT32, ..Base::new() };
        Input { layer: InputLayer { batch_shape, base } }
    }

    /// Names the input.
    pub fn name(mut self, name: impl Into<String>) -> Input {
        self.layer.base.name = Some(name.into());
        self
    }

    /// The dtype of the data; data of another dtype is cast to it.
    pub fn dtype(mut self, dtype: DType) -> Input {
        self.layer.base.dtype = dtype.into();
        self
    }

    /// The symbolic tensor on which layers are called.
    #[track_caller]
    pub fn tensor(&self) -> SymbolicTensor {
        self.tensor_at(Location::caller())
    }

    /// The symbolic tensor, as if written at `location`.
    pub(crate) fn tensor_at(&self, location: &'static Location<'static>) -> SymbolicTensor {
        apply(&self.layer.shared(), Vec::new(), location).swap_remove(0)
    }

    /// The input that a layer of a model's configuration describes.
    pub fn from_layer(layer: InputLayer) -> Input {
        Input { layer }
    }

    /// The layer that stands for the input in a model.
    pub fn layer(&self) -> &InputLayer {
        &self.layer
    }
}

/// What can be given as the shape of a sample: known extents, or some that data decides.
pub trait IntoSampleShape {
    /// The extents.
    fn into_sample_shape(self) -> Vec<Option<usize>>;
}

impl<const N: usize> IntoSampleShape for [usize; N] {
    fn into_sample_shape(self) -> Vec<Option<usize>> {
        self.into_iter().map(Some).collect()
    }
}

impl<const N: usize> IntoSampleShape for [Option<usize>; N] {
    fn into_sample_shape(self) -> Vec<Option<usize>> {
        self.into()
    }
}

impl IntoSampleShape for &[usize] {
    fn into_sample_shape(self) -> Vec<Option<usize>> {
        self.iter().copied().map(Some).collect()
    }
}

impl IntoSampleShape for Vec<Option<usize>> {
    fn into_sample_shape(self) -> Vec<Option<usize>> {
        self
    }
}

/// The layer that stands for an input in a model's configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InputLayer {
    /// The shape of a batch.
    pub batch_shape: PartialShape,
    #[serde(skip)]
    base: Base,
}

impl InputLayer {
    /// The type of a batch.
    pub fn ty(&self) -> PartialType {
        PartialType::new(self.base.dtype.compute(), self.batch_shape.clone())
    }
}

impl Layer for InputLayer {
    fn base(&self) -> &Base {
        &self.base
    }

    fn base_mut(&mut self) -> &mut Base {
        &mut self.base
    }

    fn class_name(&self) -> &'static str {
        "InputLayer"
    }

    fn config(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn full_config(&self, name: &str, _: bool) -> Map<String, Value> {
        let pairs = [
            ("batch_shape", json!(self.batch_shape)),
            ("dtype", json!(self.base.dtype.compute().name())),
            // Ibex has neither sparse nor ragged tensors, and every input is needed.
            ("sparse", json!(false)),
            ("ragged", json!(false)),
            ("name", json!(name)),
            ("optional", json!(false)),
        ];
        pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }

    fn input_count(&self) -> RangeInclusive<usize> {
        0..=0
    }

    fn is_built_at_once(&self) -> bool {
        true
    }

    fn shared(&self) -> Arc<dyn Layer> {
        let mut copy = self.clone();
        share_identity(&self.base, &mut copy.base);
        Arc::new(copy)
    }

    fn own_types(&self, _: &Bound, _: &[PartialType]) -> Option<Vec<PartialType>> {
        Some(vec![self.ty()])
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        inputs.to_vec()
    }

    fn stem(&self) -> String {
        "input_layer".to_string()
    }
}
