//! Attention as one operation beside the same formula of matrix products and softmax.
//!
//! `cargo bench -p ibex-cpu --bench attention -- [NAME]`: both are measured in turn.

use std::time::Instant;

use ibex_compile::Executable;
use ibex_graph::interpreter::Values;
use ibex_graph::ops::attention::{AttentionOptions, dot_product_attention};
use ibex_graph::{Array, DType, Graph, Tensor, gradients};

/// Name, batch, positions, heads, dim, causal.
const SHAPES: [(&str, usize, usize, usize, usize, bool); 6] = [
    ("tiny", 32, 16, 4, 16, false),
    ("short", 32, 64, 4, 32, false),
    ("128", 16, 128, 4, 64, false),
    ("128 causal", 16, 128, 4, 64, true),
    ("2048", 2, 2048, 8, 64, false),
    ("2048 causal", 2, 2048, 8, 64, true),
];

fn composed(query: &Tensor, key: &Tensor, value: &Tensor, causal: bool) -> Tensor {
    let heads_first = [0, 2, 1, 3];
    let scale = 1.0 / (query.dim(-1) as f64).sqrt();
    let mut scores = (query * scale).transpose(&heads_first).matmul(&key.transpose(&[0, 2, 3, 1]));
    if causal {
        let seen = Tensor::tri(DType::Bool, query.dim(1), key.dim(1), 0);
        scores = seen.select(&scores, &Tensor::scalar(DType::F32, -1e9));
    }
    scores.softmax(-1).matmul(&value.transpose(&heads_first)).transpose(&heads_first)
}

fn executable(
    threads: usize,
    shape: [usize; 4],
    train: bool,
    f: impl Fn(&Tensor, &Tensor, &Tensor) -> Tensor,
) -> Box<dyn Executable> {
    let inputs: Vec<Tensor> = (0..4).map(|_| Tensor::input("x", DType::F32, shape)).collect();
    let result = f(&inputs[0], &inputs[1], &inputs[2]);
    let outputs = match train {
        true => {
            let loss = (&result * &inputs[3]).sum_all();
            gradients(&loss, &inputs[..3]).unwrap().into_iter().flatten().collect()
        }
        false => vec![result],
    };
    let graph = Graph::new(&inputs, &outputs, &[]).unwrap();
    ibex_cpu::device(Some(threads)).compile(graph).unwrap()
}

/// Median seconds of each, run in turn.
fn medians(executables: &mut [Box<dyn Executable>], inputs: &[&Array]) -> Vec<f64> {
    let mut times = vec![Vec::new(); executables.len()];
    let begin = Instant::now();
    while times[0].len() < 5 || (begin.elapsed().as_secs_f64() < 3.0 && times[0].len() < 101) {
        for (executable, times) in executables.iter_mut().zip(&mut times) {
            let start = Instant::now();
            executable.run(inputs).unwrap();
            times.push(start.elapsed().as_secs_f64());
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    times.into_iter().map(median).collect()
}

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = wanted.unwrap_or_default();
    println!("milliseconds (GFLOP/s, those of hidden scores counted): one operation, composed");
    for (name, batch, length, heads, dim, causal) in SHAPES {
        if !name.contains(&wanted) {
            continue;
        }
        let shape = [batch, length, heads, dim];
        let array = Values::uniform(shape, -1.0, 1.0, 1).to_array();
        let inputs = [&array; 4];
        for threads in [1, 2] {
            for train in [false, true] {
                let options = AttentionOptions { causal, ..AttentionOptions::default() };
                let fused =
                    |q: &Tensor, k: &Tensor, v: &Tensor| dot_product_attention(q, k, v, &options);
                let parts = |q: &Tensor, k: &Tensor, v: &Tensor| composed(q, k, v, causal);
                let mut both = [
                    executable(threads, shape, train, fused),
                    executable(threads, shape, train, parts),
                ];
                let times = medians(&mut both, &inputs);
                // Two products forward, four backward; the operation computes one of them twice.
                let products = if train { 6 } else { 2 };
                let flops = (2 * products * batch * heads * length * length * dim) as f64;
                let cell = |s: f64| format!("{:9.3} ({:5.1})", s * 1e3, flops / s / 1e9);
                println!(
                    "{name:<12} {threads} thread(s) {:<8} {} {}  ratio {:.2}",
                    if train { "gradient" } else { "forward" },
                    cell(times[0]),
                    cell(times[1]),
                    times[0] / times[1]
                );
            }
        }
    }
}
