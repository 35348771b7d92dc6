//! Sum, product, maximum or minimum along axes.

use crate::interpreter::{Values, for_each_index, offset};
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Tensor, Type};

/// How elements are combined.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reduction {
    /// Their sum; 0 of none.
    Sum,
    /// Their product; 1 of none.
    Product,
    /// The largest; NaN if one is. There must be one.
    Maximum,
    /// The smallest; NaN if one is. There must be one.
    Minimum,
}

impl Reduction {
    /// Every reduction.
    pub const ALL: [Reduction; 4] =
        [Reduction::Sum, Reduction::Product, Reduction::Maximum, Reduction::Minimum];

    /// The value that changes nothing.
    pub fn identity(self) -> f64 {
        match self {
            Reduction::Sum => 0.0,
            Reduction::Product => 1.0,
            Reduction::Maximum => f64::NEG_INFINITY,
            Reduction::Minimum => f64::INFINITY,
        }
    }

    /// Two values combined.
    pub fn combine(self, a: f64, b: f64) -> f64 {
        match self {
            Reduction::Sum => a + b,
            Reduction::Product => a * b,
            Reduction::Maximum => {
                if a.is_nan() || a > b {
                    a
                } else {
                    b
                }
            }
            Reduction::Minimum => {
                if a.is_nan() || a < b {
                    a
                } else {
                    b
                }
            }
        }
    }
}

/// A reduction along `axes`, which are kept as extent 1 if `keep_dims`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reduce {
    /// How elements are combined.
    pub reduction: Reduction,
    /// The axes, ascending, without repetition.
    pub axes: Vec<usize>,
    /// Whether they stay as axes of extent 1.
    pub keep_dims: bool,
}

impl Tensor {
    #[track_caller]
    fn reduce(&self, reduction: Reduction, axes: &[usize], keep_dims: bool) -> Tensor {
        let mut axes = axes.to_vec();
        axes.sort_unstable();
        Tensor::apply(Reduce { reduction, axes, keep_dims }, &[self])
    }

    /// The sum along `axes`.
    #[track_caller]
    pub fn sum(&self, axes: &[usize], keep_dims: bool) -> Tensor {
        self.reduce(Reduction::Sum, axes, keep_dims)
    }

    /// The product along `axes`.
    #[track_caller]
    pub fn product(&self, axes: &[usize], keep_dims: bool) -> Tensor {
        self.reduce(Reduction::Product, axes, keep_dims)
    }

    /// The largest element along `axes`.
    #[track_caller]
    pub fn max(&self, axes: &[usize], keep_dims: bool) -> Tensor {
        self.reduce(Reduction::Maximum, axes, keep_dims)
    }

    /// The smallest element along `axes`.
    #[track_caller]
    pub fn min(&self, axes: &[usize], keep_dims: bool) -> Tensor {
        self.reduce(Reduction::Minimum, axes, keep_dims)
    }

    /// The mean along `axes`; NaN of none.
    #[track_caller]
    pub fn mean(&self, axes: &[usize], keep_dims: bool) -> Tensor {
        let count: usize = axes.iter().map(|&a| self.dim(a as isize)).product();
        self.sum(axes, keep_dims) * (1.0 / count as f64)
    }

    /// The variance along `axes` (divided by the number of elements).
    #[track_caller]
    pub fn variance(&self, axes: &[usize], keep_dims: bool) -> Tensor {
        (self - self.mean(axes, true)).square().mean(axes, keep_dims)
    }

    /// The sum of all elements, a scalar.
    #[track_caller]
    pub fn sum_all(&self) -> Tensor {
        self.sum(&self.all_axes(), false)
    }

    /// The mean of all elements, a scalar.
    #[track_caller]
    pub fn mean_all(&self) -> Tensor {
        self.mean(&self.all_axes(), false)
    }

    /// Whether any element of this `bool` tensor is true, along `axes`.
    #[track_caller]
    pub fn any(&self, axes: &[usize], keep_dims: bool) -> Tensor {
        self.reduce(Reduction::Maximum, axes, keep_dims)
    }

    /// Whether all elements of this `bool` tensor are true, along `axes`.
    #[track_caller]
    pub fn all(&self, axes: &[usize], keep_dims: bool) -> Tensor {
        self.reduce(Reduction::Minimum, axes, keep_dims)
    }

    /// Every axis of this tensor, in order.
    pub fn all_axes(&self) -> Vec<usize> {
        (0..self.rank()).collect()
    }
}

impl Rule for Reduce {
    fn name(&self) -> &'static str {
        match self.reduction {
            Reduction::Sum => "sum",
            Reduction::Product => "product",
            Reduction::Maximum => "max",
            Reduction::Minimum => "min",
        }
    }

    fn attributes(&self) -> String {
        format!("{:?}{}", self.axes, if self.keep_dims { ", keep" } else { "" })
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs(self.name(), inputs)?;
        let sorted = self.axes.windows(2).all(|pair| pair[0] < pair[1]);
        if !sorted || self.axes.last().is_some_and(|&a| a >= x.shape.rank()) {
            return Err(OpError::new(
                format!("`{}` cannot reduce {} along {:?}", self.name(), x.shape, self.axes),
                format!("different axes below {}", x.shape.rank()),
                format!("{:?}", self.axes),
            ));
        }
        let extreme = matches!(self.reduction, Reduction::Maximum | Reduction::Minimum);
        if extreme && self.axes.iter().any(|&a| x.shape[a] == 0) {
            return Err(OpError::new(
                format!("`{}` of nothing is not defined", self.name()),
                "at least one element along each reduced axis",
                x.shape.to_string(),
            ));
        }
        if !extreme && x.dtype == DType::Bool {
            let what = format!("`{}` does not apply to bool", self.name());
            return Err(OpError::new(what, "a numeric dtype", "bool").help("cast the input first"));
        }
        Ok(vec![Type::new(x.dtype, x.shape.reduce(&self.axes, self.keep_dims))])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let x = inputs[0];
        let kept = x.shape().reduce(&self.axes, true);
        let strides: Vec<usize> = kept
            .strides()
            .into_iter()
            .enumerate()
            .map(|(axis, stride)| if self.axes.contains(&axis) { 0 } else { stride })
            .collect();
        let mut data = vec![self.reduction.identity(); kept.size()];
        let mut next = x.data.iter();
        for_each_index(x.shape(), |i| {
            let at = offset(i, &strides);
            data[at] = self.reduction.combine(data[at], next.next().copied().unwrap_or(f64::NAN));
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let x = &node.inputs[0];
        let kept = x.shape().reduce(&self.axes, true);
        let spread = |t: &Tensor| t.reshape(&kept).broadcast_to(x.shape());
        let (y, g) = (spread(&node.outputs[0]), spread(&node.grad(0)));
        if !x.dtype().is_float() {
            return Vjp::ZeroAlmostEverywhere;
        }
        let gradient = match self.reduction {
            Reduction::Sum => g,
            Reduction::Product => product_gradient(x, &g, &self.axes),
            Reduction::Maximum | Reduction::Minimum => {
                let chosen = x.equal(&y).cast(x.dtype());
                let count = chosen.sum(&self.axes, true).broadcast_to(x.shape());
                g * (chosen / count)
            }
        };
        Vjp::Rule(vec![Some(gradient)])
    }
}

/// The gradient of a product: each element's is the product of all others, which a division
/// would not give where an element is zero.
fn product_gradient(x: &Tensor, g: &Tensor, axes: &[usize]) -> Tensor {
    let zero = x.equal(&x.zeros_like());
    let zeros = zero.cast(x.dtype()).sum(axes, true).broadcast_to(x.shape());
    let nonzero = zero.select(&x.ones_like(), x);
    let product = nonzero.product(axes, true).broadcast_to(x.shape());
    let without = &product / &nonzero;
    let one_zero = zero.logical_and(&zeros.equal(&zeros.ones_like()));
    let others = zeros.equal(&zeros.zeros_like()).select(&without, &x.zeros_like());
    g * one_zero.select(&product, &others)
}

impl Described for Reduce {
    const INFO: Info = Info {
        name: "reduce",
        kind: Kind::Primitive,
        summary: "sum, product, maximum or minimum along axes",
        samples: || {
            let cases: [(&str, &[usize], &[usize], bool); 7] = [
                ("rows", &[4, 5], &[1], false),
                ("columns", &[4, 5], &[0], false),
                ("all", &[3, 4], &[0, 1], false),
                ("middle, kept", &[2, 3, 4], &[1], true),
                ("outer and inner", &[2, 3, 4], &[0, 2], false),
                ("no axis", &[3], &[], false),
                ("of no rows", &[0, 3], &[1], false),
            ];
            let sample =
                |reduction, (label, shape, axes, keep_dims): (&str, &[usize], &[usize], _)| {
                    let op = Reduce { reduction, axes: axes.to_vec(), keep_dims };
                    let label = format!("{} of {label}", op.name());
                    Sample::new(label, op, vec![Values::distinct(shape, 1)])
                };
            Reduction::ALL.into_iter().flat_map(|r| cases.map(|case| sample(r, case))).collect()
        },
        errors: || {
            let op = |reduction| Reduce { reduction, axes: vec![1], keep_dims: false };
            vec![
                BadSample::new(
                    op(Reduction::Sum),
                    &[Type::new(DType::F32, [3])],
                    "`sum` cannot reduce (3,) along [1]\n  expected  different axes below 1\n  \
                     received  [1]",
                ),
                BadSample::new(
                    op(Reduction::Maximum),
                    &[Type::new(DType::F32, [3, 0])],
                    "`max` of nothing is not defined\n  expected  at least one element along each \
                     reduced axis\n  received  (3, 0)",
                ),
                BadSample::new(
                    op(Reduction::Sum),
                    &[Type::new(DType::Bool, [3, 2])],
                    "`sum` does not apply to bool\n  expected  a numeric dtype\n  received  \
                     bool\n  help: cast the input first",
                ),
            ]
        },
    };
}
