//! Mean and variance in two passes, so that a large mean does not eat the digits of the variance.

use crate::interpreter::{Values, for_each_index, offset};
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Shape, Tensor, Type};

/// Mean and variance (divided by the number of elements) along `axes`, which are kept as extent 1.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Moments {
    /// The axes, ascending, without repetition.
    pub axes: Vec<usize>,
}

impl Tensor {
    /// Mean and variance along `axes`, which are kept as extent 1.
    ///
    /// `keras.ops.moments` with `keepdims=True`.
    #[track_caller]
    pub fn moments(&self, axes: &[usize]) -> [Tensor; 2] {
        let mut axes = axes.to_vec();
        axes.sort_unstable();
        Tensor::apply_many(Moments { axes }, &[self])
    }
}

/// Checks that `axes` are ascending axes of a floating-point input.
pub(crate) fn expect_axes(name: &str, axes: &[usize], x: &Type) -> Result<(), OpError> {
    if !x.dtype.is_float() {
        let what = format!("`{name}` does not apply to {}", x.dtype);
        let error = OpError::new(what, "a floating-point dtype", x.to_string());
        return Err(error.help("cast the input first"));
    }
    let sorted = axes.windows(2).all(|pair| pair[0] < pair[1]);
    match sorted && axes.last().is_none_or(|&axis| axis < x.shape.rank()) {
        true => Ok(()),
        false => Err(OpError::new(
            format!("`{name}` cannot reduce {} along {axes:?}", x.shape),
            format!("different axes below {}", x.shape.rank()),
            format!("{axes:?}"),
        )),
    }
}

/// The strides by which an index of `shape` finds its group when `axes` are reduced and kept.
pub(crate) fn group_strides(shape: &Shape, axes: &[usize]) -> Vec<usize> {
    let strides = shape.reduce(axes, true).strides();
    let own = |(axis, stride)| if axes.contains(&axis) { 0 } else { stride };
    strides.into_iter().enumerate().map(own).collect()
}

/// Means and variances of the groups of `x`.
pub(crate) fn moments_of(x: &Values, axes: &[usize]) -> [Vec<f64>; 2] {
    let strides = group_strides(x.shape(), axes);
    let groups = x.shape().reduce(axes, true).size();
    let count: usize = axes.iter().map(|&axis| x.shape()[axis]).product();
    let mean_of = |f: &dyn Fn(usize, f64) -> f64| {
        let mut sums = vec![0.0; groups];
        let mut next = x.data.iter();
        for_each_index(x.shape(), |i| {
            let group = offset(i, &strides);
            sums[group] += next.next().map_or(f64::NAN, |&value| f(group, value));
        });
        sums.into_iter().map(|sum| sum / count as f64).collect::<Vec<f64>>()
    };
    let mean = mean_of(&|_, value| value);
    let variance = mean_of(&|group, value| (value - mean[group]).powi(2));
    [mean, variance]
}

/// The gradient by the input of mean and variance, given theirs; `None` if neither has one.
pub(crate) fn gradient_of_moments(
    x: &Tensor,
    mean: &Tensor,
    axes: &[usize],
    grads: [&Option<Tensor>; 2],
) -> Option<Tensor> {
    let count: usize = axes.iter().map(|&axis| x.dim(axis as isize)).product();
    let share = 1.0 / count as f64;
    let by_mean = grads[0].as_ref().map(|g| (g * share).broadcast_to(x.shape()));
    let by_variance = grads[1].as_ref().map(|g| (x - mean) * (g * (2.0 * share)));
    match (by_mean, by_variance) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}

impl Rule for Moments {
    fn name(&self) -> &'static str {
        "moments"
    }

    fn attributes(&self) -> String {
        format!("{:?}", self.axes)
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs(self.name(), inputs)?;
        expect_axes(self.name(), &self.axes, x)?;
        Ok(vec![Type::new(x.dtype, x.shape.reduce(&self.axes, true)); 2])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let moments = moments_of(inputs[0], &self.axes);
        outputs.iter().cloned().zip(moments).map(|(ty, data)| Values::new(ty, data)).collect()
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let [x] = node.inputs else { return Vjp::Rule(Vec::new()) };
        let grads = [&node.grads[0], &node.grads[1]];
        Vjp::Rule(vec![gradient_of_moments(x, &node.outputs[0], &self.axes, grads)])
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let x = inputs.first()?;
        let mean = x.mean(&self.axes, true);
        let variance = (x - &mean).square().mean(&self.axes, true);
        Some(vec![mean, variance])
    }
}

impl Described for Moments {
    const INFO: Info = Info {
        name: "moments",
        kind: Kind::Library,
        summary: "mean and variance along axes",
        samples: || {
            let sample = |label: &str, shape: &[usize], axes: &[usize]| {
                let x = Values::uniform(shape, -2.0, 3.0, 1);
                Sample::new(label, Moments { axes: axes.to_vec() }, vec![x])
            };
            let far = Values::of([2, 2], &[1e6, 1e6 + 1.0, -1e6, 1e6]);
            vec![
                sample("rows", &[3, 5], &[1]),
                sample("columns", &[3, 5], &[0]),
                sample("batch and space", &[2, 3, 2, 3], &[0, 1, 2]),
                sample("middle", &[2, 3, 4], &[1]),
                sample("no axis", &[3], &[]),
                sample("of no rows", &[0, 3], &[1]),
                sample("one element", &[1, 3], &[0]),
                Sample::new("far from zero", Moments { axes: vec![1] }, vec![far])
                    .without_gradient(),
            ]
        },
        errors: || {
            vec![
                BadSample::new(
                    Moments { axes: vec![1] },
                    &[Type::new(DType::F32, [3])],
                    "`moments` cannot reduce (3,) along [1]\n  expected  different axes below 1\n  \
                     received  [1]",
                ),
                BadSample::new(
                    Moments { axes: vec![0] },
                    &[Type::new(DType::I32, [3])],
                    "`moments` does not apply to int32\n  expected  a floating-point dtype\n  \
                     received  int32 (3,)\n  help: cast the input first",
                ),
            ]
        },
    };
}
