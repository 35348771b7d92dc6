//! The matrix product: C = activation(alpha · A·B + C? + bias), blocked for the caches.
//!
//! Operands are views ([`View`]): strided, or convolution windows that are packed on the fly.
//! The bits of C depend on the sizes only, never on the number of threads: the inner dimension is
//! cut into blocks by its length alone, and every element of C is summed in that order.
//! Order to read: `view`, `pack`, `kernel`, `ahead`, `tasks`, `blocked` and `packed`, then the
//! shortcuts `direct`, `vector`, `few`, `split` and the plain `double`.
//! Must not know: graphs, layers, convolution parameters.

mod ahead;
mod blocked;
mod direct;
mod double;
mod few;
mod kernel;
mod pack;
mod packed;
mod split;
mod tasks;
mod vector;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use ahead::Stream;
pub(crate) use direct::in_place;
pub use double::{View64, gemm_f64};
pub(crate) use few::FEW;
pub(crate) use kernel::{Finish, Tile, Tiles};
pub(crate) use pack::{MAX_ZEROS, Panel, ZEROS};
pub use packed::Packed;
pub(crate) use split::{Pointer, add_parts};
pub(crate) use view::{Cursor, Start};
pub use view::{View, Windows};

use crate::elementwise::UnaryFn;
use crate::pool::ThreadPool;

/// Fewer multiply-adds than this, some ten microseconds of them, run on the caller's thread: a fork
/// costs more than it saves.
pub(crate) const PARALLEL: usize = 1 << 19;

/// A bias that is added to the product.
#[derive(Clone, Copy, Debug, Default)]
pub enum Bias {
    /// None.
    #[default]
    None,
    /// One value per column of C.
    Column(*const f32),
    /// One value per row of C.
    Row(*const f32),
}

/// What is applied to C last, while a tile is hot.
#[derive(Clone, Copy, Debug, Default)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// `max(x, 0)`, in registers.
    Relu,
    /// Any element-wise function of [`crate::elementwise`], over the tile in the first cache.
    Function(UnaryFn),
}

/// What happens to the product on its way to C.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue {
    /// Factor of the product.
    pub alpha: f32,
    /// Whether C's old value is added.
    pub accumulate: bool,
    /// Added after that.
    pub bias: Bias,
    /// Applied last.
    pub activation: Activation,
}

impl Default for Epilogue {
    fn default() -> Self {
        Self { alpha: 1.0, accumulate: false, bias: Bias::None, activation: Activation::None }
    }
}

impl Epilogue {
    /// Whether the product is C.
    pub(crate) fn is_plain(&self) -> bool {
        self.alpha == 1.0
            && !self.accumulate
            && matches!((self.bias, self.activation), (Bias::None, Activation::None))
    }
}

/// One matrix product: A is `m × k`, B is `k × n`, C is `m × n` in rows `c_row` floats apart.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a> {
    /// Rows of A and C.
    pub m: usize,
    /// Columns of B and C.
    pub n: usize,
    /// Columns of A, rows of B.
    pub k: usize,
    /// The left operand.
    pub a: View<'a>,
    /// The right operand.
    pub b: View<'a>,
    /// Element `(0, 0)` of the result; its columns are neighbours.
    pub c: *mut f32,
    /// Floats from one row of C to the next, at least `n`.
    pub c_row: usize,
    /// What happens on the way to C.
    pub epilogue: Epilogue,
}

// SAFETY: the pointers are used only within a call of `gemm`, whose caller promises that they are
// valid for its duration; threads write disjoint tiles of C.
unsafe impl Sync for Product<'_> {}
// SAFETY: as above.
unsafe impl Send for Product<'_> {}

/// The ways to compute a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Naive,
    Few,
    Vector,
    Direct,
    Split,
    Blocked,
}

impl Product<'_> {
    /// Depends on the sizes and the views only.
    fn route(&self) -> Route {
        if self.k == 0 || direct::is_tiny(self) {
            Route::Naive
        } else if few::fits(self) {
            Route::Few
        } else if vector::fits(self) {
            Route::Vector
        } else if direct::fits(self) {
            Route::Direct
        } else if split::fits(self) {
            Route::Split
        } else {
            Route::Blocked
        }
    }

    pub(crate) fn work(&self) -> usize {
        self.m.saturating_mul(self.n).saturating_mul(self.k)
    }

    /// The tile's part of the epilogue for the tile at `(row, column)`; `first` and `last` tell
    /// whether this block of the inner dimension begins and ends the sum.
    pub(crate) fn finish(&self, row: usize, column: usize, first: bool, last: bool) -> Finish {
        let wish = &self.epilogue;
        // `wrapping_add`: the offsets lie within the bias, and a null stays unused.
        let (column_bias, row_bias) = match wish.bias {
            Bias::Column(data) if last => (data.wrapping_add(column), std::ptr::null()),
            Bias::Row(data) if last => (std::ptr::null(), data.wrapping_add(row)),
            _ => (std::ptr::null(), std::ptr::null()),
        };
        Finish {
            alpha: wish.alpha,
            accumulate: wish.accumulate || !first,
            column_bias,
            row_bias,
            relu: last && matches!(wish.activation, Activation::Relu),
        }
    }

    /// Applies an activation that has no place in the tile.
    ///
    /// # Safety
    /// The rows and columns lie within C.
    pub(crate) unsafe fn activate(&self, row: usize, rows: usize, column: usize, columns: usize) {
        if let Activation::Function(function) = self.epilogue.activation {
            for row in row..row + rows {
                // SAFETY: as the caller promises.
                unsafe {
                    let at = self.c.add(row * self.c_row + column);
                    function(at, at, columns);
                }
            }
        }
    }

    /// The epilogue for one value, given the sum and where it belongs.
    ///
    /// # Safety
    /// `(row, column)` lies within C.
    #[inline(always)]
    unsafe fn write(&self, row: usize, column: usize, sum: f32) {
        let wish = &self.epilogue;
        // SAFETY: as the caller promises; a bias has a value for every row or column.
        unsafe {
            let at = self.c.add(row * self.c_row + column);
            let mut value = sum * wish.alpha;
            if wish.accumulate {
                value += *at;
            }
            value += match wish.bias {
                Bias::None => 0.0,
                Bias::Column(data) => *data.add(column),
                Bias::Row(data) => *data.add(row),
            };
            if matches!(wish.activation, Activation::Relu) && value < 0.0 {
                value = 0.0;
            }
            *at = value;
        }
    }
}

/// Computes one matrix product.
///
/// # Safety
/// The views are valid for their sizes, the bias for its length, C for `m` rows of `n` floats;
/// C overlaps nothing else, and nobody else touches C meanwhile.
pub unsafe fn gemm(pool: &ThreadPool, product: &Product) {
    // SAFETY: as the caller promises.
    unsafe { gemm_packed(pool, product, None) }
}

/// Computes one matrix product; B may have been packed before.
///
/// # Safety
/// As for [`gemm`]; what was packed is B as it is now.
pub unsafe fn gemm_packed(pool: &ThreadPool, product: &Product, packed: Option<&Packed>) {
    if product.m == 0 || product.n == 0 {
        return;
    }
    // SAFETY: as the caller promises.
    unsafe {
        match product.route() {
            Route::Naive => direct::naive(product),
            Route::Few => few::run(pool, product),
            Route::Vector => vector::run(pool, product),
            Route::Direct => direct::run(pool, product),
            Route::Split => split::run(pool, product),
            Route::Blocked => blocked::run(pool, product, packed),
        }
    }
}

/// Distances in floats between neighbouring products of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchStrides {
    /// Of A; 0 shares it.
    pub a: isize,
    /// Of B; 0 shares it.
    pub b: isize,
    /// Of C.
    pub c: usize,
}

/// Computes `batch` products that differ in where their operands begin; the bias is shared.
///
/// # Safety
/// As for [`gemm`], for each product of the batch; the results do not overlap.
pub unsafe fn gemm_batched(
    pool: &ThreadPool,
    product: &Product,
    batch: usize,
    strides: BatchStrides,
) {
    let one = |index: usize| {
        // SAFETY: the caller promises the memory of each product.
        unsafe {
            let at = index.cast_signed();
            let a = product.a.offset(at * strides.a);
            let b = product.b.offset(at * strides.b);
            let c = product.c.add(index * strides.c);
            gemm(pool, &Product { a, b, c, ..*product });
        }
    };
    let work = product.work();
    if batch <= 1 || work >= 1 << 24 {
        (0..batch).for_each(one);
        return;
    }
    // A task is large enough to pay for being claimed.
    let group = (PARALLEL / work.max(1)).clamp(1, batch);
    run_if(pool, work.saturating_mul(batch) >= PARALLEL, batch.div_ceil(group), |task| {
        (task * group..batch.min((task + 1) * group)).for_each(one);
    });
}

/// Runs tasks on the pool, or here when that does not pay.
pub(crate) fn run_if<F: Fn(usize) + Sync>(pool: &ThreadPool, pays: bool, tasks: usize, task: F) {
    if pays {
        pool.run(tasks, task);
    } else {
        (0..tasks).for_each(task);
    }
}

/// The height of the tiles that cover `rows` evenly: the largest without a thin last one.
pub(crate) fn tile_rows(tiles: &Tiles, rows: usize) -> usize {
    rows.div_ceil(rows.div_ceil(tiles.rows))
}
