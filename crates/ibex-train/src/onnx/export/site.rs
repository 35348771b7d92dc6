//! One node of a graph of Ibex, where it is written as nodes of ONNX.

use ibex_graph::{DType, Graph, Node, Op, Shape, Type, ValueId};

use super::builder::{Attributes, Builder};
use crate::error::Result;

/// What an operation becomes.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Values of these names, one for each output.
    Values(Vec<String>),
    /// What its decomposition becomes.
    Parts,
    /// Nothing, for the reason given.
    Lacking(&'static str),
}

/// A node, the names of the values before it, and the graph that is being written.
pub(super) struct Site<'a> {
    pub(super) builder: &'a mut Builder,
    pub(super) graph: &'a Graph,
    pub(super) names: &'a [Vec<String>],
    pub(super) node: &'a Node,
}

impl Site<'_> {
    /// The name of a value that was written already.
    pub(super) fn name(&self, value: ValueId) -> String {
        self.names[value.node.index()][value.output].clone()
    }

    /// The name of an input.
    pub(super) fn x(&self, input: usize) -> String {
        self.name(self.node.inputs[input])
    }

    /// The names of all inputs.
    pub(super) fn all(&self) -> Vec<String> {
        self.node.inputs.iter().map(|&value| self.name(value)).collect()
    }

    /// The type of an input.
    pub(super) fn ty(&self, input: usize) -> &Type {
        self.graph.ty(self.node.inputs[input])
    }

    /// The shape of an input.
    pub(super) fn shape(&self, input: usize) -> &Shape {
        &self.ty(input).shape
    }

    /// The number of axes of an input.
    pub(super) fn rank(&self, input: usize) -> usize {
        self.shape(input).rank()
    }

    /// The dtype of an input.
    pub(super) fn dtype(&self, input: usize) -> DType {
        self.ty(input).dtype
    }

    /// The type of an output.
    pub(super) fn out(&self, output: usize) -> &Type {
        &self.node.types[output]
    }

    /// The node behind an input.
    pub(super) fn producer(&self, input: usize) -> &Node {
        self.graph.node(self.node.inputs[input].node)
    }

    /// The one number that an input consists of, if it is known.
    pub(super) fn splat(&self, input: usize) -> Option<f64> {
        splat(self.graph, self.node.inputs[input])
    }

    /// One node on all inputs.
    pub(super) fn direct(&mut self, op_type: &str, attributes: Attributes) -> Result<Outcome> {
        let inputs = self.all();
        let value = self.builder.node_with(op_type, &inputs, attributes);
        Ok(Outcome::Values(vec![value]))
    }

    /// The operands of an elementwise operation: ONNX repeats axes of extent 1 by itself, so those
    /// that were only repeated to the result's shape are taken as they were before.
    pub(super) fn operands(&self) -> Vec<String> {
        let sources = self.node.inputs.iter().map(|&value| source(self.graph, value));
        let sources: Vec<ValueId> = sources.collect();
        let shape_of = |value: &ValueId| self.graph.ty(*value).shape.clone();
        let mut shape = Some(Shape::scalar());
        for value in &sources {
            shape = shape.and_then(|shape| shape.broadcast(&shape_of(value)));
        }
        let wanted = &self.out(0).shape;
        let covered = shape.as_ref() == Some(wanted);
        let inputs = self.node.inputs.iter().zip(&sources).enumerate();
        // Where all are repeated, the first one is so explicitly.
        inputs
            .map(|(at, (&value, &source))| {
                self.name(if covered || at > 0 { source } else { value })
            })
            .collect()
    }
}

/// What a value was before it was repeated.
pub(super) fn source(graph: &Graph, value: ValueId) -> ValueId {
    let node = graph.node(value.node);
    match node.op {
        Op::Broadcast(_) => source(graph, node.inputs[0]),
        _ => value,
    }
}

/// The one number that a value consists of, if it is known.
pub(super) fn splat(graph: &Graph, value: ValueId) -> Option<f64> {
    match &graph.node(source(graph, value).node).op {
        Op::Constant(constant) => constant.splat(),
        _ => None,
    }
}
