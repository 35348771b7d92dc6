//! Convolutions against plain loops in double precision, at several numbers of threads.

use super::*;
use crate::gemm::Activation;
use crate::testing::{assert_close, bits, numbers};

fn shapes() -> Vec<Convolution> {
    let same = Convolution {
        batch: 2,
        input: [1, 7, 9],
        input_channels: 6,
        kernel: [1, 3, 3],
        output: [1, 7, 9],
        output_channels: 10,
        stride: [1; 3],
        dilation: [1; 3],
        padding: [0, 1, 1],
        groups: 1,
    };
    let wide = Convolution { input_channels: 32, output_channels: 40, ..same };
    vec![
        same,
        wide,
        // Keras "same" with stride 2: no zeros before, one after.
        Convolution {
            input: [1, 8, 8],
            output: [1, 4, 4],
            stride: [1, 2, 2],
            padding: [0; 3],
            ..wide
        },
        Convolution { output: [1, 4, 5], stride: [1, 2, 2], ..same },
        // A stride longer than the kernel leaves pixels that no window reads.
        Convolution {
            kernel: [1, 1, 2],
            output: [1, 3, 3],
            stride: [1, 3, 4],
            padding: [0; 3],
            ..same
        },
        Convolution { dilation: [1, 2, 3], output: [1, 5, 5], ..same },
        Convolution { dilation: [1, 2, 3], stride: [1, 2, 2], output: [1, 3, 3], ..same },
        Convolution { kernel: [1; 3], padding: [0; 3], ..wide },
        Convolution { groups: 2, ..same },
        Convolution { input_channels: 64, output_channels: 32, groups: 2, ..same },
        Convolution { input_channels: 24, output_channels: 48, groups: 12, ..same },
        Convolution {
            input_channels: 64,
            output_channels: 128,
            groups: 16,
            stride: [1, 2, 2],
            output: [1, 4, 5],
            ..same
        },
        Convolution {
            kernel: [1; 3],
            padding: [0; 3],
            input_channels: 20,
            output_channels: 10,
            groups: 10,
            ..same
        },
        Convolution { input_channels: 1, ..same },
        Convolution {
            input: [5, 6, 7],
            kernel: [2, 3, 2],
            output: [3, 6, 4],
            stride: [2, 1, 2],
            padding: [1, 1, 0],
            ..same
        },
        // Patches of four pixels, whole ones and such as stick out, with and without padding;
        // channels and filters that fill no vector, and more channels than one block.
        Convolution { input: [1, 14, 14], output: [1, 14, 14], ..wide },
        Convolution { input: [1, 15, 13], output: [1, 13, 11], padding: [0; 3], ..wide },
        Convolution {
            batch: 4,
            input_channels: 21,
            output_channels: 19,
            input: [1, 9, 11],
            output: [1, 10, 9],
            padding: [0, 2, 0],
            ..same
        },
        Convolution {
            batch: 33,
            input: [1, 2, 2],
            output: [1, 2, 2],
            input_channels: 300,
            output_channels: 40,
            ..same
        },
        // Few filters, with runs that fill no vector, and lines of few channels with strides, wide
        // margins, three dimensions and more than one tile of filters.
        Convolution { input_channels: 16, output_channels: 1, ..same },
        Convolution { input_channels: 21, output_channels: 3, ..same },
        Convolution { input_channels: 3, output_channels: 40, ..same },
        Convolution {
            input_channels: 3,
            kernel: [1, 5, 7],
            output: [1, 5, 8],
            stride: [1, 2, 2],
            padding: [0, 4, 6],
            ..same
        },
        Convolution {
            input: [1, 1, 7],
            input_channels: 2,
            kernel: [1, 1, 20],
            output: [1, 1, 12],
            padding: [0, 0, 12],
            ..same
        },
        Convolution {
            input: [5, 6, 9],
            input_channels: 1,
            kernel: [3, 3, 3],
            output: [5, 6, 9],
            padding: [1; 3],
            ..same
        },
        // Images so small that kernel positions lie outside: strides longer than the kernel,
        // dilation, three dimensions, kernel positions and results that meet nothing.
        Convolution {
            batch: 67,
            input: [1, 3, 4],
            input_channels: 33,
            kernel: [1, 5, 5],
            output: [1, 3, 2],
            output_channels: 35,
            stride: [1, 1, 2],
            padding: [0, 2, 2],
            ..same
        },
        Convolution {
            batch: 9,
            input: [1, 4, 5],
            input_channels: 40,
            kernel: [1, 3, 2],
            output: [1, 4, 4],
            output_channels: 33,
            stride: [1, 1, 3],
            dilation: [1, 3, 1],
            padding: [0, 3, 4],
            ..same
        },
        Convolution {
            batch: 8,
            input: [2, 2, 1],
            input_channels: 515,
            kernel: [3, 2, 5],
            output: [2, 2, 1],
            output_channels: 36,
            padding: [1, 0, 2],
            ..same
        },
        // Enough positions for the kernel's gradient to be cut into parts.
        Convolution {
            batch: 5,
            input: [1, 31, 33],
            input_channels: 3,
            output: [1, 31, 33],
            output_channels: 8,
            ..same
        },
    ]
}

fn depthwise_shapes() -> Vec<Convolution> {
    let deep = |shape: Convolution, channels: usize, multiplier: usize| Convolution {
        input_channels: channels,
        output_channels: channels * multiplier,
        groups: channels,
        ..shape
    };
    let shapes = shapes();
    let last = shapes[shapes.len() - 1];
    let mut all: Vec<_> = shapes.into_iter().map(|shape| deep(shape, 37, 1)).collect();
    all.push(deep(last, 64, 1));
    all.push(deep(all[0], 5, 3));
    all
}

/// Calls `f(x, kernel, y)` with the indices of every product that the convolution sums.
fn each_product(shape: &Convolution, mut f: impl FnMut(usize, usize, usize)) {
    let (inputs, outputs) = (shape.group_inputs(), shape.group_outputs());
    let taps: usize = shape.kernel.iter().product();
    for position in 0..shape.positions() {
        for tap in 0..taps {
            let index = |flat: usize, sizes: [usize; 3]| {
                [
                    flat / (sizes[1] * sizes[2]) % sizes[0],
                    flat / sizes[2] % sizes[1],
                    flat % sizes[2],
                ]
            };
            let (o, t) = (index(position, shape.output), index(tap, shape.kernel));
            let image = position / shape.output.iter().product::<usize>();
            let pixel = [0, 1, 2].map(|axis| {
                (o[axis] * shape.stride[axis] + t[axis] * shape.dilation[axis]) as isize
                    - shape.padding[axis] as isize
            });
            if (0..3).any(|axis| pixel[axis] < 0 || pixel[axis] >= shape.input[axis] as isize) {
                continue;
            }
            let [d, h, w] = pixel.map(|x| x as usize);
            let pixel = ((image * shape.input[0] + d) * shape.input[1] + h) * shape.input[2] + w;
            for output in 0..shape.output_channels {
                let group = output / outputs;
                for input in 0..inputs {
                    f(
                        pixel * shape.input_channels + group * inputs + input,
                        (tap * inputs + input) * shape.output_channels + output,
                        position * shape.output_channels + output,
                    );
                }
            }
        }
    }
}

fn check(shape: &Convolution, deep: bool) {
    let pixels = shape.batch * shape.input.iter().product::<usize>();
    let taps: usize = shape.kernel.iter().product();
    let sizes = [
        pixels * shape.input_channels,
        taps * shape.group_inputs() * shape.output_channels,
        shape.positions() * shape.output_channels,
    ];
    let [x, kernel, dy] = [0, 1, 2].map(|index| numbers(sizes[index], index as u64));
    let mut expected = sizes.map(|size| vec![0.0_f64; size]);
    each_product(shape, |i, k, o| {
        let [dx, dk, y] = &mut expected;
        y[o] += f64::from(x[i]) * f64::from(kernel[k]);
        dx[i] += f64::from(dy[o]) * f64::from(kernel[k]);
        dk[k] += f64::from(dy[o]) * f64::from(x[i]);
    });
    let mut first: Option<Vec<u32>> = None;
    for threads in [1, 2, 3] {
        let pool = ThreadPool::new(threads);
        let mut found = sizes.map(|size| vec![f32::NAN; size]);
        let [dx, dk, y] = found.each_mut().map(Vec::as_mut_ptr);
        let (x, kernel, dy) = (x.as_ptr(), kernel.as_ptr(), dy.as_ptr());
        // SAFETY: the vectors have the sizes of the shape.
        unsafe {
            if deep {
                depthwise(&pool, shape, x, kernel, y);
                depthwise_input_gradient(&pool, shape, dy, kernel, dx);
                depthwise_kernel_gradient(&pool, shape, x, dy, dk);
            } else {
                convolution(&pool, shape, (x, kernel, y), Weights::Changing, Epilogue::default());
                convolution_input_gradient(&pool, shape, dy, kernel, dx);
                convolution_kernel_gradient(&pool, shape, x, dy, dk, Epilogue::default());
                let mut kept = vec![f32::NAN; sizes[2]];
                let data = (x, kernel, kept.as_mut_ptr());
                convolution(&pool, shape, data, Weights::Kept(None), Epilogue::default());
                assert_close(&kept, &expected[2], 2e-6, &format!("kept output of {shape:?}"));
            }
        }
        let what = ["input gradient", "kernel gradient", "output"];
        for index in 0..3 {
            // Sums of up to some thousand products of numbers below 1.
            let what = format!("{} of {shape:?}", what[index]);
            assert_close(&found[index], &expected[index], 2e-6, &what);
        }
        let all = found.map(|values| bits(&values)).concat();
        assert_eq!(*first.get_or_insert_with(|| all.clone()), all, "{shape:?}");
    }
}

#[test]
fn convolutions_and_both_gradients_match_plain_loops() {
    shapes().iter().for_each(|shape| check(shape, false));
}

#[test]
fn a_prepared_kernel_gives_the_same_bits() {
    let mut prepared_shapes = 0;
    for shape in shapes() {
        let pixels = shape.batch * shape.input.iter().product::<usize>();
        let taps: usize = shape.kernel.iter().product();
        let x = numbers(pixels * shape.input_channels, 1);
        let kernel = numbers(taps * shape.group_inputs() * shape.output_channels, 2);
        let bias = numbers(shape.output_channels, 3);
        let bias = Bias::Column(bias.as_ptr());
        let epilogue = Epilogue { bias, activation: Activation::Relu, ..Epilogue::default() };
        let pool = ThreadPool::new(2);
        let run = |prepared: Option<&Prepared>| {
            let mut y = vec![f32::NAN; shape.positions() * shape.output_channels];
            let data = (x.as_ptr(), kernel.as_ptr(), y.as_mut_ptr());
            // SAFETY: the vectors have the sizes of the shape.
            unsafe { convolution(&pool, &shape, data, Weights::Kept(prepared), epilogue) };
            y
        };
        // SAFETY: as above.
        let prepared = unsafe { Prepared::new(&pool, &shape, kernel.as_ptr()) };
        prepared_shapes += usize::from(prepared.is_some());
        let found = run(None);
        assert!(found.iter().all(|&value| value >= 0.0), "{shape:?}");
        assert_eq!(bits(&found), bits(&run(prepared.as_ref())), "{shape:?}");
    }
    assert!(prepared_shapes > 4);
}

#[test]
fn depthwise_convolutions_and_both_gradients_match_plain_loops() {
    depthwise_shapes().iter().for_each(|shape| check(shape, true));
}

#[test]
fn the_bias_of_a_grouped_convolution_belongs_to_its_group() {
    let shape = Convolution { groups: 2, ..shapes()[0] };
    let x = vec![0.0; 2 * 63 * 6];
    let kernel = vec![1.0; 9 * 3 * 10];
    let bias = numbers(10, 1);
    let mut y = vec![0.0; 2 * 63 * 10];
    let epilogue = Epilogue { bias: Bias::Column(bias.as_ptr()), ..Epilogue::default() };
    let pool = ThreadPool::new(1);
    // SAFETY: the vectors have the sizes of the shape.
    unsafe {
        let data = (x.as_ptr(), kernel.as_ptr(), y.as_mut_ptr());
        convolution(&pool, &shape, data, Weights::Changing, epilogue);
    }
    assert!(y.chunks(10).all(|pixel| pixel == bias));
}
