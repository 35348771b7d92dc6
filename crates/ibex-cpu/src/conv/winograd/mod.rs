//! Convolutions of 3 × 3 without strides with 16 products for four results instead of 36.
//!
//! Winograd's F(2 × 2, 3 × 3): four pixels of output are `Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A` of a patch `d`
//! of 4 × 4 pixels and a kernel `g` (Lavin & Gray, "Fast Algorithms for Convolutional Neural
//! Networks", 2015, where its errors are smaller than those of direct sums, too).
//! All patches together make 16 matrix products over the channels, which a task computes for some
//! patches at a time, so that what is between the transformations stays in its second cache.
//! The gradient of the input is such a convolution, too; that of the kernel is
//! `Gᵀ[Σ (A dy Aᵀ) ⊙ (Bᵀ d B)]G`, 16 products again, over the patches.
//! Read on with `transforms`.
//! Must not know: groups, layers.

mod transforms;

use crate::gemm::{
    Bias, Epilogue, Finish, MAX_ZEROS, Pointer, Stream, Tile, Tiles, Windows, run_if, tile_rows,
};
use crate::pool::ThreadPool;
use crate::scratch::{self, Buffer, Slot};
use crate::simd::{MAX_LANES, dispatch};
use transforms::{Back, Collect, FilterPanel, Forth, Out};

/// Elements of a transformed patch.
const PATCH: usize = 16;
/// Fewer channels or filters than this do not pay for the transformations.
const FEWEST: usize = 16;
/// Fewer patches than this do not pay for the transformation of the kernel in every step.
const FEWEST_PATCHES: usize = 64;
/// The same for a kernel that is transformed once.
const FEWEST_KEPT: usize = 16;
/// The longest block of channels that is summed at once.
const BLOCK: usize = 256;
/// Floats of transformed patches and products that a task works on: at least this many, and at
/// most so many, and else half as many as the kernel has, which is read for each task.
const WORK: (usize, usize) = (1 << 16, 1 << 19);
/// Added to rows, so that neighbours do not fall into the same set of a cache.
const GAP: usize = MAX_LANES;
/// Floats of transformed patches that all threads sum at once into the gradient of a kernel.
const SUMMED: usize = 1 << 20;
/// Floats of sums that stay in the second cache of each thread beside the patches of a task.
const NEAR_SUMS: usize = 1 << 17;
/// The most parts of the patches that have such sums.
const MAX_PARTS: usize = 8;
/// Patches, or channels, of one task of a transformation.
const GROUP: usize = 8;

/// Whether a convolution that is computed this way can end so.
pub(super) fn ends(epilogue: &Epilogue) -> bool {
    epilogue.alpha == 1.0 && !epilogue.accumulate && !matches!(epilogue.bias, Bias::Row(_))
}

/// A convolution that is computed this way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Winograd {
    batch: usize,
    /// Height and width.
    input: [usize; 2],
    output: [usize; 2],
    /// The pixel that the first patch begins with.
    origin: [isize; 2],
    /// Patches down and across an image.
    patches: [usize; 2],
    channels: usize,
    filters: usize,
}

/// The kernel, transformed: for each element of a patch a matrix of channels and filters, in blocks
/// of channels, in panels as wide as a tile.
#[derive(Debug)]
pub(super) struct Filters(Buffer);

impl Winograd {
    /// The convolution, if it is of the kind and pays; depends on the sizes only, and on whether
    /// the kernel stays the same from run to run.
    pub(super) fn new(windows: &Windows, filters: usize, kept: bool) -> Option<Winograd> {
        let Windows { batch, channels, .. } = *windows;
        let is_kind = windows.kernel == [1, 3, 3]
            && windows.stride == [1; 3]
            && windows.dilation[1..] == [1; 2]
            && (windows.input[0], windows.output[0], windows.origin[0]) == (1, 1, 0)
            && windows.pixel == channels;
        let output = [windows.output[1], windows.output[2]];
        let patches = output.map(|extent| extent.div_ceil(2));
        let per_image = patches[0] * patches[1];
        // Of four pixels of a patch enough are wanted.
        let pays = 9 * output[0] * output[1] >= 21 * per_image
            && batch * per_image >= if kept { FEWEST_KEPT } else { FEWEST_PATCHES }
            && (FEWEST..=MAX_ZEROS).contains(&channels)
            && (FEWEST..=MAX_ZEROS).contains(&filters);
        (is_kind && pays).then(|| Winograd {
            batch,
            input: [windows.input[1], windows.input[2]],
            output,
            origin: [windows.origin[1], windows.origin[2]],
            patches,
            channels,
            filters,
        })
    }

    /// Products of a channel and a filter for each image.
    pub(super) fn products(&self) -> usize {
        PATCH * self.patches[0] * self.patches[1]
    }

    /// Columns of a panel of filters.
    fn width(&self) -> usize {
        Tiles::current().columns().min(self.filters)
    }

    /// Floats of one matrix of the transformed kernel.
    fn matrix(&self) -> usize {
        self.channels * self.filters.next_multiple_of(self.width())
    }

    /// Channels of every block but the last.
    fn block(&self) -> usize {
        self.channels.div_ceil(self.channels.div_ceil(BLOCK))
    }

    fn all_patches(&self) -> usize {
        self.batch * self.patches[0] * self.patches[1]
    }

    fn filter_floats(&self) -> usize {
        PATCH * self.matrix() + 2 * MAX_LANES
    }

    /// Transforms a kernel to be kept.
    ///
    /// # Safety
    /// The kernel holds three times three matrices of channels × filters.
    pub(super) unsafe fn transform(&self, pool: &ThreadPool, kernel: *const f32) -> Filters {
        let mut floats = Buffer::EMPTY;
        floats.grow(self.filter_floats().saturating_mul(size_of::<f32>()));
        // SAFETY: the buffer has room; the rest is as the caller promises.
        unsafe { self.transform_into(pool, kernel, floats.data()) };
        Filters(floats)
    }

    /// # Safety
    /// As for [`Self::transform`]; `to` has room.
    unsafe fn transform_into(&self, pool: &ThreadPool, kernel: *const f32, to: *mut f32) {
        let (width, block) = (self.width(), self.block());
        let panels = self.panels();
        let (kernel, to) = (Pointer(kernel.cast_mut()), Pointer(to));
        let pays = self.channels * self.filters > 1 << 12;
        run_if(pool, pays, self.channels.div_ceil(block) * panels, |task| {
            let (from, panel) = (task / panels * block, task % panels);
            let channels = block.min(self.channels - from);
            let first = panel * width;
            let at = from * panels * width + panel * width * channels;
            // SAFETY: the panel lies within the kernel, and has a place of its own.
            let (kernel, to) =
                unsafe { (kernel.get().add(from * self.filters + first), to.get().add(at)) };
            let filters = width.min(self.filters - first);
            dispatch(FilterPanel { shape: self, kernel, channels, filters, to });
        });
    }

    /// Computes the convolution, of a kernel or of what was kept of it.
    ///
    /// # Safety
    /// The images, the kernel and the result have the sizes of the windows and filters; the
    /// result overlaps nothing; what was kept is of the kernel as it is now.
    pub(super) unsafe fn run(
        &self,
        pool: &ThreadPool,
        (x, kernel, y): (*const f32, *const f32, *mut f32),
        kept: Option<&Filters>,
        epilogue: &Epilogue,
    ) {
        // SAFETY: as the caller promises; the scratch has room for the transformed kernel.
        unsafe {
            match kept {
                Some(filters) => self.multiply(pool, (x, filters.0.data(), y), epilogue),
                None => scratch::with(Slot::Shared, self.filter_floats(), |filters| {
                    self.transform_into(pool, kernel, filters);
                    self.multiply(pool, (x, filters, y), epilogue);
                }),
            }
        }
    }

    /// Cuts the patches into tasks.
    ///
    /// # Safety
    /// As for [`Self::run`], with the transformed kernel.
    unsafe fn multiply(
        &self,
        pool: &ThreadPool,
        (x, filters, y): (*const f32, *const f32, *mut f32),
        epilogue: &Epilogue,
    ) {
        let rows = Tiles::current().rows;
        let all = self.all_patches();
        let per_patch = PATCH * (self.channels + self.filters + 2 * GAP);
        let fitting = (PATCH * self.matrix() / 2).clamp(WORK.0, WORK.1) / per_patch;
        // The same number for every thread, in whole tiles.
        let rounds = all.div_ceil(fitting.max(rows) * pool.threads());
        let at_once = all.div_ceil(rounds * pool.threads()).next_multiple_of(rows);
        let data = (Pointer(x.cast_mut()), Pointer(filters.cast_mut()), Pointer(y));
        let epilogue = Shared(epilogue);
        run_if(pool, true, all.div_ceil(at_once), |task| {
            let first = task * at_once;
            let some = Patches {
                shape: self,
                first,
                count: at_once.min(all - first),
                x: data.0.get(),
                y: data.2.get(),
            };
            // SAFETY: tasks write disjoint pixels.
            unsafe { some.run(data.1.get(), epilogue.get()) };
        });
    }

    /// Computes the gradient of the kernel from the images and the gradient of the result.
    ///
    /// # Safety
    /// All have the sizes of the windows and filters; `gradient` overlaps nothing.
    pub(super) unsafe fn kernel_gradient(
        &self,
        pool: &ThreadPool,
        (x, dy, gradient): (*const f32, *const f32, *mut f32),
    ) {
        let floats = PATCH * self.channels * self.filters;
        let all = self.all_patches();
        let near = floats <= NEAR_SUMS;
        let parts = if near { (all / FEWEST_PATCHES).clamp(1, MAX_PARTS) } else { 1 };
        scratch::with(Slot::Partial, parts * floats, |sums| {
            let (data, sums) = ((x, dy.cast_mut()), Pointer(sums));
            // SAFETY: the scratch has room for the sums of every part.
            unsafe {
                if near {
                    self.sum_parts(pool, data, sums, parts);
                } else {
                    self.sum_together(pool, data, sums);
                }
            }
            let gradient = Pointer(gradient);
            run_if(pool, true, self.channels.div_ceil(GROUP), |task| {
                let (first, to) = (task * GROUP, gradient.get());
                let count = GROUP.min(self.channels - first);
                dispatch(Collect { shape: self, from: sums.get(), parts, first, count, to });
            });
        });
    }

    /// Sums of few floats: each part of the patches has its own, and nothing leaves the second
    /// cache of its thread.
    ///
    /// # Safety
    /// As for [`Self::kernel_gradient`]; there is room for the sums of every part.
    unsafe fn sum_parts(
        &self,
        pool: &ThreadPool,
        (x, dy): (*const f32, *mut f32),
        sums: Pointer,
        parts: usize,
    ) {
        let all = self.all_patches();
        let (row, dy_row) = (self.channels + GAP, self.filters + GAP);
        // Odd, so that the lines of the elements fall into different sets.
        let lines = (WORK.0 / (PATCH * (row + dy_row))).max(GROUP) | 1;
        let data = (Pointer(x.cast_mut()), Pointer(dy));
        run_if(pool, true, parts, |part| {
            // SAFETY: parts have sums of their own.
            let sums =
                unsafe { Pointer(sums.get().add(part * PATCH * self.channels * self.filters)) };
            let (begin, end) = (part * all / parts, (part + 1) * all / parts);
            scratch::with(Slot::Private, PATCH * lines * (row + dy_row), |patches| {
                // SAFETY: the scratch has room for both transformed sides.
                let to = [patches, unsafe { patches.add(PATCH * lines * row) }];
                let operands = [(Pointer(to[0]), row), (Pointer(to[1]), dy_row)];
                for first in (begin..end).step_by(lines) {
                    let count = lines.min(end - first);
                    let (x, y) = (data.0.get(), data.1.get());
                    let some = Patches { shape: self, first, count, x, y };
                    self.transform_both(some, operands, 0, lines);
                    for panel in 0..PATCH * self.panels() {
                        let accumulate = first > begin;
                        // SAFETY: the operands are what was just transformed.
                        unsafe {
                            self.sum_panel(panel, operands, (lines, count), sums, accumulate);
                        }
                    }
                }
            });
        });
    }

    /// Sums of many floats: all threads transform patches, and sum up what all have transformed.
    ///
    /// # Safety
    /// As for [`Self::kernel_gradient`]; there is room for the sums.
    unsafe fn sum_together(
        &self,
        pool: &ThreadPool,
        (x, dy): (*const f32, *mut f32),
        sums: Pointer,
    ) {
        let all = self.all_patches();
        let (row, dy_row) = (self.channels + GAP, self.filters + GAP);
        let fitting = (SUMMED / (PATCH * (row + dy_row))).max(FEWEST_PATCHES);
        let at_once = all.div_ceil(all.div_ceil(fitting));
        let data = (Pointer(x.cast_mut()), Pointer(dy));
        scratch::with(Slot::Shared, PATCH * at_once * (row + dy_row), |patches| {
            for first in (0..all).step_by(at_once) {
                let lines = at_once.min(all - first);
                // SAFETY: the scratch has room for both transformed sides.
                let to = [patches, unsafe { patches.add(PATCH * lines * row) }];
                let operands = [(Pointer(to[0]), row), (Pointer(to[1]), dy_row)];
                run_if(pool, true, lines.div_ceil(GROUP), |task| {
                    let line = task * GROUP;
                    let (first, count) = (first + line, GROUP.min(lines - line));
                    let (x, y) = (data.0.get(), data.1.get());
                    let some = Patches { shape: self, first, count, x, y };
                    self.transform_both(some, operands, line, lines);
                });
                run_if(pool, true, PATCH * self.panels(), |panel| {
                    // SAFETY: the operands are what was just transformed; panels are disjoint.
                    unsafe { self.sum_panel(panel, operands, (lines, lines), sums, first > 0) };
                });
            }
        });
    }

    /// Transforms patches of the images and of the gradient of the result, from a line on.
    fn transform_both(
        &self,
        patches: Patches,
        [(to, row), (dy_to, dy_row)]: [(Pointer, usize); 2],
        line: usize,
        lines: usize,
    ) {
        dispatch(Forth { patches, to: to.get(), row, line, lines });
        dispatch(Out { patches, to: dy_to.get(), row: dy_row, line, lines });
    }

    /// Panels of filters.
    fn panels(&self) -> usize {
        self.filters.div_ceil(self.width())
    }

    /// Some filters of one of the matrix products of a kernel's gradient, over some patches.
    ///
    /// # Safety
    /// Both operands have so many lines for each element, of which so many are summed, in rows so
    /// many floats apart.
    unsafe fn sum_panel(
        &self,
        panel: usize,
        [(a, a_row), (b, b_row)]: [(Pointer, usize); 2],
        (lines, steps): (usize, usize),
        sums: Pointer,
        accumulate: bool,
    ) {
        let tiles = Tiles::current();
        let finish = Finish { accumulate, ..Finish::PLAIN };
        let (element, column) = (panel / self.panels(), panel % self.panels() * self.width());
        let columns = self.width().min(self.filters - column);
        let height = tile_rows(tiles, self.channels);
        for channel in (0..self.channels).step_by(height) {
            let rows = height.min(self.channels - channel);
            let to = (element * self.channels + channel) * self.filters + column;
            // SAFETY: rows and columns lie within the operands.
            unsafe {
                tiles.get(rows, columns, true)(&Tile {
                    steps,
                    a_step: a_row.cast_signed(),
                    a: a.get().add(element * lines * a_row + channel),
                    rows: std::ptr::null(),
                    segments: 0,
                    b: b.get().add(element * lines * b_row + column),
                    b_step: b_row.cast_signed(),
                    c: sums.get().add(to),
                    c_row: self.filters,
                    columns,
                    far: false,
                    ahead: Stream::NONE,
                    finish,
                });
            }
        }
    }
}

/// An epilogue that tasks share.
struct Shared<'a>(&'a Epilogue);

// SAFETY: its bias is only read, and lives as long as the call.
unsafe impl Sync for Shared<'_> {}

impl Shared<'_> {
    /// A method, so that closures capture the whole.
    fn get(&self) -> &Epilogue {
        self.0
    }
}

/// The patches of one task.
#[derive(Clone, Copy)]
struct Patches<'a> {
    shape: &'a Winograd,
    first: usize,
    count: usize,
    x: *const f32,
    y: *mut f32,
}

impl Patches<'_> {
    /// Transforms the patches, multiplies them, and transforms the products back.
    ///
    /// # Safety
    /// As for [`Winograd::run`]; nobody else touches the pixels of these patches.
    unsafe fn run(self, filters: *const f32, epilogue: &Epilogue) {
        let (row, product_row) = (self.shape.channels + GAP, self.shape.filters + GAP);
        let floats = PATCH * self.count * (row + product_row);
        scratch::with(Slot::Private, floats + MAX_LANES, |patches| {
            // SAFETY: the scratch has room for both.
            unsafe {
                let products = patches.add(PATCH * self.count * row);
                let lines = self.count;
                dispatch(Forth { patches: self, to: patches, row, line: 0, lines });
                for element in 0..PATCH {
                    let from = patches.add(element * self.count * row);
                    let to = products.add(element * self.count * product_row);
                    let filters = filters.add(element * self.shape.matrix());
                    self.product((from, row), filters, (to, product_row));
                }
                dispatch(Back { patches: self, from: products, row: product_row, epilogue });
            }
        });
    }

    /// One of the matrix products.
    ///
    /// # Safety
    /// The operands have the sizes of the patches, rows so many floats apart.
    unsafe fn product(
        &self,
        (a, a_row): (*const f32, usize),
        b: *const f32,
        (c, c_row): (*mut f32, usize),
    ) {
        let (tiles, shape) = (Tiles::current(), self.shape);
        let (width, block) = (shape.width(), shape.block());
        let panels = shape.filters.div_ceil(width);
        let height = self.count.div_ceil(self.count.div_ceil(tiles.rows));
        for from in (0..shape.channels).step_by(block) {
            let steps = block.min(shape.channels - from);
            let finish = Finish { accumulate: from > 0, ..Finish::PLAIN };
            for panel in 0..panels {
                let columns = width.min(shape.filters - panel * width);
                for first in (0..self.count).step_by(height) {
                    let rows = height.min(self.count - first);
                    // SAFETY: rows and columns lie within the operands.
                    unsafe {
                        let pointers: [*const f32; MAX_LANES] = std::array::from_fn(|row| {
                            a.add((first + row.min(rows - 1)) * a_row + from)
                        });
                        tiles.get(rows, columns, false)(&Tile {
                            steps,
                            a_step: 1,
                            a: std::ptr::null(),
                            rows: pointers.as_ptr(),
                            segments: 1,
                            b: b.add(from * panels * width + panel * width * steps),
                            b_step: width.cast_signed(),
                            c: c.add(first * c_row + panel * width),
                            c_row,
                            columns,
                            far: false,
                            ahead: Stream::NONE,
                            finish,
                        });
                    }
                }
            }
        }
    }

    /// The image, row and column of each patch.
    fn places(self) -> impl Iterator<Item = (usize, [usize; 2])> {
        let [down, across] = self.shape.patches;
        let mut next =
            (self.first / (down * across), [self.first / across % down, self.first % across]);
        (0..self.count).map(move |_| {
            let this = next;
            next.1[1] += 1;
            if next.1[1] == across {
                next.1 = [next.1[0] + 1, 0];
            }
            if next.1[0] == down {
                next = (next.0 + 1, [0; 2]);
            }
            this
        })
    }
}
