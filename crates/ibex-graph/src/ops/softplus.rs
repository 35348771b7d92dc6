//! The smooth rectifier `log(1 + e^x)`.
//!
//! It is an operation of its own because no formula for it is both exact far from zero and
//! differentiable at zero by the rules of its parts.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Tensor, Type};

/// `log(1 + e^x)` for each element.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Softplus;

impl Tensor {
    /// `log(1 + e^x)`, without overflow; its gradient is the sigmoid. `keras.ops.softplus`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([3], &[-1000f32, 0., 1000.])?);
    /// assert_eq!(evaluate(&x.softplus())?.to_f32_vec(), [0., std::f32::consts::LN_2, 1000.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn softplus(&self) -> Tensor {
        Tensor::apply(Softplus, &[self])
    }
}

impl Rule for Softplus {
    fn name(&self) -> &'static str {
        "softplus"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs("softplus", inputs)?;
        match x.dtype.is_float() {
            true => Ok(vec![x.clone()]),
            false => {
                let what = format!("`softplus` does not apply to {}", x.dtype);
                let error = OpError::new(what, "a floating-point dtype", x.to_string());
                Err(error.help("cast the input first"))
            }
        }
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        // Above 40 the difference from `x` is below the last digit of `f64`.
        let eval = |&x: &f64| if x > 40.0 { x } else { x.exp().ln_1p() };
        vec![Values::new(outputs[0].clone(), inputs[0].data.iter().map(eval).collect())]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        Vjp::Rule(vec![Some(node.grad(0) * node.inputs[0].sigmoid())])
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let x = inputs.first()?;
        let rest = (-x.abs()).exp().log1p();
        Some(vec![x.maximum(&x.zeros_like()) + rest])
    }
}

impl Described for Softplus {
    const INFO: Info = Info {
        name: "softplus",
        kind: Kind::Library,
        summary: "log(1 + e^x) for each element",
        samples: || {
            let edges = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 800.0, -800.0, 39.9, 40.1];
            let case = |label: &str, x| Sample::new(label, Softplus, vec![x]);
            vec![
                case("both sides", Values::uniform([3, 5], -4.0, 4.0, 1)),
                case("zero", Values::of([2], &[0.0, -0.0])),
                case("scalar", Values::of([], &[0.5])),
                case("nothing", Values::of([0, 2], &[])),
                case("edges", Values::of([7], &edges)).without_gradient(),
            ]
        },
        errors: || {
            vec![BadSample::new(
                Softplus,
                &[Type::new(DType::I32, [2])],
                "`softplus` does not apply to int32\n  expected  a floating-point dtype\n  \
                 received  int32 (2,)\n  help: cast the input first",
            )]
        },
    };
}
