//! Sums, products, extremes, means and moments along an axis, softmax along the last.
//!
//! Sums are kept accurate by blocks: a few hundred values in single precision, the blocks in
//! double. Long axes are cut by fixed sizes, so the bits do not depend on the number of threads.
//! Order to read: `fold` (what is reduced), `rows`, `columns`, `moments`, `softmax`,
//! `cross_entropy`.
//! Must not know: shapes of more than three axes, graphs.

mod columns;
mod cross_entropy;
mod fold;
mod moments;
mod rows;
mod softmax;

#[cfg(test)]
mod tests;

pub use cross_entropy::{cross_entropy, cross_entropy_backward};
pub use moments::{moments_of_columns, moments_of_rows};
pub use softmax::{log_softmax, log_softmax_backward, softmax, softmax_backward};

use crate::pool::ThreadPool;
use fold::{Largest, Product, Smallest, Sum};

/// Values that one task reduces: enough to pay for being claimed, and still in the second cache.
const TASK: usize = 1 << 15;

/// What is computed along the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The sum; 0 of nothing.
    Sum,
    /// The mean; NaN of nothing.
    Mean,
    /// The product; 1 of nothing.
    Product,
    /// The largest; NaN if any value is; minus infinity of nothing.
    Max,
    /// The smallest; NaN if any value is; infinity of nothing.
    Min,
}

/// Reduces the middle axis of `x`, of shape `(outer, size, inner)`, to `out`, `(outer, inner)`.
///
/// # Safety
/// `x` is valid for `outer · size · inner` floats and `out` for `outer · inner`; they do not
/// overlap.
pub unsafe fn reduce(
    pool: &ThreadPool,
    reduction: Reduction,
    x: *const f32,
    (outer, size, inner): (usize, usize, usize),
    out: *mut f32,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let shape = (outer, size, inner);
        match reduction {
            Reduction::Sum => run::<Sum>(pool, x, shape, 1.0, out),
            Reduction::Mean => run::<Sum>(pool, x, shape, 1.0 / size as f32, out),
            Reduction::Product => run::<Product>(pool, x, shape, 1.0, out),
            Reduction::Max => run::<Largest>(pool, x, shape, 1.0, out),
            Reduction::Min => run::<Smallest>(pool, x, shape, 1.0, out),
        }
    }
}

unsafe fn run<F: fold::Fold>(
    pool: &ThreadPool,
    x: *const f32,
    (outer, size, inner): (usize, usize, usize),
    scale: f32,
    out: *mut f32,
) {
    // SAFETY: as the caller promises.
    unsafe {
        if inner == 1 {
            rows::fold_rows::<F>(pool, x, outer, size, scale, out);
        } else {
            columns::fold_columns::<F>(pool, x, (outer, size, inner), scale, out);
        }
    }
}
