//! What the layers share that repeat elements along spatial axes.

use ibex_graph::Tensor;
use ibex_graph::ops::reshape::Reshape;

use super::options::DataFormat;

/// Each element along each spatial axis as many times as `size` says.
///
/// Even once gives another tensor, without the mask of the first, as in Keras.
pub(super) fn repeated(x: &Tensor, data_format: DataFormat, size: &[usize]) -> Tensor {
    let axes = data_format.spatial_axes(x.rank());
    let each = axes.into_iter().zip(size).filter(|&(_, &count)| count != 1);
    let same = Tensor::apply(Reshape { shape: x.shape().clone() }, &[x]);
    each.fold(same, |x, (axis, &count)| x.repeat(count, axis as isize))
}
