//! Elements before, after and between those of a tensor: the adjoint of a strided slice.

use crate::interpreter::{Values, for_each_index, offset};
use crate::op::{
    BadSample, Described, Forward, Info, Kind, Number, Rule, Sample, Vjp, expect_inputs,
};
use crate::ops::slice::Slice;
use crate::{DType, OpError, Shape, Tensor, Type};

/// `low` new elements before the first, `interior` between each two and `high` after the last,
/// along each axis, all of one value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Pad {
    /// How many come before the first element along each axis.
    pub low: Vec<usize>,
    /// How many come after the last element along each axis.
    pub high: Vec<usize>,
    /// How many come between two neighbours along each axis.
    pub interior: Vec<usize>,
    /// What the new elements are.
    pub value: Number,
}

impl Pad {
    /// The shape of the result, or `None` if it cannot be.
    fn result(&self, shape: &Shape) -> Option<Shape> {
        let lengths = [self.low.len(), self.high.len(), self.interior.len()];
        if lengths != [shape.rank(); 3] {
            return None;
        }
        let extent = |axis: usize| {
            let gaps = shape[axis].saturating_sub(1).checked_mul(self.interior[axis])?;
            shape[axis].checked_add(gaps)?.checked_add(self.low[axis])?.checked_add(self.high[axis])
        };
        let dims: Vec<usize> = (0..shape.rank()).map(extent).collect::<Option<_>>()?;
        let shape = Shape::from(dims);
        shape.checked_size().map(|_| shape)
    }

    /// The slice that takes the elements of an input of `shape` back out.
    fn adjoint(&self, shape: &Shape) -> Slice {
        let stop = |axis: usize| match shape[axis] {
            0 => self.low[axis],
            extent => self.low[axis] + (extent - 1) * (self.interior[axis] + 1) + 1,
        };
        Slice {
            start: self.low.clone(),
            stop: (0..shape.rank()).map(stop).collect(),
            step: self.interior.iter().map(|gap| gap + 1).collect(),
        }
    }
}

impl Tensor {
    /// This tensor with `(before, after)` elements of `value` added along each axis.
    ///
    /// `keras.ops.pad` with mode `constant`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[1f32, 2.])?);
    /// assert_eq!(evaluate(&x.pad(&[(1, 2)], 0.0))?.to_f64_vec(), [0., 1., 2., 0., 0.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn pad(&self, widths: &[(usize, usize)], value: f64) -> Tensor {
        if !self.is_poisoned() && widths.len() == self.rank() && widths.iter().all(|&w| w == (0, 0))
        {
            return self.clone();
        }
        let pad = Pad {
            low: widths.iter().map(|&(before, _)| before).collect(),
            high: widths.iter().map(|&(_, after)| after).collect(),
            interior: vec![0; widths.len()],
            value: Number::new(value),
        };
        Tensor::apply(pad, &[self])
    }
}

impl Rule for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn attributes(&self) -> String {
        let axes = self.low.iter().zip(&self.interior).zip(&self.high);
        let part = |((low, gap), high): ((&usize, &usize), &usize)| match gap {
            0 => format!("{low}_{high}"),
            gap => format!("{low}_{gap}_{high}"),
        };
        let mut parts: Vec<String> = axes.map(part).collect();
        if self.value != Number::new(0.0) {
            parts.push(format!("value {}", self.value.value()));
        }
        parts.join(", ")
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs("pad", inputs)?;
        match self.result(&x.shape) {
            Some(shape) => Ok(vec![Type::new(x.dtype, shape)]),
            None => Err(OpError::new(
                format!("cannot pad {}", x.shape),
                format!(
                    "one width for each of {} axes, of a size that memory can have",
                    x.shape.rank()
                ),
                format!("low {:?}, high {:?}, interior {:?}", self.low, self.high, self.interior),
            )),
        }
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let value = Values::new(Type::new(outputs[0].dtype, ()), vec![self.value.value()]);
        let value =
            if outputs[0].dtype.is_float() { value } else { Values::from(&value.to_array()) };
        let own = outputs[0].shape.strides();
        let strides: Vec<usize> =
            own.iter().zip(&self.interior).map(|(s, gap)| s * (gap + 1)).collect();
        let first = offset(&self.low, &own);
        let mut data = vec![value.data[0]; outputs[0].shape.size()];
        let mut next = inputs[0].data.iter();
        for_each_index(inputs[0].shape(), |i| {
            data[first + offset(i, &strides)] = next.next().copied().unwrap_or(f64::NAN);
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let slice = self.adjoint(node.inputs[0].shape());
        Vjp::Rule(vec![Some(Tensor::apply(slice, &[&node.grad(0)]))])
    }
}

impl Described for Pad {
    const INFO: Info = Info {
        name: "pad",
        kind: Kind::Primitive,
        summary: "constant elements before, after and between those of a tensor",
        samples: || {
            let op = |axes: &[[usize; 3]], value| {
                let part = |i: usize| axes.iter().map(|axis| axis[i]).collect();
                Pad { low: part(0), interior: part(1), high: part(2), value: Number::new(value) }
            };
            let case = |label: &str, shape: &[usize], axes: &[[usize; 3]], value| {
                Sample::new(label, op(axes, value), vec![Values::uniform(shape, -1.0, 1.0, 1)])
            };
            let integers = Values::integers(DType::I32, [3], -5, 5, 1);
            vec![
                case("before and after", &[2, 3], &[[1, 0, 2], [0, 0, 1]], 0.0),
                case("between", &[3, 2], &[[0, 2, 0], [0, 1, 0]], 0.0),
                case("everywhere", &[2, 2], &[[1, 1, 1], [2, 3, 0]], -1.5),
                case(
                    "batch and channels left alone",
                    &[2, 3, 2],
                    &[[0; 3], [1, 0, 1], [0; 3]],
                    0.0,
                ),
                case("by infinity", &[2], &[[1, 0, 1]], f64::NEG_INFINITY).without_gradient(),
                case("one element", &[1], &[[1, 5, 1]], 0.0),
                case("nothing to something", &[0, 2], &[[2, 1, 1], [0, 0, 0]], 0.5),
                case("scalar", &[], &[], 0.0),
                Sample::new("integers", op(&[[1, 1, 0]], 7.0), vec![integers]).without_gradient(),
            ]
        },
        errors: || {
            let op = |low| Pad {
                low: vec![low],
                high: vec![1],
                interior: vec![0],
                value: Number::new(0.0),
            };
            vec![
                BadSample::new(
                    op(1),
                    &[Type::new(DType::F32, [2, 3])],
                    "cannot pad (2, 3)\n  expected  one width for each of 2 axes, of a size that \
                     memory can have\n  received  low [1], high [1], interior [0]",
                ),
                BadSample::new(
                    op(usize::MAX),
                    &[Type::new(DType::F32, [2])],
                    "cannot pad (2,)\n  expected  one width for each of 1 axes, of a size that \
                     memory can have\n  received  low [18446744073709551615], high [1], interior \
                     [0]",
                ),
            ]
        },
    };
}
