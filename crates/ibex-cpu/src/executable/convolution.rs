//! Convolutions and their gradients.
//!
//! `float32` goes to the kernels of [`crate::conv`]; other dtypes are summed in `f64`, one result
//! at a time.

use ibex_compile::program::Step;
use ibex_graph::ops::conv::{Convolution, ConvolutionInputGradient, ConvolutionKernelGradient};
use ibex_graph::{DType, Element, Shape, with_element};

use super::Launch;
use super::kept::Kept;
use super::op::{Ending, Places, function};
use super::taps::{Meeting, Taps};
use crate::conv::{self, Weights};
use crate::gemm::Epilogue;

/// The sizes as the kernels take them: axes that are missing are the first, of extent 1.
fn shape(
    op: &Convolution,
    input: &[usize],
    kernel: &[usize],
    output: &[usize],
) -> conv::Convolution {
    let last = input.len() - 1;
    let fill = |values: &[usize], missing: usize| {
        let mut all = [missing; 3];
        all[3 - values.len()..].copy_from_slice(values);
        all
    };
    let padding: Vec<usize> = op.padding.iter().map(|&(low, _)| low).collect();
    conv::Convolution {
        batch: input[0],
        input: fill(&input[1..last], 1),
        input_channels: input[last],
        kernel: fill(&kernel[..last - 1], 1),
        output: fill(&output[1..last], 1),
        output_channels: output[last],
        stride: fill(&op.strides, 1),
        dilation: fill(&op.dilation, 1),
        padding: fill(&padding, 0),
        groups: op.groups,
    }
}

/// Whether every channel is convolved on its own, which has kernels of its own.
fn is_depthwise(shape: &conv::Convolution) -> bool {
    shape.groups > 1 && shape.groups == shape.input_channels
}

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    batch: usize,
    volume: usize,
    positions: usize,
    channels: usize,
    filters: usize,
    /// Channels and filters of one group.
    depth: usize,
    per_group: usize,
}

impl Sizes {
    fn new(input: &[usize], kernel: &[usize], output: &[usize]) -> Sizes {
        let last = input.len() - 1;
        let (depth, filters) = (kernel[last - 1], kernel[last]);
        let groups = (input[last] / depth.max(1)).max(1);
        Sizes {
            batch: input[0],
            volume: input[1..last].iter().product(),
            positions: output[1..last].iter().product(),
            channels: input[last],
            filters,
            depth,
            per_group: filters / groups,
        }
    }

    fn input(&self, image: usize, meeting: &Meeting, channel: usize) -> usize {
        (image * self.volume + meeting.source) * self.channels + channel
    }

    fn kernel(&self, meeting: &Meeting, channel: usize, filter: usize) -> usize {
        (meeting.tap * self.depth + channel) * self.filters + filter
    }

    fn output(&self, image: usize, meeting: &Meeting, filter: usize) -> usize {
        (image * self.positions + meeting.position) * self.filters + filter
    }

    /// The first channel that meets a filter.
    fn first_channel(&self, filter: usize) -> usize {
        filter / self.per_group.max(1) * self.depth
    }
}

fn taps(
    op: &Convolution,
    kernel: &[usize],
    input: &[usize],
    count: usize,
    key: impl Fn(&Meeting) -> usize,
) -> Taps {
    let spatial = &input[1..input.len() - 1];
    Taps::new(&op.windows(&Shape::from(kernel)), spatial, count, key)
}

/// Convolution.
pub(super) fn forward(
    op: &Convolution,
    step: &Step,
    places: Places,
    ending: Ending,
) -> Box<dyn Launch> {
    let (x, kernel, y) = (&step.inputs[0], &step.inputs[1], &step.outputs[0]);
    if x.dtype == DType::F32 {
        let shape = shape(op, &x.shape, &kernel.shape, &y.shape);
        let kept = Kept::new();
        // SAFETY: the sizes are those of the operands.
        return unsafe {
            function(move |memory, pool| {
                let [x, kernel] = [0, 1].map(|at| memory.at(places.inputs[at]).cast::<f32>());
                let y = memory.at(places.outputs[0]).cast::<f32>();
                if is_depthwise(&shape) {
                    conv::depthwise(pool, &shape, x, kernel, y);
                    return;
                }
                let version = memory.version(places.inputs[1]);
                let prepare = || conv::Prepared::new(pool, &shape, kernel);
                kept.with(version, prepare, |prepared| {
                    let weights = match version {
                        None => Weights::Changing,
                        Some(_) => Weights::Kept(prepared),
                    };
                    let data = (x.cast_const(), kernel.cast_const(), y);
                    conv::convolution(pool, &shape, data, weights, ending.at(memory));
                });
            })
        };
    }
    let sizes = Sizes::new(&x.shape, &kernel.shape, &y.shape);
    let taps = taps(op, &kernel.shape, &x.shape, sizes.positions, |m| m.position);
    let (counts, dtype) = ((x.size(), kernel.size(), y.size()), x.dtype);
    // SAFETY: the sizes are those of the operands.
    unsafe {
        function(move |memory, _| {
            with_element!(dtype, T => {
                let x = memory.read::<T>(places.inputs[0], counts.0);
                let kernel = memory.read::<T>(places.inputs[1], counts.1);
                let y = memory.write::<T>(places.outputs[0], counts.2);
                for (at, y) in y.iter_mut().enumerate() {
                    let (rest, filter) = (at / sizes.filters, at % sizes.filters);
                    let (image, position) = (rest / sizes.positions, rest % sizes.positions);
                    let first = sizes.first_channel(filter);
                    let mut sum = 0.0;
                    for meeting in taps.of(position) {
                        for channel in 0..sizes.depth {
                            let x = x[sizes.input(image, meeting, first + channel)];
                            sum += x.to_f64()
                                * kernel[sizes.kernel(meeting, channel, filter)].to_f64();
                        }
                    }
                    *y = T::from_f64(sum);
                }
            });
        })
    }
}

/// The gradient of a convolution by its input.
pub(super) fn input_gradient(
    op: &ConvolutionInputGradient,
    step: &Step,
    places: Places,
) -> Box<dyn Launch> {
    let (grad, kernel, x) = (&step.inputs[0], &step.inputs[1], &step.outputs[0]);
    if x.dtype == DType::F32 {
        let shape = shape(&op.convolution, &x.shape, &kernel.shape, &grad.shape);
        // SAFETY: the sizes are those of the operands.
        return unsafe {
            function(move |memory, pool| {
                let [grad, kernel] = [0, 1].map(|at| memory.at(places.inputs[at]).cast::<f32>());
                let x = memory.at(places.outputs[0]).cast::<f32>();
                match is_depthwise(&shape) {
                    true => conv::depthwise_input_gradient(pool, &shape, grad, kernel, x),
                    false => conv::convolution_input_gradient(pool, &shape, grad, kernel, x),
                }
            })
        };
    }
    let sizes = Sizes::new(&x.shape, &kernel.shape, &grad.shape);
    let taps = taps(&op.convolution, &kernel.shape, &x.shape, sizes.volume, |m| m.source);
    let (counts, dtype) = ((grad.size(), kernel.size(), x.size()), x.dtype);
    // SAFETY: the sizes are those of the operands.
    unsafe {
        function(move |memory, _| {
            with_element!(dtype, T => {
                let grad = memory.read::<T>(places.inputs[0], counts.0);
                let kernel = memory.read::<T>(places.inputs[1], counts.1);
                let x = memory.write::<T>(places.outputs[0], counts.2);
                for (at, x) in x.iter_mut().enumerate() {
                    let (rest, channel) = (at / sizes.channels, at % sizes.channels);
                    let (image, source) = (rest / sizes.volume, rest % sizes.volume);
                    let group = channel / sizes.depth;
                    let mut sum = 0.0;
                    for meeting in taps.of(source) {
                        let first = group * sizes.per_group;
                        for filter in first..first + sizes.per_group {
                            let k = sizes.kernel(meeting, channel % sizes.depth, filter);
                            let grad = grad[sizes.output(image, meeting, filter)];
                            sum += grad.to_f64() * kernel[k].to_f64();
                        }
                    }
                    *x = T::from_f64(sum);
                }
            });
        })
    }
}

/// The gradient of a convolution by its kernel.
pub(super) fn kernel_gradient(
    op: &ConvolutionKernelGradient,
    step: &Step,
    places: Places,
) -> Box<dyn Launch> {
    let (x, grad, kernel) = (&step.inputs[0], &step.inputs[1], &step.outputs[0]);
    if x.dtype == DType::F32 {
        let shape = shape(&op.convolution, &x.shape, &kernel.shape, &grad.shape);
        // SAFETY: the sizes are those of the operands.
        return unsafe {
            function(move |memory, pool| {
                let [x, grad] = [0, 1].map(|at| memory.at(places.inputs[at]).cast::<f32>());
                let kernel = memory.at(places.outputs[0]).cast::<f32>();
                if is_depthwise(&shape) {
                    return conv::depthwise_kernel_gradient(pool, &shape, x, grad, kernel);
                }
                let plain = Epilogue::default();
                conv::convolution_kernel_gradient(pool, &shape, x, grad, kernel, plain);
            })
        };
    }
    let sizes = Sizes::new(&x.shape, &kernel.shape, &grad.shape);
    let count: usize = kernel.shape[..kernel.shape.len() - 2].iter().product();
    let taps = taps(&op.convolution, &kernel.shape, &x.shape, count, |m| m.tap);
    let (counts, dtype) = ((x.size(), grad.size(), kernel.size()), x.dtype);
    // SAFETY: the sizes are those of the operands.
    unsafe {
        function(move |memory, _| {
            with_element!(dtype, T => {
                let x = memory.read::<T>(places.inputs[0], counts.0);
                let grad = memory.read::<T>(places.inputs[1], counts.1);
                let kernel = memory.write::<T>(places.outputs[0], counts.2);
                for (at, kernel) in kernel.iter_mut().enumerate() {
                    let (rest, filter) = (at / sizes.filters, at % sizes.filters);
                    let (tap, channel) = (rest / sizes.depth, rest % sizes.depth);
                    let channel = sizes.first_channel(filter) + channel;
                    let mut sum = 0.0;
                    for image in 0..sizes.batch {
                        for meeting in taps.of(tap) {
                            let x = x[sizes.input(image, meeting, channel)];
                            let grad = grad[sizes.output(image, meeting, filter)];
                            sum += x.to_f64() * grad.to_f64();
                        }
                    }
                    *kernel = T::from_f64(sum);
                }
            });
        })
    }
}
