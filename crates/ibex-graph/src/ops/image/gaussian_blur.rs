//! Images blurred by a Gaussian.

use super::{Channels, computed, saturated};
use crate::ops::window::Padding;
use crate::{OpError, Tensor};

/// Images averaged over their neighbours with Gaussian weights; outside they are 0.
///
/// `size` is the width and the height of the kernel, in this order, `sigma` a tensor of the two
/// standard deviations. `keras.ops.image.gaussian_blur`.
///
/// ```
/// use ibex_graph::ops::image::{Channels, gaussian_blur};
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let x = Tensor::constant(Array::from_slice([1, 3, 1], &[0f32, 1., 0.])?);
/// let sigma = Tensor::constant(Array::from_slice([2], &[1f32, 1.])?);
/// let y = evaluate(&gaussian_blur(&x, [3, 1], &sigma, Channels::Last))?.to_f64_vec();
/// assert!((y[0] - 0.2741).abs() < 1e-4 && (y[1] - 0.4519).abs() < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn gaussian_blur(
    images: &Tensor,
    size: [usize; 2],
    sigma: &Tensor,
    channels: Channels,
) -> Tensor {
    if sigma.is_poisoned() {
        return sigma.clone();
    }
    if sigma.shape().dims() != [2] || size.contains(&0) {
        return Tensor::poisoned(OpError::new(
            "`gaussian_blur` needs a kernel size and a deviation along both axes",
            "two sizes of at least 1 and a sigma of shape (2,)",
            format!("{size:?} and {}", sigma.shape()),
        ));
    }
    channels.batched("gaussian_blur", images, |images| {
        let dtype = computed(images.dtype());
        let sigma = sigma.cast(dtype);
        let kernel = |at: usize| {
            let sigma = sigma.slice_axis(0, at as isize..at as isize + 1);
            let centre = (size[at] - 1) as f64 / 2.0;
            gaussian(&(Tensor::iota(dtype, [size[at]], 0) - centre), &sigma)
        };
        saturated(&blur(&images.cast(dtype), &kernel(1), &kernel(0)), images.dtype())
    })
}

/// Gaussian weights at these distances, of sum 1.
pub(super) fn gaussian(distance: &Tensor, sigma: &Tensor) -> Tensor {
    let weights = ((distance / sigma).square() * -0.5).exp();
    &weights / weights.sum_all()
}

/// A batch `(N, H, W, C)` averaged with one vector of weights along each axis, zeros outside.
pub(super) fn blur(images: &Tensor, vertical: &Tensor, horizontal: &Tensor) -> Tensor {
    let channels = images.dim(3);
    let along = |x: &Tensor, weights: &Tensor, window: [usize; 2]| {
        let [height, width] = window;
        let kernel = weights.reshape([height, width, 1, 1]);
        let kernel = kernel.broadcast_to([height, width, channels, 1]);
        x.depthwise_convolution(&kernel, &[1, 1], Padding::Same, &[1, 1])
    };
    let rows = along(images, vertical, [vertical.dim(0), 1]);
    along(&rows, horizontal, [1, horizontal.dim(0)])
}
