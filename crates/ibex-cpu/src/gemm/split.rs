//! Small results of long sums (weight gradients): the inner dimension is cut into fixed parts.
//!
//! Each part is a product of its own into its own memory; the parts are added in order.

use super::{Epilogue, PARALLEL, Product, View, blocked, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};

/// The shortest sum worth cutting.
const SHORTEST: usize = 2048;
/// The shortest part: a multiple of it is the length of every part but the last.
const PART: usize = 512;
/// The most parts.
const MAX_PARTS: usize = 16;
/// The most floats that the parts may take together.
const MAX_FLOATS: usize = 1 << 21;
/// The most floats of a result of plain matrices: larger ones have enough tiles for all threads.
const MAX_PLAIN: usize = 1 << 16;

fn parts(product: &Product) -> usize {
    let by_memory = MAX_FLOATS / (product.m * product.n).max(1);
    (product.k / PART).min(by_memory).min(MAX_PARTS)
}

/// Is the result small and the sum long? Depends on the sizes only.
pub(super) fn fits(product: &Product) -> bool {
    let most = match product.a {
        View::Strided { .. } => MAX_PLAIN,
        View::Windows { .. } | View::WindowsTransposed { .. } => MAX_FLOATS / 4,
    };
    product.k >= SHORTEST && product.m.saturating_mul(product.n) <= most
}

/// Computes the parts in parallel, then their sum.
///
/// # Safety
/// As for [`super::gemm`]; [`fits`] holds.
pub(super) unsafe fn run(pool: &ThreadPool, product: &Product) {
    let (m, n, k) = (product.m, product.n, product.k);
    // Windows as B are copied a whole panel of channels at a time, as A a few: so the product is
    // computed turned round, Bᵀ·Aᵀ, and turned back when the parts are added.
    let turned = matches!(product.a, View::WindowsTransposed { .. });
    let length = k.div_ceil(parts(product)).next_multiple_of(16);
    let count = k.div_ceil(length);
    scratch::with(Slot::Partial, count * m * n, |partial| {
        let partial = Pointer(partial);
        run_if(pool, product.work() >= PARALLEL, count, |part| {
            let from = part * length;
            let one =
                Product { k: length.min(k - from), epilogue: Epilogue::default(), ..*product };
            // SAFETY: the parts of the operands and of the memory are disjoint and within them.
            unsafe {
                let c = partial.get().add(part * m * n);
                let one = if turned {
                    let (a, b) = (product.b.transpose(), product.a.transpose());
                    Product { m: n, n: m, a, b, c, c_row: m, ..one }
                } else {
                    Product { c, c_row: n, ..one }
                };
                blocked::run_from(pool, &one, from);
            }
        });
        // SAFETY: every part has been computed.
        unsafe { add_parts(pool, product, partial.get(), count, turned) };
    });
}

/// Adds so many parts of C, or of its transpose, in order and writes C.
///
/// # Safety
/// As for [`super::gemm`]; `partial` holds the parts, each of the size of C.
pub(crate) unsafe fn add_parts(
    pool: &ThreadPool,
    product: &Product,
    partial: *mut f32,
    count: usize,
    turned: bool,
) {
    let (m, n) = (product.m, product.n);
    let rows = (4096 / n).clamp(1, LANES);
    let partial = Pointer(partial);
    run_if(pool, m * n >= PARALLEL / 8, m.div_ceil(rows), |task| {
        let (from, to) = (task * rows, m.min((task + 1) * rows));
        // SAFETY: tasks write disjoint rows of C.
        unsafe {
            if turned {
                add_columns(product, partial.get(), count, from, to);
            } else {
                add_rows(product, partial.get(), count, from, to);
            }
            product.activate(from, to - from, 0, n);
        }
    });
}

/// The most rows of C that one task adds up.
const LANES: usize = 64;

/// Adds the parts and writes rows `from .. to` of C.
///
/// # Safety
/// `partial` holds `count` parts of the size of C.
unsafe fn add_rows(product: &Product, partial: *mut f32, count: usize, from: usize, to: usize) {
    let (m, n) = (product.m, product.n);
    for row in from..to {
        // SAFETY: as the caller promises.
        unsafe {
            let first = partial.add(row * n);
            for part in 1..count {
                let other = partial.add(part * m * n + row * n);
                for column in 0..n {
                    *first.add(column) += *other.add(column);
                }
            }
            for column in 0..n {
                product.write(row, column, *first.add(column));
            }
        }
    }
}

/// Adds the parts, which are transposed, and writes rows `from .. to` of C.
///
/// # Safety
/// As for [`add_rows`]; at most [`LANES`] rows.
unsafe fn add_columns(product: &Product, partial: *mut f32, count: usize, from: usize, to: usize) {
    let (m, n) = (product.m, product.n);
    let mut sums = [0.0; LANES];
    for column in 0..n {
        sums.fill(0.0);
        // SAFETY: as the caller promises.
        unsafe {
            for part in 0..count {
                let values = partial.add(part * m * n + column * m + from);
                for row in 0..to - from {
                    sums[row] += *values.add(row);
                }
            }
            for row in from..to {
                product.write(row, column, sums[row - from]);
            }
        }
    }
}

/// A pointer that tasks share; each writes its own part.
#[derive(Clone, Copy)]
pub(crate) struct Pointer<T = f32>(pub(crate) *mut T);

impl<T: Copy> Pointer<T> {
    /// The pointer: a method, so that closures capture the whole, which is `Sync`.
    pub(crate) fn get(self) -> *mut T {
        self.0
    }
}

// SAFETY: whoever makes one sees to it that tasks write disjoint parts.
unsafe impl<T> Sync for Pointer<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Pointer<T> {}
