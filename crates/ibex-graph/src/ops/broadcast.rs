//! Axes of extent 1, and missing leading axes, repeated to a larger shape.

use crate::interpreter::{Values, for_each_index, offset};
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Shape, Type};

/// The input repeated to `shape` under NumPy's rules.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Broadcast {
    /// The new shape.
    pub shape: Shape,
}

impl Broadcast {
    /// The axes of the result along which the input is repeated.
    pub fn repeated_axes(&self, from: &Shape) -> Vec<usize> {
        let lead = self.shape.rank().saturating_sub(from.rank());
        let repeated = |&a: &usize| a < lead || from[a - lead] != self.shape[a];
        (0..self.shape.rank()).filter(repeated).collect()
    }
}

impl Rule for Broadcast {
    fn name(&self) -> &'static str {
        "broadcast"
    }

    fn attributes(&self) -> String {
        self.shape.to_string()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs("broadcast", inputs)?;
        if x.shape.broadcast(&self.shape).as_ref() != Some(&self.shape) {
            return Err(OpError::new(
                format!("cannot broadcast {} to {}", x.shape, self.shape),
                "extents that are equal or 1, counted from the last axis",
                x.shape.to_string(),
            ));
        }
        Ok(vec![Type::new(x.dtype, &self.shape)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let from = inputs[0].shape();
        let lead = self.shape.rank() - from.rank();
        let mut strides = vec![0; lead];
        let own = from.iter().zip(from.strides());
        strides.extend(own.map(|(&d, s)| if d == 1 { 0 } else { s }));
        let mut data = Vec::with_capacity(self.shape.size());
        for_each_index(&self.shape, |i| data.push(inputs[0].data[offset(i, &strides)]));
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let from = node.inputs[0].shape();
        let sum = node.grad(0).sum(&self.repeated_axes(from), false);
        Vjp::Rule(vec![Some(sum.reshape(from))])
    }
}

impl Described for Broadcast {
    const INFO: Info = Info {
        name: "broadcast",
        kind: Kind::Primitive,
        summary: "axes of extent 1 repeated",
        samples: || {
            let x = |shape: &[usize]| vec![Values::uniform(shape, -1.0, 1.0, 1)];
            let to = |shape: &[usize]| Broadcast { shape: shape.into() };
            vec![
                Sample::new("row", to(&[4, 3]), x(&[3])),
                Sample::new("column", to(&[4, 3]), x(&[4, 1])),
                Sample::new("scalar", to(&[2, 2]), x(&[])),
                Sample::new("middle", to(&[2, 3, 4]), x(&[2, 1, 4])),
                Sample::new("empty", to(&[0, 3]), x(&[1, 3])),
            ]
        },
        errors: || {
            vec![BadSample::new(
                Broadcast { shape: [2, 4].into() },
                &[Type::new(DType::F32, [2, 3])],
                "cannot broadcast (2, 3) to (2, 4)\n  expected  extents that are equal or 1, \
                 counted from the last axis\n  received  (2, 3)",
            )]
        },
    };
}
