//! What half precision costs here: `float32` and `bfloat16` in turn, in one run.
//!
//! `cargo bench -p ibex-cpu --bench mixed -- [--plan] [--threads N]` prints what the processor's
//! instructions could give, then products of matrices and whole training steps, each in both
//! precisions.

use std::hint::black_box;
use std::time::Instant;

use ibex_cpu::simd::{Kernel, Simd, dispatch};
use ibex_graph::interpreter::Values;
use ibex_graph::{Array, DType, Graph, Tensor, Variable, gradients};

/// Rounds of every measurement; the first two are not counted.
const ROUNDS: usize = 101;
/// Instructions per chain in one round of a peak.
const STEPS: usize = 20_000;
/// Independent sums: more than the longest latency of an instruction asks for.
const CHAINS: usize = 16;

/// Fused multiply-adds of `float32`, one product per lane.
struct Single;

impl Kernel for Single {
    type Output = f32;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let mut sums = [s.splat(1.0); CHAINS];
        let (x, y) = black_box((s.splat(0.999), s.splat(0.001)));
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = s.mul_add(x, y, *sum);
            }
        }
        sums.iter().map(|&sum| s.sum(sum)).sum()
    }
}

/// Dot products of pairs of `bfloat16`, two products per lane.
///
/// # Safety
/// The processor has AVX512-BF16.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn pairs() -> f32 {
    use std::arch::x86_64::{
        __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_reduce_add_ps, _mm512_set1_epi16,
        _mm512_set1_ps,
    };
    let mut sums = [_mm512_set1_ps(1.0); CHAINS];
    // SAFETY: any bits are a value of the type.
    let pair = |bits| unsafe { std::mem::transmute::<__m512i, __m512bh>(_mm512_set1_epi16(bits)) };
    let (x, y) = black_box((pair(0x3f80), pair(0x3a80)));
    for _ in 0..STEPS {
        for sum in &mut sums {
            *sum = _mm512_dpbf16_ps(*sum, x, y);
        }
    }
    sums.iter().map(|&sum| _mm512_reduce_add_ps(sum)).sum()
}

/// Seconds of the median of each function, taken in turn, and the median ratio of the two.
fn compare(rounds: usize, mut functions: [&mut dyn FnMut(); 2]) -> ([f64; 2], f64) {
    let mut seconds: [Vec<f64>; 2] = Default::default();
    for _ in 0..rounds {
        for (function, seconds) in functions.iter_mut().zip(&mut seconds) {
            let start = Instant::now();
            function();
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    let median = |mut values: Vec<f64>| {
        values.drain(..2);
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let ratios = seconds[0].iter().zip(&seconds[1]).map(|(first, second)| second / first);
    let ratio = median(ratios.collect());
    (seconds.map(median), ratio)
}

fn peaks() {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512bf16") {
        let mut single = || _ = black_box(dispatch(Single));
        // SAFETY: the processor has the instruction.
        let mut pair = || _ = black_box(unsafe { pairs() });
        let ([first, second], ratio) = compare(ROUNDS, [&mut single, &mut pair]);
        let nanoseconds = |seconds: f64| seconds * 1e9 / (STEPS * CHAINS) as f64;
        println!(
            "float32 FMA {:.3} ns, bfloat16 dot product {:.3} ns per vector, ratio {ratio:.2}: \
             {:.2} times the products per second",
            nanoseconds(first),
            nanoseconds(second),
            2.0 / ratio
        );
    }
}

fn uniform(shape: &[usize], dtype: DType, salt: u64) -> Array {
    let limit = (3.0 / shape[0].max(1) as f64).sqrt();
    Values::uniform(shape, -limit, limit, salt).to_array().cast(dtype)
}

/// A graph and what it is called with.
struct Workload(Graph, Vec<Array>);

/// A product whose operands and result have the dtype.
fn product([m, n, k]: [usize; 3], dtype: DType) -> Workload {
    let (a, b) = (Tensor::input("a", dtype, [m, k]), Tensor::input("b", dtype, [k, n]));
    let graph = Graph::new(&[a.clone(), b.clone()], &[a.matmul(&b)], &[]).unwrap();
    Workload(graph, vec![uniform(&[m, k], dtype, 1), uniform(&[k, n], dtype, 2)])
}

/// A step of three dense layers with `float32` variables that compute in the dtype.
fn step(widths: [usize; 4], batch: usize, dtype: DType) -> Workload {
    let x = Tensor::input("x", DType::F32, [batch, widths[0]]);
    let y = Tensor::input("y", DType::I32, [batch]);
    let mut variables = Vec::new();
    let mut h = x.cast(dtype);
    for layer in 0..3 {
        let shape = [widths[layer], widths[layer + 1]];
        let kernel = Variable::new("kernel", uniform(&shape, DType::F32, layer as u64));
        let bias = Variable::new("bias", Array::zeros(DType::F32, [shape[1]]));
        let of = |variable| Tensor::read(variable).cast(dtype);
        h = h.matmul(&of(&kernel)) + of(&bias);
        if layer < 2 {
            h = h.relu();
        }
        variables.extend([kernel, bias]);
    }
    let loss = h.cast(DType::F32).sparse_softmax_cross_entropy(&y).mean_all();
    let reads: Vec<Tensor> = variables.iter().map(Tensor::read).collect();
    let found = gradients(&loss, &reads).unwrap().into_iter();
    let updates: Vec<(Variable, Tensor)> = variables
        .iter()
        .zip(&reads)
        .zip(found)
        .map(|((variable, read), gradient)| (variable.clone(), read - gradient.unwrap() * 0.01))
        .collect();
    let labels = Values::integers(DType::I32, [batch], 0, 10, 98).to_array();
    let graph = Graph::new(&[x, y], &[loss], &updates).unwrap();
    Workload(graph, vec![uniform(&[batch, widths[0]], DType::F32, 9), labels])
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let threads = arguments.iter().position(|argument| argument == "--threads");
    let threads = threads.and_then(|at| arguments.get(at + 1)?.parse().ok());
    let device = ibex_cpu::device(threads);
    println!("{}", device.name());
    peaks();
    let both = [DType::F32, DType::BF16];
    let cube = |side: usize| both.map(|dtype| product([side; 3], dtype));
    let all = [
        ("product 512 x 512 x 512", cube(512)),
        ("product 1024 x 1024 x 1024", cube(1024)),
        ("product 1 x 2048 x 1024", both.map(|dtype| product([1, 2048, 1024], dtype))),
        ("step 784-512-512-10, 128", both.map(|dtype| step([784, 512, 512, 10], 128, dtype))),
        ("step 875-2048-1024-206, 128", both.map(|dtype| step([875, 2048, 1024, 206], 128, dtype))),
    ];
    for (name, workloads) in all {
        let [mut single, mut half] = workloads.map(|Workload(graph, inputs)| {
            let mut executable = device.compile(graph).unwrap();
            move |profile: bool| {
                let inputs: Vec<&Array> = inputs.iter().collect();
                if !profile {
                    executable.run(&inputs).unwrap();
                    return;
                }
                let profiles: Vec<_> =
                    (0..31).map(|_| executable.profile(&inputs).unwrap()).collect();
                for (index, step) in executable.program().steps.iter().enumerate() {
                    let least = profiles.iter().map(|profile| profile[index]).min();
                    println!("{:>9.1} us  {step}", least.unwrap_or_default().as_secs_f64() * 1e6);
                }
            }
        });
        let (seconds, ratio) = compare(ROUNDS, [&mut || single(false), &mut || half(false)]);
        let [first, second] = seconds.map(|seconds| seconds * 1e3);
        println!("{name:<28} float32 {first:.3} ms, bfloat16 {second:.3} ms, ratio {ratio:.2}");
        if arguments.iter().any(|argument| argument == "--plan") {
            single(true);
            half(true);
        }
    }
}
