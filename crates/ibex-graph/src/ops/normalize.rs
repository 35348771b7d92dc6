//! Normalisation to mean 0 and variance 1, with a scale and an offset, and its gradient.
//!
//! One operation serves batch normalisation (`axes` all but the channels, scale per channel),
//! layer normalisation (`axes` the last ones, scale along them) and, on a reshaped input, group
//! normalisation.

use crate::interpreter::{Values, for_each_index, offset};
use crate::op::{
    BadSample, Described, Forward, Info, Kind, Number, Rule, Sample, Vjp, expect_inputs,
    vjp_of_decomposition,
};
use crate::ops::moments::{expect_axes, gradient_of_moments, group_strides, moments_of};
use crate::{DType, OpError, Shape, Tensor, Type};

/// `(x - mean) / sqrt(variance + epsilon) · scale + offset`, with the moments along `axes`.
///
/// Inputs: `x`, `scale` and `offset`; the latter have one shape, of the rank of `x`, with the
/// extents of `x` or 1.
/// Outputs: the result, the mean and the variance, these with `axes` kept as extent 1.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Normalize {
    /// The axes of the moments, ascending, without repetition.
    pub axes: Vec<usize>,
    /// What is added to the variance.
    pub epsilon: Number,
}

/// The gradients of [`Normalize`]'s first output by its three inputs.
///
/// Inputs: `x`, `scale`, the mean and variance that [`Normalize`] gave, and the output gradient.
/// Outputs: the gradients of `x`, of `scale` and of `offset`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NormalizeGradient {
    /// The axes of the moments, ascending, without repetition.
    pub axes: Vec<usize>,
    /// What is added to the variance.
    pub epsilon: Number,
}

impl Tensor {
    /// `(x - mean) / sqrt(variance + epsilon) · scale + offset`, the mean and the variance, these
    /// along `axes`, which are kept as extent 1.
    ///
    /// `scale` and `offset` have one shape, of the rank of this tensor, with its extents or 1.
    #[track_caller]
    pub fn normalize(
        &self,
        scale: &Tensor,
        offset: &Tensor,
        axes: &[usize],
        epsilon: f64,
    ) -> [Tensor; 3] {
        let mut axes = axes.to_vec();
        axes.sort_unstable();
        let op = Normalize { axes, epsilon: Number::new(epsilon) };
        Tensor::apply_many(op, &[self, scale, offset])
    }
}

/// Checks that a factor can be repeated to the shape of the input along its axes.
fn expect_factor(name: &str, x: &Type, role: &str, factor: &Type) -> Result<(), OpError> {
    let alike = |(&f, &d): (&usize, &usize)| f == 1 || f == d;
    let fits = factor.dtype == x.dtype
        && factor.shape.rank() == x.shape.rank()
        && factor.shape.iter().zip(x.shape.iter()).all(alike);
    match fits {
        true => Ok(()),
        false => Err(OpError::new(
            format!("the {role} of `{name}` does not fit its input"),
            format!("{} of {} axes, each as in {} or 1", x.dtype, x.shape.rank(), x.shape),
            factor.to_string(),
        )),
    }
}

/// The axes of `x` along which a factor is repeated.
fn repeated(factor: &Shape, x: &Shape) -> Vec<usize> {
    (0..x.rank()).filter(|&axis| factor[axis] == 1 && x[axis] != 1).collect()
}

impl Rule for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn attributes(&self) -> String {
        format!("{:?}, epsilon {:?}", self.axes, self.epsilon)
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x, scale, offset] = expect_inputs(self.name(), inputs)?;
        expect_axes(self.name(), &self.axes, x)?;
        expect_factor(self.name(), x, "scale", scale)?;
        if offset != scale {
            return Err(OpError::new(
                format!("scale and offset of `{}` differ", self.name()),
                scale.to_string(),
                offset.to_string(),
            ));
        }
        let moment = Type::new(x.dtype, x.shape.reduce(&self.axes, true));
        Ok(vec![x.clone(), moment.clone(), moment])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let [x, scale, shift] = inputs else { return Vec::new() };
        let [mean, variance] = moments_of(x, &self.axes);
        let groups = group_strides(x.shape(), &self.axes);
        let factors = group_strides(x.shape(), &repeated(scale.shape(), x.shape()));
        let mut data = Vec::with_capacity(x.data.len());
        for_each_index(x.shape(), |i| {
            let (group, factor) = (offset(i, &groups), offset(i, &factors));
            let deviation = (variance[group] + self.epsilon.value()).sqrt();
            let standard = (x.data[data.len()] - mean[group]) / deviation;
            data.push(standard * scale.data[factor] + shift.data[factor]);
        });
        let all = [data, mean, variance];
        outputs.iter().cloned().zip(all).map(|(ty, data)| Values::new(ty, data)).collect()
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let [x, scale, _] = node.inputs else { return Vjp::Rule(Vec::new()) };
        let [_, mean, variance] = node.outputs else { return Vjp::Rule(Vec::new()) };
        let grads = [&node.grads[1], &node.grads[2]];
        let by_moments = gradient_of_moments(x, mean, &self.axes, grads);
        let Some(g) = &node.grads[0] else { return Vjp::Rule(vec![by_moments, None, None]) };
        let op = NormalizeGradient { axes: self.axes.clone(), epsilon: self.epsilon };
        let [dx, dscale, doffset] = Tensor::apply_many(op, &[x, scale, mean, variance, g]);
        let dx = match by_moments {
            Some(more) => dx + more,
            None => dx,
        };
        Vjp::Rule(vec![Some(dx), Some(dscale), Some(doffset)])
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let [x, scale, offset] = inputs else { return None };
        let mean = x.mean(&self.axes, true);
        let centred = x - &mean;
        let variance = centred.square().mean(&self.axes, true);
        let y = centred * (&variance + self.epsilon.value()).rsqrt() * scale + offset;
        Some(vec![y, mean, variance])
    }
}

impl Rule for NormalizeGradient {
    fn name(&self) -> &'static str {
        "normalize_gradient"
    }

    fn attributes(&self) -> String {
        format!("{:?}, epsilon {:?}", self.axes, self.epsilon)
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x, scale, mean, variance, grad] = expect_inputs(self.name(), inputs)?;
        expect_axes(self.name(), &self.axes, x)?;
        expect_factor(self.name(), x, "scale", scale)?;
        let moment = Type::new(x.dtype, x.shape.reduce(&self.axes, true));
        let rows = [
            ("mean", mean, &moment),
            ("variance", variance, &moment),
            ("output gradient", grad, x),
        ];
        for (role, received, expected) in rows {
            if received != expected {
                return Err(OpError::new(
                    format!("the {role} of `{}` does not fit its input", self.name()),
                    expected.to_string(),
                    received.to_string(),
                ));
            }
        }
        Ok(vec![x.clone(), scale.clone(), scale.clone()])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let [x, scale, mean, variance, grad] = inputs else { return Vec::new() };
        let groups = group_strides(x.shape(), &self.axes);
        let factors = group_strides(x.shape(), &repeated(scale.shape(), x.shape()));
        let count: usize = self.axes.iter().map(|&axis| x.shape()[axis]).product();
        let deviation = |group: usize| (variance.data[group] + self.epsilon.value()).sqrt();
        let mut sums = vec![[0.0; 2]; mean.data.len()];
        let mut by_factor = [vec![0.0; scale.data.len()], vec![0.0; scale.data.len()]];
        let mut places = Vec::with_capacity(x.data.len());
        for_each_index(x.shape(), |i| {
            let (at, group, factor) = (places.len(), offset(i, &groups), offset(i, &factors));
            let standard = (x.data[at] - mean.data[group]) / deviation(group);
            let inner = grad.data[at] * scale.data[factor];
            sums[group][0] += inner;
            sums[group][1] += inner * standard;
            by_factor[0][factor] += grad.data[at] * standard;
            by_factor[1][factor] += grad.data[at];
            places.push((group, standard, inner));
        });
        let by_input = |&(group, standard, inner): &(usize, f64, f64)| {
            let [sum, along] = sums[group];
            (inner - (sum + standard * along) / count as f64) / deviation(group)
        };
        let data = places.iter().map(by_input).collect();
        let [by_scale, by_offset] = by_factor;
        let all = [data, by_scale, by_offset];
        outputs.iter().cloned().zip(all).map(|(ty, data)| Values::new(ty, data)).collect()
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        vjp_of_decomposition(self, node)
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let [x, scale, mean, variance, grad] = inputs else { return None };
        let factor = (variance + self.epsilon.value()).rsqrt();
        let standard = (x - mean) * &factor;
        let axes = repeated(scale.shape(), x.shape());
        let [dscale, doffset] = [(grad * &standard).sum(&axes, true), grad.sum(&axes, true)];
        let count: usize = self.axes.iter().map(|&axis| x.shape()[axis]).product();
        let mut own = self.axes.clone();
        own.retain(|&axis| x.shape()[axis] != 1);
        let dx = if own == axes {
            // The scale is the same along the axes: both means are the sums that are there anyway.
            let [sum, along] = [&doffset, &dscale].map(|sum| sum / count as f64);
            (grad - sum - &standard * along) * (factor * scale)
        } else {
            let inner = grad * scale;
            let sum = inner.mean(&self.axes, true);
            let along = (&inner * &standard).mean(&self.axes, true);
            (inner - sum - &standard * along) * &factor
        };
        Some(vec![dx, dscale, doffset])
    }
}

/// Input shape, shape of scale and offset, axes.
fn cases() -> [(&'static str, Shape, Shape, Vec<usize>); 7] {
    [
        ("batch of rows", [4, 3].into(), [1, 3].into(), vec![0]),
        ("batch of images", [2, 2, 3, 2].into(), [1, 1, 1, 2].into(), vec![0, 1, 2]),
        ("layer", [3, 5].into(), [1, 5].into(), vec![1]),
        ("layer of two axes", [2, 3, 2].into(), [1, 3, 2].into(), vec![1, 2]),
        ("group", [2, 3, 2, 2].into(), [1, 1, 2, 2].into(), vec![1, 3]),
        ("one scale", [2, 4].into(), [1, 1].into(), vec![1]),
        ("no rows", [0, 3].into(), [1, 3].into(), vec![1]),
    ]
}

const EPSILON: f64 = 1e-3;

impl Described for Normalize {
    const INFO: Info = Info {
        name: "normalize",
        kind: Kind::Library,
        summary: "mean 0, variance 1 along axes, then a scale and an offset",
        samples: || {
            let sample = |(label, x, factor, axes): (&str, Shape, Shape, Vec<usize>)| {
                let value = |shape: &Shape, salt| Values::uniform(shape, -1.0, 2.0, salt);
                let inputs = vec![value(&x, 1), value(&factor, 2), value(&factor, 3)];
                Sample::new(label, Normalize { axes, epsilon: Number::new(EPSILON) }, inputs)
            };
            cases().into_iter().map(sample).collect()
        },
        errors: || {
            let float = |shape: &[usize]| Type::new(DType::F32, shape);
            let op = || Normalize { axes: vec![0], epsilon: Number::new(EPSILON) };
            vec![
                BadSample::new(
                    op(),
                    &[float(&[4, 3]), float(&[3]), float(&[3])],
                    "the scale of `normalize` does not fit its input\n  expected  float32 of 2 \
                     axes, each as in (4, 3) or 1\n  received  float32 (3,)",
                ),
                BadSample::new(
                    op(),
                    &[float(&[4, 3]), float(&[1, 3]), float(&[1, 1])],
                    "scale and offset of `normalize` differ\n  expected  float32 (1, 3)\n  \
                     received  float32 (1, 1)",
                ),
            ]
        },
    };
}

impl Described for NormalizeGradient {
    const INFO: Info = Info {
        name: "normalize_gradient",
        kind: Kind::Library,
        summary: "the gradients of the normalisation by input, scale and offset",
        samples: || {
            let sample = |(label, x, factor, axes): (&str, Shape, Shape, Vec<usize>)| {
                let moment = x.reduce(&axes, true);
                let inputs = vec![
                    Values::uniform(&x, -1.0, 2.0, 1),
                    Values::uniform(&factor, -1.0, 2.0, 2),
                    Values::uniform(&moment, 0.0, 1.0, 3),
                    Values::uniform(&moment, 0.5, 1.5, 4),
                    Values::uniform(&x, -1.0, 1.0, 5),
                ];
                let op = NormalizeGradient { axes, epsilon: Number::new(EPSILON) };
                Sample::new(label, op, inputs)
            };
            cases().into_iter().map(sample).collect()
        },
        errors: || {
            let float = |shape: &[usize]| Type::new(DType::F32, shape);
            let (x, row) = (float(&[4, 3]), float(&[1, 3]));
            let types = [x, row.clone(), row.clone(), row.clone(), row];
            vec![BadSample::new(
                NormalizeGradient { axes: vec![0], epsilon: Number::new(EPSILON) },
                &types,
                "the output gradient of `normalize_gradient` does not fit its input\n  expected  \
                 float32 (4, 3)\n  received  float32 (1, 3)",
            )]
        },
    };
}
