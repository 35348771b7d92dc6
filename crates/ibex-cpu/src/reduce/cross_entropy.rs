//! The cross-entropy of logits against labels along the last axis, and its gradient.
//!
//! A row is read from memory once: its largest value, its sum and what is written are found while
//! it lies in the caches.

use super::TASK;
use super::fold::{Largest, Sum};
use super::rows::{PowerFrom, fold_mapped, fold_row};
use super::softmax::map2;
use crate::gemm::{Pointer, run_if};
use crate::pool::ThreadPool;
use crate::simd::{Kernel, Simd, dispatch, math};

/// The label of each row.
type Labels<'a> = &'a (dyn Fn(usize) -> i64 + Sync);

/// `out[row] = log(Σ e^x) - x[label]` for each of `rows` rows; 0 where the label is no column.
///
/// # Safety
/// `x` is valid for `rows · columns` floats and `out` for `rows`; they do not overlap.
pub unsafe fn cross_entropy(
    pool: &ThreadPool,
    x: *const f32,
    label: Labels<'_>,
    rows: usize,
    columns: usize,
    out: *mut f32,
) {
    let (x, out) = (Pointer(x.cast_mut()), Pointer(out));
    each_group(pool, rows, columns, |from, to| {
        dispatch(Losses { x: x.get(), label, from, to, columns, out: out.get() });
    });
}

/// `dx = (softmax(x) - [column = label]) · dy[row]`; 0 where the label is no column.
///
/// # Safety
/// `x` and `dx` are valid for `rows · columns` floats and may be the same; `dy` for `rows`, and
/// overlaps neither.
pub unsafe fn cross_entropy_backward(
    pool: &ThreadPool,
    x: *const f32,
    label: Labels<'_>,
    dy: *const f32,
    rows: usize,
    columns: usize,
    dx: *mut f32,
) {
    let [x, dy, dx] = [x.cast_mut(), dy.cast_mut(), dx].map(Pointer);
    each_group(pool, rows, columns, |from, to| {
        let (x, dy, dx) = (x.get(), dy.get(), dx.get());
        dispatch(Gradients { x, label, dy, from, to, columns, dx });
    });
}

/// Calls `task` for groups of rows, each with its first row and the one after its last.
fn each_group(pool: &ThreadPool, rows: usize, columns: usize, task: impl Fn(usize, usize) + Sync) {
    let group = (TASK / 4 / columns.max(1)).clamp(1, rows.max(1));
    run_if(pool, rows * columns > TASK / 4, rows.div_ceil(group), |index| {
        task(index * group, rows.min((index + 1) * group));
    });
}

/// The column of a label, if it is one.
fn column_of(label: i64, columns: usize) -> Option<usize> {
    usize::try_from(label).ok().filter(|&column| column < columns)
}

struct Losses<'a> {
    x: *const f32,
    label: Labels<'a>,
    from: usize,
    to: usize,
    columns: usize,
    out: *mut f32,
}

impl Kernel for Losses<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for row in self.from..self.to {
            // SAFETY: whoever dispatches promises the rows.
            unsafe {
                let x = self.x.add(row * self.columns);
                *self.out.add(row) = match column_of((self.label)(row), self.columns) {
                    None => 0.0,
                    Some(column) => {
                        let largest = fold_row::<S, Largest>(s, x, self.columns) as f32;
                        let power = PowerFrom(s.splat(largest));
                        let sum = fold_mapped::<S, Sum>(s, x, self.columns, power);
                        (sum.ln() - f64::from(*x.add(column) - largest)) as f32
                    }
                };
            }
        }
    }
}

struct Gradients<'a> {
    x: *const f32,
    label: Labels<'a>,
    dy: *const f32,
    from: usize,
    to: usize,
    columns: usize,
    dx: *mut f32,
}

impl Kernel for Gradients<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let columns = self.columns;
        for row in self.from..self.to {
            // SAFETY: whoever dispatches promises the rows.
            unsafe {
                let (x, dx) = (self.x.add(row * columns), self.dx.add(row * columns));
                let Some(column) = column_of((self.label)(row), columns) else {
                    dx.write_bytes(0, columns);
                    continue;
                };
                let shift = s.splat(fold_row::<S, Largest>(s, x, columns) as f32);
                map2(s, x, x, dx, columns, |value, _| math::exp(s, s.sub(value, shift)));
                let share = (1.0 / fold_row::<S, Sum>(s, dx, columns)) as f32;
                let factor = *self.dy.add(row);
                let hit = (*dx.add(column) * share - 1.0) * factor;
                let (share, factor) = (s.splat(share), s.splat(factor));
                let slope = |power, _| s.mul(s.mul(power, share), factor);
                map2(s, dx, dx, dx, columns, slope);
                *dx.add(column) = hit;
            }
        }
    }
}
