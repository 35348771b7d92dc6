//! The recurrent kernel in panels as the tiles of the matrix product read it.

use crate::gemm::{Finish, Pointer, Stream, Tile, Tiles, run_if, tile_rows};
use crate::pool::ThreadPool;

/// The most rows of a tile of any set.
const MAX_ROWS: usize = 14;
/// The most runs of the inner dimension that a row lies in.
const MAX_SEGMENTS: usize = 3;

/// A packed matrix of `steps` rows: panels of neighbouring columns, one after another.
#[derive(Clone, Copy)]
pub(super) struct Panels {
    data: *const f32,
    steps: usize,
    /// Columns of every panel but the last of a block.
    width: usize,
    /// Columns of a block.
    columns: usize,
    /// One value per column of all blocks, or null.
    bias: *const f32,
}

// SAFETY: only read, while the call that packed it waits for its tasks.
unsafe impl Sync for Panels {}
// SAFETY: as above.
unsafe impl Send for Panels {}

/// How a matrix is cut into blocks of columns that are computed together.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub(super) steps: usize,
    pub(super) columns: usize,
    pub(super) blocks: usize,
}

impl Cut {
    /// Floats of the packed matrix with its bias.
    pub(super) fn floats(&self) -> usize {
        (self.steps + 1) * self.columns * self.blocks
    }
}

/// Packs a matrix given by its elements (step, block, column within the block).
///
/// # Safety
/// `to` has room for [`Cut::floats`] floats, that no one else uses; `value` and `bias` may be
/// called for every place.
pub(super) unsafe fn pack(
    pool: &ThreadPool,
    cut: Cut,
    to: *mut f32,
    value: impl Fn(usize, usize, usize) -> f32 + Sync,
    bias: Option<&(dyn Fn(usize, usize) -> f32 + Sync)>,
) -> Panels {
    let Cut { steps, columns, blocks } = cut;
    let width = Tiles::current().columns().min(columns);
    let target = Pointer(to);
    let biases = Pointer(to.wrapping_add(steps * columns * blocks));
    run_if(pool, steps * columns * blocks >= 1 << 16, blocks, |block| {
        // SAFETY: each block has a place of its own.
        unsafe {
            let mut at = target.get().add(block * steps * columns);
            for first in (0..columns).step_by(width) {
                for step in 0..steps {
                    for column in first..columns.min(first + width) {
                        *at = value(step, block, column);
                        at = at.add(1);
                    }
                }
            }
            if let Some(bias) = bias {
                for column in 0..columns {
                    *biases.get().add(block * columns + column) = bias(block, column);
                }
            }
        }
    });
    let bias = if bias.is_some() { biases.get().cast_const() } else { std::ptr::null() };
    Panels { data: to, steps, width, columns, bias }
}

/// The left operand of a product: where row `i` begins, in up to three runs of equal length.
#[derive(Clone, Copy)]
pub(super) struct Left {
    /// The first row of each run; null runs do not exist.
    pub(super) runs: [*const f32; MAX_SEGMENTS],
    /// Floats from one row to the next, in each run.
    pub(super) row: [usize; MAX_SEGMENTS],
}

impl Left {
    /// Rows that lie in one run.
    pub(super) fn whole(data: *const f32, row: usize) -> Left {
        let null = std::ptr::null();
        Left { runs: [data, null, null], row: [row, 0, 0] }
    }
}

impl Panels {
    /// `c = left · block + bias`, or `c += left · block`, for some rows.
    ///
    /// # Safety
    /// The operands are valid for the rows, and `c` for rows of the block's columns.
    #[inline]
    pub(super) unsafe fn product(
        &self,
        block: usize,
        rows: usize,
        left: Left,
        (c, c_row): (*mut f32, usize),
        accumulate: bool,
    ) {
        let tiles = Tiles::current();
        let height = tile_rows(tiles, rows);
        let segments = left.runs.iter().take_while(|run| !run.is_null()).count();
        let mut pointers = [std::ptr::null(); MAX_ROWS * MAX_SEGMENTS];
        // SAFETY: as the caller promises.
        unsafe {
            let block_data = self.data.add(block * self.steps * self.columns);
            for first in (0..self.columns).step_by(self.width) {
                let columns = self.width.min(self.columns - first);
                let bias = match self.bias.is_null() {
                    true => self.bias,
                    false => self.bias.add(block * self.columns + first),
                };
                for row in (0..rows).step_by(height) {
                    let count = height.min(rows - row);
                    for segment in 0..segments {
                        for index in 0..count {
                            pointers[segment * count + index] =
                                left.runs[segment].add((row + index) * left.row[segment]);
                        }
                    }
                    tiles.get(count, columns, false)(&Tile {
                        steps: self.steps / segments,
                        a_step: 1,
                        a: std::ptr::null(),
                        rows: pointers.as_ptr(),
                        segments,
                        b: block_data.add(first * self.steps),
                        b_step: columns.cast_signed(),
                        c: c.add(row * c_row + first),
                        c_row,
                        columns,
                        far: false,
                        ahead: Stream::NONE,
                        finish: Finish {
                            alpha: 1.0,
                            accumulate,
                            column_bias: bias,
                            row_bias: std::ptr::null(),
                            relu: false,
                        },
                    });
                }
            }
        }
    }
}
