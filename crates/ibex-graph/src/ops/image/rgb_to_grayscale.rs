//! Images without colour.

use super::{Channels, computed};
use crate::{Array, OpError, Tensor};

/// The weights of red, green and blue in brightness, as ITU-R BT.601 rounds them.
const WEIGHTS: [f64; 3] = [0.2989, 0.5870, 0.1140];

/// The brightness of images, with one channel; images of one channel stay as they are.
///
/// Integers are cut off. `keras.ops.image.rgb_to_grayscale`.
///
/// ```
/// use ibex_graph::ops::image::{Channels, rgb_to_grayscale};
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let x = Tensor::constant(Array::from_slice([1, 1, 3], &[0f32, 100., 0.])?);
/// let y = evaluate(&rgb_to_grayscale(&x, Channels::Last))?.to_f64_vec();
/// assert!((y[0] - 58.7).abs() < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn rgb_to_grayscale(images: &Tensor, channels: Channels) -> Tensor {
    let axis = match channels.axes("rgb_to_grayscale", images) {
        Ok(axes) => axes.channels,
        Err(poisoned) => return poisoned,
    };
    match images.shape()[axis] {
        1 => images.clone(),
        3 => {
            let dtype = computed(images.dtype());
            let weights = Tensor::constant(Array::from_f64_slice(dtype, [3], &WEIGHTS));
            let gray = images.cast(dtype).tensordot(&weights, &[axis], &[0]);
            gray.expand_dims(axis as isize).cast(images.dtype())
        }
        _ => Tensor::poisoned(OpError::new(
            "`rgb_to_grayscale` needs red, green and blue",
            "1 or 3 channels",
            images.shape().to_string(),
        )),
    }
}
