//! Random graphs, with views, reductions, products and entangled updates, against the interpreter.
//!
//! What is tested is the way from graph to program: views, fusion, order and memory.

use ibex_graph::interpreter::{self, Values};
use ibex_graph::ops::concatenate::concatenate;
use ibex_graph::rng::Draw;
use ibex_graph::{Array, DType, Graph, Tensor, Variable};

/// Graphs that are tried, each from its own seed.
const GRAPHS: u64 = 400;

/// Rounding of `float32` through some thirty operations that keep numbers near 1.
const TOLERANCE: f64 = 2e-5;

const SHAPES: [&[usize]; 7] = [&[4, 6], &[6], &[4, 1], &[], &[3, 4, 6], &[6, 4], &[1, 130]];

/// Choices drawn one after another from a seed.
struct Choices {
    draw: Draw,
    next: u64,
}

impl Choices {
    fn below(&mut self, count: usize) -> usize {
        self.next += 1;
        self.draw.word(self.next) as usize % count.max(1)
    }

    fn of<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

struct Sample {
    graph: Graph,
    inputs: Vec<Array>,
}

fn sample(seed: u64) -> Sample {
    let mut choices = Choices { draw: Draw::new(seed, 0, 0), next: 0 };
    let mut inputs = Vec::new();
    let mut leaves = Vec::new();
    let mut variables = Vec::new();
    for (salt, shape) in SHAPES.iter().enumerate() {
        let values = |salt| Values::uniform(*shape, -1.0, 1.0, salt).to_array();
        leaves.push(Tensor::input("x", DType::F32, *shape));
        inputs.push(values(salt as u64 + 10));
        for copy in 0..2 {
            variables.push(Variable::new("v", values(salt as u64 + 20 + 10 * copy)));
        }
    }
    let mut all: Vec<Tensor> = leaves.clone();
    all.extend(variables.iter().map(Tensor::read));
    let exact = all.len();
    for _ in 0..8 + choices.below(30) {
        let next = step(&mut choices, &all, exact);
        if !next.is_poisoned() && next.shape().size() <= 4096 {
            all.push(next);
        }
    }
    let outputs: Vec<Tensor> = (0..1 + choices.below(4)).map(|_| choices.of(&all)).collect();
    let mut updates = Vec::new();
    for variable in &variables {
        let fits: Vec<Tensor> = all.iter().filter(|t| t.ty() == variable.ty()).cloned().collect();
        if choices.below(3) > 0 {
            updates.push((variable.clone(), choices.of(&fits)));
        }
    }
    Sample { graph: Graph::new(&leaves, &outputs, &updates).unwrap(), inputs }
}

/// A random operation on random earlier tensors; poisoned if they do not fit.
fn step(choices: &mut Choices, all: &[Tensor], exact: usize) -> Tensor {
    // Late tensors are likelier, so that chains grow long.
    let late = all.len().saturating_sub(8);
    let from = if choices.below(2) == 0 { late } else { 0 };
    let x = choices.of(&all[from..]);
    let rank = x.rank();
    let axis = choices.below(rank);
    match choices.below(16) {
        0 => x.tanh(),
        1 => x.sigmoid() - 0.5,
        2 => x.relu(),
        3 => x.sin() * &x,
        4 | 5 => (x + choices.of(all)) * 0.5,
        6 => x * choices.of(all),
        7 => x.maximum(&choices.of(all)),
        // Comparisons of rounded numbers could go either way.
        8 => choices.of(&all[..exact]).greater(&choices.of(&all[..exact])).select(&x, &-&x),
        9 if rank > 0 => x.sum(&[axis], choices.below(2) == 0) * 0.3,
        10 if rank > 0 => x.max(&[axis], choices.below(2) == 0),
        11 if rank > 1 => x.transpose(&(0..rank).rev().collect::<Vec<_>>()),
        12 if rank > 0 => x.flip(&[axis]).slice_axis(axis as isize, choices.below(2) as isize..),
        13 => match x.shape().size() {
            24 => x.reshape(choices.of(&[vec![24], vec![4, 6], vec![6, 4], vec![2, 12]])),
            size => x.reshape([size]),
        },
        14 if rank > 1 => x.matmul(&choices.of(all)) * 0.3,
        15 if rank > 0 => concatenate(&[x.clone(), x.tanh(), choices.of(all)], axis as isize),
        _ => x.broadcast_to(choices.of(&[vec![4, 6], vec![3, 4, 6], vec![4, 130]])),
    }
}

#[test]
fn random_graphs_run_as_in_the_interpreter() {
    let devices = [1, 2].map(|threads| ibex_cpu::device(Some(threads)));
    for seed in 0..GRAPHS {
        let mut results = Vec::new();
        for device in &devices {
            let Sample { graph, inputs } = sample(seed);
            let mut executable = device.compile(graph.clone()).unwrap();
            let given: Vec<&Array> = inputs.iter().collect();
            let mut found: Vec<Array> = Vec::new();
            for run in 0..2 {
                let what = format!("seed {seed}, run {run}\n{graph}\n{}", executable.program());
                let expected = interpreter::run(&graph, &inputs).unwrap();
                executable.run(&given).unwrap();
                for (found, expected) in executable.outputs().iter().zip(&expected.values) {
                    close(found, expected, &what);
                }
                for (variable, expected) in &expected.updates {
                    close(&variable.get(), expected, &what);
                    found.push(variable.get());
                }
                found.extend(executable.outputs().iter().cloned());
            }
            results.push(found);
        }
        assert_eq!(results[0], results[1], "seed {seed}: two threads");
    }
}

#[track_caller]
fn close(found: &Array, expected: &Values, what: &str) {
    let scale = expected.data.iter().fold(1f64, |a, b| a.max(b.abs()));
    for (i, (a, b)) in found.to_f64_vec().iter().zip(&expected.data).enumerate() {
        assert!((a - b).abs() <= TOLERANCE * scale, "[{i}] is {a}, expected {b}: {what}");
    }
}
