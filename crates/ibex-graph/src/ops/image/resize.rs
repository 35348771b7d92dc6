//! Images of another size.

use super::scale_and_translate::weights;
use super::{Channels, Interpolation, computed, saturated};
use crate::{Array, DType, OpError, Tensor};

/// What becomes of the ratio of height and width when images are resized.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Aspect {
    /// The image is stretched.
    #[default]
    Stretch,
    /// What is too much is cut off first, the same on both sides.
    Crop,
    /// What is missing is filled with this value first, the same on both sides.
    Pad(f64),
}

/// How images are resized; an [`Interpolation`] alone converts into it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resize {
    /// How values between pixels are found; bilinear by default.
    pub interpolation: Interpolation,
    /// Whether a smaller result averages over all pixels that it covers; not by default.
    pub antialias: bool,
    /// What becomes of the ratio of height and width; the image is stretched by default.
    pub aspect: Aspect,
}

impl From<Interpolation> for Resize {
    fn from(interpolation: Interpolation) -> Resize {
        Resize { interpolation, ..Resize::default() }
    }
}

/// Images in another `size`, height and width; integers are rounded.
///
/// Pixels are squares whose centres lie at half-integer places. `keras.ops.image.resize`.
///
/// ```
/// use ibex_graph::ops::image::{Channels, Interpolation, resize};
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let x = Tensor::constant(Array::from_slice([1, 2, 1], &[0f32, 4.])?);
/// let y = resize(&x, [1, 4], Interpolation::Bilinear, Channels::Last);
/// assert_eq!(evaluate(&y)?.to_f64_vec(), [0., 1., 3., 4.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn resize(
    images: &Tensor,
    size: [usize; 2],
    options: impl Into<Resize>,
    channels: Channels,
) -> Tensor {
    let axes = match channels.axes("resize", images) {
        Ok(axes) => [axes.height, axes.width],
        Err(poisoned) => return poisoned,
    };
    let options = options.into();
    let stays = options.interpolation == Interpolation::Nearest
        && !matches!(options.aspect, Aspect::Pad(_));
    let float = match images.dtype() {
        dtype if dtype.is_float() || stays => images.clone(),
        _ => images.cast(DType::F32),
    };
    let mut result = match options.aspect {
        Aspect::Stretch => float,
        Aspect::Crop => crop(&float, size, axes),
        Aspect::Pad(value) => pad(&float, size, axes, value),
    };
    for (axis, extent) in axes.into_iter().zip(size) {
        result = resize_axis(&result, axis, extent, &options);
    }
    saturated(&result, images.dtype())
}

/// One axis in another extent.
#[track_caller]
fn resize_axis(x: &Tensor, axis: usize, extent: usize, options: &Resize) -> Tensor {
    let before = x.dim(axis as isize);
    if before == extent || x.is_poisoned() {
        return x.clone();
    }
    if options.interpolation == Interpolation::Nearest {
        // In `float32` and in this order, as JAX computes it: ties depend on it.
        let place = |i: usize| (i as f32 + 0.5) * before as f32 / extent as f32;
        let sources: Vec<i32> = (0..extent).map(|i| place(i).floor() as i32).collect();
        let sources = Array::from_slice([extent], &sources);
        return match sources {
            Ok(sources) => x.take(&Tensor::constant(sources), axis as isize),
            Err(error) => Tensor::poisoned(OpError::new(error.to_string(), "", "")),
        };
    }
    let dtype = computed(x.dtype());
    let scale = if extent == 0 { 1.0 } else { extent as f64 / before.max(1) as f64 };
    let inverse = Tensor::scalar(dtype, 1.0 / scale);
    let shift = Tensor::scalar(dtype, 0.0);
    let matrix =
        weights([before, extent], &inverse, &shift, options.interpolation, options.antialias);
    along_axis(x, axis, &matrix)
}

/// The product with a matrix `(before, after)` along one axis.
#[track_caller]
pub(super) fn along_axis(x: &Tensor, axis: usize, matrix: &Tensor) -> Tensor {
    let axis = axis as isize;
    x.move_axis(axis, -1).matmul(&matrix.cast(x.dtype())).move_axis(-1, axis)
}

/// The height and width that an image of `extents` has with the ratio of `size`, before it is
/// limited to the image, or `None` for a size without a ratio.
fn with_ratio(extents: [usize; 2], size: [usize; 2]) -> Option<[usize; 2]> {
    let [height, width] = extents.map(|extent| extent as f64);
    let [target_height, target_width] = size.map(|extent| extent as f64);
    let wanted = [width * target_height / target_width, height * target_width / target_height];
    wanted.iter().all(|extent| extent.is_finite()).then(|| wanted.map(|extent| extent as usize))
}

#[track_caller]
fn no_ratio(size: [usize; 2]) -> Tensor {
    Tensor::poisoned(OpError::new(
        "`resize` cannot keep the ratio of height and width",
        "a height and a width of at least 1",
        format!("{} x {}", size[0], size[1]),
    ))
}

/// The middle of the images with the ratio of `size`.
#[track_caller]
fn crop(x: &Tensor, size: [usize; 2], axes: [usize; 2]) -> Tensor {
    let extents = axes.map(|axis| x.dim(axis as isize));
    let Some(wanted) = with_ratio(extents, size) else { return no_ratio(size) };
    let mut cropped = x.clone();
    for i in 0..2 {
        let kept = wanted[i].min(extents[i]).max(1);
        let start = (extents[i].saturating_sub(kept) / 2) as isize;
        cropped = cropped.slice_axis(axes[i] as isize, start..start + kept as isize);
    }
    cropped
}

/// The images with borders that give them, but for one row or column, the ratio of `size`.
#[track_caller]
fn pad(x: &Tensor, size: [usize; 2], axes: [usize; 2], value: f64) -> Tensor {
    let extents = axes.map(|axis| x.dim(axis as isize));
    let Some(wanted) = with_ratio(extents, size) else { return no_ratio(size) };
    let border = |i: usize| wanted[i].saturating_sub(extents[i]) / 2;
    let mut widths = vec![(0, 0); x.rank()];
    // Keras pads the height if that is too small, and only otherwise the width.
    let narrow = if border(0) > 0 { 0 } else { 1 };
    widths[axes[narrow]] = (border(narrow), border(narrow));
    x.pad(&widths, value)
}
