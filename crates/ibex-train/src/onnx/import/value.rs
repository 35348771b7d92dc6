//! What the names in an ONNX graph stand for while it is converted.

use std::sync::Arc;

use ibex_graph::{Array, Tensor, Type, interpreter};
use ibex_nn::arguments::Argument;
use ibex_nn::models::SymbolicTensor;
use ibex_nn::{Instance, Trace};

use super::{NodeError, unsupported};

/// The most elements of a constant that is computed, or that stands in a configuration as text.
pub(super) const MAX_ELEMENTS: usize = 1 << 22;

/// The most elements that anything in a file may claim to have.
pub(super) const MAX_CLAIMED: i64 = 1 << 40;

/// An extent, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// A number.
    Known(i64),
    /// The batch size.
    Batch,
    /// Something else that depends on the data.
    Open,
}

impl Extent {
    /// The number, if it is known.
    pub(super) fn known(self) -> Option<i64> {
        match self {
            Extent::Known(number) => Some(number),
            Extent::Batch | Extent::Open => None,
        }
    }
}

/// The value of a name.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// It depends on the inputs.
    Open(SymbolicTensor),
    /// It is known.
    Known(Array),
    /// Extents, of which some depend on the data, and whether they are a list.
    Extents(Vec<Extent>, bool),
}

impl Value {
    /// The value, computed now if it does not depend on the inputs.
    pub(super) fn folded(self) -> Result<Value, NodeError> {
        let Value::Open(tensor) = &self else { return Ok(self) };
        if tensor.is_poisoned() || !is_closed(tensor, MAX_CALLS) {
            return Ok(self);
        }
        let traced = traced(tensor, &mut Trace::new(false));
        let size = |ty: &Type| ty.shape.checked_size().unwrap_or(usize::MAX);
        let size = |t: &Tensor| t.types().iter().map(size).max().unwrap_or(0);
        if ibex_graph::tensor::reachable(std::slice::from_ref(&traced)).iter().map(size).max()
            > Some(MAX_ELEMENTS)
        {
            return unsupported("a constant of this size");
        }
        Ok(Value::Known(interpreter::evaluate(&traced)?))
    }

    /// What is wrong with the call that gives it.
    pub(super) fn mistake(&self) -> Option<String> {
        let Value::Open(tensor) = self else { return None };
        let missing = || "a part of it is not supported".to_string();
        let call = tensor.call_node();
        tensor.is_poisoned().then(|| call.mistake().map_or_else(missing, |m| m.what.clone()))
    }

    /// As an argument of an operation.
    pub(super) fn argument(&self) -> Option<Argument<SymbolicTensor>> {
        match self {
            Value::Open(tensor) => Some(tensor.into()),
            Value::Known(array) if array.size() > MAX_ELEMENTS => None,
            Value::Known(array) => Some(array.into()),
            Value::Extents(extents, is_list) => {
                let known: Vec<i64> = extents.iter().map(|e| e.known()).collect::<Option<_>>()?;
                Some((&integers(&known, *is_list)).into())
            }
        }
    }

    /// As integers, of which some may depend on the data.
    pub(super) fn extents(&self) -> Option<Vec<Extent>> {
        match self {
            Value::Extents(extents, _) => Some(extents.clone()),
            Value::Known(array) if !array.dtype().is_float() && array.shape().rank() <= 1 => {
                Some(array.to_f64_vec().into_iter().map(|x| Extent::Known(x as i64)).collect())
            }
            _ => None,
        }
    }
}

/// Extents as an array if all are known.
pub(super) fn from_extents(extents: Vec<Extent>, is_list: bool) -> Value {
    match extents.iter().map(|extent| extent.known()).collect::<Option<Vec<i64>>>() {
        Some(known) => Value::Known(integers(&known, is_list)),
        None => Value::Extents(extents, is_list),
    }
}

/// Integers as an array, a list or a single one.
pub(super) fn integers(values: &[i64], is_list: bool) -> Array {
    let shape: &[usize] = if is_list { &[values.len()] } else { &[] };
    let numbers: Vec<f64> = values.iter().map(|&value| value as f64).collect();
    Array::from_f64_slice(ibex_graph::DType::I64, shape, &numbers)
}

/// How many calls one node becomes at most; what leads to them is folded already.
const MAX_CALLS: usize = 16;

/// Whether nothing but constants leads to a tensor.
fn is_closed(tensor: &SymbolicTensor, calls: usize) -> bool {
    let inputs = tensor.call_node().inputs();
    let below = |input: &SymbolicTensor| calls > 0 && is_closed(input, calls - 1);
    // Weights have no values yet.
    let weighs = |instance: &Arc<Instance>| !instance.all_weights().is_empty();
    let weighs = tensor.call_node().instance().is_none_or(weighs);
    !tensor.is_input() && !weighs && inputs.iter().all(below)
}

fn traced(tensor: &SymbolicTensor, trace: &mut Trace) -> Tensor {
    let call = tensor.call_node();
    let inputs: Vec<Tensor> = call.inputs().iter().map(|input| traced(input, trace)).collect();
    let outputs = match call.instance() {
        Some(instance) => instance.call_with(trace, &inputs, call.slots()),
        None => Vec::new(),
    };
    let missing = || Tensor::scalar(ibex_graph::DType::F32, f64::NAN);
    outputs.into_iter().nth(tensor.output_index()).unwrap_or_else(missing)
}
