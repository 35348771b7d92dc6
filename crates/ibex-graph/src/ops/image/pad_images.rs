//! Images with borders of zeros.

use super::Channels;
use super::crop_images::Borders;
use crate::Tensor;

/// Images with zeros around them, `vertical` and `horizontal`. `keras.ops.image.pad_images`.
///
/// ```
/// use ibex_graph::ops::image::crop_images::Borders;
/// use ibex_graph::ops::image::{Channels, pad_images};
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let x = Tensor::constant(Array::from_slice([1, 1, 1], &[5f32])?);
/// let none = Borders { before: Some(0), after: Some(0), ..Borders::default() };
/// let three = Borders { before: Some(1), extent: Some(3), ..Borders::default() };
/// let y = pad_images(&x, none, three, Channels::Last);
/// assert_eq!(evaluate(&y)?.to_f64_vec(), [0., 5., 0.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn pad_images(
    images: &Tensor,
    vertical: Borders,
    horizontal: Borders,
    channels: Channels,
) -> Tensor {
    let axes = match channels.axes("pad_images", images) {
        Ok(axes) => axes,
        Err(poisoned) => return poisoned,
    };
    let mut widths = vec![(0, 0); images.rank()];
    for (side, axis, borders) in
        [("height", axes.height, vertical), ("width", axes.width, horizontal)]
    {
        let extent = images.shape()[axis];
        match borders.resolve("pad_images", side, (Some(extent), borders.extent)) {
            Ok(border) => widths[axis] = border,
            Err(error) => return Tensor::poisoned(error),
        }
    }
    images.pad(&widths, 0.0)
}
