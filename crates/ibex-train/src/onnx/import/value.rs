//! What the names in an ONNX graph stand for while it is converted.

use ibex_graph::{Array, Tensor, interpreter};
use ibex_nn::Trace;
use ibex_nn::arguments::Argument;
use ibex_nn::models::SymbolicTensor;

use super::NodeError;

/// The value of a name.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// It depends on the inputs.
    Open(SymbolicTensor),
    /// It is known.
    Known(Array),
    /// Extents, of which those that depend on the data are not known, and whether they are a list.
    Extents(Vec<Option<i64>>, bool),
}

impl Value {
    /// The value, computed now if it does not depend on the inputs.
    pub(super) fn folded(self) -> Result<Value, NodeError> {
        let Value::Open(tensor) = &self else { return Ok(self) };
        if tensor.is_poisoned() || !is_closed(tensor, MAX_CALLS) {
            return Ok(self);
        }
        let traced = traced(tensor, &mut Trace::new(false));
        Ok(Value::Known(interpreter::evaluate(&traced)?))
    }

    /// As an argument of an operation.
    pub(super) fn argument(&self) -> Option<Argument<SymbolicTensor>> {
        match self {
            Value::Open(tensor) => Some(tensor.into()),
            Value::Known(array) => Some(array.into()),
            Value::Extents(extents, is_list) => {
                let known: Vec<i64> = extents.iter().copied().collect::<Option<_>>()?;
                Some((&integers(&known, *is_list)).into())
            }
        }
    }

    /// As integers, of which some may depend on the data.
    pub(super) fn extents(&self) -> Option<Vec<Option<i64>>> {
        match self {
            Value::Extents(extents, _) => Some(extents.clone()),
            Value::Known(array) if !array.dtype().is_float() && array.shape().rank() <= 1 => {
                Some(array.to_f64_vec().into_iter().map(|x| Some(x as i64)).collect())
            }
            _ => None,
        }
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
    !tensor.is_input() && inputs.iter().all(below)
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
