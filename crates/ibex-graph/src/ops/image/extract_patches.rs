//! Images cut into patches.

use super::Channels;
use crate::ops::window::{Padding, Window, positions};
use crate::{DType, OpError, Tensor};

/// The patches of images or volumes, one vector each, with its pixels row by row.
///
/// `size`, `strides` and `dilation` have a number for each spatial axis, two or three;
/// images have a batch axis in front or none.
/// Of channels last, the result is `(…, rows, columns, pixels of a patch · channels)`.
/// `keras.ops.image.extract_patches`.
///
/// ```
/// use ibex_graph::ops::image::{Channels, extract_patches};
/// use ibex_graph::ops::window::Padding;
/// use ibex_graph::{Array, Tensor, interpreter::evaluate};
///
/// let x = Tensor::constant(Array::from_slice([1, 4, 1], &[1f32, 2., 3., 4.])?);
/// let y = extract_patches(&x, &[1, 2], &[1, 2], &[1, 1], Padding::Valid, Channels::Last);
/// assert_eq!(y.shape().dims(), [1, 2, 2]);
/// assert_eq!(evaluate(&y)?.to_f64_vec(), [1., 2., 3., 4.]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn extract_patches(
    images: &Tensor,
    size: &[usize],
    strides: &[usize],
    dilation: &[usize],
    padding: Padding,
    channels: Channels,
) -> Tensor {
    if images.is_poisoned() {
        return images.clone();
    }
    let spatial = size.len();
    let single = images.rank() == spatial + 1;
    if !(single || images.rank() == spatial + 2)
        || [strides.len(), dilation.len()] != [spatial; 2]
        || [size, strides, dilation].iter().any(|numbers| numbers.contains(&0))
    {
        return Tensor::poisoned(OpError::new(
            format!("`extract_patches` cannot cut {} into patches of {size:?}", images.shape()),
            "a size, a stride and a dilation of at least 1 for each spatial axis",
            format!("{size:?}, {strides:?} and {dilation:?}"),
        ));
    }
    let batch = if single { images.expand_dims(0) } else { images.clone() };
    let batch = if channels == Channels::First { batch.move_axis(1, -1) } else { batch };
    let patches = match cut(&batch, size, strides, dilation, padding) {
        Ok(patches) => patches,
        Err(error) => return Tensor::poisoned(error),
    };
    let patches = if channels == Channels::First { patches.move_axis(-1, 1) } else { patches };
    if single { patches.squeeze(0) } else { patches }
}

/// The patches of a batch `(N, *spatial, C)`: `(N, *positions, pixels · C)`.
fn cut(
    batch: &Tensor,
    size: &[usize],
    strides: &[usize],
    dilation: &[usize],
    padding: Padding,
) -> Result<Tensor, OpError> {
    let spatial = size.len();
    let extents: Vec<usize> = batch.shape()[1..=spatial].to_vec();
    let windows: Vec<Window> = (0..spatial)
        .map(|axis| {
            let (size, stride, dilation) = (size[axis], strides[axis], dilation[axis]);
            let (low, high) = padding.explicit(extents[axis], size, stride, dilation);
            Window { size, stride, dilation, low, high }
        })
        .collect();
    let positions = positions("extract_patches", &windows, &extents)?;
    let mut widths = vec![(0, 0); spatial + 2];
    for (width, window) in widths[1..].iter_mut().zip(&windows) {
        *width = (window.low, window.high);
    }
    // Each spatial axis becomes two: the positions of patches, and the pixels of a patch.
    let mut found = batch.pad(&widths, 0.0);
    for (axis, (window, &count)) in windows.iter().zip(&positions).enumerate() {
        let at = 1 + 2 * axis as isize;
        let column = Tensor::iota(DType::I32, [count, 1], 0) * window.stride as f64;
        let row = Tensor::iota(DType::I32, [1, window.size], 1) * window.dilation as f64;
        found = found.take(&(column + row), at);
    }
    let mut order = vec![0];
    order.extend((0..spatial).map(|axis| 1 + 2 * axis));
    order.extend((0..spatial).map(|axis| 2 + 2 * axis));
    order.push(2 * spatial + 1);
    let mut dims = vec![batch.dim(0)];
    dims.extend(&positions);
    dims.push(size.iter().product::<usize>() * batch.dim(-1));
    Ok(found.transpose(&order).reshape(dims))
}
