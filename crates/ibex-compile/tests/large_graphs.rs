//! The passes take time in proportion to the graph, also for a network of hundreds of layers.

use std::time::Duration;

use ibex_compile::passes::{Report, optimise_reporting};
use ibex_graph::{Array, DType, Graph, Tensor, Variable, gradients};

/// A training step of a residual network of `blocks` normalised blocks, with momentum.
fn training_step(blocks: usize) -> Graph {
    let (batch, width) = (16, 8);
    let x = Tensor::input("x", DType::F32, [batch, width]);
    let target = Tensor::input("y", DType::F32, [batch, width]);
    let mut weights = Vec::new();
    let mut h = x.clone();
    for _ in 0..blocks {
        let mut weight = |shape: &[usize]| {
            let variable = Variable::new("w", Array::full(DType::F32, shape, 0.1));
            weights.push(variable.clone());
            Tensor::read(&variable)
        };
        let z = h.matmul(&weight(&[width, width])) + weight(&[width]);
        let mean = z.mean(&[0], true);
        let variance = z.variance(&[0], true);
        let normal = (&z - &mean) * (variance + 1e-3).rsqrt() * weight(&[width]) + weight(&[width]);
        h = normal.relu() + &h;
    }
    let loss = (&h - &target).square().mean_all();
    let reads: Vec<Tensor> = weights.iter().map(Tensor::read).collect();
    let grads = gradients(&loss, &reads).expect("a scalar loss");
    let mut updates = Vec::new();
    for ((weight, read), grad) in weights.iter().zip(&reads).zip(grads) {
        let grad = grad.expect("every weight reaches the loss");
        let slot = Variable::new("m", Array::zeros(DType::F32, weight.shape()));
        let momentum = Tensor::read(&slot) * 0.9 - grad * 0.01;
        updates.push((weight.clone(), read + &momentum));
        updates.push((slot, momentum));
    }
    Graph::new(&[x, target], &[loss], &updates).expect("a sound step")
}

/// The gradient of a recurrence of `steps` steps, each of which reads its row of a sequence.
fn unrolled_loop(steps: isize) -> Graph {
    let x = Tensor::input("x", DType::F32, [steps as usize, 8]);
    let w = Tensor::read(&Variable::new("w", Array::full(DType::F32, [8, 8], 0.1)));
    let mut state = Tensor::full(DType::F32, [1, 8], 0.0);
    for step in 0..steps {
        state = (x.slice_axis(0, step..step + 1) + state.matmul(&w)).tanh();
    }
    let found = gradients(&state.sum_all(), std::slice::from_ref(&x)).expect("a scalar loss");
    Graph::new(&[x], &[found[0].clone().expect("every row is read")], &[]).expect("a sound graph")
}

/// The least of three runs: noise only ever adds.
fn time(graph: &Graph) -> (Duration, Graph, Vec<Report>) {
    let runs = (0..3).map(|_| {
        let copy = graph.clone();
        let start = std::time::Instant::now();
        let (after, reports) = optimise_reporting(copy, &|_, _| false);
        (start.elapsed(), after, reports)
    });
    runs.min_by_key(|run| run.0).expect("three runs")
}

#[test]
fn time_grows_with_the_number_of_nodes() {
    let (small, large) = (training_step(25), training_step(200));
    let (small_time, ..) = time(&small);
    let (large_time, after, reports) = time(&large);
    let (n, m) = (small.nodes().len(), large.nodes().len());
    println!(
        "{n} nodes: {small_time:?}; {m} nodes: {large_time:?}, leaving {}",
        after.nodes().len()
    );
    for Report { round, pass, changes, nodes, time } in reports {
        println!("round {round} {pass}: {changes} changes, {nodes} nodes, {time:?}");
    }
    assert!(after.nodes().len() * 10 < m * 7, "three tenths of the step are not needed");
    // Eight times the nodes: a quadratic pass would take 64 times as long.
    assert!(large_time < small_time * 32, "{small_time:?} for {n}, {large_time:?} for {m}");
}

#[test]
fn loops_take_time_in_proportion_to_their_steps() {
    let (small, large) = (unrolled_loop(125), unrolled_loop(1000));
    let ((small_time, ..), (large_time, after, _)) = (time(&small), time(&large));
    println!("125 steps: {small_time:?}; 1000 steps: {large_time:?}");
    let count = |what: &str| after.nodes().iter().filter(|n| n.op.name() == what).count();
    assert_eq!((count("pad"), count("concatenate")), (0, 1));
    assert!(large_time < small_time * 32, "{small_time:?} and {large_time:?}");
}
