//! Whole training steps, as `fit` will run them: median times, and where they go.
//!
//! `cargo bench -p ibex-cpu --bench steps -- [WORKLOAD] [--plan] [--threads N]`
//! With `--scaling`, a table of steps over batch sizes and widths beside what they take at least.

mod machine;

use std::time::Instant;

use ibex_cpu::pool::ThreadPool;
use ibex_graph::ops::concatenate::concatenate;
use ibex_graph::ops::random;
use ibex_graph::ops::recurrent::{Activation, Cell, Recurrence, Sequence};
use ibex_graph::ops::window::Padding;
use ibex_graph::{Array, DType, Graph, Tensor, Variable, gradients};

struct Model {
    variables: Vec<Variable>,
    states: Vec<(Variable, Tensor)>,
    salt: u64,
}

struct Workload {
    graph: Graph,
    inputs: Vec<Array>,
}

impl Model {
    fn new() -> Model {
        Model { variables: Vec::new(), states: Vec::new(), salt: 0 }
    }

    fn weights(&mut self, shape: &[usize]) -> Tensor {
        self.salt += 1;
        let fan: usize = shape[..shape.len() - 1].iter().product();
        let limit = (3.0 / fan.max(1) as f64).sqrt();
        let values = ibex_graph::interpreter::Values::uniform(shape, -limit, limit, self.salt);
        self.variable("kernel", values.to_array())
    }

    fn variable(&mut self, name: &str, value: Array) -> Tensor {
        let variable = Variable::new(name, value);
        self.variables.push(variable.clone());
        Tensor::read(&variable)
    }

    fn dense(&mut self, x: &Tensor, units: usize) -> Tensor {
        let kernel = self.weights(&[x.dim(-1), units]);
        let bias = self.variable("bias", Array::zeros(DType::F32, [units]));
        x.matmul(&kernel) + bias
    }

    fn conv(&mut self, x: &Tensor, filters: usize) -> Tensor {
        let kernel = self.weights(&[3, 3, x.dim(-1), filters]);
        let bias = self.variable("bias", Array::zeros(DType::F32, [filters]));
        x.convolution(&kernel, &[1, 1], Padding::Valid, &[1, 1], 1) + bias
    }

    fn batch_norm(&mut self, x: &Tensor) -> Tensor {
        let n = x.dim(-1);
        let axes: Vec<usize> = (0..x.rank() - 1).collect();
        let gamma = self.variable("gamma", Array::full(DType::F32, [n], 1.0));
        let beta = self.variable("beta", Array::zeros(DType::F32, [n]));
        let factor = |t: &Tensor| t.reshape([vec![1; axes.len()], vec![n]].concat());
        let [y, mean, variance] = x.normalize(&factor(&gamma), &factor(&beta), &axes, 1e-3);
        for moment in [mean, variance] {
            let running = Variable::new("moving", Array::zeros(DType::F32, [n]));
            let old = Tensor::read(&running);
            let new = &old * 0.99 + moment.reshape([n]) * 0.01;
            self.states.push((running, new));
        }
        y
    }

    fn dropout(&mut self, x: &Tensor, state: &Tensor, rate: f64) -> Tensor {
        self.salt += 1;
        let u = random::uniform(state, x.shape().clone(), self.salt as u32, 0.0, 1.0);
        let keep = u.greater_equal(&Tensor::scalar(DType::F32, rate));
        keep.select(&(x * (1.0 / (1.0 - rate))), &x.zeros_like())
    }

    fn finish(
        self,
        inputs: &[Tensor],
        loss: &Tensor,
        arrays: Vec<Array>,
        update: impl Fn(&Tensor, &Tensor, &Tensor, &mut Vec<(Variable, Tensor)>) -> Tensor,
    ) -> Workload {
        let step = Variable::new("iterations", Array::zeros(DType::I64, [0usize; 0]));
        let next = Tensor::read(&step) + 1.0;
        let reads: Vec<Tensor> = self.variables.iter().map(Tensor::read).collect();
        let grads = gradients(loss, &reads).unwrap();
        let mut updates = self.states;
        let t = next.cast(DType::F32);
        for ((variable, w), g) in self.variables.iter().zip(&reads).zip(grads) {
            let new = update(w, &g.unwrap(), &t, &mut updates);
            updates.push((variable.clone(), new));
        }
        updates.push((step, next));
        for value in [loss.clone(), loss.ones_like()] {
            let total = Variable::new("total", Array::zeros(DType::F32, [0usize; 0]));
            let sum = Tensor::read(&total) + value;
            updates.push((total, sum));
        }
        let graph = Graph::new(inputs, std::slice::from_ref(loss), &updates).unwrap();
        Workload { graph, inputs: arrays }
    }
}

fn slot(w: &Tensor) -> (Variable, Tensor) {
    let variable = Variable::new("slot", Array::zeros(DType::F32, w.shape()));
    let read = Tensor::read(&variable);
    (variable, read)
}

fn adam(w: &Tensor, g: &Tensor, t: &Tensor, updates: &mut Vec<(Variable, Tensor)>) -> Tensor {
    let one = Tensor::scalar(DType::F32, 1.0);
    let beta = |b: f64| &one - Tensor::scalar(DType::F32, b).power(t);
    let rate = beta(0.999).sqrt() * 0.001 / beta(0.9);
    let ((m, m_old), (v, v_old)) = (slot(w), slot(w));
    let m_new = &m_old + (g - &m_old) * 0.1;
    let v_new = &v_old + (g.square() - &v_old) * 0.001;
    let new = w - &m_new * rate / (v_new.sqrt() + 1e-7);
    updates.extend([(m, m_new), (v, v_new)]);
    new
}

fn rmsprop(w: &Tensor, g: &Tensor, _: &Tensor, updates: &mut Vec<(Variable, Tensor)>) -> Tensor {
    let (v, v_old) = slot(w);
    let v_new = &v_old * 0.9 + g.square() * 0.1;
    let new = w - g * 0.001 / (&v_new + 1e-7).sqrt();
    updates.push((v, v_new));
    new
}

fn sgd(w: &Tensor, g: &Tensor, _: &Tensor, _: &mut Vec<(Variable, Tensor)>) -> Tensor {
    w - g * 0.3
}

fn data(shape: &[usize]) -> Array {
    ibex_graph::interpreter::Values::uniform(shape, 0.0, 1.0, 99).to_array()
}

fn labels(count: usize) -> Array {
    ibex_graph::interpreter::Values::integers(DType::I32, [count], 0, 10, 98).to_array()
}

fn and_b1() -> Workload {
    let (x, y) = (Tensor::input("x", DType::F32, [1, 2]), Tensor::input("y", DType::F32, [1, 1]));
    let mut model = Model::new();
    let h = model.dense(&x, 2).sigmoid();
    let out = model.dense(&h, 1).sigmoid();
    let loss = (out - &y).square().mean_all();
    model.finish(&[x, y], &loss, vec![data(&[1, 2]), data(&[1, 1])], sgd)
}

fn mlp_mnist() -> Workload {
    let x = Tensor::input("x", DType::F32, [128, 784]);
    let y = Tensor::input("y", DType::I32, [128]);
    let mut model = Model::new();
    let h = model.dense(&x, 512).relu();
    let h = model.dense(&h, 512).relu();
    let loss = model.dense(&h, 10).sparse_softmax_cross_entropy(&y).mean_all();
    model.finish(&[x, y], &loss, vec![data(&[128, 784]), labels(128)], adam)
}

fn moa() -> Workload {
    let x = Tensor::input("x", DType::F32, [128, 875]);
    let y = Tensor::input("y", DType::F32, [128, 206]);
    let state = Tensor::input("state", DType::I64, [2]);
    let mut model = Model::new();
    let mut h = model.batch_norm(&x);
    for units in [2048, 1024, 512] {
        h = model.dropout(&h, &state, 0.3);
        h = model.dense(&h, units).relu();
        h = model.batch_norm(&h);
    }
    let z = model.dense(&h, 206);
    let loss = (z.softplus() - &z * &y).mean_all();
    let state_value = Array::from_slice([2], &[1i64, 1]).unwrap();
    model.finish(
        &[x, y, state],
        &loss,
        vec![data(&[128, 875]), data(&[128, 206]), state_value],
        adam,
    )
}

fn cnn_mnist() -> Workload {
    let x = Tensor::input("x", DType::F32, [64, 28, 28, 1]);
    let y = Tensor::input("y", DType::I32, [64]);
    let mut model = Model::new();
    let h = model.conv(&x, 32).relu().max_pool(&[2, 2], &[2, 2], Padding::Valid);
    let h = model.conv(&h, 64).relu().max_pool(&[2, 2], &[2, 2], Padding::Valid);
    let h = model.conv(&h, 64).relu().reshape([64, 576]);
    let h = model.dense(&h, 64).relu();
    let loss = model.dense(&h, 10).sparse_softmax_cross_entropy(&y).mean_all();
    model.finish(&[x, y], &loss, vec![data(&[64, 28, 28, 1]), labels(64)], rmsprop)
}

/// A recurrent layer over `(batch, time, features)`; its last output.
fn recurrent(model: &mut Model, x: &Tensor, cell: Cell, units: usize, reverse: bool) -> Tensor {
    let x = x.transpose(&[1, 0, 2]);
    let columns = cell.gates() * units;
    let input_kernel = model.weights(&[x.dim(2), columns]);
    let input_bias = model.variable("bias", Array::zeros(DType::F32, [columns]));
    let sequence = Sequence::Features(&x, &input_kernel, Some(&input_bias));
    let kernel = model.weights(&[units, columns]);
    let bias = model.variable("recurrent_bias", Array::zeros(DType::F32, [columns]));
    let state = Tensor::full(DType::F32, [x.dim(1), units], 0.0);
    let states = vec![state; cell.states()];
    let recurrence = Recurrence::new(cell, Activation::Tanh, Activation::Sigmoid);
    let recurrence = Recurrence { reverse, ..recurrence };
    let bias = cell.has_recurrent_bias().then_some(&bias);
    if bias.is_none() {
        model.variables.pop();
    }
    recurrence.run(sequence, &kernel, bias, &states, None).states.swap_remove(0)
}

fn lstm_imdb() -> Workload {
    let x = Tensor::input("x", DType::I32, [128, 200]);
    let y = Tensor::input("y", DType::F32, [128, 1]);
    let mut model = Model::new();
    let table = model.weights(&[10_000, 64]);
    let h = recurrent(&mut model, &table.take(&x, 0), Cell::Lstm, 64, false);
    let z = model.dense(&h, 1);
    let loss = (z.softplus() - &z * &y).mean_all();
    let words = ibex_graph::interpreter::Values::integers(DType::I32, [128, 200], 0, 10_000, 97);
    model.finish(&[x, y], &loss, vec![words.to_array(), data(&[128, 1])], rmsprop)
}

fn gru_bi() -> Workload {
    let x = Tensor::input("x", DType::F32, [128, 120, 14]);
    let y = Tensor::input("y", DType::F32, [128, 1]);
    let mut model = Model::new();
    let cell = Cell::Gru { reset_after: true };
    let ends = [false, true].map(|reverse| recurrent(&mut model, &x, cell, 64, reverse));
    let out = model.dense(&concatenate(&ends, -1), 1);
    let loss = (out - &y).square().mean_all();
    model.finish(&[x, y], &loss, vec![data(&[128, 120, 14]), data(&[128, 1])], rmsprop)
}

/// Two hidden layers as wide as the input.
fn square(batch: usize, width: usize) -> Workload {
    let x = Tensor::input("x", DType::F32, [batch, width]);
    let y = Tensor::input("y", DType::I32, [batch]);
    let mut model = Model::new();
    let h = model.dense(&x, width).relu();
    let h = model.dense(&h, width).relu();
    let loss = model.dense(&h, 10).sparse_softmax_cross_entropy(&y).mean_all();
    model.finish(&[x, y], &loss, vec![data(&[batch, width]), labels(batch)], adam)
}

/// The operations of a step of [`square`], and the bytes that its optimizer moves.
fn square_floor(batch: usize, width: usize) -> (f64, f64) {
    let (batch, width) = (batch as f64, width as f64);
    // Forward, gradient of the weights, gradient of the input except the first.
    let products = 5.0 * width * width + 3.0 * 10.0 * width;
    // Gradient, weight and two moments read; weight and moments written; the gradient before that.
    let bytes = 8.0 * 4.0 * (2.0 * width * width + 10.0 * width);
    (2.0 * batch * products, bytes)
}

/// Milliseconds of steps over batch sizes and widths; in brackets, how many times their floor.
fn scaling() {
    const ROUNDS: usize = 1_000_000;
    for threads in [1, 2] {
        let (device, pool) = (ibex_cpu::device(Some(threads)), ThreadPool::new(threads));
        let all = || pool.run(threads, |_| machine::peak(ROUNDS));
        let [seconds] = machine::medians(5, [&mut || all()]);
        let flops = machine::peak_flops(ROUNDS) * threads as f64 / seconds;
        let copy = machine::copy_rate() * 1e9;
        println!(
            "{}: {:.0} GFLOP/s, a copy moves {:.1} GB/s",
            device.name(),
            flops / 1e9,
            copy / 1e9
        );
        let batches = [1, 4, 16, 64, 256, 1024];
        println!(
            "{:>6} {}",
            "width",
            batches.map(|b| format!("{:>18}", format!("batch {b}"))).concat()
        );
        for width in [16, 64, 256, 1024, 4096] {
            print!("{width:>6} ");
            for batch in batches {
                let workload = square(batch, width);
                let mut executable = device.compile(workload.graph).unwrap();
                let inputs: Vec<&Array> = workload.inputs.iter().collect();
                let (operations, bytes) = square_floor(batch, width);
                let floor = operations / flops + bytes / copy;
                let rounds = ((0.2 / floor) as usize).clamp(3, 2001);
                let [step] = machine::medians(rounds, [&mut || executable.run(&inputs).unwrap()]);
                print!("{:>18}", format!("{:.4} ({:.1})", step * 1e3, step / floor));
            }
            println!();
        }
    }
}

type Make = fn() -> Workload;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let flag = |name: &str| arguments.iter().any(|a| a == name);
    if flag("--scaling") {
        return scaling();
    }
    let threads = arguments.iter().position(|a| a == "--threads");
    let threads = threads.and_then(|at| arguments.get(at + 1)?.parse().ok());
    let device = ibex_cpu::device(threads);
    println!("{}", device.name());
    let all: [(&str, Make); 6] = [
        ("and_b1", and_b1),
        ("mlp_mnist", mlp_mnist),
        ("moa", moa),
        ("cnn_mnist", cnn_mnist),
        ("lstm_imdb", lstm_imdb),
        ("gru_bi", gru_bi),
    ];
    let wanted =
        all.iter().filter(|(name, _)| flag(name) || !all.iter().any(|(other, _)| flag(other)));
    for (name, make) in wanted {
        let workload = make();
        let compiling = Instant::now();
        let mut executable = device.compile(workload.graph).unwrap();
        let compiling = compiling.elapsed();
        let inputs: Vec<&Array> = workload.inputs.iter().collect();
        let rounds = if *name == "and_b1" { 20_000 } else { 150 };
        let mut times: Vec<f64> = (0..rounds)
            .map(|_| {
                let start = Instant::now();
                executable.run(&inputs).unwrap();
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "{name:<10} median {:.4} ms, least {:.4} ms, {} steps, compiled in {:.1} ms, loss {}",
            times[rounds / 2],
            times[0],
            executable.program().steps.len(),
            compiling.as_secs_f64() * 1e3,
            executable.outputs()[0]
        );
        if flag("--plan") {
            let profiles: Vec<_> = (0..61).map(|_| executable.profile(&inputs).unwrap()).collect();
            for (index, step) in executable.program().steps.iter().enumerate() {
                let mut of: Vec<_> = profiles.iter().map(|p| p[index]).collect();
                of.sort();
                println!("{index:>4} {:>9.2} us  {step}", of[0].as_secs_f64() * 1e6);
            }
            let plan = executable.program().to_string();
            println!("{}", plan.split("\n\n").last().unwrap_or_default());
        }
    }
}
