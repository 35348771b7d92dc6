//! Some rows through some time steps, cell by cell.

use super::super::gates::Pair;
use super::super::panels::Left;
use super::super::{Cell, Sizes, moves, nth, previous};
use super::{Forward, Inputs, Walk, load_gates};
use crate::simd::{Kernel, Simd};

/// Some rows of a walk.
pub(super) struct Rows<'a, P> {
    pub(super) walk: &'a Walk<'a>,
    pub(super) pair: P,
    pub(super) first: usize,
    pub(super) rows: usize,
    /// Room for the products of a block; then for its projections or, of a cell that needs it, for
    /// two states.
    pub(super) space: *mut f32,
}

impl<P: Pair> Kernel for Rows<'_, P> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Forward { recurrence, sizes, .. } = *self.walk.f;
        let steps = self.walk.steps.clone();
        let ends = steps.end == sizes.time;
        // SAFETY: whoever runs a sequence promises its memory; the rows are this task's own.
        unsafe {
            for index in steps {
                let step = nth(recurrence.reverse, index, sizes.time);
                match recurrence.cell {
                    Cell::Simple => self.simple(s, step),
                    Cell::Lstm => self.lstm(s, step),
                    Cell::Gru { reset_after: true } => self.gru(s, step),
                    Cell::Gru { reset_after: false } => self.gru_reset_before(s, step),
                }
            }
            if ends {
                self.finish();
            }
        }
    }
}

/// The projections of a block of units.
#[derive(Clone, Copy)]
struct Given {
    /// The first gate of the first row.
    data: *const f32,
    /// Floats from one row to the next.
    row: usize,
    /// Floats from one gate to the next.
    gate: usize,
}

impl<P: Pair> Rows<'_, P> {
    /// The state before a step: a row of it, and the rows after that.
    #[inline(always)]
    unsafe fn before(&self, step: usize) -> *const f32 {
        let Forward { recurrence, sizes, .. } = self.walk.f;
        let units = sizes.units;
        // SAFETY: the step and the rows exist.
        unsafe {
            match previous(recurrence.reverse, step, sizes.time) {
                Some(step) => {
                    self.walk.f.sequence.add((step * sizes.batch + self.first) * units).cast_const()
                }
                None => self.walk.f.states[0].add(self.first * units),
            }
        }
    }

    /// The projections of a block of units, beginning with those of the first row: where the first
    /// gate is, floats from one row to the next and from one gate to the next.
    ///
    /// `wide` columns lie in space if they are computed here.
    #[inline(always)]
    unsafe fn projections(&self, step: usize, block: usize, wide: usize) -> Given {
        let Forward { recurrence, sizes, input, .. } = *self.walk.f;
        let Sizes { batch, units, features, .. } = sizes;
        let gates = recurrence.cell.gates();
        let (at, chunk) = (step * batch + self.first, wide / gates);
        match self.walk.inputs {
            Inputs::Projection(data) => {
                let data = data.wrapping_add(at * gates * units + block * chunk);
                Given { data, row: gates * units, gate: units }
            }
            Inputs::Features(panels) => {
                // SAFETY: the features have the rows, and the space has room for them.
                unsafe {
                    let left = Left::whole(input.add(at * features), features);
                    let to = self.space.add(self.rows * wide);
                    panels.product(block, self.rows, left, (to, wide), false);
                    Given { data: to, row: wide, gate: chunk }
                }
            }
        }
    }

    /// Asks for what the next step of a row will read and write, which is too much at once, and too
    /// far from what came before, for the processor to foresee.
    #[inline(always)]
    unsafe fn foresee<S: Simd>(&self, s: S, at: usize, unit: usize, kept: usize) {
        let Forward { recurrence, sizes, saved, .. } = self.walk.f;
        let (units, gates) = (sizes.units, recurrence.cell.gates());
        let next = match recurrence.reverse {
            false => at.wrapping_add(sizes.batch),
            true => at.wrapping_sub(sizes.batch),
        };
        if let Inputs::Projection(data) = self.walk.inputs {
            let x = data.wrapping_add(next.wrapping_mul(gates * units).wrapping_add(unit));
            for gate in 0..gates {
                s.prefetch(x.wrapping_add(gate * units));
            }
        }
        if !saved[0].is_null() {
            let to = saved[0].wrapping_add(next.wrapping_mul(kept * units).wrapping_add(unit));
            for gate in 0..kept {
                s.prefetch(to.wrapping_add(gate * units));
            }
        }
    }

    /// Where an LSTM's cell states are before and after a step.
    #[inline(always)]
    unsafe fn cells(&self, step: usize) -> (*const f32, *mut f32) {
        let Forward { recurrence, sizes, .. } = self.walk.f;
        let at = |step: usize| (step * sizes.batch + self.first) * sizes.units;
        let row = self.first * sizes.units;
        let before = previous(recurrence.reverse, step, sizes.time);
        // SAFETY: the step and the rows exist.
        unsafe {
            let saved = self.walk.f.saved[1];
            match (before, saved.is_null()) {
                (None, true) => (self.walk.f.states[1].add(row), self.walk.f.last[1].add(row)),
                (None, false) => (self.walk.f.states[1].add(row), saved.add(at(step))),
                (Some(_), true) => {
                    let last = self.walk.f.last[1].add(row);
                    (last.cast_const(), last)
                }
                (Some(before), false) => (saved.add(at(before)).cast_const(), saved.add(at(step))),
            }
        }
    }

    /// The last states, from where the last step left them.
    #[inline(always)]
    unsafe fn finish(&self) {
        let Forward { recurrence, sizes, sequence, last, saved, .. } = *self.walk.f;
        let step = nth(recurrence.reverse, sizes.time - 1, sizes.time);
        let at = (step * sizes.batch + self.first) * sizes.units;
        let (row, count) = (self.first * sizes.units, self.rows * sizes.units);
        // SAFETY: the rows exist, and source and target are different buffers.
        unsafe {
            last[0].add(row).copy_from_nonoverlapping(sequence.add(at), count);
            if recurrence.cell == Cell::Lstm && !saved[1].is_null() {
                last[1].add(row).copy_from_nonoverlapping(saved[1].add(at), count);
            }
        }
    }

    #[inline(always)]
    unsafe fn simple<S: Simd>(&self, s: S, step: usize) {
        let Forward { sizes: Sizes { batch, units, .. }, mask, .. } = *self.walk.f;
        let wide = 2 * S::LANES;
        // SAFETY: the rows, units and gates exist.
        unsafe {
            let before = self.before(step);
            for block in 0..units.div_ceil(wide) {
                let given = self.projections(step, block, wide);
                let left = Left::whole(before, units);
                self.walk.gated.product(block, self.rows, left, (self.space, wide), false);
                for row in 0..self.rows {
                    let at = step * batch + self.first + row;
                    let moves = moves(s, mask, at);
                    for part in 0..2 {
                        let unit = block * wide + part * S::LANES;
                        if unit >= units {
                            break;
                        }
                        let count = S::LANES.min(units - unit);
                        let x = given.data.add(row * given.row + part * S::LANES);
                        let x = s.load_up_to(x, count);
                        let inner = s.load(self.space.add(row * wide + part * S::LANES));
                        let h = self.pair.outer(s, s.add(x, inner));
                        let old = s.load_up_to(before.add(row * units + unit), count);
                        let to = self.walk.f.sequence.add(at * units + unit);
                        s.store_up_to(to, s.select(moves, h, old), count);
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn lstm<S: Simd>(&self, s: S, step: usize) {
        let Forward { sizes: Sizes { batch, units, .. }, mask, saved, .. } = *self.walk.f;
        let pair = self.pair;
        // SAFETY: the rows, units and gates exist.
        unsafe {
            let before = self.before(step);
            let (cells_before, cells) = self.cells(step);
            for block in 0..units.div_ceil(S::LANES) {
                let given = self.projections(step, block, 4 * S::LANES);
                let left = Left::whole(before, units);
                self.walk.gated.product(block, self.rows, left, (self.space, 4 * S::LANES), false);
                let unit = block * S::LANES;
                let count = S::LANES.min(units - unit);
                for row in 0..self.rows {
                    let at = step * batch + self.first + row;
                    let moves = moves(s, mask, at);
                    self.foresee(s, at, unit, 4);
                    let x = given.data.add(row * given.row);
                    let inner = self.space.add(row * 4 * S::LANES);
                    let mut sums = [s.splat(0.0); 4];
                    for gate in 0..4 {
                        let x = s.load_up_to(x.add(gate * given.gate), count);
                        sums[gate] = s.add(x, s.load(inner.add(gate * S::LANES)));
                    }
                    let i = pair.gate(s, sums[0]);
                    let f = pair.gate(s, sums[1]);
                    let g = pair.outer(s, sums[2]);
                    let o = pair.gate(s, sums[3]);
                    let here = row * units + unit;
                    let old = s.load_up_to(cells_before.add(here), count);
                    let c = s.mul_add(f, old, s.mul(i, g));
                    let h = s.mul(o, pair.outer(s, c));
                    s.store_up_to(cells.add(here), s.select(moves, c, old), count);
                    let old = s.load_up_to(before.add(here), count);
                    let to = self.walk.f.sequence.add(at * units + unit);
                    s.store_up_to(to, s.select(moves, h, old), count);
                    if !saved[0].is_null() {
                        let to = saved[0].add(at * 4 * units + unit);
                        for (gate, value) in [i, f, g, o].into_iter().enumerate() {
                            s.store_up_to(to.add(gate * units), value, count);
                        }
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn gru<S: Simd>(&self, s: S, step: usize) {
        let Forward { sizes: Sizes { batch, units, .. }, mask, saved, .. } = *self.walk.f;
        let pair = self.pair;
        // SAFETY: the rows, units and gates exist.
        unsafe {
            let before = self.before(step);
            for block in 0..units.div_ceil(S::LANES) {
                let given = self.projections(step, block, 3 * S::LANES);
                let left = Left::whole(before, units);
                self.walk.gated.product(block, self.rows, left, (self.space, 3 * S::LANES), false);
                let unit = block * S::LANES;
                let count = S::LANES.min(units - unit);
                for row in 0..self.rows {
                    let at = step * batch + self.first + row;
                    let moves = moves(s, mask, at);
                    self.foresee(s, at, unit, 4);
                    let x = given.data.add(row * given.row);
                    let inner = self.space.add(row * 3 * S::LANES);
                    let [x_z, x_r, x_n] = load_gates::<S>(s, x, given.gate, count);
                    let z = pair.gate(s, s.add(x_z, s.load(inner)));
                    let r = pair.gate(s, s.add(x_r, s.load(inner.add(S::LANES))));
                    let q = s.load(inner.add(2 * S::LANES));
                    let n = pair.outer(s, s.mul_add(r, q, x_n));
                    let old = s.load_up_to(before.add(row * units + unit), count);
                    let h = s.mul_add(z, s.sub(old, n), n);
                    let to = self.walk.f.sequence.add(at * units + unit);
                    s.store_up_to(to, s.select(moves, h, old), count);
                    if !saved[0].is_null() {
                        let to = saved[0].add(at * 4 * units + unit);
                        for (gate, value) in [z, r, n, q].into_iter().enumerate() {
                            s.store_up_to(to.add(gate * units), value, count);
                        }
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn gru_reset_before<S: Simd>(&self, s: S, step: usize) {
        let Forward { sizes: Sizes { batch, units, .. }, mask, saved, .. } = *self.walk.f;
        let pair = self.pair;
        let wide = 2 * S::LANES;
        let Some(candidate) = self.walk.candidate else { return };
        // SAFETY: the rows, units and gates exist; the space holds two more states.
        unsafe {
            let before = self.before(step);
            let given = self.projections(step, 0, 3 * S::LANES);
            let updates = self.space.add(self.rows * wide);
            let reset = updates.add(self.rows * units);
            for block in 0..units.div_ceil(S::LANES) {
                let left = Left::whole(before, units);
                self.walk.gated.product(block, self.rows, left, (self.space, wide), false);
                let unit = block * S::LANES;
                let count = S::LANES.min(units - unit);
                for row in 0..self.rows {
                    let at = step * batch + self.first + row;
                    self.foresee(s, at, unit, 3);
                    let x = given.data.add(row * given.row + unit);
                    let inner = self.space.add(row * wide);
                    let x_r = s.load_up_to(x.add(given.gate), count);
                    let z = pair.gate(s, s.add(s.load_up_to(x, count), s.load(inner)));
                    let r = pair.gate(s, s.add(x_r, s.load(inner.add(S::LANES))));
                    let here = row * units + unit;
                    let old = s.load_up_to(before.add(here), count);
                    s.store_up_to(updates.add(here), z, count);
                    s.store_up_to(reset.add(here), s.mul(r, old), count);
                    if !saved[0].is_null() {
                        let to = saved[0].add(at * 3 * units + unit);
                        s.store_up_to(to, z, count);
                        s.store_up_to(to.add(units), r, count);
                    }
                }
            }
            for block in 0..units.div_ceil(wide) {
                let left = Left::whole(reset, units);
                candidate.product(block, self.rows, left, (self.space, wide), false);
                for row in 0..self.rows {
                    let at = step * batch + self.first + row;
                    let moves = moves(s, mask, at);
                    for part in 0..2 {
                        let unit = block * wide + part * S::LANES;
                        if unit >= units {
                            break;
                        }
                        let count = S::LANES.min(units - unit);
                        let x = given.data.add(row * given.row + 2 * given.gate + unit);
                        let inner = s.load(self.space.add(row * wide + part * S::LANES));
                        let n = pair.outer(s, s.add(s.load_up_to(x, count), inner));
                        let here = row * units + unit;
                        let z = s.load_up_to(updates.add(here), count);
                        let old = s.load_up_to(before.add(here), count);
                        let h = s.mul_add(z, s.sub(old, n), n);
                        let to = self.walk.f.sequence.add(at * units + unit);
                        s.store_up_to(to, s.select(moves, h, old), count);
                        if !saved[0].is_null() {
                            let to = saved[0].add(at * 3 * units + 2 * units + unit);
                            s.store_up_to(to, n, count);
                        }
                    }
                }
            }
        }
    }
}
