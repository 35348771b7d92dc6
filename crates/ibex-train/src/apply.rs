//! Layers applied to data, outside a model: preprocessing and augmentation of data sets.
//!
//! It must not know models, files or the training loop.

use ibex_graph::{Array, Graph, Tensor, Variable};
use ibex_nn::initializers::Seeds;
use ibex_nn::{ConfigError, Instance, Layer, PartialShape, PartialType, Trace};

use crate::data::Arrays;
use crate::error::{Error, Result};
use crate::model::{random_state, seed};

/// Applying a layer to data, outside a model.
///
/// ```
/// use ibex_graph::Array;
/// use ibex_nn::layers::Rescaling;
/// use ibex_train::ApplyLayer;
///
/// let pixels = Array::from_slice([1, 3], &[0u8, 64, 128])?;
/// let scaled = Rescaling::new(1.0 / 128.0).apply(&pixels)?;
/// assert_eq!(scaled.to_f32_vec(), [0.0, 0.5, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ApplyLayer: Layer {
    /// What the layer gives for the data when it does not train.
    ///
    /// Weights that the layer does not have yet get their initial values.
    ///
    /// # Errors
    /// If the layer cannot be applied to such data.
    fn apply(&self, data: impl Into<Arrays>) -> Result<Array> {
        run(self.shared().as_ref(), data.into(), Trace::new(false))
    }

    /// What the layer gives for the data in training, with random numbers that follow from `seed`.
    ///
    /// # Errors
    /// If the layer cannot be applied to such data.
    fn apply_training(&self, data: impl Into<Arrays>, seed: u64) -> Result<Array> {
        let random = Variable::new("random_state", random_state(seed));
        run(self.shared().as_ref(), data.into(), Trace::new(true).with_random(&random))
    }
}

impl<L: Layer + ?Sized> ApplyLayer for L {}

fn run(layer: &dyn Layer, data: Arrays, mut trace: Trace) -> Result<Array> {
    let any_batch = |array: &Array| {
        let shape = PartialShape::from(array.shape()).0;
        let sample = shape.into_iter().skip(1);
        let shape = match array.shape().rank() {
            0 => PartialShape::default(),
            _ => PartialShape([None].into_iter().chain(sample).collect()),
        };
        PartialType::new(array.dtype(), shape)
    };
    let types: Vec<PartialType> = data.0.iter().map(any_batch).collect();
    let instance = Instance::of(&layer.shared(), &types)?;
    instance.materialize(instance.name(), &mut Seeds::new(seed()));
    let input = |array: &Array| Tensor::input("data", array.dtype(), array.shape());
    let inputs: Vec<Tensor> = data.0.iter().map(input).collect();
    let outputs = instance.call(&mut trace, &inputs);
    let graph = Graph::new(&inputs, &outputs, &[])?;
    let mut program = ibex_cpu::device(None).compile(graph)?;
    program.run(&data.0.iter().collect::<Vec<&Array>>())?;
    match program.outputs() {
        [one] => Ok(one.clone()),
        several => Err(Error::Data(
            ConfigError::new("the layer does not give one output")
                .expected("one output")
                .received(several.len().to_string())
                .help("use it in a model"),
        )),
    }
}
