//! A sequence through a cell.

use super::gates::{Any, Pair, Usual};
use super::panels::{Cut, Left, Panels, pack};
use super::{Activation, Cell, Input, Recurrence, Sizes, moves, nth, previous, span};
use crate::gemm::{Bias, Epilogue, Product, View, gemm, run_if};
use crate::isa::Isa;
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch};
use std::ops::Range;

/// Where a sequence comes from and goes to; everything lies time by time, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Forward {
    /// The cell and the order of steps; its `masked` says whether there is a mask.
    pub recurrence: Recurrence,
    /// Time steps, rows, units, features.
    pub sizes: Sizes,
    /// The projections, with all gates of a row side by side, or features.
    pub input: *const f32,
    /// The kernel of features.
    pub input_kernel: *const f32,
    /// The bias of their projections, or null.
    pub input_bias: *const f32,
    /// The recurrent kernel, `units` rows of all gates.
    pub kernel: *const f32,
    /// A bias beside the recurrent product, or null.
    pub bias: *const f32,
    /// The initial states; the second of an LSTM only.
    pub states: [*const f32; 2],
    /// A byte for each time step and row, 0 where the states stay; or null.
    pub mask: *const u8,
    /// The first state after each step.
    pub sequence: *mut f32,
    /// The last states.
    pub last: [*mut f32; 2],
    /// What the gradient needs of each step (see `Cell::saved`), or null.
    pub saved: [*mut f32; 2],
}

// SAFETY: used within a call of `forward` only, whose tasks write disjoint rows.
unsafe impl Sync for Forward {}
// SAFETY: as above.
unsafe impl Send for Forward {}

/// Runs a sequence through a cell.
///
/// # Safety
/// The pointers are valid for the sizes, what is written overlaps nothing else, and nobody else
/// touches it meanwhile.
pub unsafe fn forward(pool: &ThreadPool, f: &Forward) {
    let Sizes { batch, units, time, features } = f.sizes;
    if batch == 0 || units == 0 || time == 0 {
        return;
    }
    let cell = f.recurrence.cell;
    let chunk = chunk(cell);
    let (gates, all) = (cell.gates(), cell.gates() * units);
    // Without `reset_after`, the candidate's part is a product of its own.
    let together = if let Cell::Gru { reset_after: false } = cell { 2 } else { gates };
    let first = Cut { steps: units, columns: together * chunk, blocks: units.div_ceil(chunk) };
    let wide = 2 * lanes();
    let second = Cut { steps: units, columns: wide, blocks: units.div_ceil(wide) };
    let second_floats = if together < gates { second.floats() } else { 0 };
    let f = *f;
    scratch::with(Slot::Rearranged, first.floats() + second_floats + MAX_LANES, |to| {
        // SAFETY: columns beyond the units are zeros; the others lie within kernel and bias.
        let (gated, candidate) = unsafe {
            let value = |step: usize, block: usize, column: usize| {
                let (gate, unit) = (column / chunk, block * chunk + column % chunk);
                let f = &f;
                if unit < units { *f.kernel.add(step * all + gate * units + unit) } else { 0.0 }
            };
            let bias = |block: usize, column: usize| {
                let (gate, unit) = (column / chunk, block * chunk + column % chunk);
                let f = &f;
                if unit < units { *f.bias.add(gate * units + unit) } else { 0.0 }
            };
            let has_bias = !f.bias.is_null();
            let gated = pack(pool, first, to, value, has_bias.then_some(&bias as _));
            let value = |step: usize, block: usize, column: usize| {
                let unit = block * wide + column;
                let f = &f;
                if unit < units { *f.kernel.add(step * all + 2 * units + unit) } else { 0.0 }
            };
            let to = to.add(first.floats());
            let candidate = (second_floats > 0).then(|| pack(pool, second, to, value, None));
            (gated, candidate)
        };
        let run = |steps: Range<usize>, inputs: Inputs| {
            let walk = Walk { f: &f, gated, candidate, together, steps, inputs };
            // SAFETY: as the caller promises; the inputs have those steps.
            unsafe { walk.run(pool) };
        };
        if f.recurrence.input == Input::Projection {
            run(0..time, Inputs::Projection(f.input));
            return;
        }
        let cut = Cut { steps: features, columns: gates * chunk, blocks: units.div_ceil(chunk) };
        if together == gates && cut.floats() <= MOST_FLOATS {
            scratch::with(Slot::Shared, cut.floats() + MAX_LANES, |to| {
                let place = |block: usize, column: usize| {
                    let (gate, unit) = (column / chunk, block * chunk + column % chunk);
                    (unit < units).then_some(gate * units + unit)
                };
                let value = |step: usize, block: usize, column: usize| {
                    let f = &f;
                    // SAFETY: the place lies within the kernel.
                    place(block, column)
                        .map_or(0.0, |at| unsafe { *f.input_kernel.add(step * all + at) })
                };
                let bias = |block: usize, column: usize| {
                    let f = &f;
                    // SAFETY: the place lies within the bias.
                    place(block, column).map_or(0.0, |at| unsafe { *f.input_bias.add(at) })
                };
                let bias = (!f.input_bias.is_null()).then_some(&bias as _);
                // SAFETY: the space has room for the panels.
                let panels = unsafe { pack(pool, cut, to, value, bias) };
                run(0..time, Inputs::Features(panels));
            });
            return;
        }
        let at_once = f.sizes.steps_at_once();
        scratch::with(Slot::Phase, at_once * batch * all, |space| {
            for first in (0..time).step_by(at_once) {
                let steps = first..time.min(first + at_once);
                let begin = span(f.recurrence.reverse, &steps, time).start * batch;
                // SAFETY: the features and the space hold these steps.
                unsafe { project(pool, &f, begin, steps.len() * batch, space) };
                // Where step 0 would lie.
                run(steps, Inputs::Projection(space.cast_const().wrapping_sub(begin * all)));
            }
        });
    });
}

/// Projects some rows of all steps.
///
/// # Safety
/// The features have these rows, and `to` has room for all gates of them.
unsafe fn project(pool: &ThreadPool, f: &Forward, first: usize, rows: usize, to: *mut f32) {
    let Sizes { units, features, .. } = f.sizes;
    let columns = f.recurrence.cell.gates() * units;
    let bias = if f.input_bias.is_null() { Bias::None } else { Bias::Column(f.input_bias) };
    // SAFETY: as the caller promises.
    unsafe {
        let product = Product {
            m: rows,
            n: columns,
            k: features,
            a: View::rows(f.input.add(first * features), features),
            b: View::rows(f.input_kernel, columns),
            c: to,
            c_row: columns,
            epilogue: Epilogue { bias, ..Epilogue::default() },
        };
        gemm(pool, &product);
    }
}

/// The most floats of a packed kernel of features that each task reads at every step: they stay in
/// a second cache of 512 KiB.
const MOST_FLOATS: usize = 1 << 16;

/// What the steps of a walk begin with.
#[derive(Clone, Copy)]
enum Inputs {
    /// Projections, from where step 0 lies or would lie.
    Projection(*const f32),
    /// Features, which this kernel projects block by block.
    Features(Panels),
}

/// Some steps of all rows.
struct Walk<'a> {
    f: &'a Forward,
    gated: Panels,
    candidate: Option<Panels>,
    /// Gates whose products are computed together.
    together: usize,
    /// The steps as they are numbered by the recurrence.
    steps: Range<usize>,
    inputs: Inputs,
}

// SAFETY: as for `Forward`.
unsafe impl Sync for Walk<'_> {}

impl Walk<'_> {
    /// Cuts the rows into tasks.
    ///
    /// # Safety
    /// As for [`forward`].
    unsafe fn run(&self, pool: &ThreadPool) {
        let Forward { recurrence, sizes, .. } = *self.f;
        let Sizes { batch, units, .. } = sizes;
        let (cell, per_task) = (recurrence.cell, sizes.rows_per_task(pool.threads()));
        run_if(pool, sizes.pays(cell.gates() * units), batch.div_ceil(per_task), |task| {
            let first = task * per_task;
            let rows = per_task.min(batch - first);
            let usual = (Activation::Tanh, Activation::Sigmoid);
            let Recurrence { activation: outer, recurrent_activation: gate, .. } = recurrence;
            // For each row: products of a block, its projections or the candidate's operands of all
            // units.
            let wide = (self.together * chunk(cell)).max(2 * lanes());
            let floats = rows * (wide + wide.max(2 * units));
            scratch::with(Slot::Private, floats + MAX_LANES, |space| {
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

/// Floats in a vector of the set in use.
pub(super) fn lanes() -> usize {
    struct Lanes;
    impl Kernel for Lanes {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            S::LANES
        }
    }
    crate::simd::dispatch_on(Isa::current(), Lanes)
}

/// Units of a block: a vector, or two where there is one gate, which makes full panels.
fn chunk(cell: Cell) -> usize {
    match cell {
        Cell::Simple => 2 * lanes(),
        Cell::Lstm | Cell::Gru { .. } => lanes(),
    }
}

/// Some rows of a walk.
struct Rows<'a, P> {
    walk: &'a Walk<'a>,
    pair: P,
    first: usize,
    rows: usize,
    /// Room for the products of a block; then for its projections or, of a cell that needs it, for
    /// two states.
    space: *mut f32,
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

/// Some units of gates that lie so far apart.
///
/// # Safety
/// `from` is valid for `count` floats of each gate.
#[inline(always)]
pub(super) unsafe fn load_gates<S: Simd>(
    s: S,
    from: *const f32,
    apart: usize,
    count: usize,
) -> [S::F; 3] {
    // SAFETY: as the caller promises.
    unsafe {
        [
            s.load_up_to(from, count),
            s.load_up_to(from.add(apart), count),
            s.load_up_to(from.add(2 * apart), count),
        ]
    }
}
