//! The same values, through which no gradient flows.

use crate::interpreter::Values;
use crate::op::{Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{OpError, Tensor, Type};

/// The identity, with a gradient of zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StopGradient;

impl Tensor {
    /// The same values, taken as constants by [`gradients`](crate::gradients).
    #[track_caller]
    pub fn stop_gradient(&self) -> Tensor {
        Tensor::apply(StopGradient, &[self])
    }
}

impl Rule for StopGradient {
    fn name(&self) -> &'static str {
        "stop_gradient"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs("stop_gradient", inputs)?;
        Ok(vec![x.clone()])
    }

    fn reference(&self, inputs: &[&Values], _: &[Type]) -> Vec<Values> {
        vec![inputs[0].clone()]
    }

    fn vjp(&self, _: &Forward<'_>) -> Vjp {
        Vjp::ZeroAlmostEverywhere
    }
}

impl Described for StopGradient {
    const INFO: Info = Info {
        name: "stop_gradient",
        kind: Kind::Primitive,
        summary: "the same values, through which no gradient flows",
        samples: || {
            let x = Values::uniform([2, 3], -1.0, 1.0, 1);
            vec![Sample::new("values", StopGradient, vec![x]).without_gradient()]
        },
        errors: Vec::new,
    };
}
