//! The same elements, row-major, in another shape.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Shape, Tensor, Type};

/// The elements in row-major order, as `shape`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reshape {
    /// The new shape, of the same size.
    pub shape: Shape,
}

impl Tensor {
    /// The same elements in row-major order, as `shape`, which must have the same size.
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        match *self.shape() == shape && !self.is_poisoned() {
            true => self.clone(),
            false => Tensor::apply(Reshape { shape }, &[self]),
        }
    }

    /// A new axis of extent 1 before `axis` (counted from the end of the result when negative).
    #[track_caller]
    pub fn expand_dims(&self, axis: isize) -> Tensor {
        let mut dims = self.shape().to_vec();
        let Some(at) = crate::shape::resolve_axis(axis, dims.len() + 1) else {
            return self.bad_axis("expand_dims", axis);
        };
        dims.insert(at, 1);
        self.reshape(dims)
    }

    /// Without the axis, whose extent must be 1.
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Tensor {
        let mut dims = self.shape().to_vec();
        match self.shape().axis(axis) {
            Some(at) if dims[at] == 1 => dims.remove(at),
            _ => return self.bad_axis("squeeze", axis),
        };
        self.reshape(dims)
    }

    /// A poisoned tensor: `axis` does not fit this tensor under operation `name`.
    #[track_caller]
    pub fn bad_axis(&self, name: &str, axis: isize) -> Tensor {
        if self.is_poisoned() {
            return self.clone();
        }
        Tensor::poisoned(OpError::new(
            format!("`{name}` has no axis {axis}"),
            format!("an axis of {}", self.shape()),
            axis.to_string(),
        ))
    }
}

impl Rule for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn attributes(&self) -> String {
        self.shape.to_string()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs("reshape", inputs)?;
        if x.shape.size() != self.shape.size() {
            return Err(OpError::new(
                format!("cannot reshape {} to {}", x.shape, self.shape),
                format!("{} elements", self.shape.size()),
                format!("{} elements", x.shape.size()),
            ));
        }
        Ok(vec![Type::new(x.dtype, &self.shape)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        vec![Values::new(outputs[0].clone(), inputs[0].data.clone())]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        Vjp::Rule(vec![Some(node.grad(0).reshape(node.inputs[0].shape()))])
    }
}

impl Described for Reshape {
    const INFO: Info = Info {
        name: "reshape",
        kind: Kind::Primitive,
        summary: "the same elements in another shape",
        samples: || {
            let x = |shape: &[usize]| vec![Values::uniform(shape, -1.0, 1.0, 1)];
            let to = |shape: &[usize]| Reshape { shape: shape.into() };
            vec![
                Sample::new("split", to(&[2, 3, 2]), x(&[6, 2])),
                Sample::new("flatten", to(&[12]), x(&[2, 3, 2])),
                Sample::new("scalar", to(&[]), x(&[1, 1])),
                Sample::new("empty", to(&[3, 0]), x(&[0, 5])),
            ]
        },
        errors: || {
            vec![BadSample::new(
                Reshape { shape: [4].into() },
                &[Type::new(DType::F32, [2, 3])],
                "cannot reshape (2, 3) to (4,)\n  expected  4 elements\n  received  6 elements",
            )]
        },
    };
}
