//! One node of an ONNX graph, where it becomes layers.

use ibex_format::onnx::{OnnxAttribute, OnnxNode};
use ibex_graph::Array;
use ibex_nn::arguments::Argument;
use ibex_nn::models::SymbolicTensor;
use ibex_nn::models::symbolic::Arguments;
use ibex_nn::ops;
use serde_json::{Value as Json, json};

use super::context::Context;
use super::value::{Extent, Value};
use super::{NodeError, Outcome, unsupported};
use crate::arrays::from_raw;

/// A node and what it may ask for.
pub(super) struct NodeSite<'c, 'a> {
    pub(super) context: &'c mut Context<'a>,
    pub(super) node: &'c OnnxNode,
}

/// The one value of a node.
pub(super) fn one(tensor: impl Into<SymbolicTensor>) -> Outcome {
    Ok(vec![Value::Open(tensor.into())])
}

impl NodeSite<'_, '_> {
    /// Whether an input could not be had, which was said already.
    pub(super) fn depends_on_lacking(&self) -> bool {
        self.node.inputs.iter().any(|name| self.context.lacks(name))
    }

    /// Whether there is an input of that number.
    pub(super) fn has(&self, input: usize) -> bool {
        self.node.inputs.get(input).is_some_and(|name| !name.is_empty())
    }

    /// An input.
    pub(super) fn value(&mut self, input: usize) -> Result<Value, NodeError> {
        match self.node.inputs.get(input).filter(|name| !name.is_empty()) {
            Some(name) => Ok(self.context.value(name)?),
            None => unsupported(format!("input {input} is missing")),
        }
    }

    /// An input as a tensor, a constant too.
    pub(super) fn tensor(&mut self, input: usize) -> Result<SymbolicTensor, NodeError> {
        match self.value(input)? {
            Value::Open(tensor) => Ok(tensor),
            Value::Known(_) | Value::Extents(..) => Ok(ops::copy(self.argument(input)?)),
        }
    }

    /// An input that is known.
    pub(super) fn known(&mut self, input: usize) -> Result<Array, NodeError> {
        match self.value(input)? {
            Value::Known(array) => Ok(array),
            _ => unsupported(format!("input {input} depends on the data")),
        }
    }

    /// An input that is known, if it was given.
    pub(super) fn optional(&mut self, input: usize) -> Result<Option<Array>, NodeError> {
        if self.has(input) { self.known(input).map(Some) } else { Ok(None) }
    }

    /// Whether an input is zero for all that is known.
    pub(super) fn is_zero(&mut self, input: usize) -> Result<bool, NodeError> {
        let zero = self.node.inputs.get(input).is_some_and(|name| self.context.is_zero(name));
        Ok(zero
            || match self.value(input)? {
                Value::Known(array) => array.to_f64_vec().iter().all(|&x| x == 0.0),
                Value::Open(_) | Value::Extents(..) => false,
            })
    }

    /// An input as an argument of an operation.
    pub(super) fn argument(&mut self, input: usize) -> Result<Argument<SymbolicTensor>, NodeError> {
        match self.value(input)?.argument() {
            Some(argument) => Ok(argument),
            None => unsupported(
                "it computes with a large constant, or with extents that depend on the data",
            ),
        }
    }

    /// Every input as an argument of an operation.
    pub(super) fn arguments(&mut self) -> Result<Vec<Argument<SymbolicTensor>>, NodeError> {
        (0..self.node.inputs.len()).map(|input| self.argument(input)).collect()
    }

    /// An input that is a list of integers, all of them known.
    pub(super) fn integers(&mut self, input: usize) -> Result<Vec<i64>, NodeError> {
        let extents = self.value(input)?.extents();
        match extents.and_then(|list| list.into_iter().map(Extent::known).collect()) {
            Some(list) => Ok(list),
            None => unsupported(format!("input {input} depends on the data")),
        }
    }

    /// The shape of an input, as far as it is known.
    pub(super) fn shape(&mut self, input: usize) -> Result<Vec<Option<usize>>, NodeError> {
        let value = self.value(input)?;
        Ok(self.shape_of(&value))
    }

    /// The shape of a value, as far as it is known.
    pub(super) fn shape_of(&self, value: &Value) -> Vec<Option<usize>> {
        match value {
            Value::Open(tensor) => tensor.shape().0,
            Value::Known(array) => array.shape().iter().map(|&extent| Some(extent)).collect(),
            Value::Extents(extents, true) => vec![Some(extents.len())],
            Value::Extents(_, false) => Vec::new(),
        }
    }

    /// An integer option.
    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        match self.node.attribute(name) {
            Some(OnnxAttribute::Int(value)) => *value,
            _ => default,
        }
    }

    /// An option that is a number.
    pub(super) fn float(&self, name: &str, default: f64) -> f64 {
        match self.node.attribute(name) {
            // As it is written, so that 0.1 stays 0.1.
            Some(OnnxAttribute::Float(value)) => value.to_string().parse().unwrap_or(default),
            _ => default,
        }
    }

    /// An option that is a name.
    pub(super) fn text(&self, name: &str, default: &str) -> String {
        match self.node.attribute(name) {
            Some(OnnxAttribute::Text(value)) => value.clone(),
            _ => default.to_string(),
        }
    }

    /// An option of integers.
    pub(super) fn ints(&self, name: &str) -> Option<Vec<i64>> {
        match self.node.attribute(name)? {
            OnnxAttribute::Ints(values) => Some(values.clone()),
            _ => None,
        }
    }

    /// An option of counts for each of `count` axes; ones if it was not given.
    pub(super) fn counts(&self, name: &str, count: usize) -> Result<Vec<usize>, NodeError> {
        let Some(values) = self.ints(name) else { return Ok(vec![1; count]) };
        let counts = values.iter().map(|&value| usize::try_from(value).ok());
        match counts.collect::<Option<Vec<usize>>>() {
            Some(counts) if counts.len() == count && !counts.contains(&0) => Ok(counts),
            _ => unsupported(format!("`{name}` = {values:?}")),
        }
    }

    /// An option that is an array.
    pub(super) fn array(&self, name: &str) -> Result<Option<Array>, NodeError> {
        match self.node.attribute(name) {
            Some(OnnxAttribute::Tensor(raw)) => Ok(Some(from_raw(raw)?)),
            _ => Ok(None),
        }
    }

    /// Axes that are an option in older files and an input in newer ones.
    pub(super) fn axes(&mut self, name: &str, input: usize) -> Result<Option<Vec<i64>>, NodeError> {
        match self.ints(name) {
            Some(axes) => Ok(Some(axes)),
            None if self.has(input) => self.integers(input).map(Some),
            None => Ok(None),
        }
    }

    /// A layer on one input with weights in Keras's order.
    pub(super) fn layer(
        &mut self,
        class_name: &str,
        config: Json,
        inputs: impl Arguments,
        weights: Vec<Array>,
    ) -> Result<Vec<SymbolicTensor>, NodeError> {
        let name = self.node.name.clone();
        Ok(self.context.layer(class_name, &name, config, inputs, weights)?)
    }

    /// A layer without weights on one tensor.
    pub(super) fn plain(
        &mut self,
        class_name: &str,
        config: Json,
        x: SymbolicTensor,
    ) -> Result<SymbolicTensor, NodeError> {
        Ok(self.layer(class_name, config, vec![x], Vec::new())?.swap_remove(0))
    }

    /// An activation on input 0.
    pub(super) fn activation(&mut self, name: &str) -> Outcome {
        let x = self.tensor(0)?;
        one(self.plain("Activation", json!({"activation": name}), x)?)
    }
}

/// An axis counted from the start.
pub(super) fn axis_of(axis: i64, rank: usize) -> Result<usize, NodeError> {
    match ibex_graph::shape::resolve_axis(axis as isize, rank) {
        Some(axis) => Ok(axis),
        None => unsupported(format!("axis {axis} of {rank}")),
    }
}
