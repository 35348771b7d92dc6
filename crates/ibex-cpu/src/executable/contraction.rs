//! Matrix products and convolutions.
//!
//! `float32` goes to the blocked kernels; other dtypes are summed in `f64`, one result at a time.

use ibex_compile::program::{Operand, Product, Step};
use ibex_graph::ops::conv::{Convolution, ConvolutionInputGradient, ConvolutionKernelGradient};
use ibex_graph::{DType, Element, Error, Shape, with_element};

use super::Launch;
use super::memory::{Layout, Located};
use super::op::{Places, function};
use super::taps::{Meeting, Taps};
use crate::gemm::{self, BatchStrides, Epilogue, View};

/// One operand of a matrix product: where it begins and how it is walked.
#[derive(Debug, Clone)]
struct Matrix {
    place: Located,
    row: isize,
    column: isize,
    /// Strides of the batch axes.
    batch: Vec<isize>,
}

impl Matrix {
    fn new(operand: &Operand, layout: &Layout) -> Matrix {
        let rank = operand.shape.len();
        Matrix {
            place: layout.locate(operand),
            row: operand.strides[rank - 2],
            column: operand.strides[rank - 1],
            batch: operand.strides[..rank - 2].to_vec(),
        }
    }

    /// The offset of a product of the batch, whose extents are `dims`.
    fn offset(&self, dims: &[usize], mut index: usize) -> isize {
        let mut offset = 0;
        for (&extent, &stride) in dims.iter().zip(&self.batch).rev() {
            offset += (index % extent) as isize * stride;
            index /= extent;
        }
        offset
    }

    /// The distance between neighbouring products, if there is one distance for all.
    fn batch_stride(&self, dims: &[usize]) -> Option<isize> {
        let axes = dims.iter().copied().zip(self.batch.iter().copied()).filter(|&(d, _)| d != 1);
        let axes: Vec<(usize, isize)> = axes.collect();
        let even = axes.windows(2).all(|pair| pair[0].1 == pair[1].1 * pair[1].0 as isize);
        even.then(|| axes.last().map_or(0, |&(_, stride)| stride))
    }
}

/// A batch of matrix products.
pub(super) fn matmul(step: &Step, layout: &Layout) -> Box<dyn Launch> {
    let (a, b, c) = (&step.inputs[0], &step.inputs[1], &step.outputs[0]);
    let rank = c.shape.len();
    let (m, n, k) = (c.shape[rank - 2], c.shape[rank - 1], a.shape[rank - 1]);
    let dims = c.shape[..rank - 2].to_vec();
    let batch: usize = dims.iter().product();
    let (x, y) = (Matrix::new(a, layout), Matrix::new(b, layout));
    let to = layout.locate(c);
    if c.dtype != DType::F32 {
        let dtype = c.dtype;
        // SAFETY: the strides are those of the operands.
        return unsafe {
            function(move |memory, _| {
                with_element!(dtype, T => {
                    let (from_x, from_y) = (memory.at(x.place), memory.at(y.place));
                    let to = memory.write::<T>(to, batch * m * n);
                    for (at, value) in to.iter_mut().enumerate() {
                        let (index, row, column) = (at / (m * n), at / n % m, at % n);
                        let x_row = x.offset(&dims, index) + row as isize * x.row;
                        let y_column = y.offset(&dims, index) + column as isize * y.column;
                        let product = |i: usize| {
                            let x_at = x_row + i as isize * x.column;
                            let y_at = y_column + i as isize * y.row;
                            let x = *from_x.cast::<T>().offset(x_at);
                            x.to_f64() * (*from_y.cast::<T>().offset(y_at)).to_f64()
                        };
                        *value = T::from_f64((0..k).map(product).sum());
                    }
                });
            })
        };
    }
    let even = x.batch_stride(&dims).zip(y.batch_stride(&dims));
    // SAFETY: the strides are those of the operands; products do not overlap.
    unsafe {
        function(move |memory, pool| {
            let view = |matrix: &Matrix, offset: isize| View::Strided {
                data: memory.at(matrix.place).cast::<f32>().offset(offset).cast_const(),
                row: matrix.row,
                column: matrix.column,
            };
            let product = |index: usize, a: isize, b: isize| gemm::Product {
                m,
                n,
                k,
                a: view(&x, a),
                b: view(&y, b),
                c: memory.at(to).cast::<f32>().add(index * m * n),
                c_row: n,
                epilogue: Epilogue::default(),
            };
            match even {
                Some((a, b)) => {
                    let strides = BatchStrides { a, b, c: m * n };
                    gemm::gemm_batched(pool, &product(0, 0, 0), batch, strides);
                }
                None => {
                    for index in 0..batch {
                        let (a, b) = (x.offset(&dims, index), y.offset(&dims, index));
                        gemm::gemm(pool, &product(index, a, b));
                    }
                }
            }
        })
    }
}

/// A product with an epilogue.
pub(super) fn load_product(
    product: &Product,
    _: &Step,
    _: &Layout,
) -> Result<Box<dyn Launch>, Error> {
    Err(Error::Invalid(format!("no kernel for `{}` with an epilogue", product.op)))
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
pub(super) fn convolution(op: &Convolution, step: &Step, places: Places) -> Box<dyn Launch> {
    let (x, kernel, y) = (&step.inputs[0], &step.inputs[1], &step.outputs[0]);
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
pub(super) fn convolution_input_gradient(
    op: &ConvolutionInputGradient,
    step: &Step,
    places: Places,
) -> Box<dyn Launch> {
    let (grad, kernel, x) = (&step.inputs[0], &step.inputs[1], &step.outputs[0]);
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
pub(super) fn convolution_kernel_gradient(
    op: &ConvolutionKernelGradient,
    step: &Step,
    places: Places,
) -> Box<dyn Launch> {
    let (x, grad, kernel) = (&step.inputs[0], &step.inputs[1], &step.outputs[0]);
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
