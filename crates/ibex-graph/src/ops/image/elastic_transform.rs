//! Images distorted as if drawn on rubber.

use super::affine_transform::{pixel_grid, sample_images};
use super::gaussian_blur::{blur, gaussian};
use super::map_coordinates::Sampling;
use super::{Channels, FillMode, Interpolation, computed};
use crate::{OpError, Tensor};

/// How far an elastic transform moves pixels, and how smoothly.
#[derive(Clone, Debug)]
pub struct Elasticity {
    /// The factor of the displacements, a scalar.
    pub alpha: Tensor,
    /// The deviation of the Gaussian that smooths the displacements, a scalar; it is a second
    /// factor of them.
    pub sigma: Tensor,
    /// The largest value that `sigma` will have: it tells the largest size of the Gaussian.
    pub largest_sigma: f64,
}

/// Images whose pixels come from places moved by smoothed noise.
///
/// `noise` is `(N, height, width)` normal numbers, for the columns and for the rows.
/// The Gaussian reaches `floor(3 sigma)` pixels to each side. Interpolation is nearest or bilinear.
/// Source: Simard et al., "Best practices for convolutional neural networks", 2003;
/// `keras.ops.image.elastic_transform`, which on JAX draws the same noise for both directions.
///
/// ```
/// use ibex_graph::ops::image::elastic_transform::{Elasticity, elastic_transform};
/// use ibex_graph::ops::image::{Channels, FillMode, Interpolation};
/// use ibex_graph::{Array, DType, Tensor, interpreter::evaluate};
///
/// let x = Tensor::constant(Array::from_slice([1, 1, 3, 1], &[1f32, 2., 4.])?);
/// let noise = Tensor::full(DType::F32, [1, 1, 3], 0.5);
/// let one = Tensor::scalar(DType::F32, 1.0);
/// let rubber = Elasticity { alpha: one.clone(), sigma: one * 0.25, largest_sigma: 0.25 };
/// let (nearest, between) = (FillMode::Nearest, Interpolation::Bilinear);
/// let y = elastic_transform(&x, [&noise, &noise], &rubber, between, nearest, 0.0, Channels::Last);
/// assert_eq!(evaluate(&y)?.to_f64_vec(), [1.125, 2.25, 4.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn elastic_transform(
    images: &Tensor,
    noise: [&Tensor; 2],
    elasticity: &Elasticity,
    interpolation: Interpolation,
    mode: FillMode,
    value: f64,
    channels: Channels,
) -> Tensor {
    let sampling = Sampling { interpolation, mode, value };
    if let Err(poisoned) = sampling.check("elastic_transform") {
        return poisoned;
    }
    channels.batched("elastic_transform", images, |images| {
        let dtype = computed(images.dtype());
        let expected = [images.dim(0), images.dim(1), images.dim(2)];
        for noise in noise {
            if !noise.is_poisoned() && noise.shape().dims() != expected {
                return Tensor::poisoned(OpError::new(
                    "`elastic_transform` needs noise for each pixel",
                    format!("noise of shape {expected:?}"),
                    noise.shape().to_string(),
                ));
            }
        }
        let (alpha, sigma) = (elasticity.alpha.cast(dtype), elasticity.sigma.cast(dtype));
        let weights = smoothing(&sigma, reach(elasticity.largest_sigma));
        let moved = |noise: &Tensor, places: &Tensor| {
            let noise = (noise.cast(dtype) * &sigma).expand_dims(-1);
            places + blur(&noise, &weights, &weights).squeeze(-1) * &alpha
        };
        let [y, x] = pixel_grid(images, dtype);
        sample_images(images, [&moved(noise[1], &y), &moved(noise[0], &x)], sampling)
    })
}

/// How many pixels to each side the smoothing reaches at most.
fn reach(largest_sigma: f64) -> usize {
    (3.0 * largest_sigma).clamp(0.0, 1e5) as usize
}

/// Gaussian weights within `floor(3 sigma)` of the middle, and zeros beyond, of sum 1.
fn smoothing(sigma: &Tensor, reach: usize) -> Tensor {
    let distance = Tensor::iota(sigma.dtype(), [2 * reach + 1], 0) - reach as f64;
    let weights = gaussian(&distance, sigma);
    let inside = distance.abs().less_equal(&(sigma * 3.0).floor());
    let weights = inside.select(&weights, &weights.zeros_like());
    &weights / weights.sum_all()
}
