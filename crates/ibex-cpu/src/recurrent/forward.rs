//! A sequence through a cell.

mod cells;

use cells::Rows;

use super::gates::{Any, Usual};
use super::panels::{Cut, Panels, pack};
use super::{Cell, Input, Recurrence, Sizes, span};
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
    let (gates, all) = (cell.gates(), cell.gates() * units);
    // Without `reset_after`, the candidate's part is a product of its own.
    let together = if let Cell::Gru { reset_after: false } = cell { 2 } else { gates };
    let recurrent = Weights { kernel: f.kernel, bias: f.bias, steps: units, units, all };
    let (first, second) = (recurrent.cut(together, chunk(cell)), recurrent.cut(1, 2 * lanes()));
    let second_floats = if together < gates { second.floats() } else { 0 };
    scratch::with(Slot::Rearranged, first.floats() + second_floats + MAX_LANES, |to| {
        // SAFETY: the space has room for both.
        let (gated, candidate) = unsafe {
            let candidate = (second_floats > 0).then(|| {
                let kernel = f.kernel.add(2 * units);
                let to = to.add(first.floats());
                Weights { kernel, ..recurrent }.pack(pool, second, 2 * lanes(), to)
            });
            (recurrent.pack(pool, first, chunk(cell), to), candidate)
        };
        let run = |steps: Range<usize>, inputs: Inputs| {
            let walk = Walk { f, gated, candidate, together, steps, inputs };
            // SAFETY: as the caller promises; the inputs have those steps.
            unsafe { walk.run(pool) };
        };
        if f.recurrence.input == Input::Projection {
            run(0..time, Inputs::Projection(f.input));
            return;
        }
        let (kernel, bias) = (f.input_kernel, f.input_bias);
        let weights = Weights { kernel, bias, steps: features, units, all };
        let cut = weights.cut(gates, chunk(cell));
        if together == gates && cut.floats() <= MOST_FLOATS {
            scratch::with(Slot::Shared, cut.floats() + MAX_LANES, |to| {
                // SAFETY: the space has room for the panels.
                let panels = unsafe { weights.pack(pool, cut, chunk(cell), to) };
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
                unsafe { project(pool, f, begin, steps.len() * batch, space) };
                // Where step 0 would lie.
                run(steps, Inputs::Projection(space.cast_const().wrapping_sub(begin * all)));
            }
        });
    });
}

/// A kernel with the gates of all units, gate by gate.
#[derive(Clone, Copy)]
struct Weights {
    kernel: *const f32,
    /// One value for each column, or null.
    bias: *const f32,
    /// Rows of the kernel.
    steps: usize,
    units: usize,
    /// Columns of the kernel.
    all: usize,
}

// SAFETY: only read, while the call that was given it waits for its tasks.
unsafe impl Sync for Weights {}

impl Weights {
    /// The cut into blocks of `chunk` units with `gates` gates of each.
    fn cut(&self, gates: usize, chunk: usize) -> Cut {
        let Weights { steps, units, .. } = *self;
        Cut { steps, columns: gates * chunk, blocks: units.div_ceil(chunk) }
    }

    /// Packs blocks of `chunk` units; units that do not exist are zeros.
    ///
    /// # Safety
    /// `to` has room for the cut, and kernel and bias are valid for its gates.
    unsafe fn pack(&self, pool: &ThreadPool, cut: Cut, chunk: usize, to: *mut f32) -> Panels {
        let place = |block: usize, column: usize| {
            let (gate, unit) = (column / chunk, block * chunk + column % chunk);
            (unit < self.units).then_some(gate * self.units + unit)
        };
        let value = |step: usize, block: usize, column: usize| match place(block, column) {
            // SAFETY: as the caller promises.
            Some(at) => unsafe { *self.kernel.add(step * self.all + at) },
            None => 0.0,
        };
        let bias = |block: usize, column: usize| match place(block, column) {
            // SAFETY: likewise.
            Some(at) => unsafe { *self.bias.add(at) },
            None => 0.0,
        };
        let has_bias = !self.bias.is_null();
        // SAFETY: likewise.
        unsafe { pack(pool, cut, to, value, has_bias.then_some(&bias as _)) }
    }
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
            // For each row: products of a block, its projections or the candidate's operands of all
            // units.
            let wide = (self.together * chunk(cell)).max(2 * lanes());
            let floats = rows * (wide + wide.max(2 * units));
            scratch::with(Slot::Private, floats + MAX_LANES, |space| {
                let walk = self;
                match Any::unless_usual(&recurrence) {
                    None => dispatch(Rows { walk, pair: Usual, first, rows, space }),
                    Some(pair) => dispatch(Rows { walk, pair, first, rows, space }),
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
