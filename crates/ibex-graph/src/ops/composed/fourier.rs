//! Composed Fourier transforms: products with matrices of sines and cosines.
//!
//! A length with factors `a · b` is done in two stages of lengths `a` and `b` with a twist between
//! them (Cooley and Tukey), so that the matrices stay small and matrix products do the work.

use std::f64::consts::PI;

use super::padding::Filling;
use crate::ops::gather::ScatterAdd;
use crate::{Array, DType, Tensor};

/// The longest transform that is done by one matrix although it has factors.
const DIRECT: usize = 32;

/// How a signal is cut into frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Frames {
    /// The elements of a window.
    pub length: usize,
    /// The distance of frames.
    pub stride: usize,
    /// The elements of a transform; the window stands in its middle.
    pub fft_length: usize,
    /// The factors of the elements of a frame.
    pub window: Option<Vec<f64>>,
    /// Whether the signal is continued by its mirror image at both ends.
    pub centred: bool,
}

impl Frames {
    /// The window with zeros around it; ones if there is none.
    fn padded_window(&self) -> Vec<f64> {
        let Some(window) = &self.window else { return vec![1.0; self.fft_length] };
        let before = (self.fft_length - self.length.min(self.fft_length)) / 2;
        let mut padded = vec![0.0; before];
        padded.extend_from_slice(window);
        padded.resize(self.fft_length, 0.0);
        padded
    }
}

/// The window of von Hann, as it repeats.
pub fn hann_window(length: usize) -> Vec<f64> {
    cosine_window(length, 0.5)
}

/// The window of Hamming, as it repeats.
pub fn hamming_window(length: usize) -> Vec<f64> {
    cosine_window(length, 0.54)
}

fn cosine_window(length: usize, mean: f64) -> Vec<f64> {
    if length == 1 {
        return vec![1.0];
    }
    let at = |i: usize| mean - (1.0 - mean) * (2.0 * PI * i as f64 / length as f64).cos();
    (0..length).map(at).collect()
}

/// `cos` and `sin` of `sign · 2π · row · column / length` as matrices.
fn waves(dtype: DType, [rows, columns]: [usize; 2], length: usize, sign: f64) -> [Tensor; 2] {
    let matrix = |f: fn(f64) -> f64| {
        let places = (0..rows).flat_map(|i| (0..columns).map(move |j| (i * j) % length.max(1)));
        let values = places.map(|place| f(sign * 2.0 * PI * place as f64 / length as f64));
        let values: Vec<f64> = values.collect();
        Tensor::constant(Array::from_f64_slice(dtype, [rows, columns], &values))
    };
    [matrix(f64::cos), matrix(f64::sin)]
}

/// A complex product of a tensor and a matrix on its right.
fn complex_matmul(re: &Tensor, im: &Tensor, [cos, sin]: &[Tensor; 2]) -> [Tensor; 2] {
    let real = re.matmul(cos) - im.matmul(sin);
    [real, re.matmul(sin) + im.matmul(cos)]
}

/// The Fourier transform along the last axis, without a factor.
fn transform(re: &Tensor, im: &Tensor, sign: f64) -> [Tensor; 2] {
    let length = re.dim(-1);
    let factor = match length > DIRECT {
        true => (2..=length.isqrt()).rev().find(|factor| length.is_multiple_of(*factor)),
        false => None,
    };
    let Some(a) = factor else {
        return complex_matmul(re, im, &waves(re.dtype(), [length; 2], length, sign));
    };
    let b = length / a;
    let outer = re.shape()[..re.rank() - 1].to_vec();
    let shaped = |x: &Tensor, tail: [usize; 2]| x.reshape([&outer[..], &tail].concat());
    // Element `i · b + j`: transforms over `i` first, which stand in columns.
    let columns = |x: &Tensor| shaped(x, [a, b]).swap_axes(-1, -2);
    let [re, im] = transform(&columns(re), &columns(im), sign);
    let [cos, sin] = waves(re.dtype(), [b, a], length, sign);
    let twisted = [&re * &cos - &im * &sin, &re * &sin + &im * &cos];
    let rows = twisted.map(|x| x.swap_axes(-1, -2));
    let [re, im] = transform(&rows[0], &rows[1], sign);
    // Frequency `k + a · l` stands in row `k` and column `l`.
    let joined = |x: Tensor| x.swap_axes(-1, -2).reshape([&outer[..], &[length]].concat());
    [joined(re), joined(im)]
}

/// The real and imaginary part of the Fourier transform along `axis`, or of its inverse.
///
/// `keras.ops.fft`.
///
/// ```
/// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
/// # use ibex_graph::ops::composed::fourier::fft;
/// let x = Tensor::constant(Array::from_slice([2], &[1f32, 3.])?);
/// let [real, _] = fft(&x, &x.zeros_like(), -1, false);
/// assert_eq!(evaluate(&real)?.to_f64_vec(), [4., -2.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn fft(real: &Tensor, imaginary: &Tensor, axis: isize, inverse: bool) -> [Tensor; 2] {
    if real.shape().axis(axis).is_none() || imaginary.shape() != real.shape() {
        return [real.bad_axis("fft", axis), imaginary.bad_axis("fft", axis)];
    }
    let (re, im) = (real.move_axis(axis, -1), imaginary.move_axis(axis, -1));
    let found = transform(&re, &im, if inverse { 1.0 } else { -1.0 });
    let scale = if inverse { 1.0 / re.dim(-1).max(1) as f64 } else { 1.0 };
    found.map(|x| x.move_axis(-1, axis) * scale)
}

/// The last axis cut or filled with zeros to `length` elements.
fn resized(x: &Tensor, length: usize) -> Tensor {
    let own = x.dim(-1);
    if own >= length {
        return x.slice_axis(-1, ..length as isize);
    }
    let mut widths = vec![(0, 0); x.rank()];
    if let Some(last) = widths.last_mut() {
        *last = (0, length - own);
    }
    x.pad(&widths, 0.0)
}

/// The Fourier transform of `length` real elements: frequencies `0 ..= length / 2`.
///
/// `keras.ops.rfft`.
///
/// ```
/// # use ibex_graph::{DType, Tensor};
/// # use ibex_graph::ops::composed::fourier::real_fft;
/// let x = Tensor::input("x", DType::F32, [3, 8]);
/// assert_eq!(real_fft(&x, 8)[0].shape().dims(), [3, 5]);
/// ```
#[track_caller]
pub fn real_fft(x: &Tensor, length: usize) -> [Tensor; 2] {
    if x.rank() == 0 {
        return [x.bad_axis("real_fft", -1), x.bad_axis("real_fft", -1)];
    }
    let x = resized(x, length);
    let half = length / 2 + 1;
    if length <= DIRECT {
        let [cos, sin] = waves(x.dtype(), [length, half], length, -1.0);
        return [x.matmul_last(&cos), x.matmul_last(&sin)];
    }
    transform(&x, &x.zeros_like(), -1.0).map(|part| part.slice_axis(-1, ..half as isize))
}

/// The `length` real elements whose Fourier transform this is; the inverse of [`real_fft`].
///
/// `keras.ops.irfft`.
///
/// ```
/// # use ibex_graph::{DType, Tensor};
/// # use ibex_graph::ops::composed::fourier::inverse_real_fft;
/// let x = Tensor::input("x", DType::F32, [3, 5]);
/// assert_eq!(inverse_real_fft(&x, &x, 8).shape().dims(), [3, 8]);
/// ```
#[track_caller]
pub fn inverse_real_fft(real: &Tensor, imaginary: &Tensor, length: usize) -> Tensor {
    if real.rank() == 0 {
        return real.bad_axis("inverse_real_fft", -1);
    }
    let half = length / 2 + 1;
    let (re, im) = (resized(real, half), resized(imaginary, half));
    // The other half of the frequencies is the mirror image of this one, so each counts twice but
    // those that are their own image.
    let weight = |k: usize| if k == 0 || 2 * k == length { 1.0 } else { 2.0 };
    let weights: Vec<f64> = (0..half).map(|k| weight(k) / length.max(1) as f64).collect();
    let weights = Tensor::constant(Array::from_f64_slice(re.dtype(), [half], &weights));
    let (re, im) = (re * &weights, im * &weights);
    if length <= DIRECT {
        let [cos, sin] = waves(re.dtype(), [half, length], length, 1.0);
        return re.matmul_last(&cos) - im.matmul_last(&sin);
    }
    let [real, _] = transform(&resized(&re, length), &resized(&im, length), 1.0);
    real
}

/// The frequencies of each frame of a signal. `keras.ops.stft`.
///
/// `(…, time)` becomes `(…, frames, fft_length / 2 + 1)`.
///
/// ```
/// # use ibex_graph::{DType, Tensor};
/// # use ibex_graph::ops::composed::fourier::{Frames, hann_window, short_time_fft};
/// let x = Tensor::input("x", DType::F32, [2, 16]);
/// let window = Some(hann_window(8));
/// let frames = Frames { length: 8, stride: 4, fft_length: 8, window, centred: true };
/// assert_eq!(short_time_fft(&x, &frames)[0].shape().dims(), [2, 5, 5]);
/// ```
#[track_caller]
pub fn short_time_fft(x: &Tensor, frames: &Frames) -> [Tensor; 2] {
    let mut signal = x.clone();
    if frames.centred && x.rank() > 0 {
        let mut widths = vec![(0, 0); x.rank()];
        widths[x.rank() - 1] = (frames.fft_length / 2, frames.fft_length / 2);
        signal = x.pad_with(&widths, Filling::Reflect);
    }
    let window = frames.padded_window();
    let window = Array::from_f64_slice(x.dtype(), [window.len()], &window);
    let cut = signal.frames(frames.fft_length, frames.stride) * Tensor::constant(window);
    real_fft(&cut, frames.fft_length)
}

/// The signal whose [`short_time_fft`] this is. `keras.ops.istft`.
///
/// ```
/// # use ibex_graph::{DType, Tensor};
/// # use ibex_graph::ops::composed::fourier::{Frames, hann_window, inverse_short_time_fft};
/// let x = Tensor::input("x", DType::F32, [2, 5, 5]);
/// let window = Some(hann_window(8));
/// let frames = Frames { length: 8, stride: 4, fft_length: 8, window, centred: true };
/// assert_eq!(inverse_short_time_fft(&x, &x, &frames, None).shape().dims(), [2, 16]);
/// ```
#[track_caller]
pub fn inverse_short_time_fft(
    real: &Tensor,
    imaginary: &Tensor,
    frames: &Frames,
    length: Option<usize>,
) -> Tensor {
    if real.rank() < 2 {
        return real.bad_axis("inverse_short_time_fft", -2);
    }
    let (count, span) = (real.dim(-2), frames.fft_length);
    let whole = span + frames.stride * count.saturating_sub(1);
    let window = frames.padded_window();
    let mut overlap = vec![0.0; whole];
    for frame in 0..count {
        for (at, factor) in window.iter().enumerate() {
            overlap[frame * frames.stride + at] += factor * factor;
        }
    }
    // Without a window Keras divides by the stride where it multiplied by the length.
    let scale = if frames.window.is_some() { 1.0 } else { span as f64 / frames.stride as f64 };
    let weights: Vec<f64> =
        overlap.iter().map(|&sum| if sum > 1e-10 { scale / sum } else { scale }).collect();
    let constant = |values: &[f64]| {
        Tensor::constant(Array::from_f64_slice(real.dtype(), [values.len()], values))
    };
    let pieces = inverse_real_fft(real, imaginary, span) * constant(&window);
    let places = frame_places(count, span, frames.stride);
    let axis = real.rank() - 2;
    let summed = Tensor::apply(ScatterAdd { axis, size: whole }, &[&pieces, &places]);
    let signal = summed * constant(&weights);
    let margin = if frames.centred { span / 2 } else { 0 };
    let end = match length {
        Some(length) => (margin + length).min(whole),
        None => whole.saturating_sub(margin).max(margin),
    };
    signal.slice_axis(-1, margin as isize..end as isize)
}

/// The place of each element of each frame.
fn frame_places(count: usize, length: usize, stride: usize) -> Tensor {
    let places = (0..count).flat_map(|frame| (0..length).map(move |at| frame * stride + at));
    let places: Vec<f64> = places.map(|place| place as f64).collect();
    Tensor::constant(Array::from_f64_slice(DType::I32, [count, length], &places))
}

impl Tensor {
    /// The product of the last axis with a matrix.
    #[track_caller]
    fn matmul_last(&self, matrix: &Tensor) -> Tensor {
        match self.rank() {
            1 => self.expand_dims(0).matmul(matrix).squeeze(0),
            _ => self.matmul(matrix),
        }
    }

    /// Every stretch of `length` elements along the last axis, `stride` apart.
    ///
    /// `(…, time)` becomes `(…, frames, length)`. `keras.ops.extract_sequences`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([4], &[1f32, 2., 3., 4.])?);
    /// assert_eq!(evaluate(&x.frames(2, 1))?.to_f64_vec(), [1., 2., 2., 3., 3., 4.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn frames(&self, length: usize, stride: usize) -> Tensor {
        let room = self.dim(-1).checked_sub(length);
        let count = room.map_or(0, |room| room / stride.max(1) + 1);
        self.take(&frame_places(count, length, stride.max(1)), -1)
    }
}
