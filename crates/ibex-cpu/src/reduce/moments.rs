//! Mean and variance (of the whole population) of rows and of columns.
//!
//! Always in two passes over data that is still in a cache: the one-pass formula loses all digits
//! when the mean is large.

use super::TASK;
use super::columns::{fold_block, piece_rows};
use super::fold::Sum;
use super::rows::{SquareFrom, fold_mapped, fold_row};
use crate::gemm::{Pointer, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{Kernel, Simd, dispatch};

/// Mean and variance of each of `rows` rows of `columns` values.
///
/// # Safety
/// `x` is valid for `rows · columns` floats, `mean` and `variance` for `rows`.
pub unsafe fn moments_of_rows(
    pool: &ThreadPool,
    x: *const f32,
    rows: usize,
    columns: usize,
    mean: *mut f32,
    variance: *mut f32,
) {
    let group = (TASK / columns.max(1)).clamp(1, rows.max(1));
    let [x, mean, variance] = [x.cast_mut(), mean, variance].map(Pointer);
    run_if(pool, rows * columns > TASK, rows.div_ceil(group), |task| {
        for row in task * group..rows.min((task + 1) * group) {
            // SAFETY: the row lies within the caller's memory; tasks write disjoint places.
            unsafe {
                let (m, v) = dispatch(Row { x: x.get().add(row * columns), columns });
                *mean.get().add(row) = m;
                *variance.get().add(row) = v;
            }
        }
    });
}

struct Row {
    x: *const f32,
    columns: usize,
}

impl Kernel for Row {
    type Output = (f32, f32);
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> (f32, f32) {
        let count = self.columns as f64;
        // SAFETY: whoever dispatches promises the row.
        unsafe {
            let mean = (fold_row::<S, Sum>(s, self.x, self.columns) / count) as f32;
            let centre = s.splat(mean);
            let squares = fold_mapped::<S, Sum>(s, self.x, self.columns, SquareFrom(centre));
            (mean, (squares / count) as f32)
        }
    }
}

/// Mean and variance of each of `columns` columns of `rows` values.
///
/// # Safety
/// `x` is valid for `rows · columns` floats, `mean` and `variance` for `columns`.
pub unsafe fn moments_of_columns(
    pool: &ThreadPool,
    x: *const f32,
    rows: usize,
    columns: usize,
    mean: *mut f32,
    variance: *mut f32,
) {
    let piece = piece_rows(columns);
    let pieces = rows.div_ceil(piece);
    let from = Pointer(x.cast_mut());
    scratch::with(Slot::Partial, 2 * pieces * columns, |partial| {
        let partial = Pointer(partial);
        run_if(pool, rows * columns > TASK, pieces, |task| {
            let first = task * piece;
            // SAFETY: the rows lie within the caller's memory; tasks write disjoint places.
            unsafe {
                dispatch(Piece {
                    x: from.get().add(first * columns),
                    rows: piece.min(rows - first),
                    columns,
                    out: partial.get().add(2 * task * columns),
                });
            }
        });
        for column in 0..columns {
            let (mut count, mut centre, mut squares) = (0.0, 0.0, 0.0);
            for index in 0..pieces {
                // SAFETY: the partial moments were written above.
                let (m, v) = unsafe {
                    let at = partial.get().add(2 * index * columns + column);
                    (f64::from(*at), f64::from(*at.add(columns)))
                };
                let here = piece.min(rows - index * piece) as f64;
                // The moments of two sets joined, in the order of the pieces.
                let (all, apart) = (count + here, m - centre);
                centre += apart * here / all;
                squares += v + apart * apart * count * here / all;
                count = all;
            }
            // SAFETY: the column exists.
            unsafe {
                *mean.add(column) = if rows == 0 { f32::NAN } else { centre as f32 };
                *variance.add(column) = (squares / rows as f64) as f32;
            }
        }
    });
}

/// Mean and sum of squared deviations of some rows.
struct Piece {
    x: *const f32,
    rows: usize,
    columns: usize,
    out: *mut f32,
}

impl Piece {
    #[inline(always)]
    unsafe fn block<S: Simd, const N: usize>(&self, s: S, column: usize, width: usize) {
        // SAFETY: whoever dispatches promises rows and columns.
        unsafe {
            let x = self.x.add(column);
            let mut means = fold_block::<S, Sum, N>(s, x, self.rows, self.columns, width, |_, v| v);
            let share = s.splat(1.0 / self.rows as f32);
            for mean in &mut means {
                *mean = s.mul(*mean, share);
            }
            let squares =
                fold_block::<S, Sum, N>(s, x, self.rows, self.columns, width, |index, value| {
                    let deviation = s.sub(value, means[index]);
                    s.mul(deviation, deviation)
                });
            for index in 0..N {
                let to = self.out.add(column + index * S::LANES);
                s.store_up_to(to, means[index], width);
                s.store_up_to(to.add(self.columns), squares[index], width);
            }
        }
    }
}

impl Kernel for Piece {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut column = 0;
        // SAFETY: the columns lie within the piece.
        unsafe {
            while column + 4 * S::LANES <= self.columns {
                self.block::<S, 4>(s, column, S::LANES);
                column += 4 * S::LANES;
            }
            while column < self.columns {
                self.block::<S, 1>(s, column, S::LANES.min(self.columns - column));
                column += S::LANES;
            }
        }
    }
}
