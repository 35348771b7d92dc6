//! One of two values for each element, by a condition.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::ops::binary::alike;
use crate::{DType, OpError, Tensor, Type};

/// `condition ? a : b`; all three have one shape.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Select;

impl Tensor {
    /// The elements of `a` where this `bool` tensor is true and of `b` elsewhere.
    ///
    /// Shapes broadcast. `keras.ops.where`.
    #[track_caller]
    pub fn select(&self, a: &Tensor, b: &Tensor) -> Tensor {
        let (a, b) = a.broadcast_pair(b);
        let (condition, a) = self.broadcast_pair(&a);
        let b = if a.shape() == b.shape() { b } else { b.broadcast_to(a.shape()) };
        Tensor::apply(Select, &[&condition, &a, &b])
    }
}

impl Rule for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [condition, a, b] = expect_inputs("select", inputs)?;
        let ty = alike("select", a, b)?;
        let expected = Type::new(DType::Bool, &ty.shape);
        if *condition != expected {
            return Err(OpError::new(
                "the condition of `select` does not fit its values",
                expected.to_string(),
                condition.to_string(),
            ));
        }
        Ok(vec![ty])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let [condition, a, b] = inputs else { return Vec::new() };
        let pick = |i: usize| if condition.data[i] != 0.0 { a.data[i] } else { b.data[i] };
        vec![Values::new(outputs[0].clone(), (0..a.data.len()).map(pick).collect())]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let (condition, g) = (&node.inputs[0], node.grad(0));
        let zero = g.zeros_like();
        let (a, b) = (condition.select(&g, &zero), condition.select(&zero, &g));
        Vjp::Rule(vec![None, Some(a), Some(b)])
    }
}

impl Described for Select {
    const INFO: Info = Info {
        name: "select",
        kind: Kind::Primitive,
        summary: "one of two values for each element, by a condition",
        samples: || {
            let x = |salt| Values::uniform([3, 4], -1.0, 1.0, salt);
            let condition = Values::integers(DType::Bool, [3, 4], 0, 2, 1);
            let ints = |salt| Values::integers(DType::I32, [3, 4], -5, 5, salt);
            vec![
                Sample::new("floats", Select, vec![condition.clone(), x(2), x(3)]),
                Sample::new("integers", Select, vec![condition, ints(2), ints(3)])
                    .without_gradient(),
            ]
        },
        errors: || {
            let (a, bad) = (Type::new(DType::F32, [2]), Type::new(DType::I32, [2]));
            vec![BadSample::new(
                Select,
                &[bad, a.clone(), a],
                "the condition of `select` does not fit its values\n  expected  bool (2,)\n  \
                 received  int32 (2,)",
            )]
        },
    };
}
