//! Symbolic tensors: what layers are called on while a model is written.
//!
//! A call builds the layer for the types that it gets and infers the types that it gives.
//! A mistake makes the result poisoned: whatever is computed from it is not looked at, other
//! branches are, and making the model reports all mistakes together.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ibex_graph::DType;
use serde_json::Value;

use crate::arguments::{Argument, CallArguments};
use crate::instance::Instance;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};

/// One output of one call of a layer.
#[derive(Clone, Debug)]
pub struct SymbolicTensor {
    call: Arc<CallNode>,
    output: usize,
}

/// One call of a layer.
#[derive(Debug)]
pub struct CallNode {
    sequence: u64,
    layer: Arc<dyn Layer>,
    instance: Option<Arc<Instance>>,
    inputs: Vec<SymbolicTensor>,
    slots: CallArguments<usize>,
    outputs: Vec<PartialType>,
    location: &'static Location<'static>,
    mistake: Option<ConfigError>,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl CallNode {
    /// A number that grows in order of creation.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The layer.
    pub fn layer(&self) -> &Arc<dyn Layer> {
        &self.layer
    }

    /// The layer with its weights; `None` if the call is a mistake.
    pub fn instance(&self) -> Option<&Arc<Instance>> {
        self.instance.as_ref()
    }

    /// The tensors that it was called on, in the order in which Keras flattens arguments.
    pub fn inputs(&self) -> &[SymbolicTensor] {
        &self.inputs
    }

    /// How the arguments are arranged.
    pub fn slots(&self) -> &CallArguments<usize> {
        &self.slots
    }

    /// The types of its outputs.
    pub fn outputs(&self) -> &[PartialType] {
        &self.outputs
    }

    /// The line that wrote it.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// What is wrong with this call itself.
    pub fn mistake(&self) -> Option<&ConfigError> {
        self.mistake.as_ref()
    }
}

impl SymbolicTensor {
    /// The call that gives it.
    pub fn call_node(&self) -> &Arc<CallNode> {
        &self.call
    }

    /// Which of the call's outputs it is.
    pub fn output_index(&self) -> usize {
        self.output
    }

    /// Its type; `float32 ()` after a mistake.
    pub fn ty(&self) -> PartialType {
        let unknown = || PartialType::new(DType::F32, PartialShape::default());
        self.call.outputs.get(self.output).cloned().unwrap_or_else(unknown)
    }

    /// Its shape, the batch included.
    pub fn shape(&self) -> PartialShape {
        self.ty().shape
    }

    /// Its dtype.
    pub fn dtype(&self) -> DType {
        self.ty().dtype
    }

    /// Whether it carries a mistake, its own or an earlier one.
    pub fn is_poisoned(&self) -> bool {
        self.call.instance.is_none()
    }

    /// Whether it is an input of a model.
    pub fn is_input(&self) -> bool {
        self.call.inputs.is_empty() && self.call.layer.class_name() == "InputLayer"
    }
}

impl PartialEq for SymbolicTensor {
    fn eq(&self, other: &SymbolicTensor) -> bool {
        Arc::ptr_eq(&self.call, &other.call) && self.output == other.output
    }
}

impl fmt::Display for SymbolicTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from `{}`", self.shape(), self.call.layer.class_name())
    }
}

/// What a layer may be called on: one tensor, or several, and what [`with`] adds to them.
pub trait Arguments {
    /// The tensors, in order, and the arguments that have names.
    fn into_parts(self) -> (Vec<SymbolicTensor>, BTreeMap<String, Argument<SymbolicTensor>>)
    where
        Self: Sized,
    {
        (self.into_inputs(), BTreeMap::new())
    }

    /// The tensors, in order.
    fn into_inputs(self) -> Vec<SymbolicTensor>;
}

/// Tensors to call a layer on, with arguments that have names.
///
/// ```
/// use ibex_nn::layer::LayerExt;
/// use ibex_nn::layers::{Dense, Input};
/// use ibex_nn::models::symbolic::with;
/// use ibex_nn::private::DType;
///
/// let x = Input::new([16, 3]).tensor();
/// let mask = Input::new([16]).dtype(DType::Bool).tensor();
/// let y = Dense::new(2).call(with(&x).tensor("mask", &mask));
/// assert_eq!(y.shape().to_string(), "(None, 16, 2)");
/// ```
pub fn with(inputs: impl Arguments) -> With {
    let (inputs, named) = inputs.into_parts();
    With { inputs, named }
}

/// What [`with`] gives.
#[derive(Clone, Debug)]
pub struct With {
    inputs: Vec<SymbolicTensor>,
    named: BTreeMap<String, Argument<SymbolicTensor>>,
}

impl With {
    /// Adds a tensor under a name.
    pub fn tensor(mut self, name: &str, tensor: &SymbolicTensor) -> With {
        self.named.insert(name.to_string(), Argument::Tensor(tensor.clone()));
        self
    }

    /// Adds a list of tensors under a name.
    pub fn tensors(mut self, name: &str, tensors: impl Arguments) -> With {
        self.named.insert(name.to_string(), Argument::tensors_of(tensors.into_inputs()));
        self
    }

    /// Adds a flag or a number under a name.
    pub fn value(mut self, name: &str, value: impl Into<Value>) -> With {
        self.named.insert(name.to_string(), Argument::Value(value.into()));
        self
    }
}

impl Arguments for With {
    fn into_parts(self) -> (Vec<SymbolicTensor>, BTreeMap<String, Argument<SymbolicTensor>>) {
        (self.inputs, self.named)
    }

    fn into_inputs(self) -> Vec<SymbolicTensor> {
        self.inputs
    }
}

impl Arguments for &SymbolicTensor {
    fn into_inputs(self) -> Vec<SymbolicTensor> {
        vec![self.clone()]
    }
}

impl Arguments for SymbolicTensor {
    fn into_inputs(self) -> Vec<SymbolicTensor> {
        vec![self]
    }
}

impl<const N: usize> Arguments for [SymbolicTensor; N] {
    fn into_inputs(self) -> Vec<SymbolicTensor> {
        self.into()
    }
}

impl<const N: usize> Arguments for [&SymbolicTensor; N] {
    fn into_inputs(self) -> Vec<SymbolicTensor> {
        self.into_iter().cloned().collect()
    }
}

impl Arguments for &[SymbolicTensor] {
    fn into_inputs(self) -> Vec<SymbolicTensor> {
        self.to_vec()
    }
}

impl Arguments for Vec<SymbolicTensor> {
    fn into_inputs(self) -> Vec<SymbolicTensor> {
        self
    }
}

/// Calls a layer on symbolic tensors; there is always at least one result.
pub(crate) fn apply(
    layer: &Arc<dyn Layer>,
    inputs: impl Arguments,
    location: &'static Location<'static>,
) -> Vec<SymbolicTensor> {
    let (inputs, named) = inputs.into_parts();
    let positional = layer.arrangement(inputs.len());
    let positional = positional.iter().map(|item| item.map(&mut |&slot| inputs[slot].clone()));
    let arguments = CallArguments { positional: positional.collect(), named };
    apply_to(layer, &arguments, location)
}

/// Calls a layer on arguments of any arrangement; there is always at least one result.
pub(crate) fn apply_to(
    layer: &Arc<dyn Layer>,
    arguments: &CallArguments<SymbolicTensor>,
    location: &'static Location<'static>,
) -> Vec<SymbolicTensor> {
    let (inputs, slots) = arguments.split();
    let result = match inputs.iter().any(SymbolicTensor::is_poisoned) {
        // An earlier mistake: only what is wrong by itself can be said.
        true => Err(layer.check().into_iter().next()),
        false => built(layer, &inputs, &slots).map_err(Some),
    };
    let (instance, outputs, mistake) = match result {
        Ok((instance, outputs)) => (Some(instance), outputs, None),
        Err(mistake) => (None, Vec::new(), mistake),
    };
    let sequence = NEXT.fetch_add(1, Ordering::Relaxed);
    let count = outputs.len().max(1);
    let layer = layer.clone();
    let call = CallNode { sequence, layer, instance, inputs, slots, outputs, location, mistake };
    let call = Arc::new(call);
    (0..count).map(|output| SymbolicTensor { call: call.clone(), output }).collect()
}

fn built(
    layer: &Arc<dyn Layer>,
    inputs: &[SymbolicTensor],
    slots: &CallArguments<usize>,
) -> Result<(Arc<Instance>, Vec<PartialType>), ConfigError> {
    let types: Vec<PartialType> = inputs.iter().map(SymbolicTensor::ty).collect();
    let instance = Instance::of_call(layer, &types, slots)?;
    let outputs = instance.output_types_of_call(&types, slots)?;
    Ok((instance, outputs))
}
