//! The gradients of the weights of a recurrence, by products over all rows: some steps of all of
//! them go back through time, and what they give is multiplied.
//!
//! Sums over time steps are added part by part, last steps first; how many steps are a part follows
//! from the sizes alone, and so do the bits.
//! Must not know: cells beyond which columns belong to what.

use super::backward::{Gates, Walk};
use super::{Backward, Cell, Input, Sizes, previous, span};
use crate::gemm::{Epilogue, Pointer, Product, View, gemm, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch};
use std::ops::Range;

/// Walks over all rows for some steps, then multiplies what they give.
///
/// # Safety
/// As for [`super::backward`].
pub(super) unsafe fn far(pool: &ThreadPool, walk: &Walk) {
    let Backward { recurrence, sizes, .. } = *walk.b;
    let Sizes { batch, units, time, .. } = sizes;
    let row = Gates::row(recurrence.cell, units);
    let (at_once, per_task) = (sizes.steps_at_once(), sizes.rows_per_task(pool.threads()));
    let pays = sizes.pays(recurrence.cell.gates() * units);
    scratch::with(Slot::Phase, at_once * batch * row, |data| {
        for first in (0..time).step_by(at_once).rev() {
            let steps = first..time.min(first + at_once);
            let begin = span(recurrence.reverse, &steps, time).start;
            let gates = Gates { data, row, begin, rows: batch };
            run_if(pool, pays, batch.div_ceil(per_task), |task| {
                let first = task * per_task;
                let rows = first..batch.min(first + per_task);
                scratch::with(Slot::Private, rows.len() * units + MAX_LANES, |state| {
                    // SAFETY: tasks have rows of their own, and the space holds these steps.
                    unsafe { walk.rows(rows, &steps, gates.since_row(first), state) };
                });
            });
            // SAFETY: as the caller promises.
            unsafe { weights(pool, walk.b, &gates, &steps) };
        }
    });
}

/// Some neighbouring columns of rows.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) data: *const f32,
    /// Floats from one row to the next.
    pub(super) row: usize,
    pub(super) count: usize,
}

impl Columns {
    fn view(&self) -> View<'static> {
        View::Strided { data: self.data, row: self.row.cast_signed(), column: 1 }
    }
}

/// Adds what `steps` give to the gradients of the weights, and writes those of what they took.
///
/// # Safety
/// As for [`super::backward`]; `gates` are those of all rows of these steps.
unsafe fn weights(pool: &ThreadPool, b: &Backward, gates: &Gates, steps: &Range<usize>) {
    let Sizes { batch, units, features, .. } = b.sizes;
    let columns = b.recurrence.cell.gates() * units;
    let (first, rows) = (gates.begin * batch, steps.len() * batch);
    let some = |columns: Range<usize>| Columns {
        data: gates.data.wrapping_add(columns.start),
        row: gates.row,
        count: columns.len(),
    };
    let (both, last) = (some(0..2 * units), some(3 * units..4 * units));
    // The walk begins with the last steps.
    let adds = steps.end < b.sizes.time;
    // SAFETY: the places lie within the operands of the gradient.
    unsafe {
        // The columns of a GRU's candidate.
        let rest = b.by_kernel.wrapping_add(2 * units);
        let states = |grads, to| by_states(pool, b, steps, gates.begin, grads, (to, columns), adds);
        match b.recurrence.cell {
            Cell::Simple | Cell::Lstm => states(some(0..columns), b.by_kernel),
            Cell::Gru { reset_after: true } => {
                states(both, b.by_kernel);
                states(last, rest);
                sums(pool, both, rows, b.by_bias, adds);
                sums(pool, last, rows, b.by_bias.wrapping_add(2 * units), adds);
            }
            Cell::Gru { reset_after: false } => {
                states(both, b.by_kernel);
                let candidate = some(2 * units..3 * units);
                product_of_sums(pool, last, candidate, rows, (rest, columns), adds);
            }
        }
        let all = some(0..columns);
        if b.recurrence.input == Input::Projection {
            if !b.by_input.is_null() {
                copy(all, rows, b.by_input.add(first * columns));
            }
            return;
        }
        let x = b.input.add(first * features);
        let factors = Columns { data: x, row: features, count: features };
        product_of_sums(pool, factors, all, rows, (b.by_input_kernel, columns), adds);
        if !b.by_input_bias.is_null() {
            sums(pool, all, rows, b.by_input_bias, adds);
        }
        if !b.by_input.is_null() {
            let product = Product {
                m: rows,
                n: features,
                k: columns,
                a: all.view(),
                b: View::columns(b.input_kernel, columns),
                c: b.by_input.add(first * features),
                c_row: features,
                epilogue: Epilogue::default(),
            };
            gemm(pool, &product);
        }
    }
}

/// The states before the steps, turned, times what belongs to the steps.
///
/// # Safety
/// As for [`weights`]; `grads` are those of the steps from `begin` on.
unsafe fn by_states(
    pool: &ThreadPool,
    b: &Backward,
    steps: &Range<usize>,
    begin: usize,
    grads: Columns,
    to: (*mut f32, usize),
    adds: bool,
) {
    let (reverse, sizes) = (b.recurrence.reverse, b.sizes);
    let (batch, units) = (sizes.batch, sizes.units);
    let mut times = span(reverse, steps, sizes.time);
    let states = |data: *const f32| Columns { data, row: units, count: units };
    let at = |time: usize| {
        let data = grads.data.wrapping_add((time - begin) * batch * grads.row);
        Columns { data, ..grads }
    };
    // SAFETY: as the caller promises.
    unsafe {
        let mut adds = adds;
        if steps.start == 0 {
            // The first step of all follows the initial state.
            let begin = if reverse { times.end - 1 } else { times.start };
            product_of_sums(pool, states(b.states[0]), at(begin), batch, to, adds);
            adds = true;
            times = if reverse { times.start..begin } else { begin + 1..times.end };
        }
        if let (false, Some(before)) =
            (times.is_empty(), previous(reverse, times.start, sizes.time))
        {
            let before = states(b.sequence.add(before * batch * units));
            product_of_sums(pool, before, at(times.start), times.len() * batch, to, adds);
        }
    }
}

/// Copies rows to where they lie one after another.
///
/// # Safety
/// The columns have the rows, and `to` has room for them.
pub(super) unsafe fn copy(from: Columns, rows: usize, to: *mut f32) {
    for row in 0..rows {
        // SAFETY: as the caller promises.
        unsafe {
            let to = to.add(row * from.count);
            to.copy_from_nonoverlapping(from.data.add(row * from.row), from.count);
        }
    }
}

/// `to += leftᵀ · right`, or `=`; `to` is a place and how far its rows are apart.
///
/// # Safety
/// Both sides have the rows, and `to` has room for a row for each column on the left.
unsafe fn product_of_sums(
    pool: &ThreadPool,
    left: Columns,
    right: Columns,
    rows: usize,
    (c, c_row): (*mut f32, usize),
    adds: bool,
) {
    let product = Product {
        m: left.count,
        n: right.count,
        k: rows,
        a: left.view().transpose(),
        b: right.view(),
        c,
        c_row,
        epilogue: Epilogue { accumulate: adds, ..Epilogue::default() },
    };
    // SAFETY: as the caller promises.
    unsafe { gemm(pool, &product) };
}

/// Columns that one task adds up: eight vectors of a small set.
const STRIPE: usize = 64;

/// Adds the sums over the rows to what is there, or writes them.
///
/// # Safety
/// The columns have the rows, and `to` has room for a float for each.
unsafe fn sums(pool: &ThreadPool, columns: Columns, rows: usize, to: *mut f32, adds: bool) {
    let (data, to) = (Pointer(columns.data.cast_mut()), Pointer(to));
    let pays = rows.saturating_mul(columns.count) >= 1 << 16;
    run_if(pool, pays, columns.count.div_ceil(STRIPE), |task| {
        let first = task * STRIPE;
        let count = STRIPE.min(columns.count - first);
        // SAFETY: tasks write disjoint columns.
        unsafe {
            let (from, to) = (data.get().add(first), to.get().add(first));
            dispatch(Stripe { from, row: columns.row, rows, to, count, adds });
        }
    });
}

/// Up to [`STRIPE`] columns to add up.
struct Stripe {
    from: *const f32,
    row: usize,
    rows: usize,
    to: *mut f32,
    count: usize,
    adds: bool,
}

impl Kernel for Stripe {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut totals = [0.0_f32; STRIPE];
        // SAFETY: whoever asks promises the columns.
        unsafe {
            let to = totals.as_mut_ptr();
            for row in 0..self.rows {
                let from = self.from.add(row * self.row);
                for at in (0..self.count).step_by(S::LANES) {
                    let count = S::LANES.min(self.count - at);
                    let value = s.load_up_to(from.add(at), count);
                    s.store_up_to(to.add(at), s.add(s.load_up_to(to.add(at), count), value), count);
                }
            }
            for (at, total) in totals[..self.count].iter().enumerate() {
                let before = if self.adds { *self.to.add(at) } else { 0.0 };
                *self.to.add(at) = before + total;
            }
        }
    }
}
