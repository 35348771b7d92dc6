//! Images turned, scaled, sheared and moved.

use super::map_coordinates::{Sampling, rounded};
use super::{Channels, FillMode, Interpolation, computed};
use crate::ops::sample_pixels::SamplePixels;
use crate::{DType, OpError, Tensor};

/// Images of which each pixel comes from another place.
///
/// The pixel at `(x, y)` comes from `(a0 x + a1 y + a2, b0 x + b1 y + b2)`, where `transform` is
/// `a0, a1, a2, b0, b1, b2, c0, c1`: one vector for all images, or one for each.
/// `c0` and `c1`, which would be those of a perspective, are not used.
/// Interpolation is nearest or bilinear; integers are rounded.
/// `keras.ops.image.affine_transform`.
///
/// ```
/// use ibex_graph::ops::image::{Channels, FillMode, Interpolation, affine_transform};
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let x = Tensor::constant(Array::from_slice([1, 3, 1], &[1f32, 2., 3.])?);
/// let left = Tensor::constant(Array::from_slice([8], &[1f32, 0., 1., 0., 1., 0., 0., 0.])?);
/// let (mode, value) = (FillMode::Constant, 0.0);
/// let y = affine_transform(&x, &left, Interpolation::Nearest, mode, value, Channels::Last);
/// assert_eq!(evaluate(&y)?.to_f64_vec(), [2., 3., 0.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn affine_transform(
    images: &Tensor,
    transform: &Tensor,
    interpolation: Interpolation,
    mode: FillMode,
    value: f64,
    channels: Channels,
) -> Tensor {
    let sampling = Sampling { interpolation, mode, value };
    if let Err(poisoned) = sampling.check("affine_transform") {
        return poisoned;
    }
    channels.batched("affine_transform", images, |images| {
        let dtype = computed(images.dtype());
        let rows = match per_image("affine_transform", transform, images.dim(0), &[8]) {
            Ok(rows) => rows.cast(dtype),
            Err(poisoned) => return poisoned,
        };
        let element = |at: isize| rows.slice_axis(1, at..at + 1).expand_dims(-1);
        let [y, x] = pixel_grid(images, dtype);
        let place = |from: isize| element(from) * &x + element(from + 1) * &y + element(from + 2);
        sample_images(images, [&place(3), &place(0)], sampling)
    })
}

/// A tensor of `dims` for each of `count` images; a single one serves all.
#[track_caller]
pub(super) fn per_image(
    name: &str,
    given: &Tensor,
    count: usize,
    dims: &[usize],
) -> Result<Tensor, Tensor> {
    if given.is_poisoned() {
        return Err(given.clone());
    }
    let batch = if given.rank() == dims.len() { given.expand_dims(0) } else { given.clone() };
    match batch.shape().split_first() {
        Some((&images, own)) if own == dims && (images == 1 || images == count) => Ok(batch),
        _ => Err(Tensor::poisoned(OpError::new(
            format!("`{name}` cannot use {} for {count} images", given.shape()),
            format!("{dims:?} numbers, for all images or for each"),
            given.shape().to_string(),
        ))),
    }
}

/// The rows `(1, height, 1)` and the columns `(1, 1, width)` of the pixels of a batch.
pub(super) fn pixel_grid(images: &Tensor, dtype: DType) -> [Tensor; 2] {
    let y = Tensor::iota(dtype, [1, images.dim(1), 1], 1);
    let x = Tensor::iota(dtype, [1, 1, images.dim(2)], 2);
    [y, x]
}

/// The values of a batch `(N, H, W, C)` at the rows and columns `(N or 1, h, w)`.
pub(super) fn sample_images(images: &Tensor, places: [&Tensor; 2], sampling: Sampling) -> Tensor {
    if images.dim(1) * images.dim(2) == 0 {
        return images.clone();
    }
    let (own, dtype) = (images.dtype(), computed(images.dtype()));
    let found = SamplePixels::of(&images.cast(dtype), places, sampling.for_dtype(own));
    rounded(&found, own)
}
