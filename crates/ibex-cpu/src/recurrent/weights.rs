//! What the gradients of the gates of some steps give: those of weights, biases and features.
//!
//! Sums over time steps are added part by part, last steps first; how many steps are a part follows
//! from the sizes alone, and so do the bits.
//! Must not know: cells beyond which columns belong to what.

use super::{Backward, Cell, Input, previous, span};
use crate::gemm::{Epilogue, Pointer, Product, View, gemm, run_if};
use crate::pool::ThreadPool;
use crate::simd::{Kernel, Simd, dispatch};
use std::ops::Range;

/// Gradients of some rows of all steps, which lie one after another.
#[derive(Clone, Copy)]
pub(super) struct Gates {
    /// Which row of all steps is the first.
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) units: usize,
    /// Columns of the projection.
    pub(super) columns: usize,
    /// Those of the projection.
    pub(super) projection: *mut f32,
    /// Those of what the reset gate multiplied afterwards, one state wide.
    pub(super) inner: *mut f32,
    /// The states that the reset gate multiplied before, one state wide.
    pub(super) reset: *mut f32,
}

impl Gates {
    /// The same, from where the first row of all steps lies or would lie.
    pub(super) fn from_zero(&self, first: usize) -> Gates {
        let back = |place: *mut f32, width: usize| place.wrapping_sub(first * width);
        Gates {
            projection: back(self.projection, self.columns),
            inner: back(self.inner, self.units),
            reset: back(self.reset, self.units),
            ..*self
        }
    }
}

/// Some neighbouring columns of rows.
#[derive(Clone, Copy)]
struct Columns {
    data: *const f32,
    /// Floats from one row to the next.
    row: usize,
    count: usize,
}

/// Adds what `steps` give to the gradients of the weights, and writes those of their features.
///
/// # Safety
/// As for [`super::backward`]; `gates` are those of these steps.
pub(super) unsafe fn weights(pool: &ThreadPool, b: &Backward, gates: &Gates, steps: &Range<usize>) {
    let Gates { first, rows, units, columns, .. } = *gates;
    let features = b.sizes.features;
    let all = Columns { data: gates.projection, row: columns, count: columns };
    let both = Columns { count: 2 * units, ..all };
    let candidate = Columns { data: gates.projection.wrapping_add(2 * units), ..all };
    let candidate = Columns { count: units, ..candidate };
    let inner = Columns { data: gates.inner, row: units, count: units };
    // The walk begins with the last steps.
    let adds = steps.end < b.sizes.time;
    // SAFETY: the places lie within the operands of the gradient.
    unsafe {
        // The columns of a GRU's candidate.
        let rest = b.by_kernel.wrapping_add(2 * units);
        match b.recurrence.cell {
            Cell::Simple | Cell::Lstm => by_states(pool, b, steps, all, gates, b.by_kernel, adds),
            Cell::Gru { reset_after: true } => {
                by_states(pool, b, steps, both, gates, b.by_kernel, adds);
                by_states(pool, b, steps, inner, gates, rest, adds);
                sums(pool, both, rows, b.by_bias, adds);
                sums(pool, inner, rows, b.by_bias.wrapping_add(2 * units), adds);
            }
            Cell::Gru { reset_after: false } => {
                by_states(pool, b, steps, both, gates, b.by_kernel, adds);
                let factors = Columns { data: gates.reset, row: units, count: units };
                product_of_sums(pool, factors, candidate, rows, (rest, columns), adds);
            }
        }
        if b.recurrence.input == Input::Projection {
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
                a: View::rows(gates.projection, columns),
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
/// As for [`weights`]; `to` has all gates in a row.
unsafe fn by_states(
    pool: &ThreadPool,
    b: &Backward,
    steps: &Range<usize>,
    grads: Columns,
    gates: &Gates,
    to: *mut f32,
    adds: bool,
) {
    let (reverse, sizes) = (b.recurrence.reverse, b.sizes);
    let (batch, units) = (sizes.batch, sizes.units);
    let mut times = span(reverse, steps, sizes.time);
    let states = |data: *const f32| Columns { data, row: units, count: units };
    let at = |time: usize| {
        let data = grads.data.wrapping_add((time * batch - gates.first) * grads.row);
        Columns { data, ..grads }
    };
    let to = (to, gates.columns);
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
        if let (false, Some(before)) = (times.is_empty(), previous(reverse, times.start, sizes.time))
        {
            let before = states(b.sequence.add(before * batch * units));
            product_of_sums(pool, before, at(times.start), times.len() * batch, to, adds);
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
    let strided = |columns: Columns| View::Strided {
        data: columns.data,
        row: columns.row.cast_signed(),
        column: 1,
    };
    let product = Product {
        m: left.count,
        n: right.count,
        k: rows,
        a: strided(left).transpose(),
        b: strided(right),
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
