//! Whole training steps on the processor against the interpreter, step after step, and with one,
//! two and three threads bit for bit.

use ibex_graph::interpreter::{self, Values};
use ibex_graph::ops::random;
use ibex_graph::ops::window::Padding;
use ibex_graph::{Array, DType, Graph, Tensor, Variable, gradients};

/// A step and the variables it updates; fresh ones at every call.
struct Training {
    graph: Graph,
    variables: Vec<Variable>,
    inputs: Vec<Array>,
}

fn weights(name: &str, shape: &[usize], salt: u64) -> Variable {
    let fan: usize = shape[..shape.len() - 1].iter().product();
    let limit = (3.0 / fan.max(1) as f64).sqrt();
    Variable::new(name, Values::uniform(shape, -limit, limit, salt).to_array())
}

fn zeros(name: &str, shape: &[usize]) -> Variable {
    Variable::new(name, Array::zeros(DType::F32, shape))
}

/// Adam with bias correction, one update for each variable.
fn adam(loss: &Tensor, variables: &[Variable]) -> Vec<(Variable, Tensor)> {
    let step = Variable::new("step", Array::zeros(DType::I64, [0usize; 0]));
    let next = Tensor::read(&step) + 1.0;
    let power = next.cast(DType::F32);
    let reads: Vec<Tensor> = variables.iter().map(Tensor::read).collect();
    let grads = gradients(loss, &reads).unwrap();
    let mut updates = vec![(step, next)];
    for ((variable, w), g) in variables.iter().zip(&reads).zip(grads) {
        let g = g.unwrap();
        let (m, v) = (zeros("m", variable.shape()), zeros("v", variable.shape()));
        let (m_old, v_old) = (Tensor::read(&m), Tensor::read(&v));
        let m_new = &m_old + (&g - &m_old) * 0.1;
        let v_new = &v_old + (g.square() - &v_old) * 0.001;
        let one = Tensor::scalar(DType::F32, 1.0);
        let beta = |b: f64| &one - Tensor::scalar(DType::F32, b).power(&power);
        let rate = beta(0.999).sqrt() * 0.001 / beta(0.9);
        let w_new = w - &m_new * rate / (v_new.sqrt() + 1e-7);
        updates.extend([(variable.clone(), w_new), (m, m_new), (v, v_new)]);
    }
    updates
}

fn training(
    inputs: &[Tensor],
    outputs: &[Tensor],
    variables: Vec<Variable>,
    mut updates: Vec<(Variable, Tensor)>,
    arrays: Vec<Array>,
) -> Training {
    let total = zeros("total", &[]);
    let new_total = Tensor::read(&total) + &outputs[0];
    updates.push((total.clone(), new_total));
    let graph = Graph::new(inputs, outputs, &updates).unwrap();
    let others = updates.into_iter().map(|(v, _)| v).filter(|v| !variables.contains(v));
    let others: Vec<Variable> = others.collect();
    let variables = variables.into_iter().chain(others).collect();
    Training { graph, variables, inputs: arrays }
}

fn dense(x: &Tensor, inputs: usize, units: usize, salt: u64, all: &mut Vec<Variable>) -> Tensor {
    let kernel = weights("kernel", &[inputs, units], salt);
    let bias = zeros("bias", &[units]);
    let y = x.matmul(&Tensor::read(&kernel)) + Tensor::read(&bias);
    all.extend([kernel, bias]);
    y
}

fn multilayer(batch: usize, sizes: &[usize]) -> Training {
    let x = Tensor::input("x", DType::F32, [batch, sizes[0]]);
    let y = Tensor::input("y", DType::I32, [batch]);
    let state = Tensor::input("state", DType::I64, [2]);
    let mut variables = Vec::new();
    let mut h = x.clone();
    for (layer, pair) in sizes.windows(2).enumerate() {
        h = dense(&h, pair[0], pair[1], layer as u64, &mut variables);
        if layer + 2 < sizes.len() {
            h = h.relu();
            let keep = random::uniform(&state, h.shape().clone(), layer as u32, 0.0, 1.0);
            let keep = keep.greater_equal(&Tensor::scalar(DType::F32, 0.25));
            h = keep.select(&(&h * (1.0 / 0.75)), &h.zeros_like());
        }
    }
    let loss = h.sparse_softmax_cross_entropy(&y).mean_all();
    let updates = adam(&loss, &variables);
    let classes = *sizes.last().unwrap() as i64;
    let arrays = vec![
        Values::uniform([batch, sizes[0]], -1.0, 1.0, 77).to_array(),
        Values::integers(DType::I32, [batch], 0, classes, 78).to_array(),
        Array::from_slice([2], &[3i64, 5]).unwrap(),
    ];
    training(&[x, y, state], &[loss, h.softmax(-1)], variables, updates, arrays)
}

fn convnet() -> Training {
    let x = Tensor::input("x", DType::F32, [3, 10, 10, 2]);
    let y = Tensor::input("y", DType::I32, [3]);
    let (k1, k2) = (weights("k1", &[3, 3, 2, 5], 1), weights("k2", &[3, 3, 5, 4], 2));
    let (scale, shift) = (weights("scale", &[5], 3), zeros("shift", &[5]));
    let mut variables = vec![k1.clone(), k2.clone(), scale.clone(), shift.clone()];
    let h = x.convolution(&Tensor::read(&k1), &[1, 1], Padding::Same, &[1, 1], 1);
    let mean = h.mean(&[0, 1, 2], true);
    let variance = h.variance(&[0, 1, 2], true);
    let h = (h - mean) * (variance + 1e-3).rsqrt() * Tensor::read(&scale) + Tensor::read(&shift);
    let h = h.relu().max_pool(&[2, 2], &[2, 2], Padding::Valid);
    let h = h.convolution(&Tensor::read(&k2), &[2, 2], Padding::Same, &[1, 1], 1).tanh();
    let h = h.average_pool(&[2, 2], &[1, 1], Padding::Same).reshape([3, 36]);
    let h = dense(&h, 36, 3, 9, &mut variables);
    let loss = h.sparse_softmax_cross_entropy(&y).mean_all();
    let updates = adam(&loss, &variables);
    let arrays = vec![
        Values::uniform([3, 10, 10, 2], -1.0, 1.0, 77).to_array(),
        Values::integers(DType::I32, [3], 0, 3, 78).to_array(),
    ];
    training(&[x, y], &[loss], variables, updates, arrays)
}

/// Updates that read what others overwrite.
fn entangled() -> Training {
    let [a, b, c, d, e] = [1, 2, 3, 4, 5].map(|salt| weights(&format!("w{salt}"), &[6, 6], salt));
    let read = |v: &Variable| Tensor::read(v);
    let updates = vec![
        // Each takes the other's old value.
        (a.clone(), read(&b)),
        (b.clone(), read(&a)),
        // Read in another order than written.
        (c.clone(), read(&c).matrix_transpose() + read(&d)),
        // The product reads all of what it overwrites.
        (d.clone(), read(&d).matmul(&read(&c))),
        // The old value is also reversed, and summed up.
        (e.clone(), read(&e) * 0.5 + read(&e).flip(&[0]) - read(&e).sum(&[0], true)),
    ];
    let loss = (read(&a) * read(&e)).sum_all();
    training(&[], &[loss], vec![a, b, c, d, e], updates, Vec::new())
}

/// Rounding of `float32` in every kernel of a step, and of the steps before it.
const TOLERANCE: f64 = 2e-5;

fn check(name: &str, make: impl Fn() -> Training) {
    let mut results: Vec<Vec<Array>> = Vec::new();
    for threads in 1..=3 {
        let training = make();
        let device = ibex_cpu::device(Some(threads));
        let mut executable = device.compile(training.graph.clone()).unwrap();
        let inputs: Vec<&Array> = training.inputs.iter().collect();
        for step in 0..4 {
            let expected = interpreter::run(&training.graph, &training.inputs).unwrap();
            executable.run(&inputs).unwrap();
            for (found, expected) in executable.outputs().iter().zip(&expected.values) {
                close(found, expected, &format!("{name}, step {step}, output"));
            }
            for (variable, expected) in &expected.updates {
                close(&variable.get(), expected, &format!("{name}, {step}, {variable:?}"));
            }
        }
        let variables = training.variables.iter().map(Variable::get);
        results.push(executable.outputs().iter().cloned().chain(variables).collect());
    }
    assert_eq!(results[0], results[1], "{name}: two threads");
    assert_eq!(results[0], results[2], "{name}: three threads");
}

/// The outputs and variables after three steps within a budget.
fn within(
    make: &impl Fn() -> Training,
    threads: usize,
    budget: Option<usize>,
) -> Option<Vec<Array>> {
    let training = make();
    let device = ibex_cpu::device(Some(threads));
    let mut executable = device.compile_within(training.graph, budget).ok()?;
    let inputs: Vec<&Array> = training.inputs.iter().collect();
    (0..3).for_each(|_| executable.run(&inputs).unwrap());
    let variables = training.variables.iter().map(Variable::get);
    Some(executable.outputs().iter().cloned().chain(variables).collect())
}

/// Budgets that are met, of nine parts of the plan without one, must give its bits.
fn check_budgets(name: &str, make: impl Fn() -> Training, met: usize) {
    let device = ibex_cpu::device(Some(1));
    let plan = |budget| device.plan_within(make().graph, budget);
    let whole = plan(None).unwrap().arena_bytes;
    let plain = within(&make, 1, None);
    let mut found = 0;
    for part in 1..10 {
        let bytes = whole * part / 10;
        let Ok(program) = plan(Some(bytes)) else { continue };
        assert!(program.arena_bytes <= bytes, "{name}, {part}/10:\n{program}");
        found += 1;
        for threads in [1, 2] {
            let bits = within(&make, threads, Some(bytes));
            assert_eq!(bits, plain, "{name}, {part}/10, {threads} threads:\n{program}");
        }
    }
    assert!(found >= met, "{name}: {found} budgets were met");
}

#[track_caller]
fn close(found: &Array, expected: &Values, what: &str) {
    let scale = expected.data.iter().fold(1e-2f64, |a, b| a.max(b.abs()));
    for (i, (a, b)) in found.to_f64_vec().iter().zip(&expected.data).enumerate() {
        assert!((a - b).abs() <= TOLERANCE * scale, "{what}: [{i}] is {a}, expected {b}");
    }
}

#[test]
fn multilayer_perceptrons_train_as_in_the_interpreter() {
    check("tiny", || multilayer(1, &[2, 2, 3]));
    check("small", || multilayer(7, &[5, 16, 9, 4]));
    check("larger than tiles", || multilayer(33, &[70, 130, 65, 10]));
}

#[test]
fn convnets_train_as_in_the_interpreter() {
    check("convnet", convnet);
}

#[test]
fn what_is_computed_again_has_the_same_bits() {
    check_budgets("multilayer", || multilayer(64, &[20, 40, 40, 40, 40, 10]), 2);
    check_budgets("convnet", convnet, 1);
    check_budgets("deep", || multilayer(64, &[32; 12]), 4);
}

#[test]
fn updates_read_old_values() {
    check("entangled", entangled);
}

#[test]
fn wrong_calls_are_explained() {
    let training = multilayer(2, &[3, 4, 2]);
    let mut executable = ibex_cpu::device(Some(1)).compile(training.graph).unwrap();
    let x = Array::zeros(DType::F32, [2, 3]);
    let error = executable.run(&[&x]).unwrap_err().to_string();
    assert_eq!(error, "wrong number of inputs\n  expected  3\n  received  1");
    let error = executable.run(&[&x, &x, &x]).unwrap_err().to_string();
    assert_eq!(
        error,
        "input `y` has the wrong type\n  expected  int32 (2,)\n  received  float32 (2, 3)"
    );
}
