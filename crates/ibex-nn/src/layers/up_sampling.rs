//! What the layers share that repeat elements along spatial axes.

use ibex_graph::Tensor;

use super::options::DataFormat;

/// Each element along each spatial axis as many times as `size` says.
pub(super) fn repeated(x: &Tensor, data_format: DataFormat, size: &[usize]) -> Tensor {
    let axes = data_format.spatial_axes(x.rank());
    let each = axes.into_iter().zip(size);
    each.fold(x.clone(), |x, (axis, &count)| match count {
        1 => x,
        _ => x.repeat(count, axis as isize),
    })
}
