//! The transformations of Winograd's convolution: of kernels, patches and products, and those that
//! undo them for gradients.
//!
//! Each is a small matrix from the left and its transpose from the right, for as many channels at
//! a time as a vector has lanes.
//! Must not know: tasks, products.

use super::{Patches, Winograd};
use crate::gemm::{Activation, Bias, Epilogue, ZEROS};
use crate::simd::{Kernel, Simd};

/// A panel of the kernel to be transformed: `G g Gᵀ`.
pub(super) struct FilterPanel<'a> {
    pub(super) shape: &'a Winograd,
    /// The first channel and filter of the first kernel position.
    pub(super) kernel: *const f32,
    pub(super) channels: usize,
    pub(super) filters: usize,
    /// The panel in the first of the matrices.
    pub(super) to: *mut f32,
}

impl Kernel for FilterPanel<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (shape, width) = (self.shape, self.shape.width());
        let matrix = shape.channels * shape.filters;
        let half = s.splat(0.5);
        // SAFETY: the panel lies within the kernel and within the matrices.
        unsafe {
            for channel in 0..self.channels {
                for lane in (0..self.filters).step_by(S::LANES) {
                    let count = (self.filters - lane).min(S::LANES);
                    let from = self.kernel.add(channel * shape.filters + lane);
                    let mut taps = [[s.splat(0.0); 3]; 3];
                    for tap in 0..9 {
                        taps[tap / 3][tap % 3] = s.load_up_to(from.add(tap * matrix), count);
                    }
                    let column = |column: usize| [0, 1, 2].map(|row| taps[row][column]);
                    let columns = [0, 1, 2].map(|at| spread(s, column(at), half));
                    for row in 0..4 {
                        let values = spread(s, columns.map(|column| column[row]), half);
                        for (at, value) in values.into_iter().enumerate() {
                            let to = self.to.add((4 * row + at) * shape.matrix());
                            s.store_up_to(to.add(channel * width + lane), value, count);
                        }
                    }
                }
            }
        }
    }
}

/// Multiplies by G: `a, (a + b + c) / 2, (a - b + c) / 2, c`.
#[inline(always)]
fn spread<S: Simd>(s: S, [a, b, c]: [S::F; 3], half: S::F) -> [S::F; 4] {
    let (outer, inner) = (s.mul(s.add(a, c), half), s.mul(b, half));
    [a, s.add(outer, inner), s.sub(outer, inner), c]
}

/// Transforms patches of the images: `Bᵀ d B`.
pub(super) struct Forth<'a> {
    pub(super) patches: Patches<'a>,
    pub(super) to: *mut f32,
    /// Floats from one line to the next.
    pub(super) row: usize,
    /// The line of the first patch, and the lines of each element.
    pub(super) line: usize,
    pub(super) lines: usize,
}

impl Kernel for Forth<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Patches { shape, x, .. } = self.patches;
        let [height, width] = shape.input;
        for (index, (image, place)) in self.patches.places().enumerate() {
            let [down, across] =
                [0, 1].map(|axis| (2 * place[axis]).cast_signed() + shape.origin[axis]);
            let pixels: [*const f32; super::PATCH] = std::array::from_fn(|at| {
                // A negative coordinate becomes a huge one.
                let [h, w] = [down + (at / 4) as isize, across + (at % 4) as isize]
                    .map(isize::cast_unsigned);
                let at = ((image * height + h.min(height)) * width + w.min(width)) * shape.channels;
                if h < height && w < width { x.wrapping_add(at) } else { ZEROS.as_ptr() }
            });
            for channel in (0..shape.channels).step_by(S::LANES) {
                let lanes = (shape.channels - channel).min(S::LANES);
                // SAFETY: the pixels and the zeros have so many channels, and every element of a
                // transformed patch has a row with a gap behind it.
                unsafe {
                    let pixel = |at: usize| s.load_up_to(pixels[at].add(channel), lanes);
                    let columns = [0, 1, 2, 3].map(|at| {
                        differ(s, [pixel(at), pixel(4 + at), pixel(8 + at), pixel(12 + at)])
                    });
                    for row in 0..4 {
                        let values = differ(s, columns.map(|column| column[row]));
                        for (at, value) in values.into_iter().enumerate() {
                            let line = (4 * row + at) * self.lines + self.line + index;
                            s.store(self.to.add(line * self.row + channel), value);
                        }
                    }
                }
            }
        }
    }
}

/// Multiplies by Bᵀ: `a - c, b + c, c - b, b - d`.
#[inline(always)]
fn differ<S: Simd>(s: S, [a, b, c, d]: [S::F; 4]) -> [S::F; 4] {
    [s.sub(a, c), s.add(b, c), s.sub(c, b), s.sub(b, d)]
}

/// Transforms products back and ends them: `Aᵀ m A`.
pub(super) struct Back<'a> {
    pub(super) patches: Patches<'a>,
    pub(super) from: *const f32,
    pub(super) row: usize,
    pub(super) epilogue: &'a Epilogue,
}

impl Kernel for Back<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Patches { shape, y, count, .. } = self.patches;
        let [height, width] = shape.output;
        let bias = match self.epilogue.bias {
            Bias::Column(bias) => Some(bias),
            Bias::None | Bias::Row(_) => None,
        };
        let relu = matches!(self.epilogue.activation, Activation::Relu);
        for (index, (image, place)) in self.patches.places().enumerate() {
            let [down, across] = place.map(|at| 2 * at);
            let pixel = |at: usize| {
                let (h, w) = (down + at / 2, across + at % 2);
                let to = ((image * height + h) * width + w) * shape.filters;
                (h < height && w < width).then(|| y.wrapping_add(to))
            };
            let pixels = [pixel(0), pixel(1), pixel(2), pixel(3)];
            for filter in (0..shape.filters).step_by(S::LANES) {
                let lanes = (shape.filters - filter).min(S::LANES);
                // SAFETY: every element has a row of so many filters, as have the pixels and the
                // bias.
                unsafe {
                    let element = |at: usize| {
                        let line = self.from.add((at * count + index) * self.row + filter);
                        s.load_up_to(line, lanes)
                    };
                    let columns = [0, 1, 2, 3].map(|at| {
                        join(s, [element(at), element(4 + at), element(8 + at), element(12 + at)])
                    });
                    let bias = bias.map(|bias| s.load_up_to(bias.add(filter), lanes));
                    for row in 0..2 {
                        let values = join(s, columns.map(|column| column[row]));
                        for (at, mut value) in values.into_iter().enumerate() {
                            let Some(to) = pixels[2 * row + at] else { continue };
                            if let Some(bias) = bias {
                                value = s.add(value, bias);
                            }
                            if relu {
                                // The zero first: then NaN passes through.
                                value = s.max(s.splat(0.0), value);
                            }
                            s.store_up_to(to.add(filter), value, lanes);
                        }
                    }
                }
            }
            if let Activation::Function(function) = self.epilogue.activation {
                for to in pixels.into_iter().flatten() {
                    // SAFETY: the pixel has so many filters.
                    unsafe { function(to, to, shape.filters) };
                }
            }
        }
    }
}

/// Multiplies by Aᵀ: `a + b + c, b - c - d`.
#[inline(always)]
fn join<S: Simd>(s: S, [a, b, c, d]: [S::F; 4]) -> [S::F; 2] {
    [s.add(s.add(a, b), c), s.sub(s.sub(b, c), d)]
}

/// Transforms what patches are worth to the loss: `A dy Aᵀ`.
pub(super) struct Out<'a> {
    /// With the gradient of the result as `y`.
    pub(super) patches: Patches<'a>,
    pub(super) to: *mut f32,
    pub(super) row: usize,
    pub(super) line: usize,
    pub(super) lines: usize,
}

impl Kernel for Out<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Patches { shape, y, .. } = self.patches;
        let [height, width] = shape.output;
        for (index, (image, place)) in self.patches.places().enumerate() {
            let [down, across] = place.map(|at| 2 * at);
            let pixels: [*const f32; 4] = std::array::from_fn(|at| {
                let (h, w) = (down + at / 2, across + at % 2);
                let from = ((image * height + h) * width + w) * shape.filters;
                if h < height && w < width { y.wrapping_add(from) } else { ZEROS.as_ptr() }
            });
            for filter in (0..shape.filters).step_by(S::LANES) {
                let lanes = (shape.filters - filter).min(S::LANES);
                // SAFETY: the pixels and the zeros have so many filters, and every element of a
                // transformed patch has a row with a gap behind it.
                unsafe {
                    let pixel = |at: usize| s.load_up_to(pixels[at].add(filter), lanes);
                    let columns = [0, 1].map(|at| fan(s, [pixel(at), pixel(2 + at)]));
                    for row in 0..4 {
                        let values = fan(s, columns.map(|column| column[row]));
                        for (at, value) in values.into_iter().enumerate() {
                            let line = (4 * row + at) * self.lines + self.line + index;
                            s.store(self.to.add(line * self.row + filter), value);
                        }
                    }
                }
            }
        }
    }
}

/// Multiplies by A: `a, a + b, a - b, -b`.
#[inline(always)]
fn fan<S: Simd>(s: S, [a, b]: [S::F; 2]) -> [S::F; 4] {
    [a, s.add(a, b), s.sub(a, b), s.neg(b)]
}

/// Adds the sums of all parts and transforms them back to the gradient of a kernel: `Gᵀ m G`, for
/// some channels.
pub(super) struct Collect<'a> {
    pub(super) shape: &'a Winograd,
    pub(super) from: *const f32,
    pub(super) parts: usize,
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) to: *mut f32,
}

impl Kernel for Collect<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let filters = self.shape.filters;
        let matrix = self.shape.channels * filters;
        let half = s.splat(0.5);
        for channel in self.first..self.first + self.count {
            for filter in (0..filters).step_by(S::LANES) {
                let lanes = (filters - filter).min(S::LANES);
                let at = channel * filters + filter;
                // SAFETY: there are 16 matrices of sums for each part, and nine of the gradient.
                unsafe {
                    let element = |index: usize| {
                        let from = self.from.add(index * matrix + at);
                        let mut sum = s.load_up_to(from, lanes);
                        for part in 1..self.parts {
                            let other = from.add(part * super::PATCH * matrix);
                            sum = s.add(sum, s.load_up_to(other, lanes));
                        }
                        sum
                    };
                    let columns = [0, 1, 2, 3].map(|at| {
                        let column =
                            [element(at), element(4 + at), element(8 + at), element(12 + at)];
                        gather(s, column, half)
                    });
                    for row in 0..3 {
                        let values = gather(s, columns.map(|column| column[row]), half);
                        for (tap, value) in values.into_iter().enumerate() {
                            let to = self.to.add((3 * row + tap) * matrix + at);
                            s.store_up_to(to, value, lanes);
                        }
                    }
                }
            }
        }
    }
}

/// Multiplies by Gᵀ: `a + (b + c) / 2, (b - c) / 2, (b + c) / 2 + d`.
#[inline(always)]
fn gather<S: Simd>(s: S, [a, b, c, d]: [S::F; 4], half: S::F) -> [S::F; 3] {
    let even = s.mul(s.add(b, c), half);
    [s.add(a, even), s.mul(s.sub(b, c), half), s.add(even, d)]
}
