//! Axes in another order.

use crate::interpreter::{Values, for_each_index, offset};
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Tensor, Type};

/// Output axis `i` is input axis `axes[i]`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Transpose {
    /// A permutation of the input's axes.
    pub axes: Vec<usize>,
}

impl Tensor {
    /// Axes reordered: axis `i` of the result is axis `axes[i]` of this tensor.
    #[track_caller]
    pub fn transpose(&self, axes: &[usize]) -> Tensor {
        match axes.iter().copied().eq(0..self.rank()) && !self.is_poisoned() {
            true => self.clone(),
            false => Tensor::apply(Transpose { axes: axes.to_vec() }, &[self]),
        }
    }

    /// The last two axes swapped.
    #[track_caller]
    pub fn matrix_transpose(&self) -> Tensor {
        let mut axes: Vec<usize> = (0..self.rank()).collect();
        let last = axes.len();
        if last < 2 {
            return self.bad_axis("matrix_transpose", -2);
        }
        axes.swap(last - 1, last - 2);
        self.transpose(&axes)
    }
}

impl Transpose {
    /// The order of the axes that undoes this one.
    pub fn inverse(&self) -> Vec<usize> {
        let mut inverse = vec![0; self.axes.len()];
        for (to, &from) in self.axes.iter().enumerate() {
            inverse[from] = to;
        }
        inverse
    }
}

impl Rule for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn attributes(&self) -> String {
        format!("{:?}", self.axes)
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs("transpose", inputs)?;
        let mut sorted = self.axes.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..x.shape.rank()) {
            return Err(OpError::new(
                format!("cannot transpose {} by {:?}", x.shape, self.axes),
                format!("a permutation of the {} axes", x.shape.rank()),
                format!("{:?}", self.axes),
            ));
        }
        let dims: Vec<usize> = self.axes.iter().map(|&a| x.shape[a]).collect();
        Ok(vec![Type::new(x.dtype, dims)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let from = inputs[0].shape().strides();
        let strides: Vec<usize> = self.axes.iter().map(|&a| from[a]).collect();
        let mut data = Vec::with_capacity(inputs[0].data.len());
        for_each_index(&outputs[0].shape, |i| data.push(inputs[0].data[offset(i, &strides)]));
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        Vjp::Rule(vec![Some(node.grad(0).transpose(&self.inverse()))])
    }
}

impl Described for Transpose {
    const INFO: Info = Info {
        name: "transpose",
        kind: Kind::Primitive,
        summary: "axes in another order",
        samples: || {
            let x = |shape: &[usize]| vec![Values::uniform(shape, -1.0, 1.0, 1)];
            let by = |axes: &[usize]| Transpose { axes: axes.to_vec() };
            vec![
                Sample::new("matrix", by(&[1, 0]), x(&[3, 4])),
                Sample::new("rotation", by(&[2, 0, 1]), x(&[2, 3, 4])),
                Sample::new("four axes", by(&[0, 2, 1, 3]), x(&[2, 3, 4, 2])),
                Sample::new("empty", by(&[1, 0]), x(&[0, 4])),
            ]
        },
        errors: || {
            vec![BadSample::new(
                Transpose { axes: vec![0, 0] },
                &[Type::new(DType::F32, [2, 3])],
                "cannot transpose (2, 3) by [0, 0]\n  expected  a permutation of the 2 axes\n  \
                 received  [0, 0]",
            )]
        },
    };
}
