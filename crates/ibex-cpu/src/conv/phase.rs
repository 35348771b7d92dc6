//! The phases of an input gradient: pixels with the same remainder of the stride.
//!
//! Kernel position `t` of window `o` reads pixel `s·o - padding + t·dilation`.
//! For pixel `s·q + r` only positions with `t·dilation ≡ r + padding (mod s)` do that, and for
//! them `o` moves with `q` by one: a convolution over the output's gradient without strides.
//! Must not know: how the phases are computed.

use super::Convolution;
use crate::gemm::Windows;

/// One phase.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phase {
    /// The remainder along each axis.
    remainder: [usize; 3],
    /// The first kernel position that matters, and the step to the next.
    first: [usize; 3],
    step: [usize; 3],
    /// How many matter.
    count: [usize; 3],
    /// Pixels along each axis.
    pixels: [usize; 3],
}

impl Phase {
    /// The phases that have pixels.
    pub(super) fn all(shape: &Convolution) -> impl Iterator<Item = Self> {
        let [depth, height, width] = shape.stride;
        (0..depth * height * width)
            .map(move |index| [index / (height * width), index / width % height, index % width])
            .map(|remainder| Self::new(shape, remainder))
            .filter(|phase| phase.pixels.iter().all(|&pixels| pixels > 0))
    }

    fn new(shape: &Convolution, remainder: [usize; 3]) -> Self {
        let mut phase =
            Self { remainder, first: [0; 3], step: [1; 3], count: [0; 3], pixels: [0; 3] };
        for axis in 0..3 {
            let (stride, dilation) = (shape.stride[axis], shape.dilation[axis]);
            let target = (remainder[axis] + shape.padding[axis]) % stride;
            phase.pixels[axis] = shape.input[axis].saturating_sub(remainder[axis]).div_ceil(stride);
            phase.step[axis] = stride / common_divisor(stride, dilation);
            let first = (0..phase.step[axis]).find(|tap| tap * dilation % stride == target);
            if let Some(first) = first.filter(|&first| first < shape.kernel[axis]) {
                phase.first[axis] = first;
                phase.count[axis] = (shape.kernel[axis] - first).div_ceil(phase.step[axis]);
            }
        }
        phase
    }

    /// Kernel positions that matter.
    pub(super) fn taps(&self) -> usize {
        self.count.iter().product()
    }

    /// The step between them along each axis.
    pub(super) fn step(&self) -> [usize; 3] {
        self.step
    }

    /// The windows over the output's gradient, of `channels` channels each; their kernel positions
    /// are those that matter, the last one first.
    pub(super) fn windows(&self, shape: &Convolution, channels: usize) -> Windows {
        let mut windows = Windows {
            batch: shape.batch,
            input: shape.output,
            channels,
            pixel: shape.output_channels,
            output: self.pixels,
            kernel: self.count,
            stride: [1; 3],
            dilation: [0; 3],
            origin: [0; 3],
        };
        for axis in 0..3 {
            let (stride, dilation) = (shape.stride[axis], shape.dilation[axis]);
            let start = (self.remainder[axis] + shape.padding[axis]).cast_signed()
                - (self.first[axis] * dilation).cast_signed();
            let step = (self.step[axis] * dilation / stride).cast_signed();
            // From the last kernel position, which finds the first pixel, to the first.
            let back = self.count[axis].saturating_sub(1).cast_signed() * step;
            windows.origin[axis] = start.div_euclid(stride.cast_signed()) - back;
            windows.dilation[axis] = step;
        }
        windows
    }

    /// The index in the whole kernel of a position of the windows.
    pub(super) fn kernel_position(&self, shape: &Convolution, tap: usize) -> usize {
        let [_, height, width] = self.count;
        let index = [tap / (height * width), tap / width % height, tap % width];
        let [d, h, w] = [0, 1, 2]
            .map(|axis| self.first[axis] + (self.count[axis] - 1 - index[axis]) * self.step[axis]);
        (d * shape.kernel[1] + h) * shape.kernel[2] + w
    }

    /// The pixel of the input that a pixel of the phase is.
    pub(super) fn pixel(&self, shape: &Convolution, index: [usize; 3]) -> [usize; 3] {
        [0, 1, 2].map(|axis| index[axis] * shape.stride[axis] + self.remainder[axis])
    }
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
