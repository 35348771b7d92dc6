//! [`Tensor`]: a handle to a node of a computation that is being written.
//!
//! Nodes are immutable and shared; a tensor keeps alive what it is computed from.
//! Operators neither panic nor return `Result`: a node whose operation does not fit its inputs is
//! *poisoned* and carries its [`OpError`]; whatever is computed from it is poisoned too, and
//! [`errors`] collects the mistakes of all of them at once.

use std::collections::HashSet;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ops::broadcast::Broadcast;
use crate::ops::leaf::{Constant, Input, Read};
use crate::{Array, DType, Op, OpError, Origin, Shape, Type, Variable};

/// One value of a computation: one output of one node.
#[derive(Clone, Debug)]
pub struct Tensor {
    node: Arc<NodeData>,
    output: usize,
}

#[derive(Debug)]
struct NodeData {
    sequence: u64,
    op: Op,
    inputs: Vec<Tensor>,
    types: Vec<Type>,
    origin: Origin,
    state: State,
}

/// Whether a node is right, wrong itself, or computed from a wrong one.
#[derive(Debug)]
enum State {
    Sound,
    Wrong(Box<OpError>),
    Tainted,
}

static NEXT: AtomicU64 = AtomicU64::new(0);
static POISON: Type = Type { dtype: DType::F32, shape: Shape::scalar() };

impl Tensor {
    /// An argument of a graph; the name appears in messages.
    #[track_caller]
    pub fn input(name: &str, dtype: DType, shape: impl Into<Shape>) -> Tensor {
        Tensor::apply(Input::new(name, Type::new(dtype, shape)), &[])
    }

    /// The value of a variable at the start of the program.
    #[track_caller]
    pub fn read(variable: &Variable) -> Tensor {
        Tensor::apply(Read { variable: variable.clone() }, &[])
    }

    /// A known value.
    #[track_caller]
    pub fn constant(value: Array) -> Tensor {
        Tensor::apply(Constant::new(value), &[])
    }

    /// A known scalar of the given dtype.
    #[track_caller]
    pub fn scalar(dtype: DType, value: f64) -> Tensor {
        Tensor::constant(Array::full(dtype, Shape::scalar(), value))
    }

    /// `value` in every element of `shape`.
    #[track_caller]
    pub fn full(dtype: DType, shape: impl Into<Shape>, value: f64) -> Tensor {
        Tensor::scalar(dtype, value).broadcast_to(shape)
    }

    /// Zeros of this tensor's dtype and shape.
    #[track_caller]
    pub fn zeros_like(&self) -> Tensor {
        Tensor::full(self.dtype(), self.shape().clone(), 0.0)
    }

    /// Ones of this tensor's dtype and shape.
    #[track_caller]
    pub fn ones_like(&self) -> Tensor {
        Tensor::full(self.dtype(), self.shape().clone(), 1.0)
    }

    /// Applies an operation of one output.
    #[track_caller]
    pub fn apply(op: impl Into<Op>, inputs: &[&Tensor]) -> Tensor {
        let node = NodeData::new(op.into(), inputs, Location::caller());
        Tensor { node: Arc::new(node), output: 0 }
    }

    /// Applies an operation of `count` outputs.
    #[track_caller]
    pub fn apply_many<const N: usize>(op: impl Into<Op>, inputs: &[&Tensor]) -> [Tensor; N] {
        let node = Arc::new(NodeData::new(op.into(), inputs, Location::caller()));
        std::array::from_fn(|output| Tensor { node: node.clone(), output })
    }

    /// Every output of the node behind this tensor.
    pub fn siblings(&self) -> Vec<Tensor> {
        let outputs = 0..self.node.types.len();
        outputs.map(|output| Tensor { node: self.node.clone(), output }).collect()
    }

    /// A poisoned tensor: whatever is computed from it reports `error`.
    #[track_caller]
    pub fn poisoned(mut error: OpError) -> Tensor {
        let location = Location::caller();
        let mut node = NodeData::new(
            Constant::new(Array::zeros(DType::F32, Shape::scalar())).into(),
            &[],
            location,
        );
        if error.origin == Origin::unknown() {
            error.origin = Origin::at(location);
        }
        node.state = State::Wrong(Box::new(error));
        Tensor { node: Arc::new(node), output: 0 }
    }

    /// Whether this tensor carries a mistake, its own or an earlier one.
    pub fn is_poisoned(&self) -> bool {
        !matches!(self.node.state, State::Sound)
    }

    /// Dtype and shape; `float32 ()` if poisoned.
    pub fn ty(&self) -> &Type {
        match self.is_poisoned() {
            true => &POISON,
            false => self.node.types.get(self.output).unwrap_or(&POISON),
        }
    }

    /// The dtype.
    pub fn dtype(&self) -> DType {
        self.ty().dtype
    }

    /// The shape.
    pub fn shape(&self) -> &Shape {
        &self.ty().shape
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape().rank()
    }

    /// The extent of an axis, counted from the end when negative; 1 if there is no such axis.
    pub fn dim(&self, axis: isize) -> usize {
        self.shape().axis(axis).map_or(1, |axis| self.shape()[axis])
    }

    /// The operation that computes it.
    pub fn op(&self) -> &Op {
        &self.node.op
    }

    /// What it is computed from.
    pub fn inputs(&self) -> &[Tensor] {
        &self.node.inputs
    }

    /// The types of all outputs of its node.
    pub fn types(&self) -> &[Type] {
        &self.node.types
    }

    /// Where it was written.
    pub fn origin(&self) -> &Origin {
        &self.node.origin
    }

    /// The number of its node in order of creation.
    pub fn sequence(&self) -> u64 {
        self.node.sequence
    }

    /// Which output of its node it is.
    pub fn output_index(&self) -> usize {
        self.output
    }

    /// This tensor repeated to `shape` under NumPy's broadcasting rules.
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        match *self.shape() == shape && !self.is_poisoned() {
            true => self.clone(),
            false => Tensor::apply(Broadcast { shape }, &[self]),
        }
    }

    /// Both tensors in their common broadcast shape; unchanged if they have none.
    #[track_caller]
    pub(crate) fn broadcast_pair(&self, other: &Tensor) -> (Tensor, Tensor) {
        match self.shape().broadcast(other.shape()) {
            Some(shape) => (self.broadcast_to(&shape), other.broadcast_to(&shape)),
            None => (self.clone(), other.clone()),
        }
    }
}

impl NodeData {
    fn new(op: Op, inputs: &[&Tensor], location: &'static Location<'static>) -> NodeData {
        let inputs: Vec<Tensor> = inputs.iter().map(|&t| t.clone()).collect();
        let origin = Origin::inherited().unwrap_or_else(|| Origin::at(location));
        let (types, state) = if inputs.iter().any(Tensor::is_poisoned) {
            (Vec::new(), State::Tainted)
        } else {
            let types: Vec<Type> = inputs.iter().map(|t| t.ty().clone()).collect();
            match op.rule().infer(&types).and_then(fits_memory) {
                Ok(types) => (types, State::Sound),
                Err(mut error) => {
                    error.origin = origin.clone();
                    (Vec::new(), State::Wrong(Box::new(error)))
                }
            }
        };
        let sequence = NEXT.fetch_add(1, Ordering::Relaxed);
        NodeData { sequence, op, inputs, types, origin, state }
    }
}

/// The types, if there could be values of them; what is computed of sizes afterwards cannot
/// overflow.
fn fits_memory(types: Vec<Type>) -> Result<Vec<Type>, OpError> {
    match types.iter().find(|ty| ty.shape.checked_size().is_none()) {
        None => Ok(types),
        Some(ty) => Err(OpError::new(
            "a tensor cannot be made",
            "a shape of at most 2^47 elements",
            ty.to_string(),
        )
        .help("look for an extent that is much too large in the model or its input shapes")),
    }
}

impl Drop for NodeData {
    /// Frees a long chain without recursion, which would overflow the stack.
    fn drop(&mut self) {
        let mut pending = std::mem::take(&mut self.inputs);
        while let Some(tensor) = pending.pop() {
            if let Some(mut node) = Arc::into_inner(tensor.node) {
                pending.append(&mut node.inputs);
            }
        }
    }
}

/// Every node that `roots` are computed from, once each, in order of creation.
pub fn reachable(roots: &[Tensor]) -> Vec<Tensor> {
    let mut seen = HashSet::new();
    let mut pending: Vec<&Tensor> = roots.iter().collect();
    let mut found = Vec::new();
    while let Some(tensor) = pending.pop() {
        if seen.insert(tensor.sequence()) {
            found.push(tensor.clone());
            pending.extend(tensor.inputs());
        }
    }
    found.sort_by_key(Tensor::sequence);
    found
}

/// Every mistake that `roots` depend on, in order of creation.
pub fn errors(roots: &[Tensor]) -> Vec<OpError> {
    if !roots.iter().any(Tensor::is_poisoned) {
        return Vec::new();
    }
    let wrong = |t: Tensor| match &t.node.state {
        State::Wrong(error) => Some((**error).clone()),
        State::Sound | State::Tainted => None,
    };
    let mut all: Vec<OpError> = Vec::new();
    for error in reachable(roots).into_iter().filter_map(wrong) {
        if !all.contains(&error) {
            all.push(error);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_chains_drop_without_recursion() {
        let mut x = Tensor::scalar(DType::F32, 0.0);
        for _ in 0..200_000 {
            x = -&x;
        }
        drop(x);
    }

    #[test]
    fn two_mistakes_are_reported_together() {
        let a = Tensor::input("a", DType::F32, [2, 3]);
        let b = Tensor::input("b", DType::F32, [4]);
        let c = Tensor::input("c", DType::F32, [5]);
        let wrong = (&a + &b).exp() * (&a + &c);
        let found = errors(&[wrong]);
        assert_eq!(found.len(), 2);
        assert!(found[0].to_string().contains("tensor.rs"), "{}", found[0]);
    }

    #[test]
    fn shapes_that_no_memory_could_hold_are_mistakes() {
        for shape in [vec![1 << 63], vec![1 << 40, 1 << 40], vec![0, usize::MAX]] {
            let found = errors(&[Tensor::input("a", DType::F32, shape).exp()]);
            assert_eq!(found.len(), 1);
            assert!(found[0].message().contains("at most 2^47"), "{}", found[0]);
        }
        let wide = Tensor::input("a", DType::F32, [1 << 30, 1]).broadcast_to([1 << 30, 1 << 30]);
        assert_eq!(errors(&[wide]).len(), 1);
    }
}
