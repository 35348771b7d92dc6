//! Images scaled and moved along chosen axes: separable, one matrix for each axis.

use std::f64::consts::PI;

use super::resize::along_axis;
use super::{Interpolation, computed};
use crate::{OpError, Shape, Tensor};

/// A tensor of `shape` in which the element at `p` comes from `(p - translation) / scale`.
///
/// `axes` are those that are scaled and moved, with one element each of `scale` and `translation`
/// (vectors); places are counted from the border of the first element, whose centre is at 0.5.
/// What comes from outside is 0. With `antialias`, a smaller result averages over all elements
/// that it covers. Integers become floats.
/// There is no nearest-neighbour form. `keras.ops.image.scale_and_translate`.
///
/// ```
/// use ibex_graph::ops::image::{Interpolation, scale_and_translate};
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let x = Tensor::constant(Array::from_slice([3], &[1f32, 2., 3.])?);
/// let one = Tensor::constant(Array::from_slice([1], &[1f32])?);
/// let y = scale_and_translate(&x, [3], &one, &one, &[0], Interpolation::Bilinear, true);
/// assert_eq!(evaluate(&y)?.to_f64_vec(), [0., 1., 2.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn scale_and_translate(
    images: &Tensor,
    shape: impl Into<Shape>,
    scale: &Tensor,
    translation: &Tensor,
    axes: &[usize],
    interpolation: Interpolation,
    antialias: bool,
) -> Tensor {
    let shape = shape.into();
    for tensor in [images, scale, translation] {
        if tensor.is_poisoned() {
            return tensor.clone();
        }
    }
    if let Some(wrong) = mistake(images, &shape, [scale, translation], axes, interpolation) {
        return Tensor::poisoned(wrong);
    }
    let dtype = computed(images.dtype());
    let float = if images.dtype().is_float() { images.clone() } else { images.cast(dtype) };
    let (scale, translation) = (scale.cast(dtype), translation.cast(dtype));
    let mut result = float;
    for (i, &axis) in axes.iter().enumerate() {
        let at = i as isize;
        let inverse = scale.slice_axis(0, at..at + 1).squeeze(0).reciprocal();
        let shift = translation.slice_axis(0, at..at + 1).squeeze(0) * &inverse;
        let extents = [images.shape()[axis], shape[axis]];
        let matrix = weights(extents, &inverse, &shift, interpolation, antialias);
        result = along_axis(&result, axis, &matrix);
    }
    result
}

fn mistake(
    images: &Tensor,
    shape: &Shape,
    vectors: [&Tensor; 2],
    axes: &[usize],
    interpolation: Interpolation,
) -> Option<OpError> {
    let distinct = axes.iter().enumerate().all(|(i, axis)| !axes[..i].contains(axis));
    let stays = |axis: usize| axes.contains(&axis) || images.shape().get(axis) == shape.get(axis);
    if !distinct || shape.rank() != images.rank() || !(0..shape.rank()).all(stays) {
        return Some(OpError::new(
            format!("`scale_and_translate` cannot change {} along axes {axes:?}", images.shape()),
            "a result that differs along these axes alone",
            shape.to_string(),
        ));
    }
    if axes.iter().any(|&axis| axis >= images.rank())
        || vectors.iter().any(|vector| vector.shape().dims() != [axes.len()])
    {
        return Some(OpError::new(
            format!("`scale_and_translate` needs a scale and a translation for axes {axes:?}"),
            format!("two vectors of {} elements", axes.len()),
            format!("{} and {}", vectors[0].shape(), vectors[1].shape()),
        ));
    }
    (interpolation == Interpolation::Nearest).then(|| {
        OpError::new(
            "`scale_and_translate` has no nearest-neighbour form",
            "bilinear, bicubic, lanczos3 or lanczos5",
            "nearest",
        )
        .help("`affine_transform` has one")
    })
}

/// The matrix `(before, after)` whose columns are the weights of each new element.
///
/// The element at `p` comes from `p * inverse - shift`.
pub(super) fn weights(
    [before, after]: [usize; 2],
    inverse: &Tensor,
    shift: &Tensor,
    interpolation: Interpolation,
    antialias: bool,
) -> Tensor {
    let dtype = inverse.dtype();
    let source = (Tensor::iota(dtype, [1, after], 1) + 0.5) * inverse - shift - 0.5;
    let distance = (&source - Tensor::iota(dtype, [before, 1], 0)).abs();
    // A kernel wider than the gap between new elements leaves no old one out.
    let width = inverse.maximum(&inverse.ones_like());
    let distance = if antialias { distance / width } else { distance };
    let weights = kernel(interpolation, &distance);
    let total = weights.sum(&[0], true);
    let usable = total.abs().greater(&Tensor::scalar(dtype, 1000.0 * f64::from(f32::EPSILON)));
    let divisor = usable.select(&total, &total.ones_like());
    let inside = source
        .greater_equal(&Tensor::scalar(dtype, -0.5))
        .logical_and(&source.less_equal(&Tensor::scalar(dtype, before as f64 - 0.5)));
    let normal = &weights / &divisor;
    usable.logical_and(&inside).broadcast_to([before, after]).select(&normal, &normal.zeros_like())
}

/// The weight of an element at this distance.
fn kernel(interpolation: Interpolation, x: &Tensor) -> Tensor {
    match interpolation {
        Interpolation::Nearest => x.less(&Tensor::scalar(x.dtype(), 0.5)).cast(x.dtype()),
        Interpolation::Bilinear => (1.0 - x).relu(),
        Interpolation::Bicubic => keys_cubic(x),
        Interpolation::Lanczos3 => lanczos(3.0, x),
        Interpolation::Lanczos5 => lanczos(5.0, x),
    }
}

/// Keys, "Cubic convolution interpolation for digital image processing", 1981, with `a = -0.5`.
fn keys_cubic(x: &Tensor) -> Tensor {
    let inner = ((x * 1.5 - 2.5) * x) * x + 1.0;
    let outer = ((x * -0.5 + 2.5) * x - 4.0) * x + 2.0;
    let beyond = |limit: f64| x.greater_equal(&Tensor::scalar(x.dtype(), limit));
    let curve = beyond(1.0).select(&outer, &inner);
    beyond(2.0).select(&x.zeros_like(), &curve)
}

/// `sinc(x) · sinc(x / radius)`.
fn lanczos(radius: f64, x: &Tensor) -> Tensor {
    let above = |limit: f64| x.greater(&Tensor::scalar(x.dtype(), limit));
    let wave = (x * PI).sin() * (x * PI / radius).sin() * radius;
    let away = above(1e-3);
    let square = x * x * (PI * PI);
    let quotient = wave / away.select(&square, &x.ones_like());
    let curve = away.select(&quotient, &x.ones_like());
    above(radius).select(&x.zeros_like(), &curve)
}
