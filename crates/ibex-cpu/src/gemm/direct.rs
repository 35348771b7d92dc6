//! Small products, and products whose packing would not be paid back: operands read in place.

use super::ahead::Stream;
use super::kernel::{Tile, Tiles};
use super::{PARALLEL, Product, View, run_if, tile_rows};
use crate::pool::ThreadPool;

/// The longest inner dimension read in place: beyond it, rows fall out of the first cache.
const LONGEST: usize = 2048;

/// The most rows of a tile of any set.
const MAX_ROWS: usize = 14;

/// Is the product so small that finding a kernel costs more than three plain loops?
pub(super) fn is_tiny(product: &Product) -> bool {
    let strided = |view: &View| matches!(view, View::Strided { .. });
    product.work() <= 64 && strided(&product.a) && strided(&product.b)
}

/// Three plain loops.
///
/// # Safety
/// As for [`super::gemm`]; the views are strided unless `k` is 0.
pub(super) unsafe fn naive(product: &Product) {
    // SAFETY: all indices stay below m, n and k.
    unsafe {
        for row in 0..product.m {
            for column in 0..product.n {
                let mut sum = 0.0;
                for step in 0..product.k {
                    sum += element(&product.a, row, step) * element(&product.b, step, column);
                }
                product.write(row, column, sum);
            }
        }
        product.activate(0, product.m, 0, product.n);
    }
}

/// One element of a strided view.
///
/// # Safety
/// It lies within the view.
#[inline(always)]
unsafe fn element(view: &View, i: usize, j: usize) -> f32 {
    match *view {
        // SAFETY: as the caller promises.
        View::Strided { data, row, column } => unsafe {
            *data.offset(i.cast_signed() * row + j.cast_signed() * column)
        },
        View::Windows { .. } | View::WindowsTransposed { .. } => 0.0,
    }
}

/// Are the operands worth reading in place?
pub(super) fn fits(product: &Product) -> bool {
    let View::Strided { column: 1, .. } = product.b else { return false };
    let View::Strided { row, column, .. } = product.a else { return false };
    // Packing pays when its result is read often: B once per tile row, A once per tile column.
    let tiles = Tiles::current();
    let small = product.work() <= 1 << 15;
    let narrow = product.n <= tiles.columns() && (column == 1 || row == 1);
    let short = product.m <= tiles.rows && product.n <= 4096;
    product.k <= LONGEST && (small || narrow || short)
}

/// Runs tiles over operands in place; a task is a row of tiles, or a column when there is one row.
///
/// # Safety
/// As for [`super::gemm`]; [`fits`] holds.
pub(super) unsafe fn run(pool: &ThreadPool, product: &Product) {
    let tiles = Tiles::current();
    let height = tile_rows(tiles, product.m);
    let row_tiles = product.m.div_ceil(height);
    let column_tiles = product.n.div_ceil(tiles.columns());
    let one = |row_tile: usize, column_tile: usize| {
        // SAFETY: the tiles are disjoint parts of C.
        unsafe { tile(product, tiles, row_tile * height, height, column_tile * tiles.columns()) }
    };
    let pays = product.work() >= PARALLEL;
    if row_tiles == 1 {
        run_if(pool, pays, column_tiles, |column_tile| one(0, column_tile));
    } else {
        run_if(pool, pays, row_tiles, |row_tile| {
            (0..column_tiles).for_each(|column_tile| one(row_tile, column_tile));
        });
    }
}

/// Runs all tiles over operands in place, here, whether or not that pays.
///
/// # Safety
/// As for [`super::gemm`]; both views are strided, and the columns of B are neighbours.
pub(crate) unsafe fn in_place(product: &Product) {
    let tiles = Tiles::current();
    let height = tile_rows(tiles, product.m.max(1));
    for row in (0..product.m).step_by(height) {
        for column in (0..product.n).step_by(tiles.columns()) {
            // SAFETY: the tiles are disjoint parts of C.
            unsafe { tile(product, tiles, row, height, column) };
        }
    }
}

/// Computes the tile at `(row, column)`.
///
/// # Safety
/// As for [`run`].
unsafe fn tile(product: &Product, tiles: &Tiles, row: usize, height: usize, column: usize) {
    let (
        View::Strided { data: a, row: a_row, column: a_step },
        View::Strided { data: b, row: b_step, .. },
    ) = (product.a, product.b)
    else {
        return;
    };
    let rows = height.min(product.m - row);
    let columns = tiles.columns().min(product.n - column);
    // SAFETY: rows and columns lie within the operands.
    unsafe {
        let pointers: [*const f32; MAX_ROWS] = std::array::from_fn(|index| {
            a.offset((row + index.min(rows - 1)).cast_signed() * a_row)
        });
        tiles.get(rows, columns, false)(&Tile {
            steps: product.k,
            a_step,
            a: std::ptr::null(),
            rows: pointers.as_ptr(),
            segments: 1,
            b: b.add(column),
            b_step,
            c: product.c.add(row * product.c_row + column),
            c_row: product.c_row,
            columns,
            far: false,
            ahead: Stream::NONE,
            finish: product.finish(row, column, true, true),
        });
        product.activate(row, rows, column, columns);
    }
}
