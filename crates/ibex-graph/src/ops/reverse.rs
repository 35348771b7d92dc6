//! The elements in the opposite order along some axes.

use crate::interpreter::{Values, for_each_index, offset};
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Tensor, Type};

/// Last first along each of `axes`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reverse {
    /// The axes, ascending, without repetition.
    pub axes: Vec<usize>,
}

impl Tensor {
    /// The elements in the opposite order along `axes`. `keras.ops.flip`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[1f32, 2., 3., 4.])?);
    /// assert_eq!(evaluate(&x.flip(&[1]))?.to_f64_vec(), [2., 1., 4., 3.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn flip(&self, axes: &[usize]) -> Tensor {
        let mut axes = axes.to_vec();
        axes.sort_unstable();
        Tensor::apply(Reverse { axes }, &[self])
    }
}

impl Rule for Reverse {
    fn name(&self) -> &'static str {
        "reverse"
    }

    fn attributes(&self) -> String {
        format!("{:?}", self.axes)
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs("reverse", inputs)?;
        let ascending = self.axes.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || self.axes.last().is_some_and(|&axis| axis >= x.shape.rank()) {
            return Err(OpError::new(
                format!("cannot reverse {} along {:?}", x.shape, self.axes),
                format!("different axes below {}", x.shape.rank()),
                format!("{:?}", self.axes),
            ));
        }
        Ok(vec![x.clone()])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let shape = &outputs[0].shape;
        let strides = shape.strides();
        let mut data = Vec::with_capacity(shape.size());
        let mut from = vec![0; shape.rank()];
        for_each_index(shape, |i| {
            from.copy_from_slice(i);
            for &axis in &self.axes {
                from[axis] = shape[axis] - 1 - i[axis];
            }
            data.push(inputs[0].data[offset(&from, &strides)]);
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        Vjp::Rule(vec![Some(Tensor::apply(self.clone(), &[&node.grad(0)]))])
    }
}

impl Described for Reverse {
    const INFO: Info = Info {
        name: "reverse",
        kind: Kind::Primitive,
        summary: "the opposite order along some axes",
        samples: || {
            let case = |label: &str, shape: &[usize], axes: &[usize]| {
                let x = Values::uniform(shape, -1.0, 1.0, 1);
                Sample::new(label, Reverse { axes: axes.to_vec() }, vec![x])
            };
            vec![
                case("rows", &[3, 4], &[0]),
                case("last axis", &[3, 4], &[1]),
                case("two of three", &[2, 3, 4], &[0, 2]),
                case("no axis", &[3], &[]),
                case("one element", &[1, 3], &[0]),
                case("nothing", &[0, 3], &[0, 1]),
                case("scalar", &[], &[]),
            ]
        },
        errors: || {
            let error = |axes: &[usize], message| {
                let op = Reverse { axes: axes.to_vec() };
                BadSample::new(op, &[Type::new(DType::F32, [2, 3])], message)
            };
            vec![
                error(
                    &[2],
                    "cannot reverse (2, 3) along [2]\n  expected  different axes below 2\n  \
                     received  [2]",
                ),
                error(
                    &[1, 1],
                    "cannot reverse (2, 3) along [1, 1]\n  expected  different axes below 2\n  \
                     received  [1, 1]",
                ),
            ]
        },
    };
}
