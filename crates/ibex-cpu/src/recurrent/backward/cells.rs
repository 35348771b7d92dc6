//! Some rows back through some time steps, cell by cell.

use super::super::forward::load_gates;
use super::super::gates::Pair;
use super::super::panels::Left;
use super::super::{Cell, Sizes, moves, nth, previous};
use super::{Backward, Gates, Walk};
use crate::simd::{Kernel, Simd};
use std::ops::Range;

/// Some rows of a walk.
pub(super) struct Rows<'a, P> {
    pub(super) walk: &'a Walk<'a>,
    pub(super) pair: P,
    pub(super) first: usize,
    pub(super) rows: usize,
    /// The steps as they are numbered by the recurrence.
    pub(super) steps: Range<usize>,
    pub(super) gates: Gates,
    /// Room for a state.
    pub(super) space: *mut f32,
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
