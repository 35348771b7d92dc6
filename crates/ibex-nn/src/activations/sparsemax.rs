//! `sparsemax`: the nearest probabilities along the last axis; many are exactly 0.
//!
//! Source: Martins and Astudillo, "From softmax to sparsemax", 2016.

use ibex_graph::Tensor;

pub(super) fn sparsemax(x: &Tensor) -> Tensor {
    sparsemax_along(x, -1)
}

/// The function along any axis, counted from the end when negative.
pub fn sparsemax_along(x: &Tensor, axis: isize) -> Tensor {
    let sorted = x.sort(axis, true);
    let Some(along) = sorted.shape().axis(axis).filter(|_| !sorted.is_poisoned()) else {
        return sorted;
    };
    let mut ranks = vec![1; sorted.rank()];
    ranks[along] = sorted.shape()[along];
    let ranks = Tensor::iota(x.dtype(), ranks, along) + 1.0;
    let sums = sorted.cumulative_sum(axis);
    let zero = Tensor::scalar(x.dtype(), 0.0);
    // The entries that stay positive are a prefix of the sorted ones.
    let support = (&sorted - (&sums - 1.0) / &ranks).greater(&zero);
    let count = support.cast(x.dtype()).sum(&[along], true);
    // Keras sums the cumulative sums themselves; goldens hold that behaviour.
    let total = support.select(&sums, &sums.zeros_like()).sum(&[along], true);
    (x - (total - 1.0) / count).relu()
}
