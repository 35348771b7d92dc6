//! Reductions along the last axis.

use super::TASK;
use super::fold::Fold;
use crate::gemm::{Pointer, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{Kernel, Simd, dispatch, math};
use std::marker::PhantomData;

/// Values reduced in single precision before they join the rest in double.
const BLOCK: usize = 1024;

/// Reduces each of `rows` rows of `size` values, times `scale`.
///
/// # Safety
/// `x` is valid for `rows · size` floats, `out` for `rows`.
pub(super) unsafe fn fold_rows<F: Fold>(
    pool: &ThreadPool,
    x: *const f32,
    rows: usize,
    size: usize,
    scale: f32,
    out: *mut f32,
) {
    let (from, to) = (Pointer(x.cast_mut()), Pointer(out));
    if size <= TASK {
        let group = (TASK / size.max(1)).clamp(1, rows.max(1));
        run_if(pool, rows * size > TASK, rows.div_ceil(group), |task| {
            let first = task * group;
            let count = group.min(rows - first);
            // SAFETY: the rows lie within the caller's memory; tasks write disjoint places.
            unsafe {
                let (x, out) = (from.get().add(first * size), to.get().add(first));
                dispatch(Group::<F> { x, count, size, scale, out, fold: PhantomData });
            }
        });
        return;
    }
    let pieces = size.div_ceil(TASK);
    scratch::with(Slot::Partial, rows * pieces, |partial| {
        let partial = Pointer(partial);
        pool.run(rows * pieces, |task| {
            let (row, piece) = (task / pieces, task % pieces);
            let first = piece * TASK;
            let size_here = TASK.min(size - first);
            // SAFETY: as above.
            unsafe {
                let (x, out) = (from.get().add(row * size + first), partial.get().add(task));
                let (count, size, scale) = (1, size_here, 1.0);
                dispatch(Group::<F> { x, count, size, scale, out, fold: PhantomData });
            }
        });
        for row in 0..rows {
            let mut total = f64::from(F::NOTHING);
            for piece in 0..pieces {
                // SAFETY: the partial results were written above.
                total = F::values(
                    total,
                    f64::from(unsafe { *partial.get().add(row * pieces + piece) }),
                );
            }
            // SAFETY: the row exists.
            unsafe { *to.get().add(row) = (total * f64::from(scale)) as f32 };
        }
    });
}

/// A few rows.
struct Group<F> {
    x: *const f32,
    count: usize,
    size: usize,
    scale: f32,
    out: *mut f32,
    fold: PhantomData<F>,
}

impl<F: Fold> Kernel for Group<F> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for row in 0..self.count {
            // SAFETY: whoever dispatches promises the rows.
            unsafe {
                let total = fold_row::<S, F>(s, self.x.add(row * self.size), self.size);
                *self.out.add(row) = (total * f64::from(self.scale)) as f32;
            }
        }
    }
}

/// Reduces one row.
///
/// # Safety
/// `x` is valid for `size` floats.
#[inline(always)]
pub(super) unsafe fn fold_row<S: Simd, F: Fold>(s: S, x: *const f32, size: usize) -> f64 {
    // SAFETY: as the caller promises.
    unsafe { fold_mapped::<S, F>(s, x, size, Same) }
}

/// What becomes of each value before it is reduced.
///
/// A closure that is called in several places is not compiled into them, and so not for the
/// instruction set: it would cost fifty times as much.
pub(super) trait Map<S: Simd>: Copy {
    /// The value that is reduced.
    fn of(self, s: S, value: S::F) -> S::F;
}

/// The value itself.
#[derive(Clone, Copy)]
struct Same;

impl<S: Simd> Map<S> for Same {
    #[inline(always)]
    fn of(self, _: S, value: S::F) -> S::F {
        value
    }
}

/// `e` to the power of the value less this one.
#[derive(Clone, Copy)]
pub(super) struct PowerFrom<F>(pub(super) F);

impl<S: Simd> Map<S> for PowerFrom<S::F> {
    #[inline(always)]
    fn of(self, s: S, value: S::F) -> S::F {
        math::exp(s, s.sub(value, self.0))
    }
}

/// The square of the distance from this value.
#[derive(Clone, Copy)]
pub(super) struct SquareFrom<F>(pub(super) F);

impl<S: Simd> Map<S> for SquareFrom<S::F> {
    #[inline(always)]
    fn of(self, s: S, value: S::F) -> S::F {
        let distance = s.sub(value, self.0);
        s.mul(distance, distance)
    }
}

/// Reduces one row of values, each mapped first.
///
/// # Safety
/// `x` is valid for `size` floats.
#[inline(always)]
pub(super) unsafe fn fold_mapped<S: Simd, F: Fold>(
    s: S,
    x: *const f32,
    size: usize,
    map: impl Map<S>,
) -> f64 {
    let mut total = f64::from(F::NOTHING);
    let mut at = 0;
    // SAFETY: `at` stays below `size`.
    unsafe {
        while size - at >= 4 * S::LANES {
            let end = size.min(at + BLOCK);
            let mut lanes = [s.splat(F::NOTHING); 4];
            while at + 4 * S::LANES <= end {
                for (index, lane) in lanes.iter_mut().enumerate() {
                    let value = map.of(s, s.load(x.add(at + index * S::LANES)));
                    *lane = F::join(s, *lane, value);
                }
                at += 4 * S::LANES;
            }
            let pairs = [F::join(s, lanes[0], lanes[1]), F::join(s, lanes[2], lanes[3])];
            total = F::values(total, f64::from(F::lanes(s, F::join(s, pairs[0], pairs[1]))));
        }
        while at + S::LANES <= size {
            total = F::values(total, f64::from(F::lanes(s, map.of(s, s.load(x.add(at))))));
            at += S::LANES;
        }
        if at < size {
            let values = s.to_array(map.of(s, s.load_partial(x.add(at), size - at)));
            for value in &values[..size - at] {
                total = F::values(total, f64::from(*value));
            }
        }
    }
    total
}
