//! Convolutions of images so small that many kernel positions lie outside of them.
//!
//! The rows of a tile are the same output position of several images, so that all of them meet the
//! same kernel positions, and those outside are left out: of 3 × 3 over an image of 2 × 2 pixels
//! five ninths. The gradient of the kernel is, for each of its positions, one product over the
//! pixels that it meets.
//! Must not know: groups, layers.

use std::ops::Range;

use crate::gemm::{
    Epilogue, Finish, PARALLEL, Panel, Pointer, Product, Stream, Tile, Tiles, View, Windows,
    run_if, tile_rows,
};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::MAX_LANES;

/// Fewer images than this do not fill a tile.
const FEWEST_IMAGES: usize = 8;
/// Fewer channels than this do not pay for looking up rows.
const FEWEST_CHANNELS: usize = 32;
/// Images that are summed into the gradient of a kernel at once: others are read meanwhile.
const AT_ONCE: usize = 64;
/// The longest block of channels.
const BLOCK: usize = 512;

/// A convolution that is computed this way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Small<'a> {
    windows: &'a Windows,
    /// Pairs of an output position and a kernel position that meet in a pixel.
    met: usize,
}

/// Where the results of a convolution go.
#[derive(Clone, Copy)]
pub(super) struct Results {
    /// The first filter of the first position of the first image.
    pub(super) data: *mut f32,
    pub(super) filters: usize,
    /// Floats from one position to the next along each axis.
    pub(super) steps: [usize; 3],
    /// Floats from one image to the next.
    pub(super) image: usize,
    pub(super) epilogue: Epilogue,
}

// SAFETY: tasks write disjoint results; the bias of the epilogue is only read, and lives as long
// as the call.
unsafe impl Sync for Results {}

impl<'a> Small<'a> {
    /// The convolution, if it is of the kind and pays; depends on the sizes only.
    pub(super) fn new(windows: &'a Windows) -> Option<Self> {
        let mut small = Self { windows, met: 0 };
        let met = |axis| -> usize {
            (0..windows.output[axis]).map(|at| small.taps(axis, at).len()).sum()
        };
        small.met = met(0) * met(1) * met(2);
        let all = windows.taps() * windows.output.iter().product::<usize>();
        let pays = windows.pixel == windows.channels
            && windows.batch >= FEWEST_IMAGES
            && windows.channels >= FEWEST_CHANNELS
            && 5 * small.met <= 4 * all;
        pays.then_some(small)
    }

    /// Products of a channel and a filter for each image.
    pub(super) fn products(&self) -> usize {
        self.met
    }

    fn meet(&self, axis: usize, at: usize, tap: usize) -> bool {
        let Windows { stride, dilation, origin, input, .. } = *self.windows;
        let pixel =
            at.cast_signed() * stride[axis] + origin[axis] + tap.cast_signed() * dilation[axis];
        (0..input[axis].cast_signed()).contains(&pixel)
    }

    /// The kernel positions along an axis that find a pixel for an output position: they are
    /// neighbours.
    fn taps(&self, axis: usize, at: usize) -> Range<usize> {
        neighbours(self.windows.kernel[axis], |tap| self.meet(axis, at, tap))
    }

    /// The output positions along an axis for which a kernel position finds a pixel.
    fn positions(&self, axis: usize, tap: usize) -> Range<usize> {
        neighbours(self.windows.output[axis], |at| self.meet(axis, at, tap))
    }

    /// The pixel of the first image at which an output and a kernel position meet.
    fn pixel(&self, position: [usize; 3], tap: [usize; 3]) -> usize {
        let Windows { stride, dilation, origin, .. } = *self.windows;
        let at = [0, 1, 2].map(|axis| {
            position[axis].cast_signed() * stride[axis]
                + origin[axis]
                + tap[axis].cast_signed() * dilation[axis]
        });
        self.windows.floats(at).cast_unsigned()
    }

    /// Computes the convolution, given the matrix of channels and filters at each kernel position.
    ///
    /// # Safety
    /// `x` holds the images, the matrices are of the channels and filters; results overlap nothing.
    pub(super) unsafe fn run<'v>(
        &self,
        pool: &ThreadPool,
        x: *const f32,
        kernel: impl Fn(usize) -> View<'v> + Sync,
        results: &Results,
    ) {
        let Windows { batch, channels, .. } = *self.windows;
        let tiles = Tiles::current();
        let height = tile_rows(tiles, batch);
        let width = tiles.columns().min(results.filters);
        let panels = results.filters.div_ceil(width);
        // Images are cut up where there are not panels enough for all threads.
        let groups = (2 * pool.threads()).div_ceil(panels).min(batch.div_ceil(height));
        let tiles_of_images = batch.div_ceil(height);
        let x = Pointer(x.cast_mut());
        let pays = batch * self.met * channels * results.filters >= PARALLEL;
        run_if(pool, pays, panels * groups, |task| {
            let (panel, group) = (task % panels, task / panels);
            let first = |group: usize| batch.min(group * tiles_of_images / groups * height);
            let some = Some {
                small: self,
                x: x.get(),
                images: first(group)..first(group + 1),
                height,
                column: panel * width,
                width,
            };
            // SAFETY: tasks write disjoint images or filters.
            unsafe { some.run(&kernel, results) };
        });
    }

    /// Computes the gradient of the kernel from the images and the gradient of the results.
    ///
    /// # Safety
    /// `x` holds the images, `dy` the rows of `filters` floats for every position of every image;
    /// `gradient` overlaps nothing.
    pub(super) unsafe fn gradient(
        &self,
        pool: &ThreadPool,
        (x, dy): (*const f32, *const f32),
        filters: usize,
        gradient: *mut f32,
    ) {
        let Windows { batch, channels, kernel, output, .. } = *self.windows;
        let tiles = Tiles::current();
        let (height, width) = (tile_rows(tiles, channels), tiles.columns());
        let panels = filters.div_ceil(width);
        let image = output.iter().product::<usize>() * filters;
        let data = (Pointer(x.cast_mut()), Pointer(dy.cast_mut()), Pointer(gradient));
        let pays = batch * self.met * channels * filters >= PARALLEL;
        run_if(pool, pays, self.windows.taps() * panels, |task| {
            let (index, column) = (task / panels, task % panels * width);
            let columns = width.min(filters - column);
            let tap =
                [index / (kernel[1] * kernel[2]), index / kernel[2] % kernel[1], index % kernel[2]];
            let met = [0, 1, 2].map(|axis| self.positions(axis, tap[axis]));
            let is_met = met.iter().all(|positions| !positions.is_empty());
            for images in (0..batch).step_by(AT_ONCE) {
                let steps = if is_met { AT_ONCE.min(batch - images) } else { 0 };
                for channel in (0..channels).step_by(height) {
                    let rows = height.min(channels - channel);
                    let to = (index * channels + channel) * filters + column;
                    let mut tile = Tile {
                        steps,
                        a_step: self.windows.image().cast_signed(),
                        a: std::ptr::null(),
                        rows: std::ptr::null(),
                        segments: 0,
                        b: data.1.get(),
                        b_step: image.cast_signed(),
                        c: data.2.get().wrapping_add(to),
                        c_row: filters,
                        columns,
                        far: false,
                        ahead: Stream::NONE,
                        finish: Finish { accumulate: images > 0, ..Finish::PLAIN },
                    };
                    // SAFETY: rows and columns lie within the images, the results and the
                    // gradient; tasks write disjoint parts.
                    unsafe {
                        if !is_met {
                            tiles.get(rows, columns, true)(&tile);
                        }
                        for position in each(&met) {
                            let [d, h, w] = position;
                            let at = (d * output[1] + h) * output[2] + w;
                            let pixel = images * self.windows.image() + self.pixel(position, tap);
                            tile.a = data.0.get().add(pixel + channel);
                            tile.b = data.1.get().add(images * image + at * filters + column);
                            tiles.get(rows, columns, true)(&tile);
                            tile.finish.accumulate = true;
                        }
                    }
                }
            }
        });
    }
}

/// The positions of a box, in order.
fn each([depths, rows, places]: &[Range<usize>; 3]) -> impl Iterator<Item = [usize; 3]> {
    depths
        .clone()
        .flat_map(move |d| rows.clone().flat_map(move |h| places.clone().map(move |w| [d, h, w])))
}

/// The indices below `count` that are wanted: neighbours.
fn neighbours(count: usize, wanted: impl Fn(usize) -> bool) -> Range<usize> {
    let first = (0..count).find(|&index| wanted(index)).unwrap_or(0);
    let end = (first..count).find(|&index| !wanted(index)).unwrap_or(count);
    first..end
}

/// Some filters of some images.
struct Some<'a> {
    small: &'a Small<'a>,
    x: *const f32,
    images: Range<usize>,
    /// Images of a tile.
    height: usize,
    column: usize,
    /// Filters of a panel.
    width: usize,
}

impl Some<'_> {
    /// # Safety
    /// As for [`Small::run`]; nobody else writes these results.
    unsafe fn run<'v>(&self, kernel: &impl Fn(usize) -> View<'v>, results: &Results) {
        let Windows { channels, kernel: [depth, height, across], .. } = *self.small.windows;
        let count = self.width.min(results.filters - self.column);
        let block = channels.div_ceil(channels.div_ceil(BLOCK));
        let pointers = across * self.height * scratch::POINTER;
        let floats = pointers + across * block * self.width;
        scratch::with(Slot::Private, floats + 2 * MAX_LANES, |table| {
            for line in 0..(depth * height).max(1) {
                for from in (0..channels).step_by(block) {
                    let steps = block.min(channels - from);
                    // SAFETY: the scratch has room for the pointers of a tile and for the panel
                    // at every kernel position of a line.
                    unsafe {
                        let packed = table.add(pointers);
                        for tap in 0..across * (depth * height).min(1) {
                            Panel {
                                view: kernel(line * across + tap).transpose(),
                                first: self.column,
                                count,
                                from,
                                steps,
                                width: self.width,
                                to: packed.add(tap * steps * self.width),
                            }
                            .pack();
                        }
                        self.line(line, from..from + steps, (table.cast(), packed), results);
                    }
                }
            }
        });
    }

    /// What one line of the kernel gives over a block of channels.
    ///
    /// # Safety
    /// As for [`Self::run`]; the line is packed, and the table has room.
    unsafe fn line(
        &self,
        line: usize,
        block: Range<usize>,
        (table, packed): (*mut *const f32, *const f32),
        results: &Results,
    ) {
        let windows = self.small.windows;
        let [depth, height, width] = windows.output;
        let tap = [line / windows.kernel[1].max(1), line % windows.kernel[1].max(1)];
        let ends = [block.start == 0, block.end == windows.channels];
        for position in each(&[0..depth, 0..height, 0..width]) {
            let [ds, hs, ws] = [0, 1, 2].map(|axis| self.small.taps(axis, position[axis]));
            let (taps, is_first, is_last) = if ds.is_empty() || hs.is_empty() || ws.is_empty() {
                if line > 0 {
                    continue;
                }
                (0..0, ends[0], ends[1])
            } else if ds.contains(&tap[0]) && hs.contains(&tap[1]) {
                let is_first = tap == [ds.start, hs.start] && ends[0];
                let is_last = tap == [ds.end - 1, hs.end - 1] && ends[1];
                (ws, is_first, is_last)
            } else {
                continue;
            };
            for first in self.images.clone().step_by(self.height) {
                let rows = self.height.min(self.images.end - first);
                // SAFETY: pixels that are met lie within the images.
                unsafe {
                    for (segment, tap_w) in taps.clone().enumerate() {
                        let pixel = self.small.pixel(position, [tap[0], tap[1], tap_w]);
                        let begin = self.x.add(pixel + block.start);
                        for row in 0..rows {
                            *table.add(segment * rows + row) =
                                begin.add((first + row) * windows.image());
                        }
                    }
                    let b = packed.add(taps.start * block.len() * self.width);
                    let operands = (table.cast_const(), b, taps.len(), block.len());
                    self.tile(position, first, rows, operands, (is_first, is_last), results);
                }
            }
        }
    }

    /// One tile: some images at one position.
    ///
    /// # Safety
    /// As for [`Self::line`]; the operands are valid.
    unsafe fn tile(
        &self,
        position: [usize; 3],
        first: usize,
        rows: usize,
        (table, b, segments, steps): (*const *const f32, *const f32, usize, usize),
        (is_first, is_last): (bool, bool),
        results: &Results,
    ) {
        let columns = self.width.min(results.filters - self.column);
        let at: usize = (0..3).map(|axis| position[axis] * results.steps[axis]).sum();
        let product = Product {
            m: self.small.windows.batch,
            n: results.filters,
            k: steps,
            a: View::rows(self.x, 0),
            b: View::rows(b, self.width),
            // The position is one of the results'.
            c: results.data.wrapping_add(at),
            c_row: results.image,
            epilogue: results.epilogue,
        };
        // SAFETY: the tile lies within the results.
        unsafe {
            Tiles::current().get(rows, columns, false)(&Tile {
                steps,
                a_step: 1,
                a: std::ptr::null(),
                rows: table,
                segments,
                b,
                b_step: self.width.cast_signed(),
                c: product.c.add(first * product.c_row + self.column),
                c_row: product.c_row,
                columns,
                far: false,
                ahead: Stream::NONE,
                finish: product.finish(first, self.column, is_first, is_last),
            });
            if is_last {
                product.activate(first, rows, self.column, columns);
            }
        }
    }
}
