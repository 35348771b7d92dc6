//! Reductions along an axis that is not the last: vectors lie across the columns.

use super::TASK;
use super::fold::Fold;
use crate::gemm::{Pointer, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{Kernel, Simd, dispatch};
use std::marker::PhantomData;

/// Columns of one task.
const STRIP: usize = 512;
/// Rows reduced into one register before it joins the total.
const BLOCK: usize = 64;

/// Rows of one piece of a matrix of that many columns; depends on the shape only.
pub(super) fn piece_rows(columns: usize) -> usize {
    (TASK / columns.clamp(1, STRIP)).next_multiple_of(BLOCK)
}

/// Reduces the middle axis of `(outer, size, inner)`, times `scale`.
///
/// # Safety
/// `x` is valid for the shape, `out` for `outer · inner`.
pub(super) unsafe fn fold_columns<F: Fold>(
    pool: &ThreadPool,
    x: *const f32,
    (outer, size, inner): (usize, usize, usize),
    scale: f32,
    out: *mut f32,
) {
    if inner == 0 || outer == 0 {
        return;
    }
    let rows = piece_rows(inner);
    let (pieces, strips) = (size.div_ceil(rows).max(1), inner.div_ceil(STRIP));
    let (from, to) = (Pointer(x.cast_mut()), Pointer(out));
    let pays = outer * size * inner > TASK;
    scratch::with(Slot::Partial, outer * pieces * inner, |partial| {
        // A single piece needs no partial results.
        let partial = if pieces == 1 { to } else { Pointer(partial) };
        run_if(pool, pays, outer * pieces * strips, |task| {
            let (rest, strip) = (task / strips, task % strips);
            let (index, piece) = (rest / pieces, rest % pieces);
            let (first, column) = (piece * rows, strip * STRIP);
            // SAFETY: the piece lies within the caller's memory; tasks write disjoint places.
            unsafe {
                dispatch(Piece::<F> {
                    x: from.get().add((index * size + first) * inner + column),
                    rows: rows.min(size - first),
                    columns: STRIP.min(inner - column),
                    stride: inner,
                    scale: if pieces == 1 { scale } else { 1.0 },
                    out: partial.get().add(rest * inner + column),
                    fold: PhantomData,
                });
            }
        });
        if pieces > 1 {
            for index in 0..outer {
                for column in 0..inner {
                    let mut total = f64::from(F::NOTHING);
                    for piece in 0..pieces {
                        let at = (index * pieces + piece) * inner + column;
                        // SAFETY: the partial results were written above.
                        total = F::values(total, f64::from(unsafe { *partial.get().add(at) }));
                    }
                    let value = (total * f64::from(scale)) as f32;
                    // SAFETY: the place lies within `out`.
                    unsafe { *to.get().add(index * inner + column) = value };
                }
            }
        }
    });
}

/// Some rows of some columns.
struct Piece<F> {
    x: *const f32,
    rows: usize,
    columns: usize,
    stride: usize,
    scale: f32,
    out: *mut f32,
    fold: PhantomData<F>,
}

impl<F: Fold> Kernel for Piece<F> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut column = 0;
        let scale = s.splat(self.scale);
        // SAFETY: whoever dispatches promises rows and columns.
        unsafe {
            while column + 4 * S::LANES <= self.columns {
                let x = self.x.add(column);
                let totals =
                    fold_block::<S, F, 4>(s, x, self.rows, self.stride, S::LANES, |_, v| v);
                for (index, total) in totals.into_iter().enumerate() {
                    s.store(self.out.add(column + index * S::LANES), s.mul(total, scale));
                }
                column += 4 * S::LANES;
            }
            while column < self.columns {
                let width = S::LANES.min(self.columns - column);
                let x = self.x.add(column);
                let [total] = fold_block::<S, F, 1>(s, x, self.rows, self.stride, width, |_, v| v);
                s.store_up_to(self.out.add(column), s.mul(total, scale), width);
                column += S::LANES;
            }
        }
    }
}

/// Reduces `N` vectors of columns over some rows; `map` gets the vector's index and the values.
///
/// # Safety
/// `x` is valid for `width` columns of the last vector at each row.
#[inline(always)]
pub(super) unsafe fn fold_block<S: Simd, F: Fold, const N: usize>(
    s: S,
    x: *const f32,
    rows: usize,
    stride: usize,
    width: usize,
    map: impl Fn(usize, S::F) -> S::F,
) -> [S::F; N] {
    let mut totals = [s.splat(F::NOTHING); N];
    let mut row = 0;
    while row < rows {
        let end = rows.min(row + BLOCK);
        let mut block = [s.splat(F::NOTHING); N];
        for row in row..end {
            for index in 0..N {
                // SAFETY: as the caller promises.
                let values = unsafe { s.load_up_to(x.add(row * stride + index * S::LANES), width) };
                block[index] = F::join(s, block[index], map(index, values));
            }
        }
        for index in 0..N {
            totals[index] = F::join(s, totals[index], block[index]);
        }
        row = end;
    }
    totals
}
