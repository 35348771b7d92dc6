//! Measures the kernels against the machine and against another crate, in turn in one run.
//!
//! `cargo bench -p ibex-cpu` prints a table: the FMA peak and the copy bandwidth, then matrix
//! products at the shapes of the workloads, beside `matrixmultiply`.
//! An argument keeps only the rows whose name contains it.

use std::hint::black_box;
use std::time::Instant;

use ibex_cpu::gemm::{Epilogue, Product, View, gemm};
use ibex_cpu::isa::Isa;
use ibex_cpu::pool::ThreadPool;
use ibex_cpu::simd::{Kernel, Simd, dispatch};

/// Sixteen independent chains of fused multiply-adds: as many as hide the latency.
struct Peak(usize);

impl Kernel for Peak {
    type Output = f32;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let mut chains = [s.splat(1.0); 16];
        let (factor, term) = (s.splat(black_box(0.999)), s.splat(black_box(0.001)));
        for _ in 0..self.0 {
            for chain in &mut chains {
                *chain = s.mul_add(*chain, factor, term);
            }
        }
        chains.iter().map(|&chain| s.sum(chain)).sum()
    }
}

struct Lanes;
impl Kernel for Lanes {
    type Output = usize;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::LANES
    }
}

/// Seconds of the median of `rounds` calls of each function, taken in turn.
fn medians<const N: usize>(rounds: usize, mut functions: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut seconds: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    for round in 0..rounds + 2 {
        for (function, seconds) in functions.iter_mut().zip(&mut seconds) {
            let start = Instant::now();
            function();
            // The first rounds warm caches and buffers.
            if round >= 2 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
    seconds.map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2]
    })
}

/// Name, m, n, k, whether A and B are transposed in memory.
type Shape = (&'static str, usize, usize, usize, bool, bool);

const SHAPES: [Shape; 17] = [
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
    ("one row", 1, 2048, 1024, false, false),
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

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = wanted.unwrap_or_default();
    let lanes = dispatch(Lanes);
    let (one, all) = (ThreadPool::new(1), ThreadPool::default());
    let threads = all.threads();
    println!("instruction set {}, {lanes} lanes, {threads} threads", Isa::current().name());
    let rounds = 1_000_000;
    let flops = (rounds * 16 * 2 * lanes) as f64;
    let [single, many] = medians(
        9,
        [&mut || drop(black_box(dispatch(Peak(rounds)))), &mut || {
            all.run(threads, |_| drop(black_box(dispatch(Peak(rounds)))));
        }],
    );
    let peak = [flops / single / 1e9, flops * threads as f64 / many / 1e9];
    println!("FMA peak: {:.0} GFLOP/s on one thread, {:.0} on {threads}", peak[0], peak[1]);
    let from = vec![1.0_f32; 1 << 25];
    let mut to = vec![0.0_f32; 1 << 25];
    let [copy] = medians(5, [&mut || to.copy_from_slice(black_box(&from))]);
    println!("copy: {:.1} GB/s on one thread", from.len() as f64 * 8.0 / copy / 1e9);
    println!(
        "{:<16}{:>6}{:>6}{:>6} {:>18} {:>18} {:>18}",
        "product", "m", "n", "k", "1 thread", "all threads", "matrixmultiply 1"
    );
    for shape in SHAPES {
        let (name, m, n, k, ..) = shape;
        if !name.contains(&wanted) {
            continue;
        }
        let data = || [vec![0.5_f32; m * k], vec![0.25_f32; k * n], vec![0.0_f32; m * n]];
        let (mut first, mut second, mut third) = (data(), data(), data());
        let flops = 2.0 * (m * n * k) as f64;
        let repeats = ((2e6 / flops) as usize).max(1);
        let rounds = ((2e9 / flops) as usize).clamp(9, 301);
        let times = medians(
            rounds,
            [
                &mut || (0..repeats).for_each(|_| product(shape, &mut first, &one)),
                &mut || (0..repeats).for_each(|_| product(shape, &mut second, &all)),
                &mut || (0..repeats).for_each(|_| other(shape, &mut third)),
            ],
        );
        let rate = |seconds: f64, peak: f64| {
            let rate = flops * repeats as f64 / seconds / 1e9;
            format!("{rate:7.1} ({:4.2} peak)", rate / peak)
        };
        println!(
            "{name:<16}{m:>6}{n:>6}{k:>6} {:>18} {:>18} {:>18}",
            rate(times[0], peak[0]),
            rate(times[1], peak[1]),
            rate(times[2], peak[0])
        );
    }
}
