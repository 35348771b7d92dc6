//! Convolutions of few channels, whose windows are read line by line as they lie in the image.
//!
//! All channels of the pixels that a line of the kernel meets follow one another: one run of
//! numbers, which begins `stride` pixels further for the next position along a line of output.
//! So the rows of the product, or the steps of its kernel's gradient, need not be packed, which
//! would cost more than they are used for; lines that stick out of the image are copied between
//! zeros.
//! Must not know: groups, layers.

use crate::gemm::{
    FEW, Finish, PARALLEL, Pointer, Product, Stream, Tile, Tiles, View, Windows, add_parts, run_if,
    tile_rows,
};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::MAX_LANES;

/// From so many channels on the windows of single pixels are long enough.
const ENOUGH: usize = 16;
/// Fewer positions in a line than this do not fill a tile.
const SHORTEST: usize = 6;
/// The longest windows: the kernel is read as it lies and has to stay near.
const LONGEST: usize = 1024;
/// The most parts of the lines that have sums of their own.
const MAX_PARTS: usize = 16;

/// A convolution that is computed this way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines<'a> {
    windows: &'a Windows,
    /// Lines of a kernel.
    segments: usize,
    /// Floats of one of them, and from one position to the next.
    run: usize,
    step: usize,
    /// Floats that the windows along a line of output cover.
    span: usize,
}

impl<'a> Lines<'a> {
    /// The convolution, if it is of the kind and pays; depends on the sizes only.
    pub(super) fn new(windows: &'a Windows) -> Option<Self> {
        (windows.channels < ENOUGH).then(|| Self::of_any(windows)).flatten()
    }

    /// The gradient of a kernel, if it is of the kind and pays; depends on the sizes only.
    pub(super) fn of_gradient(windows: &'a Windows, filters: usize) -> Option<Self> {
        let narrow = windows.channels < ENOUGH || filters <= Tiles::current().lanes;
        narrow.then(|| Self::of_any(windows)).flatten()
    }

    fn of_any(windows: &'a Windows) -> Option<Self> {
        let [depth, height, width] = windows.kernel;
        let channels = windows.channels;
        let stride = usize::try_from(windows.stride[2]).ok()?;
        let is_kind = windows.pixel == channels
            && (windows.dilation[2] == 1 || width == 1)
            && windows.output[2] >= SHORTEST
            && (1..=LONGEST).contains(&windows.columns());
        is_kind.then(|| Self {
            windows,
            segments: depth * height,
            run: width * channels,
            step: stride * channels,
            span: ((windows.output[2] - 1) * stride + width) * channels,
        })
    }

    /// Lines of output.
    fn count(&self) -> usize {
        let [depth, height, _] = self.windows.output;
        self.windows.batch * depth * height
    }

    /// Where the windows of a line of output find one line of the kernel, if in the image; a line
    /// that sticks out is copied to `room`, which has a place for each.
    ///
    /// # Safety
    /// `x` holds the images, and `room` has `segments · span` floats.
    unsafe fn find(
        &self,
        x: *const f32,
        line: usize,
        segment: usize,
        room: *mut f32,
    ) -> Option<*const f32> {
        let Windows { input, kernel, pixel, .. } = *self.windows;
        let start = self.windows.cursor(line * self.windows.output[2]).start;
        let tap = self.windows.tap(segment * kernel[2]);
        let [d, h] = [0, 1].map(|axis| (start.at[axis] + tap[axis]).cast_unsigned());
        // A negative coordinate has become a huge one.
        if d >= input[0] || h >= input[1] {
            return None;
        }
        let first = start.at[2];
        let before = first.min(0).unsigned_abs() * pixel;
        let after = first.max(0).cast_unsigned() * pixel;
        let length = input[2] * pixel;
        // SAFETY: the line lies within its image; copies stay within their place.
        unsafe {
            let from = x.add(start.image + (d * input[1] + h) * length);
            if before == 0 && after + self.span <= length {
                return Some(from.add(after));
            }
            let to = room.add(segment * self.span);
            let before = before.min(self.span);
            let inside = length.saturating_sub(after).min(self.span - before);
            to.write_bytes(0, before);
            if inside > 0 {
                to.add(before).copy_from_nonoverlapping(from.add(after), inside);
            }
            to.add(before + inside).write_bytes(0, self.span - before - inside);
            Some(to)
        }
    }

    /// Computes the product of the windows of `x` and the kernel.
    ///
    /// # Safety
    /// `x` holds the images, B is the kernel in rows; the rest as for [`crate::gemm::gemm`].
    pub(super) unsafe fn run(&self, pool: &ThreadPool, x: *const f32, product: &Product) {
        let lines = self.count();
        let work = self.windows.output[2] * product.n * product.k;
        let group = (PARALLEL / 8 / work.max(1)).clamp(1, lines.max(1));
        let height = tile_rows(Tiles::current(), self.windows.output[2]);
        let pointers = self.segments * (height + 1) * scratch::POINTER;
        let floats = pointers + (self.segments + 1) * self.span;
        let x = Pointer(x.cast_mut());
        run_if(pool, product.work() >= PARALLEL, lines.div_ceil(group), |task| {
            scratch::with(Slot::Private, floats + MAX_LANES, |begins| {
                // SAFETY: the scratch has room for where the lines begin, for the pointers of a
                // tile, the lines and a line of zeros; tasks write disjoint rows of C.
                unsafe {
                    let room = begins.add(pointers);
                    let zeros = room.add(self.segments * self.span);
                    zeros.write_bytes(0, self.span);
                    let begins = begins.cast::<*const f32>();
                    for line in task * group..lines.min((task + 1) * group) {
                        for segment in 0..self.segments {
                            let found = self.find(x.get(), line, segment, room);
                            *begins.add(segment) = found.unwrap_or(zeros);
                        }
                        self.multiply(line, begins, height, product);
                    }
                }
            });
        });
    }

    /// One line of output, given where its windows begin on each line of the kernel; the pointers
    /// of a tile come behind that.
    ///
    /// # Safety
    /// As for [`Self::run`]; nobody else touches these rows of C.
    unsafe fn multiply(
        &self,
        line: usize,
        begins: *mut *const f32,
        height: usize,
        product: &Product,
    ) {
        let View::Strided { data: kernel, row: b_step, .. } = product.b else { return };
        let tiles = Tiles::current();
        let width = self.windows.output[2];
        for first in (0..width).step_by(height) {
            let rows = height.min(width - first);
            let at = line * width + first;
            // SAFETY: the windows lie within their lines, the tiles within C.
            unsafe {
                let table = begins.add(self.segments);
                for segment in 0..self.segments {
                    let begin = (*begins.add(segment)).add(first * self.step);
                    for row in 0..rows {
                        *table.add(segment * rows + row) = begin.add(row * self.step);
                    }
                }
                for column in (0..product.n).step_by(tiles.columns()) {
                    let columns = tiles.columns().min(product.n - column);
                    tiles.get(rows, columns, false)(&Tile {
                        steps: self.run,
                        a_step: 1,
                        a: std::ptr::null(),
                        rows: table,
                        segments: self.segments,
                        b: kernel.add(column),
                        b_step,
                        c: product.c.add(at * product.c_row + column),
                        c_row: product.c_row,
                        columns,
                        far: false,
                        ahead: Stream::NONE,
                        finish: product.finish(at, column, true, true),
                    });
                    product.activate(at, rows, column, columns);
                }
            }
        }
    }

    /// Computes the product of the transposed windows of `x` and the rows of B, which are the
    /// gradient of the output: the gradient of the kernel.
    ///
    /// # Safety
    /// `x` holds the images; the rest as for [`crate::gemm::gemm`].
    pub(super) unsafe fn gradient(&self, pool: &ThreadPool, x: *const f32, product: &Product) {
        let floats = product.m * product.n;
        let lines = self.count();
        let parts = MAX_PARTS.min(product.work() / PARALLEL).clamp(1, lines.max(1));
        let x = Pointer(x.cast_mut());
        scratch::with(Slot::Partial, parts * floats, |sums| {
            let sums = Pointer(sums);
            run_if(pool, product.work() >= PARALLEL, parts, |part| {
                let room = self.segments * self.span + MAX_LANES;
                scratch::with(Slot::Private, room, |room| {
                    // SAFETY: parts have sums of their own, and the scratch has room for lines.
                    unsafe {
                        let sums = sums.get().add(part * floats);
                        sums.write_bytes(0, floats);
                        for line in part * lines / parts..(part + 1) * lines / parts {
                            for segment in 0..self.segments {
                                if let Some(begin) = self.find(x.get(), line, segment, room) {
                                    self.sum(line, segment, begin, sums, product);
                                }
                            }
                        }
                    }
                });
            });
            // SAFETY: every part has its sums.
            unsafe { add_parts(pool, product, sums.get(), parts, self.turns(product)) };
        });
    }

    /// Whether the sums are those of the transpose: vectors lie along the longer side.
    fn turns(&self, product: &Product) -> bool {
        product.n <= FEW && self.run > product.n
    }

    /// Adds what a line of output gives to the gradient of one line of the kernel.
    ///
    /// # Safety
    /// As for [`Self::gradient`]; nobody else touches the sums.
    unsafe fn sum(
        &self,
        line: usize,
        segment: usize,
        begin: *const f32,
        sums: *mut f32,
        product: &Product,
    ) {
        let View::Strided { data: dy, row: dy_step, .. } = product.b else { return };
        let tiles = Tiles::current();
        let steps = self.windows.output[2];
        let x = (begin, self.step.cast_signed(), self.run);
        // SAFETY: the line lies within the gradient of the output.
        let dy = (unsafe { dy.offset((line * steps).cast_signed() * dy_step) }, dy_step, product.n);
        let ((a, a_step, m), (b, b_step, n), to, c_row) = match self.turns(product) {
            false => (x, dy, segment * self.run * product.n, product.n),
            true => (dy, x, segment * self.run, product.m),
        };
        let height = tile_rows(tiles, m);
        let finish = Finish { accumulate: true, ..Finish::PLAIN };
        for row in (0..m).step_by(height) {
            let rows = height.min(m - row);
            for column in (0..n).step_by(tiles.columns()) {
                let columns = tiles.columns().min(n - column);
                // SAFETY: rows and columns lie within the operands and the sums.
                unsafe {
                    tiles.get(rows, columns, true)(&Tile {
                        steps,
                        a_step,
                        a: a.add(row),
                        rows: std::ptr::null(),
                        segments: 0,
                        b: b.add(column),
                        b_step,
                        c: sums.add(to + row * c_row + column),
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
