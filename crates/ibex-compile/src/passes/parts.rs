//! A graph taken apart, so that passes move its nodes instead of copying them.
//!
//! [`Parts::rebuild`] is how every pass works: the old nodes go by in order, their inputs already
//! renamed, and the pass says where each one's outputs are in the new list.
//! This module knows nothing of what a pass is for.

use std::collections::HashMap;

use ibex_graph::ops::leaf::Constant;
use ibex_graph::{Array, Graph, Node, NodeId, Op, Origin, Shape, Type, ValueId, Variable};

/// The parts of a graph, in the sense of [`Graph::from_parts`].
#[derive(Default)]
pub(super) struct Parts {
    pub(super) nodes: Vec<Node>,
    pub(super) inputs: Vec<NodeId>,
    pub(super) outputs: Vec<ValueId>,
    pub(super) updates: Vec<(Variable, ValueId)>,
}

/// Where the outputs of an old node are among the new ones.
pub(super) enum Placed {
    /// The first output; the others, if any, are those of the same node.
    At(ValueId),
    /// Every output.
    Outputs(Vec<ValueId>),
    /// Nowhere: nothing asks for them.
    Nowhere,
}

impl From<&Graph> for Parts {
    fn from(graph: &Graph) -> Parts {
        Parts {
            nodes: graph.nodes().to_vec(),
            inputs: graph.inputs().to_vec(),
            outputs: graph.outputs().to_vec(),
            updates: graph.updates().to_vec(),
        }
    }
}

impl Parts {
    /// The graph of these parts.
    pub(super) fn into_graph(self) -> Graph {
        Graph::from_parts(self.nodes, self.inputs, self.outputs, self.updates)
    }

    /// In debug builds, verifies the graph after the pass `name`.
    pub(super) fn check(&self, name: &str) {
        if cfg!(debug_assertions) {
            let (inputs, outputs) = (self.inputs.clone(), self.outputs.clone());
            let updates = self.updates.clone();
            let graph = Graph::from_parts(self.nodes.clone(), inputs, outputs, updates);
            debug_assert_eq!(graph.verify(), Ok(()), "after the pass `{name}`");
        }
    }

    /// The type of a value.
    pub(super) fn ty(&self, value: ValueId) -> &Type {
        &self.nodes[value.node.index()].types[value.output]
    }

    /// Replaces the nodes by those that `place` builds from them, one after the other.
    pub(super) fn rebuild(&mut self, mut place: impl FnMut(&mut Builder, Node) -> Placed) {
        let old = std::mem::take(&mut self.nodes);
        let mut builder = Builder { nodes: Vec::with_capacity(old.len()) };
        let mut renamed = Renamed::with_capacity(old.len());
        for mut node in old {
            for input in &mut node.inputs {
                *input = renamed.get(*input);
            }
            renamed.push(place(&mut builder, node));
        }
        for input in &mut self.inputs {
            *input = renamed.get(ValueId { node: *input, output: 0 }).node;
        }
        for output in &mut self.outputs {
            *output = renamed.get(*output);
        }
        for (_, value) in &mut self.updates {
            *value = renamed.get(*value);
        }
        self.nodes = builder.nodes;
    }
}

/// The new names of old values.
struct Renamed {
    first: Vec<ValueId>,
    others: HashMap<ValueId, ValueId>,
}

impl Renamed {
    fn with_capacity(nodes: usize) -> Renamed {
        Renamed { first: Vec::with_capacity(nodes), others: HashMap::new() }
    }

    fn push(&mut self, placed: Placed) {
        let node = NodeId::new(self.first.len());
        let first = match placed {
            Placed::At(value) => value,
            Placed::Nowhere => ValueId { node, output: 0 },
            Placed::Outputs(values) => {
                for (output, &value) in values.iter().enumerate().skip(1) {
                    self.others.insert(ValueId { node, output }, value);
                }
                values.first().copied().unwrap_or(ValueId { node, output: 0 })
            }
        };
        self.first.push(first);
    }

    fn get(&self, old: ValueId) -> ValueId {
        let first = self.first[old.node.index()];
        match old.output {
            0 => first,
            output => {
                self.others.get(&old).copied().unwrap_or(ValueId { node: first.node, output })
            }
        }
    }
}

/// The nodes built so far.
pub(super) struct Builder {
    nodes: Vec<Node>,
}

impl Builder {
    /// Appends a node; the result is its first output.
    pub(super) fn push(&mut self, node: Node) -> ValueId {
        let id = NodeId::new(self.nodes.len());
        self.nodes.push(node);
        ValueId { node: id, output: 0 }
    }

    /// Appends a constant.
    pub(super) fn push_constant(&mut self, value: Array, origin: &Origin) -> ValueId {
        let types = vec![Type::new(value.dtype(), value.shape())];
        let op = Constant::new(value).into();
        self.push(Node { op, inputs: Vec::new(), types, origin: origin.clone() })
    }

    /// A node of one output applying `op`, its type inferred; `None` if the inputs do not fit.
    pub(super) fn infer(&self, op: Op, inputs: &[ValueId], origin: &Origin) -> Option<Node> {
        let types: Vec<Type> = inputs.iter().map(|&v| self.ty(v).clone()).collect();
        let types = op.rule().infer(&types);
        debug_assert!(types.is_ok(), "a rewrite applied {op} wrongly: {types:?}");
        Some(Node { op, inputs: inputs.to_vec(), types: types.ok()?, origin: origin.clone() })
    }

    /// The node that computes a value.
    pub(super) fn node(&self, value: ValueId) -> &Node {
        &self.nodes[value.node.index()]
    }

    /// The operation that computes a value.
    pub(super) fn op(&self, value: ValueId) -> &Op {
        &self.node(value).op
    }

    /// The type of a value.
    pub(super) fn ty(&self, value: ValueId) -> &Type {
        &self.node(value).types[value.output]
    }

    /// The shape of a value.
    pub(super) fn shape(&self, value: ValueId) -> &Shape {
        &self.ty(value).shape
    }

    /// The constant behind a value that is one, or one repeated.
    pub(super) fn constant(&self, value: ValueId) -> Option<&Constant> {
        let node = self.node(value);
        match &node.op {
            Op::Constant(constant) => Some(constant),
            Op::Broadcast(_) => match self.op(node.inputs[0]) {
                Op::Constant(constant) => Some(constant),
                _ => None,
            },
            _ => None,
        }
    }

    /// The number that a value is in every element, if it is known.
    ///
    /// Only constants of one element, repeated or not, are looked at: folding gives every other
    /// uniform constant that form.
    pub(super) fn splat(&self, value: ValueId) -> Option<f64> {
        let constant = self.constant(value)?;
        match constant.value.size() {
            1 => constant.splat(),
            _ => None,
        }
    }
}
