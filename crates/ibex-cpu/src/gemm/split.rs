//! Small results of long sums (weight gradients): the inner dimension is cut into fixed parts.
//!
//! Each part is a product of its own into its own memory; the parts are added in order.

use super::{Epilogue, PARALLEL, Product, blocked, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};

/// The shortest sum worth cutting.
const SHORTEST: usize = 4096;
/// The shortest part: a multiple of it is the length of every part but the last.
const PART: usize = 1024;
/// The most parts.
const MAX_PARTS: usize = 16;
/// The most floats that the parts may take together.
const MAX_FLOATS: usize = 1 << 21;

fn parts(product: &Product) -> usize {
    let by_memory = MAX_FLOATS / (product.m * product.n).max(1);
    (product.k / PART).min(by_memory).min(MAX_PARTS)
}

/// Is the result small and the sum long? Depends on the sizes only.
pub(super) fn fits(product: &Product) -> bool {
    product.k >= SHORTEST && product.m.saturating_mul(product.n) <= MAX_FLOATS / 4
}

/// Computes the parts in parallel, then their sum.
///
/// # Safety
/// As for [`super::gemm`]; [`fits`] holds.
pub(super) unsafe fn run(pool: &ThreadPool, product: &Product) {
    let (m, n, k) = (product.m, product.n, product.k);
    let length = k.div_ceil(parts(product)).next_multiple_of(16);
    let count = k.div_ceil(length);
    scratch::with(Slot::Partial, count * m * n, |partial| {
        let partial = Pointer(partial);
        let pays = product.work() >= PARALLEL;
        run_if(pool, pays, count, |part| {
            let from = part * length;
            // SAFETY: the parts of the operands and of the memory are disjoint and within them.
            unsafe {
                let one = Product {
                    k: length.min(k - from),
                    a: product.a,
                    b: product.b,
                    c: partial.get().add(part * m * n),
                    c_row: n,
                    epilogue: Epilogue::default(),
                    ..*product
                };
                blocked::run_from(pool, &one, from);
            }
        });
        let rows = (4096 / n).max(1);
        run_if(pool, m * n >= PARALLEL / 8, m.div_ceil(rows), |task| {
            let (from, to) = (task * rows, m.min((task + 1) * rows));
            // SAFETY: tasks write disjoint rows of C.
            unsafe {
                for row in from..to {
                    let first = partial.get().add(row * n);
                    for part in 1..count {
                        let other = partial.get().add(part * m * n + row * n);
                        for column in 0..n {
                            *first.add(column) += *other.add(column);
                        }
                    }
                    for column in 0..n {
                        product.write(row, column, *first.add(column));
                    }
                }
                product.activate(from, to - from, 0, n);
            }
        });
    });
}

/// A pointer that tasks share; each writes its own part.
#[derive(Clone, Copy)]
pub(crate) struct Pointer(pub(crate) *mut f32);

impl Pointer {
    /// The pointer: a method, so that closures capture the whole, which is `Sync`.
    pub(crate) fn get(self) -> *mut f32 {
        self.0
    }
}

// SAFETY: whoever makes one sees to it that tasks write disjoint parts.
unsafe impl Sync for Pointer {}
// SAFETY: as above.
unsafe impl Send for Pointer {}
