//! Small results of long sums (weight gradients): the inner dimension is cut into fixed parts.
//!
//! Each part is a product of its own into its own memory; the parts are added in order.

use std::ops::Range;

use super::{Epilogue, PARALLEL, Product, View, blocked, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch};

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
    let rows = (4096 / n).clamp(1, MAX_ROWS).next_multiple_of(if turned { MAX_LANES } else { 1 });
    let partial = Pointer(partial);
    run_if(pool, m * n >= PARALLEL / 8, m.div_ceil(rows), |task| {
        let rows = task * rows..m.min((task + 1) * rows);
        // SAFETY: tasks write disjoint rows of C.
        unsafe {
            let (first, count_of_rows) = (rows.start, rows.len());
            dispatch(Sums { product, partial: partial.get(), count, turned, rows });
            product.activate(first, count_of_rows, 0, n);
        }
    });
}

/// The most rows of C that one task adds up.
const MAX_ROWS: usize = 64;

/// Rows of C to be added up from parts.
struct Sums<'a, 'b> {
    product: &'a Product<'b>,
    partial: *const f32,
    count: usize,
    /// The parts are those of the transpose.
    turned: bool,
    rows: Range<usize>,
}

impl Kernel for Sums<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Product { m, n, c, c_row, .. } = *self.product;
        let is_plain = self.product.epilogue.is_plain();
        // Sums of neighbours in a part: in the transpose they are rows, else columns.
        let sums = |at: usize, lanes: usize| {
            // SAFETY: whoever makes it promises so many parts of the size of C.
            unsafe {
                let from = self.partial.add(at);
                let mut sums = s.load_up_to(from, lanes);
                for part in 1..self.count {
                    sums = s.add(sums, s.load_up_to(from.add(part * m * n), lanes));
                }
                sums
            }
        };
        let mut tile = [[0.0_f32; MAX_LANES]; MAX_LANES];
        let height = if self.turned { S::LANES } else { 1 };
        for row in self.rows.clone().step_by(height) {
            let rows = height.min(self.rows.end - row);
            for column in (0..n).step_by(S::LANES) {
                let columns = S::LANES.min(n - column);
                // SAFETY: rows and columns lie within C.
                unsafe {
                    if !self.turned {
                        let sums = sums(row * n + column, columns);
                        if is_plain {
                            s.store_up_to(c.add(row * c_row + column), sums, columns);
                            continue;
                        }
                        s.store(tile[0].as_mut_ptr(), sums);
                    } else {
                        for index in 0..columns {
                            let sums = sums((column + index) * m + row, rows);
                            s.store(tile[index].as_mut_ptr(), sums);
                        }
                        if is_plain && rows == S::LANES {
                            let lines = std::array::from_fn(|line| tile[line].as_ptr());
                            s.transpose(&lines, 0, c.add(row * c_row + column), c_row, columns);
                            continue;
                        }
                    }
                    for down in 0..rows {
                        for across in 0..columns {
                            let sum =
                                if self.turned { tile[across][down] } else { tile[0][across] };
                            self.product.write(row + down, column + across, sum);
                        }
                    }
                }
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
