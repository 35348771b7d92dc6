//! The gradients of a sequence through a cell, backwards through time.
//!
//! The gradient of the state is kept where that of the initial state will be; a step turns it
//! into gradients of the gates, leaves what does not go through the recurrent kernel, and adds the
//! product that does.
//! The gradients of the gates of some steps then go into those of the weights and of the features:
//! those of a few rows in the second cache (`near`), or, where the weights are too many for that,
//! those of all rows by products of their own (`weights`).

use super::forward::load_gates;
use super::gates::{Any, Pair, Usual};
use super::near::Near;
use super::panels::{Cut, Left, Panels, pack};
use super::weights::weights;
use super::{Activation, Cell, Recurrence, Sizes, moves, nth, previous, span};
use crate::gemm::run_if;
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch};
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
/// The pointers are valid for the sizes, what is written overlaps nothing else, and nobody else
/// touches it meanwhile.
pub unsafe fn backward(pool: &ThreadPool, b: &Backward) {
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
            match Near::new(&b) {
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

/// Walks over all rows for some steps, then multiplies what they give.
///
/// # Safety
/// As for [`backward`].
unsafe fn far(pool: &ThreadPool, walk: &Walk) {
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
                    unsafe { walk.rows(rows, &steps, gates.from_row(first), state) };
                });
            });
            // SAFETY: as the caller promises.
            unsafe { weights(pool, walk.b, &gates, &steps) };
        }
    });
}

/// Where the gradients of the gates of some steps are in hand.
///
/// A row has those of the projection; a GRU's has one more state: with `reset_after` the gradient of
/// what the reset gate multiplied, else what it made of the state before.
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
    fn from_row(self, row: usize) -> Gates {
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
    /// As for [`backward`]; nobody else touches these rows, and `space` has room for a state of them.
    pub(super) unsafe fn rows(
        &self,
        rows: Range<usize>,
        steps: &Range<usize>,
        gates: Gates,
        space: *mut f32,
    ) {
        let Backward { recurrence, .. } = *self.b;
        let usual = (Activation::Tanh, Activation::Sigmoid);
        let Recurrence { cell, activation: outer, recurrent_activation: gate, .. } = recurrence;
        let (first, rows) = (rows.start, rows.len());
        let (walk, steps) = (self, steps.clone());
        if (outer, gate) == usual || (outer == usual.0 && cell == Cell::Simple) {
            dispatch(Rows { walk, pair: Usual, first, rows, steps, gates, space });
        } else {
            let pair = Any { outer, gate };
            dispatch(Rows { walk, pair, first, rows, steps, gates, space });
        }
    }
}

/// Some rows of a walk.
struct Rows<'a, P> {
    walk: &'a Walk<'a>,
    pair: P,
    first: usize,
    rows: usize,
    /// The steps as they are numbered by the recurrence.
    steps: Range<usize>,
    gates: Gates,
    /// Room for a state.
    space: *mut f32,
}

impl<P: Pair> Kernel for Rows<'_, P> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward { recurrence, sizes, .. } = *self.walk.b;
        // SAFETY: whoever runs a sequence promises its memory; the rows are this task's own.
        unsafe {
            if self.steps.end == sizes.time {
                self.begin();
            }
            for index in self.steps.clone().rev() {
                let step = nth(recurrence.reverse, index, sizes.time);
                match recurrence.cell {
                    Cell::Simple => self.simple(s, step),
                    Cell::Lstm => self.lstm(s, step),
                    Cell::Gru { reset_after: true } => self.gru(s, step),
                    Cell::Gru { reset_after: false } => self.gru_reset_before(s, step),
                }
            }
        }
    }
}

impl<P: Pair> Rows<'_, P> {
    /// Takes over the gradients of the last states.
    #[inline(always)]
    unsafe fn begin(&self) {
        let Backward { recurrence, sizes, by_last, by_states, .. } = *self.walk.b;
        let (at, count) = (self.first * sizes.units, self.rows * sizes.units);
        for state in 0..recurrence.cell.states() {
            // SAFETY: the rows exist, in different buffers.
            unsafe {
                by_states[state].add(at).copy_from_nonoverlapping(by_last[state].add(at), count);
            }
        }
    }

    /// A state before a step: this task's first row of it.
    #[inline(always)]
    unsafe fn before(&self, step: usize, all: *const f32, initial: *const f32) -> *const f32 {
        let Backward { recurrence, sizes, .. } = self.walk.b;
        // SAFETY: the step and the rows exist.
        unsafe {
            match previous(recurrence.reverse, step, sizes.time) {
                Some(step) => all.add((step * sizes.batch + self.first) * sizes.units),
                None => initial.add(self.first * sizes.units),
            }
        }
    }

    /// The gradient of the state after a step: what came back so far, and what this step's output
    /// adds.
    #[inline(always)]
    unsafe fn by_state<S: Simd>(&self, s: S, so_far: *const f32, at: usize, count: usize) -> S::F {
        // SAFETY: the place exists.
        unsafe {
            let so_far = s.load_up_to(so_far, count);
            match self.walk.b.by_sequence.is_null() {
                true => so_far,
                false => s.add(so_far, s.load_up_to(self.walk.b.by_sequence.add(at), count)),
            }
        }
    }

    /// Asks for what the step before will read of a row, as forwards.
    #[inline(always)]
    fn foresee<S: Simd>(&self, s: S, at: usize, unit: usize, kept: usize) {
        let Backward { recurrence, sizes, saved, by_sequence, .. } = self.walk.b;
        let units = sizes.units;
        let next = match recurrence.reverse {
            false => at.wrapping_sub(sizes.batch),
            true => at.wrapping_add(sizes.batch),
        };
        let place = |width: usize| next.wrapping_mul(width * units).wrapping_add(unit);
        let from = saved[0].wrapping_add(place(kept));
        for gate in 0..kept {
            s.prefetch(from.wrapping_add(gate * units));
        }
        if !by_sequence.is_null() {
            s.prefetch(by_sequence.wrapping_add(place(1)));
        }
    }

    /// Adds `left · kernelᵀ` to the gradient of the state.
    #[inline(always)]
    unsafe fn add_product(&self, left: Left) {
        let units = self.walk.b.sizes.units;
        // SAFETY: the rows are this task's own.
        unsafe {
            let to = self.walk.b.by_states[0].add(self.first * units);
            self.walk.gated.product(0, self.rows, left, (to, units), true);
        }
    }

    #[inline(always)]
    unsafe fn simple<S: Simd>(&self, s: S, step: usize) {
        let Backward { sizes: Sizes { batch, units, .. }, mask, .. } = *self.walk.b;
        let zero = s.splat(0.0);
        // SAFETY: the rows and units exist.
        unsafe {
            for row in 0..self.rows {
                let at = step * batch + self.first + row;
                let moves = moves(s, mask, at);
                for unit in (0..units).step_by(S::LANES) {
                    let count = S::LANES.min(units - unit);
                    let here = at * units + unit;
                    let so_far = self.walk.b.by_states[0].add((self.first + row) * units + unit);
                    let by_h = self.by_state(s, so_far, here, count);
                    let h = s.load_up_to(self.walk.b.sequence.add(here), count);
                    let by_x = s.select(moves, self.pair.outer_back(s, h, by_h), zero);
                    s.store_up_to(self.gates.at(step, row).add(unit), by_x, count);
                    s.store_up_to(so_far, s.select(moves, zero, by_h), count);
                }
            }
            self.add_product(Left::whole(self.gates.at(step, 0), self.gates.row));
        }
    }

    #[inline(always)]
    unsafe fn lstm<S: Simd>(&self, s: S, step: usize) {
        let Backward { sizes: Sizes { batch, units, .. }, mask, saved, .. } = *self.walk.b;
        let (pair, zero) = (self.pair, s.splat(0.0));
        // SAFETY: the rows, units and gates exist.
        unsafe {
            let cells_before = self.before(step, saved[1], self.walk.b.states[1]);
            for row in 0..self.rows {
                let at = step * batch + self.first + row;
                let moves = moves(s, mask, at);
                for unit in (0..units).step_by(S::LANES) {
                    let count = S::LANES.min(units - unit);
                    let here = at * units + unit;
                    self.foresee(s, at, unit, 4);
                    let gates = saved[0].add(at * 4 * units + unit);
                    let [i, f, g] = load_gates::<S>(s, gates, units, count);
                    let o = s.load_up_to(gates.add(3 * units), count);
                    let bent = pair.outer(s, s.load_up_to(saved[1].add(here), count));
                    let old = s.load_up_to(cells_before.add(row * units + unit), count);
                    let own = (self.first + row) * units + unit;
                    let (h_so_far, c_so_far) =
                        (self.walk.b.by_states[0].add(own), self.walk.b.by_states[1].add(own));
                    let by_h = self.by_state(s, h_so_far, here, count);
                    let c_so_far_value = s.load_up_to(c_so_far, count);
                    let through = pair.outer_back(s, bent, s.mul(by_h, o));
                    let by_c = s.add(c_so_far_value, through);
                    let by_gates = [
                        pair.gate_back(s, i, s.mul(by_c, g)),
                        pair.gate_back(s, f, s.mul(by_c, old)),
                        pair.outer_back(s, g, s.mul(by_c, i)),
                        pair.gate_back(s, o, s.mul(by_h, bent)),
                    ];
                    let to = self.gates.at(step, row).add(unit);
                    for (gate, value) in by_gates.into_iter().enumerate() {
                        let value = s.select(moves, value, zero);
                        s.store_up_to(to.add(gate * units), value, count);
                    }
                    s.store_up_to(h_so_far, s.select(moves, zero, by_h), count);
                    let by_old = s.select(moves, s.mul(by_c, f), c_so_far_value);
                    s.store_up_to(c_so_far, by_old, count);
                }
            }
            self.add_product(Left::whole(self.gates.at(step, 0), self.gates.row));
        }
    }

    #[inline(always)]
    unsafe fn gru<S: Simd>(&self, s: S, step: usize) {
        let Backward { sizes: Sizes { batch, units, .. }, mask, saved, .. } = *self.walk.b;
        let (pair, zero, one) = (self.pair, s.splat(0.0), s.splat(1.0));
        // SAFETY: the rows, units and gates exist.
        unsafe {
            let before = self.before(step, self.walk.b.sequence, self.walk.b.states[0]);
            for row in 0..self.rows {
                let at = step * batch + self.first + row;
                let moves = moves(s, mask, at);
                for unit in (0..units).step_by(S::LANES) {
                    let count = S::LANES.min(units - unit);
                    let here = at * units + unit;
                    self.foresee(s, at, unit, 4);
                    let gates = saved[0].add(at * 4 * units + unit);
                    let [z, r, n] = load_gates::<S>(s, gates, units, count);
                    let q = s.load_up_to(gates.add(3 * units), count);
                    let old = s.load_up_to(before.add(row * units + unit), count);
                    let so_far = self.walk.b.by_states[0].add((self.first + row) * units + unit);
                    let by_h = self.by_state(s, so_far, here, count);
                    let by_z = pair.gate_back(s, z, s.mul(by_h, s.sub(old, n)));
                    let by_n = pair.outer_back(s, n, s.mul(by_h, s.sub(one, z)));
                    let by_r = pair.gate_back(s, r, s.mul(by_n, q));
                    let to = self.gates.at(step, row).add(unit);
                    for (gate, value) in [by_z, by_r, by_n].into_iter().enumerate() {
                        let value = s.select(moves, value, zero);
                        s.store_up_to(to.add(gate * units), value, count);
                    }
                    let by_q = s.select(moves, s.mul(by_n, r), zero);
                    s.store_up_to(to.add(3 * units), by_q, count);
                    s.store_up_to(so_far, s.select(moves, s.mul(by_h, z), by_h), count);
                }
            }
            let (gates, row) = (self.gates.at(step, 0).cast_const(), self.gates.row);
            let runs = [gates, gates.add(units), gates.add(3 * units)];
            self.add_product(Left { runs, row: [row; 3] });
        }
    }

    #[inline(always)]
    unsafe fn gru_reset_before<S: Simd>(&self, s: S, step: usize) {
        let Backward { sizes: Sizes { batch, units, .. }, mask, saved, .. } = *self.walk.b;
        let (pair, zero, one) = (self.pair, s.splat(0.0), s.splat(1.0));
        let Some(candidate) = self.walk.candidate else { return };
        // SAFETY: the rows, units and gates exist; the space holds a state.
        unsafe {
            let before = self.before(step, self.walk.b.sequence, self.walk.b.states[0]);
            for row in 0..self.rows {
                let at = step * batch + self.first + row;
                let moves = moves(s, mask, at);
                for unit in (0..units).step_by(S::LANES) {
                    let count = S::LANES.min(units - unit);
                    self.foresee(s, at, unit, 3);
                    let gates = saved[0].add(at * 3 * units + unit);
                    let [z, _, n] = load_gates::<S>(s, gates, units, count);
                    let so_far = self.walk.b.by_states[0].add((self.first + row) * units + unit);
                    let by_h = self.by_state(s, so_far, at * units + unit, count);
                    let by_n = pair.outer_back(s, n, s.mul(by_h, s.sub(one, z)));
                    let to = self.gates.at(step, row).add(2 * units + unit);
                    s.store_up_to(to, s.select(moves, by_n, zero), count);
                    s.store_up_to(so_far, by_h, count);
                }
            }
            let (first, width) = (self.gates.at(step, 0), self.gates.row);
            let left = Left::whole(first.add(2 * units), width);
            candidate.product(0, self.rows, left, (self.space, units), false);
            for row in 0..self.rows {
                let at = step * batch + self.first + row;
                let moves = moves(s, mask, at);
                for unit in (0..units).step_by(S::LANES) {
                    let count = S::LANES.min(units - unit);
                    let gates = saved[0].add(at * 3 * units + unit);
                    let [z, r, n] = load_gates::<S>(s, gates, units, count);
                    let old = s.load_up_to(before.add(row * units + unit), count);
                    let product = s.load_up_to(self.space.add(row * units + unit), count);
                    let so_far = self.walk.b.by_states[0].add((self.first + row) * units + unit);
                    let by_h = s.load_up_to(so_far, count);
                    let by_z = pair.gate_back(s, z, s.mul(by_h, s.sub(old, n)));
                    let by_r = pair.gate_back(s, r, s.mul(product, old));
                    let to = self.gates.at(step, row).add(unit);
                    s.store_up_to(to, s.select(moves, by_z, zero), count);
                    s.store_up_to(to.add(units), s.select(moves, by_r, zero), count);
                    s.store_up_to(to.add(3 * units), s.mul(r, old), count);
                    let kept = s.mul_add(by_h, z, s.mul(product, r));
                    s.store_up_to(so_far, s.select(moves, kept, by_h), count);
                }
            }
            self.add_product(Left::whole(first, width));
        }
    }
}
