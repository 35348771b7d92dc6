//! Measures the kernels against the machine and against another crate, in turn in one run.
//!
//! `cargo bench -p ibex-cpu` prints tables: the copy bandwidth, the cost of a fork, element-wise
//! functions, then matrix products at the shapes of the workloads beside `matrixmultiply`, and
//! convolutions, all as parts of the FMA peak.
//! An argument keeps only the rows whose name contains it.

mod machine;

use ibex_cpu::conv::{
    Convolution, Weights, convolution, convolution_input_gradient, convolution_kernel_gradient,
    depthwise, depthwise_input_gradient, depthwise_kernel_gradient,
};
use ibex_cpu::elementwise::Unary;
use ibex_cpu::gemm::{Epilogue, Product, View, gemm};
use ibex_cpu::isa::Isa;
use ibex_cpu::pool::ThreadPool;
use ibex_cpu::sampling::{Border, Sampling, sample};
use machine::{copy_rate, lanes, medians, peak, peak_flops};

/// Name, m, n, k, whether A and B are transposed in memory.
type Shape = (&'static str, usize, usize, usize, bool, bool);

const SHAPES: [Shape; 30] = [
    ("cube 1024", 1024, 1024, 1024, false, false),
    ("cube 512", 512, 512, 512, false, false),
    ("cube 256", 256, 256, 256, false, false),
    ("cube 64", 64, 64, 64, false, false),
    ("mlp 1 forward", 128, 512, 784, false, false),
    ("mlp 1 dW", 784, 512, 128, true, false),
    ("mlp 2 forward", 128, 512, 512, false, false),
    ("mlp 2 dW", 512, 512, 128, true, false),
    ("mlp 2 dX", 128, 512, 512, false, true),
    ("mlp 3 forward", 128, 10, 512, false, false),
    ("mlp 3 dW", 512, 10, 128, true, false),
    ("mlp 3 dX", 128, 512, 10, false, true),
    ("moa 1 forward", 128, 2048, 875, false, false),
    ("moa 1 dW", 875, 2048, 128, true, false),
    ("moa 2 dX", 128, 2048, 1024, false, true),
    ("lstm step", 128, 256, 64, false, false),
    ("lstm projection", 25600, 256, 64, false, false),
    ("lstm dW", 64, 256, 25600, true, false),
    ("lstm dX", 25600, 64, 256, false, true),
    ("lstm part", 1024, 256, 64, false, false),
    ("lstm part dW", 64, 256, 1024, true, false),
    ("lstm part dX", 1024, 64, 256, false, true),
    ("attention", 2048, 256, 256, false, false),
    ("dense 1", 2048, 1024, 256, false, false),
    ("logits", 2048, 8000, 256, false, false),
    ("one row", 1, 2048, 1024, false, false),
    ("odd 50", 8000, 50, 750, false, false),
    ("odd 250", 8000, 250, 150, false, false),
    ("odd 206", 128, 206, 512, false, false),
    ("odd 24", 2048, 24, 144, false, false),
];

fn product(shape: Shape, data: &mut [Vec<f32>; 3], pool: &ThreadPool) {
    let (_, m, n, k, a_turned, b_turned) = shape;
    let view = |turned: bool, data: &[f32], rows: usize, columns: usize| {
        if turned { View::columns(data.as_ptr(), rows) } else { View::rows(data.as_ptr(), columns) }
    };
    let [a, b, c] = data;
    let (a, b) = (view(a_turned, a, m, k), view(b_turned, b, k, n));
    let epilogue = Epilogue::default();
    let product = Product { m, n, k, a, b, c: c.as_mut_ptr(), c_row: n, epilogue };
    // SAFETY: the vectors were made for this shape.
    unsafe { gemm(pool, &product) };
}

fn other(shape: Shape, data: &mut [Vec<f32>; 3]) {
    let (_, m, n, k, a_turned, b_turned) = shape;
    let strides = |turned: bool, rows: usize, columns: usize| {
        if turned { (1, rows as isize) } else { (columns as isize, 1) }
    };
    let ((a_row, a_column), (b_row, b_column)) = (strides(a_turned, m, k), strides(b_turned, k, n));
    let [a, b, c] = data;
    // SAFETY: the vectors were made for this shape.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            a_row,
            a_column,
            b.as_ptr(),
            b_row,
            b_column,
            0.0,
            c.as_mut_ptr(),
            n as isize,
            1,
        );
    }
}

/// What a row of the table is measured against, in turn with it.
struct Machine {
    one: ThreadPool,
    all: ThreadPool,
}

impl Machine {
    /// Prints one row: rates on one thread and on all, as parts of the peak measured in turn.
    fn row(
        &self,
        name: &str,
        flops: f64,
        work: &mut dyn FnMut(&ThreadPool),
        other: &mut dyn FnMut(),
    ) {
        const ROUNDS: usize = 100_000;
        let peak_flops = peak_flops(ROUNDS);
        let repeats = ((2e6 / flops) as usize).max(1);
        let rounds = ((1e9 / flops) as usize).clamp(9, 101);
        let threads = self.all.threads();
        let work = std::cell::RefCell::new(work);
        let [one, all, other, peak, peaks] = medians(
            rounds,
            [
                &mut || (0..repeats).for_each(|_| work.borrow_mut()(&self.one)),
                &mut || (0..repeats).for_each(|_| work.borrow_mut()(&self.all)),
                &mut || (0..repeats).for_each(|_| other()),
                &mut || peak(ROUNDS),
                &mut || self.all.run(threads, |_| peak(ROUNDS)),
            ],
        );
        let cell = |seconds: f64, peak: f64, share: f64| {
            let rate = flops * repeats as f64 / seconds / 1e9;
            format!("{rate:7.1} ({:4.2})", rate / (peak_flops * share / peak / 1e9))
        };
        println!(
            "{name:<18} {:>15} {:>15} {:>15}",
            cell(one, peak, 1.0),
            cell(all, peaks, threads as f64),
            cell(other, peak, 1.0)
        );
    }
}

/// Name, batch, side of the image, channels in and out, side of the kernel, stride.
type Image = (&'static str, usize, usize, usize, usize, usize, usize);

const IMAGES: [Image; 21] = [
    ("cnn 1", 64, 28, 1, 32, 3, 1),
    ("cnn 2", 64, 13, 32, 64, 3, 1),
    ("cnn 3", 64, 5, 64, 64, 3, 1),
    ("resnet 64", 32, 16, 64, 64, 3, 1),
    ("resnet 128 /2", 32, 16, 64, 128, 3, 2),
    ("resnet 128", 32, 8, 128, 128, 3, 1),
    ("resnet 256", 32, 4, 256, 256, 3, 1),
    ("resnet 512", 32, 2, 512, 512, 3, 1),
    ("resnet 512 /2", 32, 4, 256, 512, 3, 2),
    ("gan 5x5", 64, 7, 128, 256, 5, 1),
    ("wide 5x5", 16, 32, 32, 64, 5, 1),
    ("narrow 5x5", 32, 28, 16, 32, 5, 1),
    ("odd 3x3/2", 16, 32, 50, 120, 3, 2),
    ("resnet 7x7", 32, 64, 3, 64, 7, 2),
    ("lenet 5x5", 64, 28, 1, 6, 5, 1),
    ("lenet 5x5", 64, 14, 6, 16, 5, 1),
    ("unet 3", 8, 128, 3, 16, 3, 1),
    ("unet 16", 8, 128, 16, 16, 3, 1),
    ("unet 32", 8, 64, 32, 32, 3, 1),
    ("to grey", 64, 28, 16, 1, 3, 1),
    ("gan 4x4", 32, 32, 64, 128, 4, 2),
];

/// A convolution and both its gradients, with memory of its own.
struct Directions {
    shape: Convolution,
    data: [Vec<f32>; 3],
}

impl Directions {
    const NAMES: [&str; 3] = ["y", "dW", "dX"];

    fn new((_, batch, side, inputs, outputs, kernel, stride): Image) -> Self {
        let output = side.div_ceil(stride);
        let before = ((output - 1) * stride + kernel).saturating_sub(side) / 2;
        let shape = Convolution {
            batch,
            input: [1, side, side],
            input_channels: inputs,
            kernel: [1, kernel, kernel],
            output: [1, output, output],
            output_channels: outputs,
            stride: [1, stride, stride],
            dilation: [1; 3],
            padding: [0, before, before],
            groups: 1,
        };
        let x = vec![0.5; batch * side * side * inputs];
        let weights = vec![0.25; kernel * kernel * inputs * outputs];
        let y = vec![0.125; batch * output * output * outputs];
        Self { shape, data: [x, weights, y] }
    }

    fn flops(&self) -> f64 {
        let Self { shape, data: [_, _, y] } = self;
        2.0 * (y.len() * shape.kernel[1] * shape.kernel[2] * shape.input_channels) as f64
    }

    fn run(&mut self, direction: &str, pool: &ThreadPool) {
        let [x, weights, y] = self.data.each_mut().map(Vec::as_mut_ptr);
        let (shape, plain) = (&self.shape, Epilogue::default());
        // SAFETY: the vectors have the sizes of the shape.
        unsafe {
            match direction {
                "y" => convolution(pool, shape, (x, weights, y), Weights::Changing, plain),
                "dW" => convolution_kernel_gradient(pool, shape, x, y, weights, plain),
                _ => convolution_input_gradient(pool, shape, y, weights, x),
            }
        }
    }
}

fn images(machine: &Machine) {
    for image in IMAGES {
        let mut directions = Directions::new(image);
        let flops = directions.flops();
        for direction in Directions::NAMES {
            let name = format!("{} {direction}", image.0);
            machine.row(&name, flops, &mut |pool| directions.run(direction, pool), &mut || ());
        }
    }
}

/// Convolutions of many sizes on one thread, as parts of the FMA peak; those of 3 × 3 without
/// strides may take fewer multiplications.
fn convolutions(machine: &Machine) {
    const CHANNELS: [(usize, usize); 14] = [
        (1, 8),
        (3, 32),
        (8, 8),
        (8, 16),
        (16, 16),
        (24, 24),
        (32, 3),
        (32, 64),
        (48, 100),
        (64, 64),
        (96, 24),
        (128, 128),
        (256, 64),
        (512, 256),
    ];
    const ROUNDS: usize = 100_000;
    let most = peak_flops(ROUNDS);
    println!("convolutions on one thread, parts of the FMA peak: y dW dX");
    for (inputs, outputs) in CHANNELS {
        for (kernel, stride) in [(1, 1), (1, 2), (3, 1), (3, 2), (5, 1), (7, 2)] {
            print!("{inputs:>4} -> {outputs:<4} {kernel} x {kernel} / {stride}");
            for side in [4_usize, 8, 16, 32, 64] {
                let work = kernel * kernel * inputs * outputs * (side / stride).pow(2);
                let batch = (20_000_000 / work).clamp(4, 64);
                let mut directions =
                    Directions::new(("", batch, side, inputs, outputs, kernel, stride));
                let flops = directions.flops();
                let repeats = ((2e6 / flops) as usize).max(1);
                print!("   {side:>2}:");
                for direction in Directions::NAMES {
                    let [ours, theirs] = medians(
                        5,
                        [
                            &mut || {
                                (0..repeats).for_each(|_| directions.run(direction, &machine.one))
                            },
                            &mut || peak(ROUNDS),
                        ],
                    );
                    let part = flops * repeats as f64 / ours / (most / theirs);
                    print!(" {part:4.2}");
                }
            }
            println!();
        }
    }
}

/// Depthwise 3×3 over images of 32×32 pixels, 128 channels.
fn depths(machine: &Machine) {
    let (batch, side, channels) = (32, 32, 128);
    let shape = Convolution {
        batch,
        input: [1, side, side],
        input_channels: channels,
        kernel: [1, 3, 3],
        output: [1, side, side],
        output_channels: channels,
        stride: [1; 3],
        dilation: [1; 3],
        padding: [0, 1, 1],
        groups: channels,
    };
    let mut x = vec![0.5_f32; batch * side * side * channels];
    let mut weights = vec![0.25_f32; 9 * channels];
    let mut y = x.clone();
    let flops = 2.0 * y.len() as f64 * 9.0;
    let (x, weights, y) = (x.as_mut_ptr(), weights.as_mut_ptr(), y.as_mut_ptr());
    // SAFETY: the vectors have the sizes of the shape and live to the end of this turn.
    unsafe {
        let run = |name, work: &mut dyn FnMut(&ThreadPool)| {
            machine.row(name, flops, work, &mut || ());
        };
        run("depthwise y", &mut |pool| depthwise(pool, &shape, x, weights, y));
        run("depthwise dW", &mut |pool| depthwise_kernel_gradient(pool, &shape, x, y, weights));
        run("depthwise dX", &mut |pool| depthwise_input_gradient(pool, &shape, y, weights, x));
    }
}

fn functions() {
    println!("element-wise, a tile of 1024 in the first cache: nanoseconds per tile");
    let mut x = vec![0.3_f32; 1024];
    let mut out = vec![0.0_f32; 1024];
    for function in Unary::ALL {
        let run = function.function();
        let (x, out) = (x.as_mut_ptr(), out.as_mut_ptr());
        // SAFETY: both vectors have 1024 floats.
        let [seconds] = medians(101, [&mut || (0..100).for_each(|_| unsafe { run(x, out, 1024) })]);
        print!("{function:?} {:.0}  ", seconds * 1e7);
    }
    println!();
}

/// Images turned a little: pixels at places between those of 8 images of 224 × 224 × 3.
fn turned_images(machine: &Machine) {
    const SIDE: usize = 224;
    let (images, places) = (8, SIDE * SIDE);
    let from = vec![0.5_f32; images * places * 3];
    let mut to = vec![0.0_f32; images * places * 3];
    let place = |i: usize| [(i / SIDE) as f32, (i % SIDE) as f32];
    let turned = |f: fn([f32; 2]) -> f32| (0..places).map(|i| f(place(i))).collect::<Vec<f32>>();
    let rows = turned(|[y, x]| 0.985 * y + 0.174 * x - 17.7);
    let columns = turned(|[y, x]| 0.985 * x - 0.174 * y + 21.1);
    println!("turned images: microseconds an image (1 thread, all threads)");
    for (border, linear) in
        [(Border::Reflect, true), (Border::Constant(0.0), true), (Border::Reflect, false)]
    {
        let (height, width) = (SIDE, SIDE);
        let sampling =
            Sampling { images, height, width, channels: 3, places, shared: true, border, linear };
        let mut run = |pool: &ThreadPool| {
            let (from, to) = (from.as_ptr(), to.as_mut_ptr());
            // SAFETY: the vectors were made for these images and places.
            unsafe { sample(pool, &sampling, from, rows.as_ptr(), columns.as_ptr(), to) };
        };
        let [one] = medians(31, [&mut || run(&machine.one)]);
        let [all] = medians(31, [&mut || run(&machine.all)]);
        let [one, all] = [one, all].map(|seconds| seconds * 1e6 / images as f64);
        println!("{border:?}, linear {linear}: {one:.0} {all:.0}");
    }
}

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = wanted.unwrap_or_default();
    let machine = Machine { one: ThreadPool::new(1), all: ThreadPool::default() };
    let (lanes, threads) = (lanes(), machine.all.threads());
    println!("instruction set {}, {lanes} lanes, {threads} threads", Isa::current().name());
    println!("copy: {:.1} GB/s on one thread", copy_rate());
    let [fork] = medians(1001, [&mut || machine.all.run(threads, |_| ())]);
    println!("fork and join: {:.1} microseconds", fork * 1e6);
    functions();
    println!("GFLOP/s (part of the FMA peak measured in turn)");
    println!("{:<18} {:>15} {:>15} {:>15}", "", "1 thread", "all threads", "other, 1 thread");
    for shape in SHAPES {
        let (name, m, n, k, ..) = shape;
        if !name.contains(&wanted) {
            continue;
        }
        let data = || [vec![0.5_f32; m * k], vec![0.25_f32; k * n], vec![0.0_f32; m * n]];
        let (mut ours, mut theirs) = (data(), data());
        let flops = 2.0 * (m * n * k) as f64;
        machine.row(name, flops, &mut |pool| product(shape, &mut ours, pool), &mut || {
            other(shape, &mut theirs);
        });
    }
    if wanted.is_empty() || wanted == "images" {
        images(&machine);
        depths(&machine);
        turned_images(&machine);
    }
    if wanted == "convolutions" {
        convolutions(&machine);
    }
}
