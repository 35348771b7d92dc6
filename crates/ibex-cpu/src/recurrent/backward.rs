//! The gradients of a sequence through a cell, backwards through time.
//!
//! The gradient of the state is kept where that of the initial state will be; a step turns it
//! into gradients of the gates, leaves what does not go through the recurrent kernel, and adds the
//! product that does.
//! The gradients of the gates of some steps then go into those of the weights and of the features
//! (`weights`), while they are near.

use super::forward::{lanes, load_gates};
use super::gates::{Any, Pair, Usual};
use super::panels::{Cut, Left, Panels, pack};
use super::weights::{Gates, weights};
use super::{Activation, Cell, Input, Recurrence, Sizes, moves, nth, previous, span};
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
        let at_once = b.sizes.steps_at_once();
        let own = b.recurrence.input == Input::Projection && !b.by_input.is_null();
        let widths = Widths::new(cell, own);
        scratch::with(Slot::Phase, widths.all() * units * at_once * batch, |space| {
            for first in (0..time).step_by(at_once).rev() {
                let steps = first..time.min(first + at_once);
                let begin = span(b.recurrence.reverse, &steps, time).start * batch;
                let gates = widths.gates(&b, space, begin, steps.len() * batch);
                let walk = Walk { b: &b, gated, candidate, steps, gates: gates.from_zero(begin) };
                // SAFETY: as the caller promises; the space holds these steps.
                unsafe {
                    walk.run(pool);
                    weights(pool, &b, &gates, &walk.steps);
                }
            }
        });
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

/// How wide what is in hand of each row is, in units.
struct Widths {
    projection: usize,
    inner: usize,
    reset: usize,
}

impl Widths {
    /// `own`: the gradients of the projections have a place of their own.
    fn new(cell: Cell, own: bool) -> Widths {
        let is_gru = |after: bool| usize::from(cell == Cell::Gru { reset_after: after });
        let projection = if own { 0 } else { cell.gates() };
        Widths { projection, inner: is_gru(true), reset: is_gru(false) }
    }

    fn all(&self) -> usize {
        self.projection + self.inner + self.reset
    }

    /// Where the gradients of some rows lie.
    fn gates(&self, b: &Backward, space: *mut f32, first: usize, rows: usize) -> Gates {
        let units = b.sizes.units;
        let columns = b.recurrence.cell.gates() * units;
        let inner = space.wrapping_add(self.projection * units * rows);
        Gates {
            first,
            rows,
            units,
            columns,
            projection: match self.projection {
                0 => b.by_input.wrapping_add(first * columns),
                _ => space,
            },
            inner,
            reset: inner.wrapping_add(self.inner * units * rows),
        }
    }
}

/// Some steps of all rows.
struct Walk<'a> {
    b: &'a Backward,
    gated: Panels,
    candidate: Option<Panels>,
    /// The steps as they are numbered by the recurrence.
    steps: Range<usize>,
    /// Where the gradients go, from where step 0 lies or would lie.
    gates: Gates,
}

// SAFETY: as for `Backward`.
unsafe impl Sync for Walk<'_> {}

impl Walk<'_> {
    /// Cuts the rows into tasks.
    ///
    /// # Safety
    /// As for [`backward`].
    unsafe fn run(&self, pool: &ThreadPool) {
        let Backward { recurrence, sizes, .. } = *self.b;
        let Sizes { batch, units, .. } = sizes;
        let (cell, per_task) = (recurrence.cell, sizes.rows_per_task(pool.threads()));
        run_if(pool, sizes.pays(cell.gates() * units), batch.div_ceil(per_task), |task| {
            let first = task * per_task;
            let rows = per_task.min(batch - first);
            let usual = (Activation::Tanh, Activation::Sigmoid);
            let Recurrence { activation: outer, recurrent_activation: gate, .. } = recurrence;
            scratch::with(Slot::Private, rows * units + lanes(), |space| {
                let walk = self;
                if (outer, gate) == usual || (outer == usual.0 && cell == Cell::Simple) {
                    dispatch(Rows { walk, pair: Usual, first, rows, space });
                } else {
                    dispatch(Rows { walk, pair: Any { outer, gate }, first, rows, space });
                }
            });
        });
    }
}

/// Some rows of a walk.
struct Rows<'a, P> {
    walk: &'a Walk<'a>,
    pair: P,
    first: usize,
    rows: usize,
    /// Room for a state.
    space: *mut f32,
}

impl<P: Pair> Kernel for Rows<'_, P> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward { recurrence, sizes, .. } = *self.walk.b;
        let steps = self.walk.steps.clone();
        // SAFETY: whoever runs a sequence promises its memory; the rows are this task's own.
        unsafe {
            if steps.end == sizes.time {
                self.begin();
            }
            for index in steps.rev() {
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

    /// Asks for what the step before will read and write of a row, as forwards.
    #[inline(always)]
    fn foresee<S: Simd>(&self, s: S, at: usize, unit: usize, kept: usize) {
        let Backward { recurrence, sizes, saved, by_sequence, .. } = self.walk.b;
        let projection = self.walk.gates.projection;
        let (units, gates) = (sizes.units, recurrence.cell.gates());
        let next = match recurrence.reverse {
            false => at.wrapping_sub(sizes.batch),
            true => at.wrapping_add(sizes.batch),
        };
        let place = |width: usize| next.wrapping_mul(width * units).wrapping_add(unit);
        let (from, to) =
            (saved[0].wrapping_add(place(kept)), projection.wrapping_add(place(gates)));
        for gate in 0..kept {
            s.prefetch(from.wrapping_add(gate * units));
        }
        for gate in 0..gates {
            s.prefetch(to.wrapping_add(gate * units));
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
        let projection = self.walk.gates.projection;
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
                    s.store_up_to(projection.wrapping_add(here), by_x, count);
                    s.store_up_to(so_far, s.select(moves, zero, by_h), count);
                }
            }
            let first = (step * batch + self.first) * units;
            self.add_product(Left::whole(projection.wrapping_add(first), units));
        }
    }

    #[inline(always)]
    unsafe fn lstm<S: Simd>(&self, s: S, step: usize) {
        let Backward { sizes: Sizes { batch, units, .. }, mask, saved, .. } = *self.walk.b;
        let projection = self.walk.gates.projection;
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
                    let to = projection.wrapping_add(at * 4 * units + unit);
                    for (gate, value) in by_gates.into_iter().enumerate() {
                        let value = s.select(moves, value, zero);
                        s.store_up_to(to.add(gate * units), value, count);
                    }
                    s.store_up_to(h_so_far, s.select(moves, zero, by_h), count);
                    let by_old = s.select(moves, s.mul(by_c, f), c_so_far_value);
                    s.store_up_to(c_so_far, by_old, count);
                }
            }
            let first = (step * batch + self.first) * 4 * units;
            self.add_product(Left::whole(projection.wrapping_add(first), 4 * units));
        }
    }

    #[inline(always)]
    unsafe fn gru<S: Simd>(&self, s: S, step: usize) {
        let Backward { sizes: Sizes { batch, units, .. }, mask, saved, .. } = *self.walk.b;
        let projection = self.walk.gates.projection;
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
                    let to = projection.wrapping_add(at * 3 * units + unit);
                    for (gate, value) in [by_z, by_r, by_n].into_iter().enumerate() {
                        let value = s.select(moves, value, zero);
                        s.store_up_to(to.add(gate * units), value, count);
                    }
                    let by_q = s.select(moves, s.mul(by_n, r), zero);
                    s.store_up_to(self.walk.gates.inner.wrapping_add(here), by_q, count);
                    s.store_up_to(so_far, s.select(moves, s.mul(by_h, z), by_h), count);
                }
            }
            let at = step * batch + self.first;
            let gates = projection.wrapping_add(at * 3 * units).cast_const();
            let inner = self.walk.gates.inner.wrapping_add(at * units).cast_const();
            self.add_product(Left {
                runs: [gates, gates.add(units), inner],
                row: [3 * units, 3 * units, units],
            });
        }
    }

    #[inline(always)]
    unsafe fn gru_reset_before<S: Simd>(&self, s: S, step: usize) {
        let Backward { sizes: Sizes { batch, units, .. }, mask, saved, .. } = *self.walk.b;
        let projection = self.walk.gates.projection;
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
                    let to = projection.wrapping_add(at * 3 * units + 2 * units + unit);
                    s.store_up_to(to, s.select(moves, by_n, zero), count);
                    s.store_up_to(so_far, by_h, count);
                }
            }
            let first = projection.wrapping_add((step * batch + self.first) * 3 * units);
            let left = Left::whole(first.wrapping_add(2 * units), 3 * units);
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
                    let to = projection.wrapping_add(at * 3 * units + unit);
                    s.store_up_to(to, s.select(moves, by_z, zero), count);
                    s.store_up_to(to.add(units), s.select(moves, by_r, zero), count);
                    let reset = self.walk.gates.reset.wrapping_add(at * units + unit);
                    s.store_up_to(reset, s.mul(r, old), count);
                    let kept = s.mul_add(by_h, z, s.mul(product, r));
                    s.store_up_to(so_far, s.select(moves, kept, by_h), count);
                }
            }
            self.add_product(Left::whole(first, 3 * units));
        }
    }
}
