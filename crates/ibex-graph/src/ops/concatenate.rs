//! Tensors one after another along an axis.

use std::borrow::Borrow;

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp};
use crate::ops::along_axis::with_extent;
use crate::{DType, OpError, Tensor, Type};

/// Any number of inputs, at least one, one after another along `axis`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Concatenate {
    /// The axis along which the extents add up; the others are equal.
    pub axis: usize,
}

/// The tensors one after another along an axis that they have. `keras.ops.concatenate`.
///
/// Dtypes and the extents along the other axes are equal.
///
/// ```
/// # use ibex_graph::{Array, Tensor, interpreter::evaluate, ops::concatenate::concatenate};
/// let a = Tensor::constant(Array::from_slice([2, 1], &[1f32, 2.])?);
/// let b = Tensor::constant(Array::from_slice([2, 2], &[3f32, 4., 5., 6.])?);
/// assert_eq!(evaluate(&concatenate(&[a, b], 1))?.to_f64_vec(), [1., 3., 4., 2., 5., 6.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn concatenate<T: Borrow<Tensor>>(tensors: &[T], axis: isize) -> Tensor {
    let tensors: Vec<&Tensor> = tensors.iter().map(Borrow::borrow).collect();
    let Some(first) = tensors.first() else {
        return Tensor::apply(Concatenate { axis: 0 }, &[]);
    };
    match first.shape().axis(axis) {
        Some(_) if tensors.len() == 1 => (*first).clone(),
        Some(axis) => Tensor::apply(Concatenate { axis }, &tensors),
        // One poisoned input has no axes: let the node pass on the mistakes of all of them.
        None if tensors.iter().any(|t| t.is_poisoned()) => {
            Tensor::apply(Concatenate { axis: 0 }, &tensors)
        }
        None => first.bad_axis("concatenate", axis),
    }
}

/// The tensors, all of one shape, side by side along a new axis. `keras.ops.stack`.
///
/// ```
/// # use ibex_graph::{Array, Tensor, interpreter::evaluate, ops::concatenate::stack};
/// let a = Tensor::constant(Array::from_slice([2], &[1f32, 2.])?);
/// let b = Tensor::constant(Array::from_slice([2], &[3f32, 4.])?);
/// assert_eq!(evaluate(&stack(&[&a, &b], 0))?.to_f64_vec(), [1., 2., 3., 4.]);
/// assert_eq!(evaluate(&stack(&[&a, &b], -1))?.to_f64_vec(), [1., 3., 2., 4.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn stack<T: Borrow<Tensor>>(tensors: &[T], axis: isize) -> Tensor {
    let mut columns = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        columns.push(tensor.borrow().expand_dims(axis));
    }
    concatenate(&columns, axis)
}

impl Rule for Concatenate {
    fn name(&self) -> &'static str {
        "concatenate"
    }

    fn attributes(&self) -> String {
        self.axis.to_string()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let Some(first) = inputs.first() else {
            return Err(OpError::new("cannot concatenate nothing", "at least one input", "none"));
        };
        if let Some(other) = inputs.iter().find(|x| x.dtype != first.dtype) {
            let what = "`concatenate` needs inputs of one dtype";
            let error = OpError::new(what, first.dtype.name(), other.dtype.name());
            return Err(error.help("cast one of them"));
        }
        let alike = |x: &Type| {
            self.axis < x.shape.rank()
                && x.shape.rank() == first.shape.rank()
                && with_extent(&x.shape, self.axis, first.shape[self.axis]) == first.shape
        };
        if !inputs.iter().all(alike) {
            let shapes: Vec<String> = inputs.iter().map(|x| x.shape.to_string()).collect();
            return Err(OpError::new(
                format!("cannot concatenate {} along axis {}", shapes.join(" and "), self.axis),
                format!("shapes that are equal except along axis {}", self.axis),
                shapes.join(" and "),
            ));
        }
        let extent = inputs.iter().map(|x| x.shape[self.axis]).sum();
        Ok(vec![Type::new(first.dtype, with_extent(&first.shape, self.axis, extent))])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let shape = &outputs[0].shape;
        let outer: usize = shape[..self.axis].iter().product();
        let mut data = Vec::with_capacity(shape.size());
        for block in 0..outer {
            for input in inputs {
                let width = input.data.len() / outer;
                data.extend_from_slice(&input.data[block * width..(block + 1) * width]);
            }
        }
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let axis = self.axis as isize;
        let ends = node.inputs.iter().scan(0, |end, input| {
            *end += input.dim(axis);
            Some(*end)
        });
        let mut positions: Vec<usize> = ends.collect();
        positions.pop();
        let parts = node.grad(0).split_at(&positions, axis);
        Vjp::Rule(parts.into_iter().map(Some).collect())
    }
}

impl Described for Concatenate {
    const INFO: Info = Info {
        name: "concatenate",
        kind: Kind::Primitive,
        summary: "tensors one after another along an axis",
        samples: || {
            let case = |label: &str, axis, shapes: &[&[usize]]| {
                let x = |(salt, shape): (usize, &&[usize])| {
                    Values::uniform(*shape, -1.0, 1.0, salt as u64)
                };
                Sample::new(label, Concatenate { axis }, shapes.iter().enumerate().map(x).collect())
            };
            let integers = |salt| Values::integers(DType::I32, [2], -5, 5, salt);
            vec![
                case("rows", 0, &[&[2, 3], &[1, 3]]),
                case("columns", 1, &[&[2, 3], &[2, 1]]),
                case("three, middle axis", 1, &[&[2, 1, 2], &[2, 2, 2], &[2, 3, 2]]),
                case("one input", 0, &[&[2, 3]]),
                case("with an empty one", 0, &[&[2], &[0], &[1]]),
                case("nothing", 1, &[&[0, 2], &[0, 3]]),
                Sample::new("integers", Concatenate { axis: 0 }, vec![integers(1), integers(2)])
                    .without_gradient(),
            ]
        },
        errors: || {
            let op = Concatenate { axis: 1 };
            let ty = |dtype, shape: &[usize]| Type::new(dtype, shape);
            vec![
                BadSample::new(
                    op,
                    &[],
                    "cannot concatenate nothing\n  expected  at least one input\n  received  none",
                ),
                BadSample::new(
                    op,
                    &[ty(DType::F32, &[2, 3]), ty(DType::F32, &[3, 3])],
                    "cannot concatenate (2, 3) and (3, 3) along axis 1\n  expected  shapes that \
                     are equal except along axis 1\n  received  (2, 3) and (3, 3)",
                ),
                BadSample::new(
                    op,
                    &[ty(DType::F32, &[2, 3]), ty(DType::I32, &[2, 3])],
                    "`concatenate` needs inputs of one dtype\n  expected  float32\n  received  \
                     int32\n  help: cast one of them",
                ),
            ]
        },
    };
}
