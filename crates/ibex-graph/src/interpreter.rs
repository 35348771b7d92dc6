//! The slow, exact interpreter: runs a graph node by node with the reference rules, in `f64`.
//!
//! It is what kernels and compiler passes are compared with; it never runs in production.

use std::collections::HashMap;

use crate::rng::Draw;
use crate::{Array, DType, Error, Graph, Op, Shape, Type, Variable};

/// A value inside the interpreter: `f64` numbers whatever the dtype.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Dtype and shape; the dtype only decides rounding to integers.
    pub ty: Type,
    /// The elements, row-major.
    pub data: Vec<f64>,
}

impl Values {
    /// A value of the given type and elements.
    pub fn new(ty: Type, data: Vec<f64>) -> Values {
        debug_assert_eq!(ty.shape.size(), data.len(), "elements of {ty}");
        Values { ty, data }
    }

    /// `float32` elements given one by one.
    pub fn of(shape: impl Into<Shape>, data: &[f64]) -> Values {
        Values::new(Type::new(DType::F32, shape), data.to_vec())
    }

    /// Random `float32` elements in `[low, high)`, the same for the same `salt`.
    pub fn uniform(shape: impl Into<Shape>, low: f64, high: f64, salt: u64) -> Values {
        let shape = shape.into();
        let draw = Draw::new(salt, 0, 0);
        let at = |i: usize| low + (high - low) * f64::from(draw.uniform(i as u64));
        let data = (0..shape.size()).map(|i| f64::from(at(i) as f32)).collect();
        Values::new(Type::new(DType::F32, shape), data)
    }

    /// Distinct `float32` elements in random order, at least 0.1 apart: safe under `max` and sort.
    pub fn distinct(shape: impl Into<Shape>, salt: u64) -> Values {
        let shape = shape.into();
        let draw = Draw::new(salt, 0, 1);
        let mut order: Vec<usize> = (0..shape.size()).collect();
        order.sort_by_key(|&i| (draw.word(i as u64), i));
        let middle = shape.size() as f64 / 2.0;
        let mut data = vec![0.0; shape.size()];
        for (rank, &i) in order.iter().enumerate() {
            data[i] = f64::from(((rank as f64 - middle) * 0.1 + 0.03) as f32);
        }
        Values::new(Type::new(DType::F32, shape), data)
    }

    /// Random integers in `[low, high)` of the given dtype.
    pub fn integers(
        dtype: DType,
        shape: impl Into<Shape>,
        low: i64,
        high: i64,
        salt: u64,
    ) -> Values {
        let mut values = Values::uniform(shape, low as f64, high as f64, salt);
        values.data.iter_mut().for_each(|v| *v = v.floor().min(high as f64 - 1.0));
        values.ty.dtype = dtype;
        values
    }

    /// The same numbers as another dtype.
    pub fn cast(self, dtype: DType) -> Values {
        Values::from(&Array::from_f64_slice(dtype, self.ty.shape, &self.data))
    }

    /// The shape.
    pub fn shape(&self) -> &Shape {
        &self.ty.shape
    }

    /// As a host array of its dtype.
    pub fn to_array(&self) -> Array {
        Array::from_f64_slice(self.ty.dtype, self.ty.shape.clone(), &self.data)
    }
}

impl From<&Array> for Values {
    fn from(array: &Array) -> Values {
        Values::new(Type::new(array.dtype(), array.shape()), array.to_f64_vec())
    }
}

/// Calls `f` with every index tuple of `shape`, last axis fastest.
pub fn for_each_index(shape: &[usize], mut f: impl FnMut(&[usize])) {
    if shape.contains(&0) {
        return;
    }
    let mut index = vec![0; shape.len()];
    loop {
        f(&index);
        let Some(axis) = (0..shape.len()).rev().find(|&a| index[a] + 1 < shape[a]) else { return };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}

/// The position of an index tuple under strides.
pub fn offset(index: &[usize], strides: &[usize]) -> usize {
    index.iter().zip(strides).map(|(i, s)| i * s).sum()
}

/// What a run of a graph gives.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The outputs of the graph, exact up to `f64`.
    pub values: Vec<Values>,
    /// The outputs as arrays of their dtypes.
    pub outputs: Vec<Array>,
    /// The new values of variables; they are not assigned.
    pub updates: Vec<(Variable, Values)>,
}

/// Runs `graph` on `inputs`, reading variables but not writing them.
///
/// # Errors
/// [`Error::Call`] if the inputs are not those of the graph.
pub fn run(graph: &Graph, inputs: &[Array]) -> Result<Outcome, Error> {
    let values: Vec<Values> = inputs.iter().map(Values::from).collect();
    run_values(graph, &values, &HashMap::new())
}

/// The value of a tensor that depends on constants and variables only.
///
/// # Errors
/// [`Error::Ops`] with every mistake that the tensor depends on; [`Error::Invalid`] if it depends
/// on an input.
pub fn evaluate(tensor: &crate::Tensor) -> Result<Array, Error> {
    let graph = Graph::new(&[], std::slice::from_ref(tensor), &[])?;
    Ok(run(&graph, &[])?.outputs.remove(0))
}

/// Runs `graph` on exact values, taking those of variables from `variables` where it has them.
///
/// # Errors
/// [`Error::Call`] if the inputs are not those of the graph.
pub fn run_values(
    graph: &Graph,
    inputs: &[Values],
    variables: &HashMap<Variable, Values>,
) -> Result<Outcome, Error> {
    graph.check_call(&inputs.iter().map(|v| v.ty.clone()).collect::<Vec<_>>())?;
    let mut computed: Vec<Vec<Values>> = Vec::with_capacity(graph.nodes().len());
    let mut next_input = 0;
    for node in graph.nodes() {
        let produced = match &node.op {
            Op::Input(_) => {
                next_input += 1;
                vec![inputs[next_input - 1].clone()]
            }
            Op::Read(read) => vec![match variables.get(&read.variable) {
                Some(value) => value.clone(),
                None => Values::from(&*read.variable.read()),
            }],
            op => {
                let args: Vec<&Values> =
                    node.inputs.iter().map(|v| &computed[v.node.index()][v.output]).collect();
                op.rule().reference(&args, &node.types)
            }
        };
        computed.push(produced);
    }
    let value = |v: crate::ValueId| computed[v.node.index()][v.output].clone();
    let values: Vec<Values> = graph.outputs().iter().map(|&v| value(v)).collect();
    let outputs = values.iter().map(Values::to_array).collect();
    let updates = graph.updates().iter().map(|(var, v)| (var.clone(), value(*v))).collect();
    Ok(Outcome { values, outputs, updates })
}
