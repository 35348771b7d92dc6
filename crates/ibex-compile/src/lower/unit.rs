//! Nodes become units of work over strided views; what only moves elements becomes a view.
//!
//! Must not know: groups, memory.

use std::collections::HashMap;
use std::sync::Arc;

use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::compare::Compare;
use ibex_graph::ops::leaf::Constant;
use ibex_graph::ops::max_pool_gradient::Unpool;
use ibex_graph::ops::reduce::Reduction;
use ibex_graph::ops::unary::Unary;
use ibex_graph::{Array, DType, Graph, Node, NodeId, Op, Origin, Type, ValueId, Variable};

use super::view::{Root, View};
use crate::program::{Argument, Product};

/// What an input of a unit is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// Elements in memory or of another unit.
    View(DType, View),
    /// One known number, repeated.
    Splat(DType, Vec<usize>, f64),
}

impl Source {
    pub(crate) fn dtype(&self) -> DType {
        match self {
            Source::View(dtype, _) | Source::Splat(dtype, _, _) => *dtype,
        }
    }

    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Source::View(_, view) => &view.shape,
            Source::Splat(_, shape, _) => shape,
        }
    }

    pub(crate) fn view(&self) -> Option<&View> {
        match self {
            Source::View(_, view) => Some(view),
            Source::Splat(..) => None,
        }
    }

    /// The value that this is a view of, if a unit computes it.
    pub(crate) fn value(&self) -> Option<usize> {
        match self.view()?.root {
            Root::Value(value) => Some(value),
            Root::Input(_) | Root::Variable(_) | Root::Constant(_) => None,
        }
    }

    /// The same, to read another value instead.
    pub(crate) fn value_mut(&mut self) -> Option<&mut usize> {
        match self {
            Source::View(_, View { root: Root::Value(value), .. }) => Some(value),
            Source::View(..) | Source::Splat(..) => None,
        }
    }
}

/// A function of single elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pointwise {
    Copy,
    Unary(Unary),
    Binary(Binary),
    Compare(Compare),
    Select,
    Cast,
    /// The index along an axis: (elements from one index to the next, extent).
    Iota(usize, usize),
    /// Uniform random numbers of a stream; the input is the state.
    Random(u32),
    /// The gradient of a maximum pooling; the inputs are the gradients and places of windows.
    Unpool(Unpool),
}

/// What a unit does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum UnitKind {
    Pointwise(Pointwise),
    Reduce(Reduction, Vec<usize>),
    Op(Op),
    /// An operation with an epilogue; the last input is the bias, if it has one.
    Product(Product),
}

/// One indivisible piece of work.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) kind: UnitKind,
    pub(crate) inputs: Vec<Source>,
    /// The values it computes; exactly one unless the kind is `Op`.
    pub(crate) outputs: Vec<usize>,
    /// The shape over which elements are visited.
    pub(crate) shape: Vec<usize>,
    pub(crate) origin: Origin,
}

impl Unit {
    /// Whether the inputs are read as wholes, not element by element.
    pub(crate) fn has_parameters(&self) -> bool {
        match self.kind {
            UnitKind::Pointwise(Pointwise::Random(_) | Pointwise::Unpool(_))
            | UnitKind::Op(_)
            | UnitKind::Product(_) => true,
            UnitKind::Pointwise(_) | UnitKind::Reduce(..) => false,
        }
    }

    /// Whether the results depend on the position of an element.
    pub(crate) fn is_positional(&self) -> bool {
        matches!(
            self.kind,
            UnitKind::Pointwise(Pointwise::Iota(..) | Pointwise::Random(_) | Pointwise::Unpool(_))
        )
    }
}

/// Where a value must end up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    Arena,
    Output(usize),
    Variable(usize),
}

/// A value that a unit computes.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) ty: Type,
    pub(crate) unit: usize,
    pub(crate) home: Home,
}

/// A graph as units, in topological order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lowered {
    pub(crate) units: Vec<Unit>,
    pub(crate) values: Vec<Value>,
    pub(crate) inputs: Vec<Argument>,
    pub(crate) outputs: Vec<Type>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) constants: Vec<Arc<Array>>,
    /// What the outputs of each node are.
    sources: Vec<Vec<Source>>,
    constant_index: HashMap<*const Array, usize>,
    variable_index: HashMap<Variable, usize>,
    input_index: HashMap<NodeId, usize>,
}

/// Integers up to here are exact in the `f64` that a splat holds.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The units of a graph.
pub(crate) fn units(graph: &Graph) -> Lowered {
    let mut lowered = Lowered { variables: graph.variables(), ..Lowered::default() };
    let variables = lowered.variables.iter().cloned().enumerate();
    lowered.variable_index = variables.map(|(index, variable)| (variable, index)).collect();
    for (index, &id) in graph.inputs().iter().enumerate() {
        let node = graph.node(id);
        let name = node.op.rule().attributes();
        lowered.inputs.push(Argument { name, ty: node.types[0].clone() });
        lowered.input_index.insert(id, index);
    }
    for (index, node) in graph.nodes().iter().enumerate() {
        let sources = lowered.node(NodeId::new(index), node);
        lowered.sources.push(sources);
    }
    lowered.finish(graph);
    lowered
}

impl Lowered {
    /// Takes out the units marked as dead, whose values nobody reads.
    pub(crate) fn remove(&mut self, dead: &[bool]) {
        let mut index = 0;
        self.units.retain(|_| {
            index += 1;
            !dead[index - 1]
        });
        for (index, unit) in self.units.iter().enumerate() {
            for &value in &unit.outputs {
                self.values[value].unit = index;
            }
        }
    }

    fn source(&self, value: ValueId) -> Source {
        self.sources[value.node.index()][value.output].clone()
    }

    fn node(&mut self, id: NodeId, node: &Node) -> Vec<Source> {
        let inputs: Vec<Source> = node.inputs.iter().map(|&v| self.source(v)).collect();
        let one = |unit| vec![unit];
        let pointwise = |f| UnitKind::Pointwise(f);
        match &node.op {
            Op::Input(_) => one(self.input(id, &node.types[0])),
            Op::Read(read) => {
                let index = self.variable_index[&read.variable];
                let view = View::whole(Root::Variable(index), &node.types[0].shape);
                one(Source::View(node.types[0].dtype, view))
            }
            Op::Constant(constant) => one(self.constant(constant)),
            Op::StopGradient(_) => inputs,
            Op::Reshape(op) => one(self.reshape(&inputs[0], &op.shape, node)),
            Op::Transpose(op) => one(match &inputs[0] {
                Source::View(dtype, view) => Source::View(*dtype, view.transpose(&op.axes)),
                Source::Splat(dtype, shape, value) => {
                    let shape = op.axes.iter().map(|&a| shape[a]).collect();
                    Source::Splat(*dtype, shape, *value)
                }
            }),
            Op::Broadcast(op) => one(match &inputs[0] {
                Source::View(dtype, view) => Source::View(*dtype, view.broadcast(&op.shape)),
                Source::Splat(dtype, _, value) => Source::Splat(*dtype, op.shape.to_vec(), *value),
            }),
            Op::Unary(f) => self.unit(pointwise(Pointwise::Unary(*f)), inputs, node),
            Op::Binary(f) => self.unit(pointwise(Pointwise::Binary(*f)), inputs, node),
            Op::Compare(f) => self.unit(pointwise(Pointwise::Compare(*f)), inputs, node),
            Op::Select(_) => self.unit(pointwise(Pointwise::Select), inputs, node),
            Op::Cast(_) => self.unit(pointwise(Pointwise::Cast), inputs, node),
            Op::Iota(op) => {
                let inner = op.shape[op.axis + 1..].iter().product();
                let kind = pointwise(Pointwise::Iota(inner, op.shape[op.axis]));
                self.unit(kind, inputs, node)
            }
            Op::RandomUniform(op) => {
                let state = inputs.into_iter().map(|s| self.in_rows(s, node)).collect();
                self.unit(pointwise(Pointwise::Random(op.stream)), state, node)
            }
            Op::MaxPoolGradient(op) => {
                let windows = inputs.into_iter().map(|s| self.in_rows(s, node)).collect();
                self.unit(pointwise(Pointwise::Unpool(op.unpool())), windows, node)
            }
            Op::Reduce(op) => {
                let kind = UnitKind::Reduce(op.reduction, op.axes.clone());
                self.unit(kind, inputs, node)
            }
            Op::Slice(op) => one(self.slice(&inputs[0], &op.start, &op.step, &node.types[0])),
            Op::Reverse(op) => one(match &inputs[0] {
                Source::View(dtype, view) => Source::View(*dtype, view.reverse(&op.axes)),
                splat @ Source::Splat(..) => splat.clone(),
            }),
            Op::TakeAlongAxis(_)
            | Op::AddAlongAxis(_)
            | Op::Convolution(_)
            | Op::ConvolutionInputGradient(_)
            | Op::ConvolutionKernelGradient(_)
            | Op::MaxPool(_)
            | Op::WindowSum(_)
            | Op::WindowSumGradient(_)
            | Op::Gather(_)
            | Op::ScatterAdd(_)
            | Op::Pad(_)
            | Op::Concatenate(_)
            | Op::MatrixFunction(_)
            | Op::ArgSort(_)
            | Op::ArgReduce(_)
            | Op::CumulativeSum(_)
            | Op::HashBins(_)
            | Op::SamplePixels(_)
            | Op::Softmax(_)
            | Op::LogSoftmax(_)
            | Op::SparseSoftmaxCrossEntropy(_)
            | Op::SparseSoftmaxCrossEntropyGradient(_)
            | Op::Attention(_)
            | Op::AttentionGradient(_)
            | Op::Moments(_)
            | Op::Normalize(_)
            | Op::NormalizeGradient(_)
            | Op::Recurrent(_)
            | Op::RecurrentGradient(_)
            | Op::Softplus(_) => {
                let inputs = inputs.into_iter().map(|s| self.in_rows(s, node)).collect();
                self.unit(UnitKind::Op(node.op.clone()), inputs, node)
            }
            Op::MatMul(_) => {
                let inputs = inputs.into_iter().map(|s| self.in_memory(s, node)).collect();
                self.unit(UnitKind::Op(node.op.clone()), inputs, node)
            }
        }
    }

    fn input(&mut self, id: NodeId, ty: &Type) -> Source {
        match self.input_index.get(&id) {
            Some(&index) => Source::View(ty.dtype, View::whole(Root::Input(index), &ty.shape)),
            // The verifier lets no output depend on an input that is not an argument.
            None => Source::Splat(ty.dtype, ty.shape.to_vec(), 0.0),
        }
    }

    fn constant(&mut self, constant: &Constant) -> Source {
        let value = &constant.value;
        let exact = |v: &f64| value.dtype() != DType::I64 || v.abs() < EXACT;
        if let Some(number) = constant.splat().filter(exact) {
            return Source::Splat(value.dtype(), value.shape().to_vec(), number);
        }
        let next = self.constants.len();
        let index = *self.constant_index.entry(Arc::as_ptr(value)).or_insert(next);
        if index == next {
            self.constants.push(value.clone());
        }
        Source::View(value.dtype(), View::whole(Root::Constant(index), value.shape()))
    }

    /// A unit that computes the node's outputs.
    fn unit(&mut self, kind: UnitKind, inputs: Vec<Source>, node: &Node) -> Vec<Source> {
        let shape = match (&kind, inputs.first()) {
            (UnitKind::Reduce(..), Some(input)) => input.shape().to_vec(),
            _ => node.types[0].shape.to_vec(),
        };
        let first = self.values.len();
        let unit = self.units.len();
        for ty in &node.types {
            self.values.push(Value { ty: ty.clone(), unit, home: Home::Arena });
        }
        let outputs: Vec<usize> = (first..self.values.len()).collect();
        let origin = node.origin.clone();
        self.units.push(Unit { kind, inputs, outputs: outputs.clone(), shape, origin });
        let whole = |v: usize| View::whole(Root::Value(v), &self.values[v].ty.shape);
        outputs.iter().map(|&v| Source::View(self.values[v].ty.dtype, whole(v))).collect()
    }

    /// The elements of a source in a value of their own, row-major.
    fn copy(&mut self, source: Source, origin: &Origin) -> usize {
        let ty = Type::new(source.dtype(), source.shape());
        let value = self.values.len();
        self.values.push(Value { ty, unit: self.units.len(), home: Home::Arena });
        self.units.push(Unit {
            kind: UnitKind::Pointwise(Pointwise::Copy),
            shape: source.shape().to_vec(),
            inputs: vec![source],
            outputs: vec![value],
            origin: origin.clone(),
        });
        value
    }

    fn copied(&mut self, source: Source, origin: &Origin) -> Source {
        let dtype = source.dtype();
        let value = self.copy(source, origin);
        Source::View(dtype, View::whole(Root::Value(value), &self.values[value].ty.shape))
    }

    /// The source as a view of memory, with any strides.
    fn in_memory(&mut self, source: Source, node: &Node) -> Source {
        match source {
            Source::View(..) => source,
            Source::Splat(..) => self.copied(source, &node.origin),
        }
    }

    /// The source as a view of memory in row-major order.
    fn in_rows(&mut self, source: Source, node: &Node) -> Source {
        match source.view().is_some_and(View::is_contiguous) {
            true => source,
            false => self.copied(source, &node.origin),
        }
    }

    fn slice(&self, source: &Source, start: &[usize], step: &[usize], ty: &Type) -> Source {
        match source {
            Source::View(dtype, view) => Source::View(*dtype, view.slice(start, step, &ty.shape)),
            Source::Splat(dtype, _, value) => Source::Splat(*dtype, ty.shape.to_vec(), *value),
        }
    }

    fn reshape(&mut self, source: &Source, shape: &[usize], node: &Node) -> Source {
        match source {
            Source::Splat(dtype, _, value) => Source::Splat(*dtype, shape.to_vec(), *value),
            Source::View(dtype, view) => match view.reshape(shape) {
                Some(view) => Source::View(*dtype, view),
                None => {
                    let value = self.copy(source.clone(), &node.origin);
                    Source::View(*dtype, View::whole(Root::Value(value), shape))
                }
            },
        }
    }

    /// Gives results and updates their homes; what lies elsewhere already is copied.
    fn finish(&mut self, graph: &Graph) {
        for (index, &value) in graph.outputs().iter().enumerate() {
            self.outputs.push(graph.ty(value).clone());
            let origin = graph.node(value.node).origin.clone();
            self.settle(self.source(value), Home::Output(index), &origin);
        }
        for (variable, value) in graph.updates() {
            let index = self.variable_index[variable];
            let source = self.source(*value);
            let own = source
                .view()
                .is_some_and(|view| view.root == Root::Variable(index) && view.is_plain());
            if !own {
                let origin = graph.node(value.node).origin.clone();
                self.settle(source, Home::Variable(index), &origin);
            }
        }
    }

    fn settle(&mut self, source: Source, home: Home, origin: &Origin) {
        let plain = source.view().is_some_and(View::is_plain);
        let free = source.value().filter(|&v| {
            let value = &self.values[v];
            let size: usize = source.shape().iter().product();
            plain && value.home == Home::Arena && value.ty.shape.size() == size
        });
        let value = match free {
            Some(value) => value,
            None => self.copy(source, origin),
        };
        self.values[value].home = home;
    }
}
