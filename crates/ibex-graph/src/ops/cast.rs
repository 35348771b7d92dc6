//! The same numbers as another dtype.

use crate::interpreter::Values;
use crate::op::{Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Tensor, Type};

/// Conversion to `to`: floats to integers truncate toward zero, anything but zero is true.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cast {
    /// The dtype of the result.
    pub to: DType,
}

impl Tensor {
    /// The same numbers as `dtype`; this tensor itself if it has that dtype already.
    #[track_caller]
    pub fn cast(&self, dtype: DType) -> Tensor {
        match self.dtype() == dtype && !self.is_poisoned() {
            true => self.clone(),
            false => Tensor::apply(Cast { to: dtype }, &[self]),
        }
    }
}

impl Rule for Cast {
    fn name(&self) -> &'static str {
        "cast"
    }

    fn attributes(&self) -> String {
        self.to.to_string()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs("cast", inputs)?;
        Ok(vec![Type::new(self.to, &x.shape)])
    }

    /// Floats keep their `f64` digits; integers and bool round as the dtype does.
    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let values = match self.to.is_float() {
            true => inputs[0].data.clone(),
            false => inputs[0].clone().cast(self.to).data,
        };
        vec![Values::new(outputs[0].clone(), values)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let from = node.inputs[0].dtype();
        match from.is_float() && self.to.is_float() {
            true => Vjp::Rule(vec![Some(node.grad(0).cast(from))]),
            false => Vjp::ZeroAlmostEverywhere,
        }
    }
}

impl Described for Cast {
    const INFO: Info = Info {
        name: "cast",
        kind: Kind::Primitive,
        summary: "the same numbers as another dtype",
        samples: || {
            let numbers = || Values::of([6], &[0.0, 1.0, 2.75, 100.5, 7.0, 0.25]);
            let to = |to| Sample::new(format!("float32 to {to}"), Cast { to }, vec![numbers()]);
            let from = |dtype: DType| {
                let x = Values::integers(dtype, [6], 0, 2, 1);
                Sample::new(format!("{dtype} to float32"), Cast { to: DType::F32 }, vec![x])
                    .without_gradient()
            };
            let half = |d| d != DType::F16 && d != DType::BF16;
            let exact = DType::ALL.into_iter().filter(move |&d| half(d));
            exact
                .map(to)
                .chain(DType::ALL.into_iter().filter(|d| !d.is_float()).map(from))
                .collect()
        },
        errors: Vec::new,
    };
}
