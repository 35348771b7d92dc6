//! Running sums along an axis.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::ops::along_axis::expect_numbers;
use crate::ops::arg_reduce::for_each_lane;
use crate::{DType, OpError, Tensor, Type};

/// The sum of the elements up to each one along `axis`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CumulativeSum {
    /// The axis.
    pub axis: usize,
    /// Whether the sums begin at the last element.
    pub reverse: bool,
    /// Whether each element is left out of its own sum.
    pub exclusive: bool,
}

impl Tensor {
    /// The sum of the elements up to and including each one along `axis`. `keras.ops.cumsum`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([3], &[1f32, 2., 4.])?);
    /// assert_eq!(evaluate(&x.cumulative_sum(0))?.to_f64_vec(), [1., 3., 7.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn cumulative_sum(&self, axis: isize) -> Tensor {
        match self.shape().axis(axis) {
            Some(axis) => {
                let op = CumulativeSum { axis, reverse: false, exclusive: false };
                Tensor::apply(op, &[self])
            }
            None => self.bad_axis("cumulative_sum", axis),
        }
    }
}

impl Rule for CumulativeSum {
    fn name(&self) -> &'static str {
        "cumulative_sum"
    }

    fn attributes(&self) -> String {
        let reverse = if self.reverse { ", reverse" } else { "" };
        let exclusive = if self.exclusive { ", exclusive" } else { "" };
        format!("{}{reverse}{exclusive}", self.axis)
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs("cumulative_sum", inputs)?;
        expect_numbers("cumulative_sum", x)?;
        if self.axis >= x.shape.rank() {
            return Err(OpError::new(
                format!("`cumulative_sum` has no axis {} in {}", self.axis, x.shape),
                format!("an axis below {}", x.shape.rank()),
                self.axis.to_string(),
            ));
        }
        Ok(vec![x.clone()])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let x = &inputs[0].data;
        let mut data = vec![0.0; x.len()];
        for_each_lane(inputs[0].shape(), self.axis, |_, positions| {
            let mut sum = 0.0;
            let mut visit = |&position: &usize| {
                let before = sum;
                sum += x[position];
                data[position] = if self.exclusive { before } else { sum };
            };
            match self.reverse {
                true => positions.iter().rev().for_each(&mut visit),
                false => positions.iter().for_each(&mut visit),
            }
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let adjoint = CumulativeSum { reverse: !self.reverse, ..*self };
        Vjp::Rule(vec![Some(Tensor::apply(adjoint, &[&node.grad(0)]))])
    }
}

impl Described for CumulativeSum {
    const INFO: Info = Info {
        name: "cumulative_sum",
        kind: Kind::Primitive,
        summary: "running sums along an axis",
        samples: || {
            let directions = [(false, false), (true, false), (false, true), (true, true)];
            directions.into_iter().flat_map(|(r, e)| samples(r, e)).collect()
        },
        errors: || {
            let op = CumulativeSum { axis: 1, reverse: false, exclusive: false };
            vec![
                BadSample::new(
                    op,
                    &[Type::new(DType::F32, [3])],
                    "`cumulative_sum` has no axis 1 in (3,)\n  expected  an axis below 1\n  \
                     received  1",
                ),
                BadSample::new(
                    op,
                    &[Type::new(DType::Bool, [3, 2])],
                    "`cumulative_sum` does not apply to bool\n  expected  a numeric dtype\n  \
                     received  bool (3, 2)\n  help: cast the input first",
                ),
            ]
        },
    };
}

fn samples(reverse: bool, exclusive: bool) -> Vec<Sample> {
    let case = |label: &str, axis, x: Values| {
        let op = CumulativeSum { axis, reverse, exclusive };
        Sample::new(format!("{label} [{}]", op.attributes()), op, vec![x])
    };
    let x = |shape: &[usize]| Values::uniform(shape, -1.0, 1.0, 1);
    let integers = Values::integers(DType::I32, [3, 4], -9, 9, 1);
    vec![
        case("last axis", 1, x(&[3, 4])),
        case("first axis", 0, x(&[3, 4])),
        case("middle axis", 1, x(&[2, 3, 2])),
        case("one element", 1, x(&[2, 1])),
        case("nothing", 0, x(&[0, 2])),
        case("integers", 1, integers).without_gradient(),
    ]
}
