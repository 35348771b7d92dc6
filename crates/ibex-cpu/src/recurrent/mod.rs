//! Recurrent cells over whole sequences: each step is a product, its gates and its states.
//!
//! The rows of a batch never meet in the recurrence, so a task takes some rows through many time
//! steps: threads meet once per `ROWS_AT_ONCE`, not once per step.
//! Projections of features, and gradients of projections, are as wide as all gates; they live for
//! those steps only and never leave the caches.
//! The recurrent kernel is packed once per call, in blocks of a few units with all their gates:
//! the product of one block stays in the first cache until its gates are done.
//! Every element is summed in one order whatever the rows of a task, so the bits do not depend on
//! the number of threads.
//! Order to read: this file, `gates` (activations), `panels` (packing and products), `forward`,
//! `backward`, `near`, `far`.
//! Must not know: graphs, layers; of the operations only what a cell is.

mod backward;
mod far;
mod forward;
mod gates;
mod near;
mod panels;
#[cfg(test)]
mod tests;

pub use backward::{Backward, backward};
pub use forward::{Forward, forward};
pub use ibex_graph::ops::recurrent::{Activation, Cell, Input, Recurrence};

use std::ops::Range;

use crate::simd::Simd;

/// Rows that are worth a task of their own: fewer would read the packed kernel too often.
const LEAST_ROWS: usize = 8;
/// The most rows of a task: what it has in hand stays in the first cache.
const MOST_ROWS: usize = 32;

/// Rows of some time steps, together, whose projections or their gradients are in hand at once: a
/// product over them pays for reading its result again, and all gates of 64 units take a MiB.
const ROWS_AT_ONCE: usize = 1024;

/// What a recurrence walks over.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Time steps, at least one.
    pub time: usize,
    /// Rows.
    pub batch: usize,
    /// Elements of a state.
    pub units: usize,
    /// Elements of what a step takes.
    pub features: usize,
}

impl Sizes {
    /// How many rows a task takes; no result depends on it.
    fn rows_per_task(&self, threads: usize) -> usize {
        self.batch.div_ceil(2 * threads).clamp(LEAST_ROWS, MOST_ROWS)
    }

    /// How many steps are in hand at once.
    fn steps_at_once(&self) -> usize {
        ROWS_AT_ONCE.div_ceil(self.batch).min(self.time)
    }

    /// Whether forking pays: multiply-adds of a product with `columns` columns.
    fn pays(&self, columns: usize) -> bool {
        let work = self.batch.saturating_mul(self.units).saturating_mul(columns);
        work.saturating_mul(self.time) >= 1 << 17
    }
}

/// The step before `step` in the order of the recurrence; none before the first.
fn previous(reverse: bool, step: usize, time: usize) -> Option<usize> {
    match reverse {
        false => step.checked_sub(1),
        true => Some(step + 1).filter(|&step| step < time),
    }
}

/// The `index`-th step of the recurrence.
fn nth(reverse: bool, index: usize, time: usize) -> usize {
    if reverse { time - 1 - index } else { index }
}

/// Where the `indices`-th steps of the recurrence lie in time.
fn span(reverse: bool, indices: &Range<usize>, time: usize) -> Range<usize> {
    if reverse { time - indices.end..time - indices.start } else { indices.clone() }
}

/// All lanes if the row moves at this step, none if the mask holds it.
///
/// # Safety
/// `mask` is null or valid at `at`.
#[inline(always)]
unsafe fn moves<S: Simd>(s: S, mask: *const u8, at: usize) -> S::M {
    // SAFETY: as the caller promises.
    let moves = if mask.is_null() { 1 } else { unsafe { *mask.add(at) } };
    s.lt(s.splat(0.0), s.splat(f32::from(moves)))
}
