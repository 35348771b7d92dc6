//! The gradients of the weights of a recurrence, a few rows at a time.
//!
//! A group of rows goes back through time with the gradients of its gates in hand for some steps;
//! before they leave the second cache, they are multiplied with what they belong to and added to
//! the group's own gradients of the weights, and give those of the features.
//! Nothing is packed: what is in hand lies as the tiles of the matrix product read it.
//! The groups follow from the sizes alone, and are added in order, so that the bits do not depend
//! on the number of threads.

use super::backward::{Gates, Walk, spread};
use super::far::{Columns, copy};
use super::panels::{Cut, Left, Panels, pack};
use super::{Backward, Cell, Input, MOST_ROWS, Sizes, previous, span};
use crate::gemm::{Finish, Pointer, Stream, Tile, Tiles, run_if, tile_rows};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::MAX_LANES;
use std::ops::Range;

/// The most floats of a group's gradients of the weights: a second cache of 512 KiB, which streams
/// past what is in hand.
const MOST_FLOATS: usize = 1 << 17;
/// The most floats of those of all groups.
const ALL_FLOATS: usize = 1 << 21;
/// The most groups.
const MOST_GROUPS: usize = 64;
/// The fewest rows of a group, if there are more: fewer would read the packed kernels too often.
const LEAST_ROWS: usize = 16;
/// Rows of some steps, together, that are in hand at once.
const IN_HAND: usize = 128;

/// How a recurrence is cut into groups of rows.
pub(super) struct Near<'a> {
    b: &'a Backward,
    /// Floats of a row of gates that are used, and from one to the next.
    width: usize,
    row: usize,
    groups: usize,
}

// SAFETY: as for `Backward`.
unsafe impl Sync for Near<'_> {}

impl<'a> Near<'a> {
    /// `None` if the weights are too many.
    pub(super) fn new(b: &'a Backward) -> Option<Near<'a>> {
        let (cell, Sizes { batch, units, .. }) = (b.recurrence.cell, b.sizes);
        let (width, row) = (Gates::width(cell, units), Gates::row(cell, units));
        let mut near = Near { b, width, row, groups: 1 };
        let floats = near.floats();
        let most = MOST_GROUPS.min(ALL_FLOATS / floats.max(1));
        near.groups = batch.div_ceil(LEAST_ROWS).min(most);
        (floats <= MOST_FLOATS).then_some(near)
    }

    /// Features, if they are what was given.
    fn features(&self) -> usize {
        match self.b.recurrence.input {
            Input::Projection => 0,
            Input::Features { .. } => self.b.sizes.features,
        }
    }

    /// What a row of gates is multiplied with: features and a one, the state before and a one.
    fn factors(&self) -> usize {
        self.features() + 1 + self.b.sizes.units + 1
    }

    /// Floats of a group's gradients: for each factor, all gates.
    fn floats(&self) -> usize {
        self.factors().saturating_mul(self.width)
    }

    /// Computes the gradients.
    ///
    /// # Safety
    /// As for [`super::backward`].
    pub(super) unsafe fn run(&self, pool: &ThreadPool, walk: &Walk) {
        let b = self.b;
        let Sizes { batch, units, .. } = b.sizes;
        let (features, columns) = (self.features(), b.recurrence.cell.gates() * units);
        let wanted = features > 0 && !b.by_input.is_null();
        let cut = Cut { steps: columns, columns: features.max(1), blocks: usize::from(wanted) };
        let (floats, per_group) = (self.floats(), batch.div_ceil(self.groups));
        scratch::with(Slot::Shared, cut.floats() + MAX_LANES, |panels| {
            let value = |step: usize, _: usize, feature: usize| {
                let near = self;
                // SAFETY: the place lies within the kernel, which is read turned.
                unsafe { *near.b.input_kernel.add(feature * columns + step) }
            };
            // SAFETY: the space has room for the panels.
            let back = wanted.then(|| unsafe { pack(pool, cut, panels, value, None) });
            scratch::with(Slot::Partial, self.groups * floats, |partial| {
                let partial = Pointer(partial);
                let pays = b.sizes.pays(columns);
                run_if(pool, pays, self.groups, |group| {
                    let rows = (group * per_group).min(batch)..batch.min((group + 1) * per_group);
                    // SAFETY: each group has a place and rows of its own.
                    unsafe { self.group(walk, back, rows, partial.get().add(group * floats)) };
                });
                run_if(pool, pays, self.factors(), |factor| {
                    // SAFETY: each factor has a row of the results.
                    unsafe { self.finish(partial.get(), factor) };
                });
            });
        });
    }

    /// The rows of a group, through all time steps.
    ///
    /// # Safety
    /// As for [`super::backward`]; `sums` has room for the group's gradients.
    unsafe fn group(&self, walk: &Walk, back: Option<Panels>, rows: Range<usize>, sums: *mut f32) {
        let Sizes { time, units, .. } = self.b.sizes;
        let factor_row = spread(self.factors());
        let block = rows.len().clamp(1, MOST_ROWS);
        let at_once = (IN_HAND / block).max(1);
        let (gates, factors) = (at_once * block * self.row, at_once * block * factor_row);
        let floats = gates + factors + block * units + MAX_LANES;
        // SAFETY: the space has room for each part, the sums for all factors.
        scratch::with(Slot::Private, floats, |space| unsafe {
            let (factors, state) = (space.add(gates), space.add(gates + factors));
            sums.write_bytes(0, self.floats());
            for first in rows.clone().step_by(block) {
                let rows = first..rows.end.min(first + block);
                for first in (0..time).step_by(at_once).rev() {
                    let steps = first..time.min(first + at_once);
                    let times = span(self.b.recurrence.reverse, &steps, time);
                    let (data, row, begin) = (space, self.row, times.start);
                    let gates = Gates { data, row, begin, rows: rows.len() };
                    walk.rows(rows.clone(), &steps, gates, state);
                    let hand = Hand { gates, factors, factor_row, rows: &rows, times };
                    self.collect(&hand);
                    self.multiply(&hand, sums);
                    self.give(&hand, back);
                }
            }
        });
    }

    /// Puts side by side what the rows in hand are multiplied with.
    ///
    /// # Safety
    /// As for [`super::backward`]; the factors have room for all rows.
    unsafe fn collect(&self, hand: &Hand) {
        let Backward { recurrence, sizes, input, states, sequence, .. } = *self.b;
        let Sizes { batch, units, time, .. } = sizes;
        let (features, first) = (self.features(), hand.rows.start);
        let mut to = hand.factors;
        for step in hand.times.clone() {
            // SAFETY: the step and the rows exist.
            unsafe {
                let x = input.wrapping_add((step * batch + first) * features);
                let before = match previous(recurrence.reverse, step, time) {
                    Some(before) => sequence.add((before * batch + first) * units),
                    None => states[0].add(first * units),
                };
                for row in 0..hand.rows.len() {
                    to.copy_from_nonoverlapping(x.wrapping_add(row * features), features);
                    *to.add(features) = 1.0;
                    let state = to.add(features + 1);
                    state.copy_from_nonoverlapping(before.add(row * units), units);
                    *state.add(units) = 1.0;
                    to = to.add(hand.factor_row);
                }
            }
        }
    }

    /// Adds the products of factors and gates to the group's gradients.
    ///
    /// # Safety
    /// The sums have room for them.
    unsafe fn multiply(&self, hand: &Hand, sums: *mut f32) {
        let units = self.b.sizes.units;
        let (own, all) = (self.features() + 1, self.factors());
        let columns = self.b.recurrence.cell.gates() * units;
        let factors = (hand.factors.cast_const(), hand.factor_row);
        // SAFETY: as the caller promises.
        unsafe {
            match self.b.recurrence.cell {
                Cell::Simple | Cell::Lstm => self.tiles(hand, factors, 0..all, 0..columns, sums),
                Cell::Gru { reset_after } => {
                    self.tiles(hand, factors, 0..own, 0..columns, sums);
                    let state = (factors.0.add(own), factors.1);
                    self.tiles(hand, state, own..all, 0..2 * units, sums);
                    if reset_after {
                        self.tiles(hand, state, own..all, columns..self.width, sums);
                    } else {
                        let reset = (hand.gates.data.add(columns).cast_const(), hand.gates.row);
                        self.tiles(hand, reset, own..own + units, 2 * units..columns, sums);
                    }
                }
            }
        }
    }

    /// Adds products to some rows and columns of the group's gradients.
    ///
    /// `left` is where the factors of the first of these rows lie, and how far the next ones are.
    ///
    /// # Safety
    /// As for [`Self::multiply`].
    unsafe fn tiles(
        &self,
        hand: &Hand,
        (left, left_row): (*const f32, usize),
        rows: Range<usize>,
        columns: Range<usize>,
        sums: *mut f32,
    ) {
        let tiles = Tiles::current();
        let height = tile_rows(tiles, rows.len());
        for column in columns.clone().step_by(tiles.columns()) {
            let wide = tiles.columns().min(columns.end - column);
            for row in rows.clone().step_by(height) {
                let high = height.min(rows.end - row);
                // SAFETY: the tile lies within the sums, its operands in hand.
                unsafe {
                    tiles.get(high, wide, true)(&Tile {
                        steps: hand.times.len() * hand.rows.len(),
                        a_step: left_row.cast_signed(),
                        a: left.add(row - rows.start),
                        rows: std::ptr::null(),
                        segments: 0,
                        b: hand.gates.data.add(column),
                        b_step: hand.gates.row.cast_signed(),
                        c: sums.add(row * self.width + column),
                        c_row: self.width,
                        columns: wide,
                        far: false,
                        ahead: Stream::NONE,
                        finish: Finish { accumulate: true, ..Finish::PLAIN },
                    });
                }
            }
        }
    }

    /// Writes the gradients of what the rows in hand took.
    ///
    /// # Safety
    /// As for [`super::backward`].
    unsafe fn give(&self, hand: &Hand, back: Option<Panels>) {
        let Backward { recurrence, sizes, by_input, .. } = *self.b;
        let Sizes { batch, features, .. } = sizes;
        if by_input.is_null() {
            return;
        }
        let (rows, row) = (hand.rows.len(), hand.gates.row);
        for step in hand.times.clone() {
            let from = hand.gates.at(step, 0).cast_const();
            // SAFETY: the step and the rows exist.
            unsafe {
                let to = by_input.add((step * batch + hand.rows.start) * features);
                if let Some(back) = back {
                    back.product(0, rows, Left::whole(from, row), (to, features), false);
                } else if recurrence.input == Input::Projection {
                    copy(Columns { data: from, row, count: features }, rows, to);
                }
            }
        }
    }

    /// Adds up the gradients that one factor has in all groups, and writes them.
    ///
    /// # Safety
    /// The sums are those of all groups; nobody else writes there.
    unsafe fn finish(&self, sums: *mut f32, factor: usize) {
        let Backward { recurrence, sizes, .. } = *self.b;
        let (units, features) = (sizes.units, self.features());
        let columns = recurrence.cell.gates() * units;
        let (own, last) = (features + 1, self.factors() - 1);
        let (to, row) = match factor {
            at if at < features => (self.b.by_input_kernel, at),
            at if at == features => (self.b.by_input_bias, 0),
            at if at < last => (self.b.by_kernel, at - own),
            _ => (self.b.by_bias, 0),
        };
        if to.is_null() {
            return;
        }
        // What a GRU's state gave to the candidate is in the columns after the others.
        let after = recurrence.cell == Cell::Gru { reset_after: true } && factor >= own;
        for column in 0..columns {
            let from = if after && column >= 2 * units { column + units } else { column };
            let at = |group: usize| group * self.floats() + factor * self.width + from;
            // SAFETY: as the caller promises.
            unsafe {
                let total = (1..self.groups)
                    .fold(*sums.add(at(0)), |sum, group| sum + *sums.add(at(group)));
                *to.add(row * columns + column) = total;
            }
        }
    }
}

/// Some rows of some steps.
struct Hand<'a> {
    gates: Gates,
    /// What the gates are multiplied with, row by row.
    factors: *mut f32,
    /// Floats from one row of factors to the next.
    factor_row: usize,
    rows: &'a Range<usize>,
    /// The steps, in time.
    times: Range<usize>,
}
