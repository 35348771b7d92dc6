//! The gradients of a sequence through a cell, backwards through time.
//!
//! The gradient of the state is kept where that of the initial state will be; a step turns it
//! into gradients of the gates, leaves what does not go through the recurrent kernel, and adds the
//! product that does.
//! The gradients of the gates of some steps then go into those of the weights and of the features:
//! those of a few rows in the second cache (`near`), or, where the weights are too many for that,
//! those of all rows by products of their own (`far`).

mod cells;

use cells::Rows;

use super::far::far;
use super::gates::{Any, Usual};
use super::near::Near;
use super::panels::{Cut, Panels, pack};
use super::{Cell, Recurrence, Sizes};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{MAX_LANES, dispatch};
use std::ops::Range;

/// Where the gradients come from and go to; everything lies time by time, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Backward {
    /// The cell and the order of steps; its `masked` says whether there is a mask.
    pub recurrence: Recurrence,
    /// Time steps, rows, units.
    pub sizes: Sizes,
    /// The features and their kernel, where those are what was given.
    pub input: *const f32,
    /// The kernel of the features.
    pub input_kernel: *const f32,
    /// The recurrent kernel, `units` rows of all gates.
    pub kernel: *const f32,
    /// The initial states; the second of an LSTM only.
    pub states: [*const f32; 2],
    /// The first state after each step.
    pub sequence: *const f32,
    /// What was saved of each step.
    pub saved: [*const f32; 2],
    /// A byte for each time step and row, 0 where the states stayed; or null.
    pub mask: *const u8,
    /// The gradient of the first state after each step, or null.
    pub by_sequence: *const f32,
    /// The gradients of the last states.
    pub by_last: [*const f32; 2],
    /// The gradients of the initial states.
    pub by_states: [*mut f32; 2],
    /// That of the recurrent kernel.
    pub by_kernel: *mut f32,
    /// That of the recurrent bias, of a cell that has one.
    pub by_bias: *mut f32,
    /// That of the kernel of features.
    pub by_input_kernel: *mut f32,
    /// That of the bias of their projections, or null.
    pub by_input_bias: *mut f32,
    /// That of the features or of the projections, or null.
    pub by_input: *mut f32,
}

// SAFETY: used within a call of `backward` only, whose tasks write disjoint rows.
unsafe impl Sync for Backward {}
// SAFETY: as above.
unsafe impl Send for Backward {}

/// Runs a sequence backwards.
///
/// # Safety
/// The pointers are valid for the sizes, and nobody else touches what is written meanwhile; it
/// overlaps nothing else, but the gradients of the features may lie where the features are, and
/// those of an LSTM's projections where its gates were saved.
pub unsafe fn backward(pool: &ThreadPool, b: &Backward) {
    // SAFETY: as the caller promises.
    unsafe { run(pool, b, Near::new(b)) };
}

/// Runs a sequence backwards, with the gradients of the weights near or far.
///
/// # Safety
/// As for [`backward`].
pub(super) unsafe fn run(pool: &ThreadPool, b: &Backward, near: Option<Near>) {
    let Sizes { batch, units, time, .. } = b.sizes;
    if batch == 0 || units == 0 || time == 0 {
        // SAFETY: as the caller promises.
        unsafe { nothing(b) };
        return;
    }
    let cell = b.recurrence.cell;
    let all = cell.gates() * units;
    // Without `reset_after`, the candidate's part is a product of its own.
    let apart = cell == Cell::Gru { reset_after: false };
    let steps = if apart { 2 * units } else { all };
    let (first, second) =
        (Cut { steps, columns: units, blocks: 1 }, Cut { steps: units, columns: units, blocks: 1 });
    let second_floats = if apart { second.floats() } else { 0 };
    let b = *b;
    scratch::with(Slot::Rearranged, first.floats() + second_floats + MAX_LANES, |to| {
        // SAFETY: the places lie within the kernel, which is read turned.
        let (gated, candidate) = unsafe {
            let value = |step: usize, _: usize, unit: usize| {
                let b = &b;
                *b.kernel.add(unit * all + step)
            };
            let gated = pack(pool, first, to, value, None);
            let value = |step: usize, _: usize, unit: usize| {
                let b = &b;
                *b.kernel.add(unit * all + 2 * units + step)
            };
            let to = to.add(first.floats());
            (gated, apart.then(|| pack(pool, second, to, value, None)))
        };
        let walk = Walk { b: &b, gated, candidate };
        // SAFETY: as the caller promises.
        unsafe {
            match &near {
                Some(near) => near.run(pool, &walk),
                None => far(pool, &walk),
            }
        }
    });
}

/// The gradients where there is nothing to walk over.
///
/// # Safety
/// As for [`backward`].
unsafe fn nothing(b: &Backward) {
    let Sizes { time, batch, units, features } = b.sizes;
    let columns = b.recurrence.cell.gates() * units;
    let zero = |to: *mut f32, count: usize| {
        if !to.is_null() {
            // SAFETY: as the caller promises.
            unsafe { to.write_bytes(0, count) };
        }
    };
    zero(b.by_kernel, units * columns);
    zero(b.by_bias, columns);
    zero(b.by_input_kernel, features * columns);
    zero(b.by_input_bias, columns);
    zero(b.by_input, time * batch * features);
}

/// Where the gradients of the gates of some steps are in hand.
///
/// A row has those of the projection; a GRU's has one more state: with `reset_after` the gradient
/// of what the reset gate multiplied, else what it made of the state before.
#[derive(Clone, Copy)]
pub(super) struct Gates {
    pub(super) data: *mut f32,
    /// Floats from one row to the next.
    pub(super) row: usize,
    /// The first of the steps, in time.
    pub(super) begin: usize,
    /// Rows of a step.
    pub(super) rows: usize,
}

// SAFETY: whoever has one sees to it that tasks write disjoint rows.
unsafe impl Sync for Gates {}
// SAFETY: as above.
unsafe impl Send for Gates {}

impl Gates {
    /// Floats that are written of a row.
    pub(super) fn width(cell: Cell, units: usize) -> usize {
        let more = usize::from(matches!(cell, Cell::Gru { .. }));
        (cell.gates() + more) * units
    }

    /// Floats from one row to the next: an odd number of cache lines, so that the places of one
    /// column in many rows fall into all sets of a cache.
    pub(super) fn row(cell: Cell, units: usize) -> usize {
        spread(Gates::width(cell, units))
    }

    /// The same from another row of each step on.
    pub(super) fn since_row(self, row: usize) -> Gates {
        Gates { data: self.data.wrapping_add(row * self.row), ..self }
    }

    /// A row of a step.
    #[inline(always)]
    pub(super) fn at(&self, step: usize, row: usize) -> *mut f32 {
        self.data.wrapping_add(((step - self.begin) * self.rows + row) * self.row)
    }
}

/// At least so many floats, as an odd number of cache lines.
pub(super) fn spread(floats: usize) -> usize {
    (floats.div_ceil(16) | 1) * 16
}

/// A recurrence with its packed kernel.
pub(super) struct Walk<'a> {
    pub(super) b: &'a Backward,
    gated: Panels,
    candidate: Option<Panels>,
}

impl Walk<'_> {
    /// Walks over some steps of some rows, the last step first; `gates` begin with these rows.
    ///
    /// # Safety
    /// As for [`backward`]; nobody else touches these rows, and `space` has room for a state of
    /// them.
    pub(super) unsafe fn rows(
        &self,
        rows: Range<usize>,
        steps: &Range<usize>,
        gates: Gates,
        space: *mut f32,
    ) {
        let (first, rows) = (rows.start, rows.len());
        let (walk, steps) = (self, steps.clone());
        match Any::unless_usual(&self.b.recurrence) {
            None => dispatch(Rows { walk, pair: Usual, first, rows, steps, gates, space }),
            Some(pair) => dispatch(Rows { walk, pair, first, rows, steps, gates, space }),
        }
    }
}
