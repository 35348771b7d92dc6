//! Depthwise convolution: every channel has a kernel of its own; vectors lie across channels.

use super::phase::Phase;
use std::ops::Range;

use super::Convolution;
use crate::gemm::{Cursor, Pointer, Windows, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{Kernel, Simd, dispatch};

/// Output positions that share the reads of the kernel.
const TOGETHER: usize = 4;
/// Lines of output in one part of the kernel's gradient; fixed, so that the bits are.
const LINES: usize = 16;

/// `y = x ∗ kernel` where output channel `c · multiplier + q` sees input channel `c` alone.
///
/// `shape.groups` is the number of input channels; the kernel is `(positions, output channels)`.
///
/// # Safety
/// The pointers are valid for the sizes; `y` overlaps nothing.
pub unsafe fn depthwise(
    pool: &ThreadPool,
    shape: &Convolution,
    x: *const f32,
    kernel: *const f32,
    y: *mut f32,
) {
    // SAFETY: as the caller promises.
    unsafe {
        if shape.input_channels != shape.output_channels {
            return repeated(pool, shape, x, |wide, x| depthwise(pool, wide, x, kernel, y));
        }
        let channels = shape.input_channels;
        let windows = Windows { channels, ..shape.windows() };
        let [_, height, width] = shape.output;
        Lines {
            windows: &windows,
            x,
            kernel,
            tap_step: kernel_steps(shape, [1; 3]),
            y,
            line_step: [shape.output[0] * height * width, height * width, width]
                .map(|step| step * channels),
            pixel_step: channels,
        }
        .run_all(pool);
    }
}

/// The same convolution of images whose channels are repeated for each of their filters, and the
/// floats of these images.
fn widened(shape: &Convolution) -> (Convolution, usize) {
    let (channels, pixels) = (shape.output_channels, shape.input.iter().product::<usize>());
    let wide = Convolution { input_channels: channels, groups: channels, ..*shape };
    (wide, shape.batch * pixels * channels)
}

/// Calls `body` with the convolution and the images of repeated channels.
///
/// # Safety
/// `x` holds the images.
unsafe fn repeated(
    pool: &ThreadPool,
    shape: &Convolution,
    x: *const f32,
    body: impl FnOnce(&Convolution, *const f32),
) {
    let (wide, floats) = widened(shape);
    let multiplier = shape.output_channels / shape.input_channels;
    scratch::with(Slot::Rearranged, floats, |to| {
        let (from, room) = (Pointer(x.cast_mut()), Pointer(to));
        each_block(pool, floats / multiplier, |range| {
            for at in range {
                // SAFETY: the scratch has room for every channel so many times.
                unsafe {
                    let value = *from.get().add(at);
                    (0..multiplier).for_each(|q| *room.get().add(at * multiplier + q) = value);
                }
            }
        });
        body(&wide, to);
    });
}

/// Runs a pass over numbers that lie one after another.
fn each_block(pool: &ThreadPool, count: usize, pass: impl Fn(Range<usize>) + Sync) {
    /// Numbers of one task.
    const BLOCK: usize = 1 << 14;
    run_if(pool, count > BLOCK, count.div_ceil(BLOCK), |task| {
        pass(task * BLOCK..count.min((task + 1) * BLOCK));
    });
}

/// Floats between neighbouring kernel positions that are `step` apart along each axis.
fn kernel_steps(shape: &Convolution, step: [isize; 3]) -> [isize; 3] {
    let [_, height, width] = shape.kernel.map(usize::cast_signed);
    let channels = shape.output_channels.cast_signed();
    [height * width * channels * step[0], width * channels * step[1], channels * step[2]]
}

/// The gradient of the input.
///
/// # Safety
/// The pointers are valid for the sizes; `dx` overlaps nothing.
pub unsafe fn depthwise_input_gradient(
    pool: &ThreadPool,
    shape: &Convolution,
    dy: *const f32,
    kernel: *const f32,
    dx: *mut f32,
) {
    // SAFETY: as the caller promises; kernel positions and pixels lie within their memory.
    unsafe {
        if shape.input_channels != shape.output_channels {
            let (wide, floats) = widened(shape);
            let multiplier = shape.output_channels / shape.input_channels;
            return scratch::with(Slot::Rearranged, floats, |sums| {
                depthwise_input_gradient(pool, &wide, dy, kernel, sums);
                let (sums, dx) = (Pointer(sums), Pointer(dx));
                each_block(pool, floats / multiplier, |range| {
                    for at in range {
                        let of_one = (0..multiplier).map(|q| *sums.get().add(at * multiplier + q));
                        *dx.get().add(at) = of_one.sum();
                    }
                });
            });
        }
        let channels = shape.input_channels;
        for phase in Phase::all(shape) {
            let windows = phase.windows(shape, channels);
            let [_, height, width] = shape.input;
            let [d, h, w] = phase.pixel(shape, [0; 3]);
            let first = if phase.taps() == 0 { 0 } else { phase.kernel_position(shape, 0) };
            Lines {
                windows: &windows,
                x: dy,
                kernel: kernel.add(first * channels),
                tap_step: kernel_steps(shape, phase.step().map(|step| -step.cast_signed())),
                y: dx.add(((d * height + h) * width + w) * channels),
                line_step: [
                    shape.input[0] * height * width * channels,
                    shape.stride[0] * height * width * channels,
                    shape.stride[1] * width * channels,
                ],
                pixel_step: shape.stride[2] * channels,
            }
            .run_all(pool);
        }
    }
}

/// Lines of output: sums over the windows of an image, channel by channel.
#[derive(Clone, Copy)]
struct Lines<'a> {
    windows: &'a Windows,
    x: *const f32,
    kernel: *const f32,
    /// Floats between kernel positions along each axis.
    tap_step: [isize; 3],
    y: *mut f32,
    /// Floats between images, planes and lines of the output.
    line_step: [usize; 3],
    pixel_step: usize,
}

// SAFETY: the pointers are used within a call whose caller promises them; lines are disjoint.
unsafe impl Sync for Lines<'_> {}

impl Lines<'_> {
    /// Computes every line, a task per line.
    ///
    /// # Safety
    /// The pointers are valid for the sizes.
    unsafe fn run_all(&self, pool: &ThreadPool) {
        let [depth, height, width] = self.windows.output;
        let work = self.windows.positions() * self.windows.columns();
        run_if(pool, work > 1 << 16, self.windows.batch * depth * height, |line| {
            let (rest, h) = (line / height, line % height);
            let (image, d) = (rest / depth, rest % depth);
            let [image_step, plane_step, line_step] = self.line_step;
            // SAFETY: the line lies within the output.
            let y = unsafe { self.y.add(image * image_step + d * plane_step + h * line_step) };
            dispatch(Line { lines: self, cursor: self.windows.cursor(line * width), y });
        });
    }
}

/// One line of output.
struct Line<'a> {
    lines: &'a Lines<'a>,
    cursor: Cursor,
    y: *mut f32,
}

impl Kernel for Line<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let width = self.lines.windows.output[2];
        let mut pixel = 0;
        while pixel < width {
            let left = width - pixel;
            // SAFETY: whoever dispatches promises the line.
            unsafe {
                let y = self.y.add(pixel * self.lines.pixel_step);
                if left >= TOGETHER && self.inside(TOGETHER) {
                    self.pixels::<S, TOGETHER>(s, y);
                    pixel += TOGETHER;
                } else {
                    self.pixels::<S, 1>(s, y);
                    pixel += 1;
                }
            }
        }
    }
}

impl Line<'_> {
    /// Do the next `count` windows stay inside along the line?
    #[inline(always)]
    fn inside(&self, count: usize) -> bool {
        let windows = self.lines.windows;
        let first = self.cursor.start.at[2];
        let last = first + (count - 1).cast_signed() * windows.stride[2];
        let reach = (windows.kernel[2].cast_signed() - 1) * windows.dilation[2];
        first.min(first + reach) >= 0 && last.max(last + reach) < windows.input[2].cast_signed()
    }

    /// Computes `N` pixels and moves on; if more than one, all their windows are inside.
    #[inline(always)]
    unsafe fn pixels<S: Simd, const N: usize>(&mut self, s: S, y: *mut f32) {
        let channels = self.lines.windows.channels;
        let mut channel = 0;
        // SAFETY: the pixels and channels exist.
        unsafe {
            while channel + 2 * S::LANES <= channels {
                self.block::<S, N, 2>(s, y, channel, S::LANES);
                channel += 2 * S::LANES;
            }
            while channel < channels {
                self.block::<S, N, 1>(s, y, channel, S::LANES.min(channels - channel));
                channel += S::LANES;
            }
        }
        (0..N).for_each(|_| self.cursor.advance(self.lines.windows));
    }

    /// Computes `V` vectors of channels of `N` pixels.
    #[inline(always)]
    unsafe fn block<S: Simd, const N: usize, const V: usize>(
        &self,
        s: S,
        y: *mut f32,
        channel: usize,
        width: usize,
    ) {
        let lines = self.lines;
        let windows = lines.windows;
        let mut sums = [[s.splat(0.0); V]; N];
        let step = windows.stride[2].unsigned_abs() * windows.pixel;
        let [depth, height, across] = windows.kernel;
        for (d, h) in (0..depth).flat_map(|d| (0..height).map(move |h| (d, h))) {
            for w in 0..across {
                let index = [d, h, w].map(usize::cast_signed);
                let tap = [0, 1, 2].map(|axis| index[axis] * windows.dilation[axis]);
                let Some(at) = windows.find(&self.cursor.start, tap) else { continue };
                let [plane, line, column] = lines.tap_step;
                // SAFETY: the pixels lie inside, the kernel position exists.
                unsafe {
                    let from = index[0] * plane + index[1] * line + index[2] * column;
                    let weights = lines.kernel.offset(from).add(channel);
                    for vector in 0..V {
                        let weight = s.load_up_to(weights.add(vector * S::LANES), width);
                        for pixel in 0..N {
                            let from = lines.x.add(at + pixel * step + channel);
                            let value = s.load_up_to(from.add(vector * S::LANES), width);
                            sums[pixel][vector] = s.mul_add(value, weight, sums[pixel][vector]);
                        }
                    }
                }
            }
        }
        for pixel in 0..N {
            for vector in 0..V {
                // SAFETY: the pixel exists.
                unsafe {
                    let to = y.add(pixel * lines.pixel_step + channel + vector * S::LANES);
                    s.store_up_to(to, sums[pixel][vector], width);
                }
            }
        }
    }
}

/// The gradient of the kernel.
///
/// # Safety
/// The pointers are valid for the sizes; `kernel_gradient` overlaps nothing.
pub unsafe fn depthwise_kernel_gradient(
    pool: &ThreadPool,
    shape: &Convolution,
    x: *const f32,
    dy: *const f32,
    kernel_gradient: *mut f32,
) {
    // SAFETY: as the caller promises.
    unsafe {
        if shape.input_channels != shape.output_channels {
            return repeated(pool, shape, x, |wide, x| {
                depthwise_kernel_gradient(pool, wide, x, dy, kernel_gradient);
            });
        }
    }
    let channels = shape.input_channels;
    let windows = Windows { channels, ..shape.windows() };
    let lines = shape.batch * shape.output[0] * shape.output[1];
    let parts = lines.div_ceil(LINES);
    let floats = windows.taps() * channels;
    scratch::with(Slot::Partial, parts * floats, |partial| {
        let [partial, x, dy] = [partial, x.cast_mut(), dy.cast_mut()].map(Pointer);
        run_if(pool, windows.positions() * windows.columns() > 1 << 16, parts, |part| {
            let first = part * LINES;
            let lines = LINES.min(lines - first);
            // SAFETY: parts write disjoint memory.
            let out = unsafe { partial.get().add(part * floats) };
            let (x, dy) = (x.get(), dy.get());
            dispatch(KernelPart { windows: &windows, first, lines, x, dy, out });
        });
        // SAFETY: the parts were written above; the gradient has that many floats.
        unsafe {
            kernel_gradient.write_bytes(0, floats);
            for part in 0..parts {
                for index in 0..floats {
                    *kernel_gradient.add(index) += *partial.get().add(part * floats + index);
                }
            }
        }
    });
}

/// What some lines of output add to the kernel's gradient.
struct KernelPart<'a> {
    windows: &'a Windows,
    first: usize,
    lines: usize,
    x: *const f32,
    dy: *const f32,
    out: *mut f32,
}

impl Kernel for KernelPart<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let channels = self.windows.channels;
        // SAFETY: `out` has room for every kernel position and channel.
        unsafe {
            self.out.write_bytes(0, self.windows.taps() * channels);
            for line in self.first..self.first + self.lines {
                for tap in 0..self.windows.taps() {
                    let mut channel = 0;
                    while channel + 4 * S::LANES <= channels {
                        self.add_line::<S, 4>(s, line, tap, channel, S::LANES);
                        channel += 4 * S::LANES;
                    }
                    while channel < channels {
                        let width = S::LANES.min(channels - channel);
                        self.add_line::<S, 1>(s, line, tap, channel, width);
                        channel += S::LANES;
                    }
                }
            }
        }
    }
}

impl KernelPart<'_> {
    /// Adds one line to `V` vectors of one kernel position.
    #[inline(always)]
    unsafe fn add_line<S: Simd, const V: usize>(
        &self,
        s: S,
        line: usize,
        tap: usize,
        channel: usize,
        width: usize,
    ) {
        let windows = self.windows;
        let across = windows.output[2];
        let offset = windows.tap(tap);
        let start = windows.cursor(line * across).start;
        // The pixels of the line whose window has this position inside.
        let begin = start.at[2] + offset[2];
        let stride = windows.stride[2];
        let low = if begin >= 0 { 0 } else { (-begin + stride - 1) / stride };
        let room = windows.input[2].cast_signed() - 1 - begin;
        let high = if room < 0 { 0 } else { (room / stride + 1).min(across.cast_signed()) };
        let shifted = [offset[0], offset[1], offset[2] + low * stride];
        if low >= high {
            return;
        }
        let Some(at) = windows.find(&start, shifted) else { return };
        // SAFETY: the pixels lie inside the image and the line.
        unsafe {
            let mut x = self.x.add(at + channel);
            let first = line * across + low.unsigned_abs();
            let mut dy = self.dy.add(first * windows.channels + channel);
            let out = self.out.add(tap * windows.channels + channel);
            let mut sums = [s.splat(0.0); V];
            for _ in low..high {
                for vector in 0..V {
                    let value = s.load_up_to(x.add(vector * S::LANES), width);
                    let gradient = s.load_up_to(dy.add(vector * S::LANES), width);
                    sums[vector] = s.mul_add(value, gradient, sums[vector]);
                }
                x = x.wrapping_add(stride.unsigned_abs() * windows.pixel);
                dy = dy.wrapping_add(windows.channels);
            }
            for vector in 0..V {
                let to = out.add(vector * S::LANES);
                s.store_up_to(to, s.add(s.load_up_to(to, width), sums[vector]), width);
            }
        }
    }
}
