//! The gradient of a maximum pooling: each window hands its gradient to the element it chose.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::ops::pooling::{MaxPool, Pool, cases, line};
use crate::ops::window::Window;
use crate::{DType, OpError, Shape, Tensor, Type};

/// Gradients of windows `(N, *out, C)` and the places they chose (`int32`, as
/// [`MaxPool`] gives them) to the gradient `(N, *spatial, C)` of the
/// input: each element the sum of the windows that cover it and chose it, in row-major order.
///
/// A place outside its window gets nothing.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MaxPoolGradient {
    /// The windows.
    pub pool: Pool,
    /// The shape of the input of the pooling.
    pub input_shape: Shape,
}

/// The same with every extent in place, for whoever computes it element by element.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Unpool {
    /// The windows along three spatial axes; in front of those that there are come windows of one
    /// element.
    pub windows: [Window; 3],
    /// The extents of the input along them.
    pub extents: [usize; 3],
    /// Channels, the innermost axis.
    pub channels: usize,
}

impl MaxPoolGradient {
    /// The windows and extents; there are one to three spatial axes.
    pub fn unpool(&self) -> Unpool {
        let rank = self.pool.window.len().min(3);
        let one = Window { size: 1, stride: 1, dilation: 1, low: 0, high: 0 };
        let (mut windows, mut extents) = ([one; 3], [1; 3]);
        windows[3 - rank..].copy_from_slice(&self.pool.windows()[..rank]);
        extents[3 - rank..].copy_from_slice(&self.input_shape[1..=rank]);
        Unpool { windows, extents, channels: self.input_shape[rank + 1] }
    }
}

impl Rule for MaxPoolGradient {
    fn name(&self) -> &'static str {
        "max_pool_gradient"
    }

    fn attributes(&self) -> String {
        format!("input {}, {}", self.input_shape, self.pool.text())
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [grad, places] = expect_inputs(self.name(), inputs)?;
        let input = Type::new(grad.dtype, &self.input_shape);
        let output = self.pool.output(self.name(), &input)?;
        if output != *grad {
            return Err(OpError::new(
                format!("the output gradient of `{}` does not fit", self.name()),
                output.to_string(),
                grad.to_string(),
            ));
        }
        if *places != Type::new(DType::I32, &output.shape) {
            return Err(OpError::new(
                format!("the places of `{}` do not fit", self.name()),
                Type::new(DType::I32, &output.shape).to_string(),
                places.to_string(),
            ));
        }
        Ok(vec![input])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let [grad, places] = inputs else { return Vec::new() };
        let mut data = vec![0.0; outputs[0].shape.size()];
        self.pool.for_each_pair(&self.input_shape, |to, from, place| {
            if places.data[to] == place as f64 {
                data[from] += grad.data[to];
            }
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let (shape, out) = (&self.input_shape, node.inputs[0].shape());
        let last = shape.rank() - 1;
        let flat = |t: &Tensor| {
            let places: usize = t.shape()[1..last].iter().product();
            t.reshape([out[0], places, out[last]])
        };
        let chosen = flat(&node.grad(0)).take_along_axis(&flat(&node.inputs[1]), 1);
        Vjp::Rule(vec![Some(chosen.reshape(out)), None])
    }
}

impl Described for MaxPoolGradient {
    const INFO: Info = Info {
        name: "max_pool_gradient",
        kind: Kind::Primitive,
        summary: "for each element the sum of the windows that chose it",
        samples: || {
            let sample = |(label, pool, input_shape): (&str, Pool, Shape)| {
                let forward = MaxPool { pool: pool.clone() };
                let x = Values::distinct(input_shape.clone(), 1);
                let types = forward.infer(std::slice::from_ref(&x.ty)).ok()?;
                let places = forward.reference(&[&x], &types).pop()?;
                let grad = Values::uniform(places.shape().clone(), -1.0, 1.0, 2);
                let op = MaxPoolGradient { pool, input_shape };
                Some(Sample::new(label, op, vec![grad, places]))
            };
            cases().into_iter().filter_map(sample).collect()
        },
        errors: || {
            let op = || MaxPoolGradient { pool: line(2, (0, 0)), input_shape: [2, 5, 4].into() };
            let ty = |dtype, shape: &[usize]| Type::new(dtype, shape);
            vec![
                BadSample::new(
                    op(),
                    &[ty(DType::F32, &[2, 5, 4]), ty(DType::I32, &[2, 5, 4])],
                    "the output gradient of `max_pool_gradient` does not fit\n  expected  float32 \
                     (2, 4, 4)\n  received  float32 (2, 5, 4)",
                ),
                BadSample::new(
                    op(),
                    &[ty(DType::F32, &[2, 4, 4]), ty(DType::I64, &[2, 4, 4])],
                    "the places of `max_pool_gradient` do not fit\n  expected  int32 (2, 4, 4)\n  \
                     received  int64 (2, 4, 4)",
                ),
            ]
        },
    };
}
