//! The cache-blocked product: one operand packed for all, the other by each task for itself.
//!
//! The longer side of C is cut into tasks; the operand of that side is private, the other shared.
//! A block of the inner dimension is short enough for a packed panel of A to stay in the first
//! cache while a group of panels of B streams past it from the second.

use std::ops::Range;

use super::ahead::{Ahead, Stream};
use super::kernel::{Tile, Tiles};
use super::pack::{MAX_ZEROS, Panel};
use super::packed::{Cut, Packed};
use super::split::Pointer;
use super::tasks::{Tasks, next_panels};
use super::{PARALLEL, Product, View, Windows, run_if, tile_rows};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::MAX_LANES;

/// The longest block of the inner dimension.
const BLOCK: usize = 512;
/// The most floats of the shared operand that are packed at once: half of a second cache.
const MAX_SHARED: usize = 1 << 18;
/// Panels of A in one private block: what fits into the second cache beside a group of B.
const PRIVATE_ROWS: usize = 8;
/// Columns of B that meet a panel of A one after another: the panel of A stays in the first cache,
/// they in the second, and C is written along its rows.
const GROUP: usize = 128;
/// Fewer channels than this make runs too short for reading windows in place.
const IN_PLACE: usize = 16;
/// Columns of a transposed A further apart than this are packed: they fall into few sets, too.
const NARROW: isize = 128;
/// More floats of C than this do not stay in the second cache.
const FAR_RESULT: usize = 1 << 17;
/// Pixels further apart than this fall into few sets of the first cache.
const FAR: usize = 640;

/// The product cut into panels and blocks.
pub(super) struct Plan<'a> {
    product: &'a Product<'a>,
    tiles: &'static Tiles,
    /// Rows of a panel of A, columns of a panel of B.
    height: usize,
    width: usize,
    row_panels: usize,
    column_panels: usize,
    /// Steps of every block but the last.
    block: usize,
    /// The step of the operands at which the product begins.
    from: usize,
    /// The windows of A, when they are read in place.
    in_place: Option<(*const f32, &'a Windows)>,
    /// A transposed A that is narrow enough to be read as if it were packed, and its step.
    as_packed: Option<(*const f32, isize)>,
    /// All panels of B, when they were packed before.
    kept: Option<Pointer>,
    /// C is larger than the second cache.
    far: bool,
}

// SAFETY: the pointers are those of the product.
unsafe impl Sync for Plan<'_> {}

/// Computes the product.
///
/// # Safety
/// As for [`super::gemm`].
pub(super) unsafe fn run(pool: &ThreadPool, product: &Product, packed: Option<&Packed>) {
    // SAFETY: as the caller promises.
    unsafe { Plan::new(product, 0, packed).run(pool) }
}

/// Computes a product whose operands begin at step `from` of their inner dimension.
///
/// # Safety
/// As for [`super::gemm`], over `from + k` steps.
pub(super) unsafe fn run_from(pool: &ThreadPool, product: &Product, from: usize) {
    // SAFETY: as the caller promises.
    unsafe { Plan::new(product, from, None).run(pool) }
}

impl<'a> Plan<'a> {
    pub(super) fn new(product: &'a Product, from: usize, packed: Option<&Packed>) -> Self {
        let tiles = Tiles::current();
        let height = tile_rows(tiles, product.m);
        // A single narrow panel is packed without gaps.
        let width = tiles.columns().min(product.n);
        let mut block = product.k.div_ceil(product.k.div_ceil(BLOCK));
        let as_packed = match product.a {
            View::Strided { data, row: 1, column } if (1..=NARROW).contains(&column) => {
                Some((data, column))
            }
            _ => None,
        };
        let mut in_place = None;
        if let View::Windows { data, windows } = product.a {
            let inside = (IN_PLACE..=MAX_ZEROS).contains(&windows.channels);
            if inside && windows.pixel <= FAR && from == 0 && product.k == windows.columns() {
                in_place = Some((data, windows));
                // Whole kernel positions.
                let taps = (BLOCK / windows.channels).max(1);
                let blocks = windows.taps().div_ceil(taps);
                block = windows.taps().div_ceil(blocks) * windows.channels;
            }
        }
        let mut plan = Self {
            product,
            tiles,
            height,
            width,
            row_panels: product.m.div_ceil(height),
            column_panels: product.n.div_ceil(width),
            block,
            from,
            in_place,
            as_packed,
            kept: None,
            far: product.m * product.n > FAR_RESULT,
        };
        let kept = packed.and_then(|packed| packed.fitting(plan.cut()));
        plan.kept = kept.map(|panels| Pointer(panels.cast_mut()));
        plan
    }

    /// What decides where an element of the packed B lies.
    pub(super) fn cut(&self) -> Cut {
        let Product { k, n, .. } = *self.product;
        Cut { k, n, width: self.width, block: self.block }
    }

    /// The floats of all panels of B.
    pub(super) fn packed_floats(&self) -> usize {
        self.product.k * self.column_panels * self.width + 2 * MAX_LANES
    }

    /// Packs all panels of B.
    ///
    /// # Safety
    /// B is valid for its size, and `to` for [`Self::packed_floats`].
    pub(super) unsafe fn pack_all(&self, pool: &ThreadPool, to: *mut f32) {
        // SAFETY: as the caller promises.
        unsafe { self.pack_blocks(pool, 0..self.blocks(), Pointer(to)) };
    }

    /// Packs all panels of B over some blocks.
    ///
    /// # Safety
    /// B is valid for its size, and `to` for the blocks.
    unsafe fn pack_blocks(&self, pool: &ThreadPool, blocks: Range<usize>, to: Pointer) {
        let lanes = self.column_panels * self.width;
        run_if(pool, self.pays(), blocks.len() * self.column_panels, |task| {
            let (block, panel) = (task / self.column_panels, task % self.column_panels);
            // SAFETY: each panel has a place of its own.
            unsafe {
                let to = self.shared_panel(to, block, blocks.start, panel, lanes, self.width);
                self.pack_b(panel, blocks.start + block, to);
            }
        });
    }

    /// Computes the product.
    ///
    /// # Safety
    /// As for [`super::gemm`].
    unsafe fn run(&self, pool: &ThreadPool) {
        // SAFETY: as the caller promises.
        unsafe {
            if self.in_place.is_some() || self.product.m >= self.product.n {
                self.run_rows(pool);
            } else {
                self.run_columns(pool);
            }
        }
    }

    fn pays(&self) -> bool {
        self.product.work() >= PARALLEL
    }

    /// Panels of B that meet a panel of A one after another.
    fn group(&self) -> usize {
        (GROUP / self.width).max(1)
    }

    /// Blocks of the inner dimension that are packed into shared memory at once.
    fn shared_blocks(&self, lanes: usize) -> usize {
        (MAX_SHARED / (self.block * lanes)).max(1)
    }

    fn blocks(&self) -> usize {
        self.product.k.div_ceil(self.block)
    }

    /// First step and number of steps of a block.
    fn steps(&self, block: usize) -> (usize, usize) {
        let from = block * self.block;
        (from, self.block.min(self.product.k - from))
    }

    /// The steps of a block, from where the product begins.
    fn range(&self, block: usize) -> Range<usize> {
        let (from, steps) = self.steps(block);
        self.from + from..self.from + from + steps
    }

    /// Packs rows `panel · height ..` of A over a block.
    ///
    /// # Safety
    /// `to` has room for `height` floats per step.
    unsafe fn pack_a(&self, panel: usize, block: usize, to: *mut f32) {
        let (from, steps) = self.steps(block);
        let first = panel * self.height;
        let count = self.height.min(self.product.m - first);
        let view = self.product.a;
        let from = self.from + from;
        // SAFETY: the panel lies within A.
        unsafe { Panel { view, first, count, from, steps, width: self.height, to }.pack() }
    }

    /// Packs columns `panel · width ..` of B over a block.
    ///
    /// # Safety
    /// `to` has room for `width` floats per step.
    unsafe fn pack_b(&self, panel: usize, block: usize, to: *mut f32) {
        let (from, steps) = self.steps(block);
        let first = panel * self.width;
        let count = self.width.min(self.product.n - first);
        let view = self.product.b.transpose();
        let from = self.from + from;
        // SAFETY: the panel lies within B.
        unsafe { Panel { view, first, count, from, steps, width: self.width, to }.pack() }
    }

    /// Shares B, cuts the rows into tasks.
    ///
    /// # Safety
    /// As for [`run`].
    unsafe fn run_rows(&self, pool: &ThreadPool) {
        let lanes = self.column_panels * self.width;
        let at_once = self.shared_blocks(lanes).min(self.blocks());
        let tasks = Tasks::new(self.row_panels, PRIVATE_ROWS, pool.threads());
        let multiply = |blocks: Range<usize>, shared: Pointer| {
            run_if(pool, self.pays(), tasks.count, |task| {
                // SAFETY: tasks write disjoint rows of C; B is packed.
                unsafe { self.rows_task(tasks.panels(task), blocks.clone(), shared, lanes) };
            });
        };
        if let Some(kept) = self.kept {
            multiply(0..self.blocks(), kept);
            return;
        }
        let floats = at_once * self.block * lanes + 2 * MAX_LANES;
        scratch::with(Slot::Shared, floats, |shared| {
            let shared = Pointer(shared);
            for first in (0..self.blocks()).step_by(at_once) {
                let count = at_once.min(self.blocks() - first);
                // SAFETY: the shared memory has room for these blocks.
                unsafe { self.pack_blocks(pool, first..first + count, shared) };
                multiply(first..first + count, shared);
            }
        });
    }

    /// Where a shared panel lies: blocks one after another, panels within a block.
    ///
    /// # Safety
    /// The shared memory holds it.
    unsafe fn shared_panel(
        &self,
        shared: Pointer,
        block: usize,
        first: usize,
        panel: usize,
        lanes: usize,
        width: usize,
    ) -> *mut f32 {
        let (_, steps) = self.steps(first + block);
        // SAFETY: as the caller promises.
        unsafe { shared.get().add(block * self.block * lanes + panel * width * steps) }
    }

    /// A panel of the B that was packed before.
    ///
    /// # Safety
    /// It is the whole B.
    unsafe fn kept_panel(&self, kept: Pointer, block: usize, panel: usize) -> *mut f32 {
        let lanes = self.column_panels * self.width;
        // SAFETY: as the caller promises.
        unsafe { self.shared_panel(kept, block, 0, panel, lanes, self.width) }
    }

    /// The rows of one task, over some blocks.
    ///
    /// # Safety
    /// B is packed for the blocks; nobody else touches these rows.
    unsafe fn rows_task(
        &self,
        panels: Range<usize>,
        blocks: Range<usize>,
        shared: Pointer,
        lanes: usize,
    ) {
        if let Some((data, windows)) = self.in_place {
            // SAFETY: as the caller promises.
            unsafe { self.window_task(data, windows, panels, blocks, shared, lanes) };
            return;
        }
        let panel_floats = self.height * self.block;
        scratch::with(Slot::Private, panels.len() * panel_floats + MAX_LANES, |private| {
            for block in blocks.clone() {
                let (_, steps) = self.steps(block);
                // SAFETY: the private memory has a place for each panel.
                unsafe {
                    for (index, panel) in panels.clone().enumerate() {
                        self.pack_a(panel, block, private.add(index * panel_floats));
                    }
                    let next = next_panels(&panels, self.row_panels, block, &blocks);
                    let mut ahead = self.ahead_of_rows(next);
                    for group in (0..self.column_panels).step_by(self.group()) {
                        let group = group..self.column_panels.min(group + self.group());
                        for (index, row) in panels.clone().enumerate() {
                            let a = private.add(index * panel_floats);
                            for column in group.clone() {
                                let (index, first) = (block - blocks.start, blocks.start);
                                let b = self
                                    .shared_panel(shared, index, first, column, lanes, self.width);
                                let ahead = ahead.stream(steps);
                                let operands = |tile| Tile { a, b, steps, ahead, ..tile };
                                self.tile(row, column, block, operands);
                            }
                        }
                    }
                }
            }
        });
    }

    /// What is asked for before panels of A are packed over a block.
    fn ahead_of_rows(&self, (panels, block): (Range<usize>, usize)) -> Ahead {
        if panels.is_empty() {
            return Ahead::NOTHING;
        }
        let lanes = panels.start * self.height..self.product.m.min(panels.end * self.height);
        Ahead::of(&self.product.a, lanes, self.range(block))
    }

    /// The rows of one task when A's windows are read in place, through row pointers.
    ///
    /// # Safety
    /// As for [`Self::rows_task`].
    unsafe fn window_task(
        &self,
        data: *const f32,
        windows: &Windows,
        panels: Range<usize>,
        blocks: Range<usize>,
        shared: Pointer,
        lanes: usize,
    ) {
        let segments = self.block / windows.channels;
        let pointers = segments * self.height;
        let floats = pointers * scratch::POINTER;
        scratch::with(Slot::Private, floats + MAX_LANES, |private| {
            let table = private.cast::<*const f32>();
            for row in panels {
                for block in blocks.clone() {
                    let (from, steps) = self.steps(block);
                    let taps = from / windows.channels..(from + steps) / windows.channels;
                    // SAFETY: the table has room for the pointers of a block.
                    unsafe {
                        let first = row * self.height;
                        let rows = first..self.product.m.min(first + self.height);
                        windows.point(data, rows, taps.clone(), table);
                        for column in 0..self.column_panels {
                            let index = block - blocks.start;
                            let first = blocks.start;
                            let b =
                                self.shared_panel(shared, index, first, column, lanes, self.width);
                            self.tile(row, column, block, |tile| Tile {
                                rows: table,
                                segments: taps.len(),
                                steps: windows.channels,
                                a_step: 1,
                                b,
                                ..tile
                            });
                        }
                    }
                }
            }
        });
    }

    /// Shares A, cuts the columns into tasks.
    ///
    /// # Safety
    /// As for [`run`].
    unsafe fn run_columns(&self, pool: &ThreadPool) {
        let lanes = self.row_panels * self.height;
        let at_once = self.shared_blocks(lanes).min(self.blocks());
        let tasks = Tasks::new(self.column_panels, self.group(), pool.threads());
        let packs = self.as_packed.is_none();
        let floats = if packs { at_once * self.block * lanes + 2 * MAX_LANES } else { 0 };
        scratch::with(Slot::Shared, floats, |shared| {
            let shared = Pointer(shared);
            for first in (0..self.blocks()).step_by(at_once) {
                let count = at_once.min(self.blocks() - first);
                let packing = if packs { count * self.row_panels } else { 0 };
                run_if(pool, self.pays(), packing, |task| {
                    let (block, panel) = (task / self.row_panels, task % self.row_panels);
                    // SAFETY: each panel has a place of its own.
                    unsafe {
                        let to = self.shared_panel(shared, block, first, panel, lanes, self.height);
                        self.pack_a(panel, first + block, to);
                    }
                });
                let blocks = first..first + count;
                run_if(pool, self.pays(), tasks.count, |task| {
                    let (panels, blocks) = (tasks.panels(task), blocks.clone());
                    // SAFETY: tasks write disjoint columns of C; A is packed.
                    unsafe { self.columns_task(panels, blocks, shared, lanes) };
                });
            }
        });
    }

    /// The columns of one task, over some blocks.
    ///
    /// # Safety
    /// A is packed for the blocks; nobody else touches these columns.
    unsafe fn columns_task(
        &self,
        panels: Range<usize>,
        blocks: Range<usize>,
        shared: Pointer,
        lanes: usize,
    ) {
        let panel_floats = self.width * self.block;
        let packing = if self.kept.is_none() { panels.clone() } else { 0..0 };
        scratch::with(Slot::Private, packing.len() * panel_floats + MAX_LANES, |private| {
            for block in blocks.clone() {
                let (_, steps) = self.steps(block);
                let index = block - blocks.start;
                let next = next_panels(&panels, self.column_panels, block, &blocks);
                let mut ahead = self.ahead_of_columns(next);
                // SAFETY: the private memory has a place for each panel.
                unsafe {
                    for (index, panel) in packing.clone().enumerate() {
                        self.pack_b(panel, block, private.add(index * panel_floats));
                    }
                    for row in 0..self.row_panels {
                        let (a, a_step) = self.panel_a(shared, index, &blocks, row, lanes);
                        for (position, column) in panels.clone().enumerate() {
                            let b = match self.kept {
                                None => private.add(position * panel_floats),
                                Some(kept) => self.kept_panel(kept, block, column),
                            };
                            let ahead = ahead.stream(steps);
                            let operands = |tile| Tile { a, a_step, b, steps, ahead, ..tile };
                            self.tile(row, column, block, operands);
                        }
                    }
                }
            }
        });
    }

    /// What is asked for before panels of B are packed over a block, or read where they were
    /// packed before.
    fn ahead_of_columns(&self, (panels, block): (Range<usize>, usize)) -> Ahead {
        if panels.is_empty() {
            return Ahead::NOTHING;
        }
        if let Some(kept) = self.kept {
            let (_, steps) = self.steps(block);
            // SAFETY: the panel is one of B.
            let from = unsafe { self.kept_panel(kept, block, panels.start) };
            return Ahead::rows(from, self.width.cast_signed(), panels.len() * steps, self.width);
        }
        let lanes = panels.start * self.width..self.product.n.min(panels.end * self.width);
        Ahead::of(&self.product.b.transpose(), lanes, self.range(block))
    }

    /// A panel of A and the distance between its steps: packed and shared, or where it lies.
    ///
    /// # Safety
    /// The block has been packed, unless A is read as it lies.
    #[inline(always)]
    unsafe fn panel_a(
        &self,
        shared: Pointer,
        index: usize,
        blocks: &Range<usize>,
        row: usize,
        lanes: usize,
    ) -> (*const f32, isize) {
        // SAFETY: the panel lies within A, or within the shared memory.
        unsafe {
            if let Some((data, step)) = self.as_packed {
                let from = self.from + (blocks.start + index) * self.block;
                return (data.offset(from.cast_signed() * step).add(row * self.height), step);
            }
            let panel = self.shared_panel(shared, index, blocks.start, row, lanes, self.height);
            (panel.cast_const(), self.height.cast_signed())
        }
    }

    /// Computes one tile over one block; `operands` completes its description.
    ///
    /// # Safety
    /// The operands are valid, and nobody else touches this tile of C.
    #[inline(always)]
    unsafe fn tile(
        &self,
        row_panel: usize,
        column_panel: usize,
        block: usize,
        operands: impl FnOnce(Tile) -> Tile,
    ) {
        let product = self.product;
        let (row, column) = (row_panel * self.height, column_panel * self.width);
        let rows = self.height.min(product.m - row);
        let columns = self.width.min(product.n - column);
        let (first, last) = (block == 0, block + 1 == self.blocks());
        // SAFETY: the tile lies within C.
        unsafe {
            let tile = operands(Tile {
                steps: 0,
                a_step: self.height.cast_signed(),
                a: std::ptr::null(),
                rows: std::ptr::null(),
                segments: 0,
                b: std::ptr::null(),
                b_step: self.width.cast_signed(),
                c: product.c.add(row * product.c_row + column),
                c_row: product.c_row,
                columns,
                far: self.far,
                ahead: Stream::NONE,
                finish: product.finish(row, column, first, last),
            });
            self.tiles.get(rows, columns, self.in_place.is_none())(&tile);
            if last {
                product.activate(row, rows, column, columns);
            }
        }
    }
}
