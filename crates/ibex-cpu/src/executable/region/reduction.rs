//! Regions with reductions at their edge: a chain that feeds a sum is never written to memory.
//!
//! The space is `(outer, reduced, inner)`.
//! With one inner element, rows are folded as they come out of the tile; otherwise columns are
//! accumulated side by side.
//! Work is cut by sizes alone, and parts are joined in their order, so the bits do not depend on
//! the number of threads.

use std::ops::Range;

use ibex_compile::program::{Region, Step};
use ibex_graph::ops::reduce::Reduction;
use ibex_graph::{DType, Element, with_element};

use super::code::Code;
use super::fold::{fold_run, put};
use super::tile::{Frame, Lane};
use super::{PARALLEL, TASK};
use crate::elementwise::{Binary, BinaryFn, Form};
use crate::executable::Launch;
use crate::executable::memory::{Layout, Located, Memory};
use crate::pool::ThreadPool;
use crate::scratch;

/// A reduced output.
#[derive(Debug, Clone)]
struct Edge {
    register: usize,
    reduction: Reduction,
    dtype: DType,
    to: Located,
    /// Joins vectors of `float32`, or a vector and a single value.
    join: [BinaryFn; 2],
}

/// How the space is cut.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// Columns side by side in a tile; 1 means that rows are folded.
    columns: usize,
    /// Column blocks.
    blocks: usize,
    /// Reduced positions of one part.
    part: usize,
    /// Parts along the reduced axis.
    parts: usize,
    /// Outer positions of one task.
    group: usize,
}

/// A region that reduces.
pub(super) struct Reducing {
    code: Code,
    outer: usize,
    reduced: usize,
    inner: usize,
    edges: Vec<Edge>,
    cut: Cut,
    parallel: bool,
}

/// Enough tasks for any number of threads.
const MOST_TASKS: usize = 256;

/// Memory for the parts, shared by the tasks.
#[derive(Debug, Clone, Copy)]
struct Parts(*mut f64);

// SAFETY: every task writes parts of its own.
unsafe impl Sync for Parts {}

impl Parts {
    fn at(self, index: usize) -> *mut f64 {
        self.0.wrapping_add(index)
    }
}

impl Reducing {
    pub(super) fn new(code: Code, region: &Region, step: &Step, layout: &Layout) -> Reducing {
        let axes = &region.space;
        let inside = region.outer_axes + region.reduced_axes;
        let outer: usize = axes[..region.outer_axes].iter().product();
        let reduced: usize = axes[region.outer_axes..inside].iter().product();
        let inner: usize = axes[inside..].iter().product();
        let edges = region.stores.iter().filter_map(|store| {
            let output = &step.outputs[store.output];
            let reduction = store.reduction?;
            let vector = |form| combiner(reduction).function(Form::Vector, form);
            Some(Edge {
                register: store.register,
                reduction,
                dtype: output.dtype,
                to: layout.locate(output),
                join: [vector(Form::Vector), vector(Form::Scalar)],
            })
        });
        let edges = edges.collect();
        let cut = cut(outer, reduced, inner, code.tile);
        let parallel = outer * reduced * inner * region.code.len() >= PARALLEL;
        Reducing { code, outer, reduced, inner, edges, cut, parallel }
    }
}

fn combiner(reduction: Reduction) -> Binary {
    match reduction {
        Reduction::Sum => Binary::Add,
        Reduction::Product => Binary::Mul,
        Reduction::Maximum => Binary::Max,
        Reduction::Minimum => Binary::Min,
    }
}

fn cut(outer: usize, reduced: usize, inner: usize, tile: usize) -> Cut {
    if inner == 1 {
        let part = if reduced <= TASK { reduced.max(1) } else { TASK };
        let group = (TASK / reduced.max(1)).clamp(1, outer.max(1));
        return Cut { columns: 1, blocks: 1, part, parts: reduced.div_ceil(part).max(1), group };
    }
    let columns = inner.min(tile);
    let blocks = inner.div_ceil(columns);
    // Enough blocks side by side need no cut along the sums, which would have to be joined.
    let side_by_side = outer * blocks >= 8 && reduced <= 1024;
    let part = if side_by_side { reduced.max(1) } else { (2 * TASK / columns).max(1) };
    // Parts are memory, and are added one after another: no more of them than tasks are needed.
    let most = (MOST_TASKS / (outer * blocks).max(1)).max(1);
    let part = part.max(reduced.div_ceil(most)).min(reduced.max(1));
    let group = (2 * TASK / (columns * part).max(1)).clamp(1, outer.max(1));
    let parts = reduced.div_ceil(part).max(1);
    let group = if parts > 1 { 1 } else { group };
    Cut { columns, blocks, part, parts, group }
}

impl Launch for Reducing {
    unsafe fn launch(&self, memory: &Memory, pool: &ThreadPool) {
        let Cut { blocks, parts, group, .. } = self.cut;
        let groups = self.outer.div_ceil(group);
        let each = self.outer * parts * self.inner;
        scratch::with(scratch::Slot::Rearranged, 2 * each * self.edges.len(), |space| {
            let space = Parts(space.cast());
            // SAFETY: tasks write parts of their own, which are joined when all are done.
            unsafe {
                self.code.with_uniforms(memory, |uniforms| {
                    let task = |index: usize| {
                        let (rest, block) = (index / blocks, index % blocks);
                        let (rest, part) = (rest / parts, rest % parts);
                        let rows = rest * group..self.outer.min((rest + 1) * group);
                        let all = rows.clone();
                        Frame::with(&self.code, memory, uniforms, |frame| match self.inner {
                            1 => self.rows(frame, rows, part, space),
                            _ => rows.for_each(|row| self.columns(frame, row, part, block, space)),
                        });
                        if parts == 1 {
                            let first = block * self.cut.columns;
                            let columns = first..self.inner.min(first + self.cut.columns);
                            self.finish(memory, space, all, columns);
                        }
                    };
                    let tasks = groups * parts * blocks;
                    match self.parallel {
                        true => pool.run(tasks, task),
                        false => (0..tasks).for_each(task),
                    }
                });
                if parts > 1 {
                    self.finish(memory, space, 0..self.outer, 0..self.inner);
                }
            }
        });
    }
}

impl Reducing {
    /// The parts of edge `edge` for an outer position.
    fn parts_of(&self, edge: usize, row: usize, space: Parts) -> *mut f64 {
        space.at((edge * self.outer + row) * self.cut.parts * self.inner)
    }

    /// Folds part `part` of each of `rows`.
    ///
    /// # Safety
    /// As for `Launch::launch`; the parts are this task's own.
    unsafe fn rows(&self, frame: &Frame<'_>, rows: Range<usize>, part: usize, space: Parts) {
        let from = part * self.cut.part;
        let count = self.cut.part.min(self.reduced - from);
        let tile = self.code.tile;
        // SAFETY: the positions lie in the space.
        unsafe {
            if count == self.reduced && self.code.together(0, count) == count {
                // Rows of operands that are repeated are computed one at a time.
                let alone = self.code.row.is_some();
                let together = if alone { 1 } else { (tile / count.max(1)).max(1) };
                let mut row = rows.start;
                while row < rows.end {
                    let next = rows.end.min(row + together);
                    let start = row * count;
                    let positions = (next - row) * count;
                    frame.compute(start, positions, start + positions);
                    for (index, edge) in self.edges.iter().enumerate() {
                        let Lane { data, single } = frame.lane(edge.register);
                        for r in row..next {
                            let at = if single { 0 } else { (r - row) * count };
                            let data = data.add(at * edge.dtype.size());
                            *self.parts_of(index, r, space) =
                                fold_run(edge.reduction, edge.dtype, data, single, count);
                        }
                    }
                    frame.store(start, positions);
                    row = next;
                }
                return;
            }
            for row in rows {
                for (index, edge) in self.edges.iter().enumerate() {
                    *self.parts_of(index, row, space).add(part) = edge.reduction.identity();
                }
                let mut at = from;
                while at < from + count {
                    let start = row * self.reduced + at;
                    let length = self.code.together(start, from + count - at);
                    frame.compute(start, length, start + length);
                    for (index, edge) in self.edges.iter().enumerate() {
                        let Lane { data, single } = frame.lane(edge.register);
                        let run = fold_run(edge.reduction, edge.dtype, data, single, length);
                        let total = self.parts_of(index, row, space).add(part);
                        *total = edge.reduction.combine(*total, run);
                    }
                    frame.store(start, length);
                    at += length;
                }
            }
        }
    }

    /// Accumulates one block of columns of one part.
    ///
    /// # Safety
    /// As for `Launch::launch`; the parts are this task's own.
    unsafe fn columns(
        &self,
        frame: &Frame<'_>,
        row: usize,
        part: usize,
        block: usize,
        space: Parts,
    ) {
        let first = block * self.cut.columns;
        let width = self.cut.columns.min(self.inner - first);
        let from = part * self.cut.part;
        let end = self.reduced.min(from + self.cut.part);
        let target = |index: usize| {
            let parts = self.parts_of(index, row, space);
            parts.wrapping_add(part * self.inner)
        };
        // SAFETY: the positions lie in the space, the parts hold `inner` numbers each.
        unsafe {
            for (index, edge) in self.edges.iter().enumerate() {
                edge.begin(target(index), first, width);
            }
            let lines = (self.code.tile / width).min(end - from);
            if self.cut.blocks == 1 && self.code.row.is_none() && lines > 1 {
                let start = row * self.reduced + from;
                return self.narrow_columns(frame, (start, end - from), lines, target);
            }
            for at in from..end {
                let start = (row * self.reduced + at) * self.inner + first;
                let mut column = 0;
                while column < width {
                    let count = self.code.together(start + column, width - column);
                    frame.compute(start + column, count, start + column + self.inner);
                    for (index, edge) in self.edges.iter().enumerate() {
                        let lane = frame.lane(edge.register);
                        edge.accumulate((target(index), first + column), lane, count);
                    }
                    frame.store(start + column, count);
                    column += count;
                }
            }
        }
    }

    /// Accumulates `count` lines from line `start` on, `together` lines at a time: side by side
    /// first, so that vectors are full however few columns there are.
    ///
    /// # Safety
    /// As for `columns`.
    unsafe fn narrow_columns(
        &self,
        frame: &Frame<'_>,
        (start, count): (usize, usize),
        together: usize,
        target: impl Fn(usize) -> *mut f64,
    ) {
        let width = self.inner;
        let side = together * width;
        scratch::with(scratch::Slot::Phase, 2 * side * self.edges.len(), |wide| {
            let wide = |index: usize| wide.wrapping_add(2 * index * side).cast::<f64>();
            // SAFETY: as the caller promises; there is room for `side` numbers of each edge.
            unsafe {
                for (index, edge) in self.edges.iter().enumerate() {
                    edge.begin(wide(index), 0, side);
                }
                let mut at = 0;
                while at < count {
                    let lines = together.min(count - at);
                    let from = (start + at) * width;
                    frame.compute(from, lines * width, from + lines * width);
                    for (index, edge) in self.edges.iter().enumerate() {
                        let lane = frame.lane(edge.register);
                        edge.accumulate((wide(index), 0), lane, lines * width);
                    }
                    frame.store(from, lines * width);
                    at += lines;
                }
                for (index, edge) in self.edges.iter().enumerate() {
                    (0..together).for_each(|line| {
                        edge.join_lines(target(index), wide(index), line * width, width);
                    });
                }
            }
        });
    }

    /// Joins the parts of some outer positions and columns into the outputs.
    ///
    /// # Safety
    /// As for `Launch::launch`; all parts are written.
    unsafe fn finish(
        &self,
        memory: &Memory,
        space: Parts,
        rows: Range<usize>,
        columns: Range<usize>,
    ) {
        let (parts, inner, width) = (self.cut.parts, self.inner, columns.len());
        for (index, edge) in self.edges.iter().enumerate() {
            let to = memory.at(edge.to);
            for row in rows.clone() {
                let from = self.parts_of(index, row, space);
                // SAFETY: every part was written; the output holds every kept position.
                unsafe {
                    if inner > 1 && edge.dtype == DType::F32 {
                        let to = to.cast::<f32>().add(row * inner + columns.start);
                        let from = |part| from.add(part * inner).cast::<f32>().add(columns.start);
                        to.copy_from_nonoverlapping(from(0), width);
                        (1..parts).for_each(|part| (edge.join[0])(to, from(part), to, width));
                        continue;
                    }
                    for column in columns.clone() {
                        let values = (0..parts).map(|part| *from.add(part * inner + column));
                        let joined = values.reduce(|a, b| edge.reduction.combine(a, b));
                        let value = joined.unwrap_or(edge.reduction.identity());
                        put(edge.dtype, to, row * inner + column, value);
                    }
                }
            }
        }
    }
}

impl Edge {
    /// Sets the accumulators from `first` on to what changes nothing: those of `float32` are
    /// `f32`, all others `f64`.
    ///
    /// # Safety
    /// They are there and the caller's own.
    unsafe fn begin(&self, into: *mut f64, first: usize, width: usize) {
        let identity = self.reduction.identity();
        for i in first..first + width {
            // SAFETY: as the caller promises.
            unsafe {
                match self.dtype {
                    DType::F32 => *into.cast::<f32>().add(i) = identity as f32,
                    _ => *into.add(i) = identity,
                }
            }
        }
    }

    /// Joins `width` elements of a lane into the accumulators from `first` on.
    ///
    /// # Safety
    /// Both are there; the accumulators are the caller's own.
    unsafe fn accumulate(&self, (into, first): (*mut f64, usize), lane: Lane, width: usize) {
        let Lane { data, single } = lane;
        // SAFETY: as the caller promises.
        unsafe {
            if self.dtype == DType::F32 {
                let into = into.cast::<f32>().add(first);
                (self.join[usize::from(single)])(into, data.cast(), into, width);
                return;
            }
            let step = usize::from(!single);
            with_element!(self.dtype, T => {
                for i in 0..width {
                    let value = *data.cast::<T>().add(i * step);
                    let into = into.add(first + i);
                    *into = self.reduction.combine(*into, value.to_f64());
                }
            });
        }
    }

    /// Joins `width` accumulators of `from`, from `at` on, into the first ones of `into`.
    ///
    /// # Safety
    /// Both are there and the caller's own.
    unsafe fn join_lines(&self, into: *mut f64, from: *const f64, at: usize, width: usize) {
        // SAFETY: as the caller promises.
        unsafe {
            if self.dtype == DType::F32 {
                let (into, from) = (into.cast::<f32>(), from.cast::<f32>().add(at));
                return (self.join[0])(into, from, into, width);
            }
            for i in 0..width {
                *into.add(i) = self.reduction.combine(*into.add(i), *from.add(at + i));
            }
        }
    }
}
