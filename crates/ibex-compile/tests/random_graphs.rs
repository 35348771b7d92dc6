//! The passes keep what a graph computes: random graphs against the reference interpreter.
//!
//! Every graph is written twice, the second time with its inputs and constants nudged.
//! A step whose result moves too much under the nudge, or jumps, is not taken: so each graph is
//! well conditioned, no comparison hangs on a last bit, and the tolerances below mean something.

use std::collections::HashMap;

use ibex_compile::passes::{MAX_ROUNDS, optimise, optimise_reporting};
use ibex_graph::interpreter::{Values, run_values};
use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::compare::Compare;
use ibex_graph::ops::concatenate::concatenate;
use ibex_graph::ops::unary::Unary;
use ibex_graph::rng::Draw;
use ibex_graph::{Array, DType, Graph, Op, Shape, Tensor, Variable};

const GRAPHS: u64 = 1000;
const STEPS: usize = 48;
const NUDGE: f64 = 1e-5;
/// The most that a value may move under [`NUDGE`]: errors grow a thousandfold at worst.
const MOVED: f64 = 1e-2;
const LARGEST: f64 = 1e3;

/// A deterministic source of choices.
struct Choices {
    draw: Draw,
    next: u64,
}

impl Choices {
    fn below(&mut self, count: usize) -> usize {
        self.next += 1;
        self.draw.word(self.next) as usize % count
    }

    fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn shape(&mut self) -> Shape {
        let rank = self.below(4);
        Shape::from((0..rank).map(|_| self.of(&[1, 2, 3, 3])).collect::<Vec<usize>>())
    }
}

/// One value, and the same with inputs and constants nudged.
#[derive(Clone)]
struct Pair([Tensor; 2]);

impl Pair {
    fn map(&self, f: impl Fn(&Tensor) -> Tensor) -> Pair {
        Pair([f(&self.0[0]), f(&self.0[1])])
    }

    fn with(&self, other: &Pair, f: impl Fn(&Tensor, &Tensor) -> Tensor) -> Pair {
        Pair([f(&self.0[0], &other.0[0]), f(&self.0[1], &other.0[1])])
    }

    fn dtype(&self) -> DType {
        self.0[0].dtype()
    }

    fn shape(&self) -> &Shape {
        self.0[0].shape()
    }
}

/// Whether the last bit of an operand can decide about the result.
fn jumps(tensor: &Tensor) -> bool {
    use Unary::{Ceil, Floor, Round, Sign};
    let floats = tensor.inputs().iter().any(|input| input.dtype().is_float());
    match tensor.op() {
        Op::Compare(_) | Op::Cast(_) => floats && !tensor.dtype().is_float(),
        Op::Unary(f) => matches!(f, Floor | Ceil | Round | Sign),
        Op::Binary(f) => *f == Binary::Remainder,
        _ => false,
    }
}

struct Program {
    choices: Choices,
    inputs: Vec<Tensor>,
    values: [Vec<Values>; 2],
    variables: Vec<Variable>,
    pool: Vec<Pair>,
    /// `f64` alone, where nothing is rounded that the interpreter does not round.
    precise: bool,
}

impl Program {
    fn new(seed: u64) -> Program {
        let choices = Choices { draw: Draw::new(seed, 0, 0), next: 0 };
        let mut program = Program {
            choices,
            inputs: Vec::new(),
            values: [Vec::new(), Vec::new()],
            variables: Vec::new(),
            pool: Vec::new(),
            precise: seed.is_multiple_of(2),
        };
        let float = program.float();
        for (index, dtype) in
            [float, float, DType::F64, DType::Bool, DType::I32, DType::U8].into_iter().enumerate()
        {
            program.add_input(index, dtype);
        }
        program.add_variable();
        for _ in 0..STEPS {
            program.step();
        }
        program
    }

    fn float(&self) -> DType {
        if self.precise { DType::F64 } else { DType::F32 }
    }

    fn add_input(&mut self, index: usize, dtype: DType) {
        let shape = self.choices.of::<&[usize]>(&[&[2, 3], &[3], &[2, 1], &[1, 3, 1]]);
        let salt = u64::from(self.choices.draw.word(1000 + index as u64));
        let mut value = match dtype {
            DType::Bool => Values::integers(dtype, shape, 0, 2, salt),
            DType::U8 => Values::integers(dtype, shape, 0, 6, salt),
            DType::I32 | DType::I64 => Values::integers(dtype, shape, -5, 6, salt),
            _ => Values::uniform(shape, -2.0, 2.0, salt),
        };
        value.ty.dtype = dtype;
        let mut nudged = value.clone();
        if dtype.is_float() {
            nudged.data.iter_mut().for_each(|x| *x += NUDGE * x.signum());
        }
        let tensor = Tensor::input(&format!("x{index}"), dtype, shape);
        self.pool.push(Pair([tensor.clone(), tensor.clone()]));
        self.inputs.push(tensor);
        self.values[0].push(value);
        self.values[1].push(nudged);
    }

    fn add_variable(&mut self) {
        let value =
            Values::uniform([3], 0.5, 1.5, self.choices.below(99) as u64).cast(self.float());
        let variable = Variable::new("v", value.to_array());
        let read = Tensor::read(&variable);
        self.variables.push(variable);
        self.pool.push(Pair([read.clone(), read]));
    }

    /// Adds one more value to the pool, if it is a sound and tame one.
    fn step(&mut self) {
        let pair = self.candidate();
        if !pair.0[0].is_poisoned() && pair.shape().size() <= 72 && self.is_tame(&pair) {
            self.pool.push(pair);
        }
    }

    fn is_tame(&self, pair: &Pair) -> bool {
        let run = |i: usize| {
            let graph = Graph::new(&self.inputs, &pair.0[i..=i], &[]).expect("sound");
            let outcome = run_values(&graph, &self.values[i], &HashMap::new());
            outcome.expect("inputs fit").values.remove(0)
        };
        let (value, nudged) = (run(0), run(1));
        let exact = Values::from(&value.to_array()).data == value.data;
        let fits = match pair.dtype() {
            DType::F32 | DType::F64 => self.precise || !jumps(&pair.0[0]),
            // Half precision holds few digits: only what it holds exactly may pass through it.
            DType::F16 | DType::BF16 => exact,
            _ => exact && (self.precise || !jumps(&pair.0[0])) && value.data == nudged.data,
        };
        let near = |a: f64, b: f64| (a - b).abs() <= MOVED * a.abs().max(1.0);
        let pairs = value.data.iter().zip(&nudged.data);
        fits && { pairs }.all(|(&a, &b)| near(a, b) && a.is_finite() && a.abs() <= LARGEST)
    }

    fn pick(&mut self, fits: impl Fn(&Pair) -> bool) -> Option<Pair> {
        let all: Vec<&Pair> = self.pool.iter().filter(|p| fits(p)).collect();
        let count = all.len();
        // Half of the time one of the newest, so that graphs grow deep.
        let index = match self.choices.below(2) {
            0 => self.choices.below(count.max(1)),
            _ => count.saturating_sub(1 + self.choices.below(4)),
        };
        let all: Vec<&Pair> = self.pool.iter().filter(|p| fits(p)).collect();
        all.get(index).map(|&p| p.clone())
    }

    fn candidate(&mut self) -> Pair {
        let any = self.pick(|_| true).expect("the pool has inputs");
        let full = |p: &Pair| !matches!(p.dtype(), DType::F16 | DType::BF16);
        let a = if full(&any) { any.clone() } else { self.pool[0].clone() };
        match self.choices.below(20) {
            0 => self.constant(),
            1..=3 => self.unary(&a),
            4..=7 => self.binary(&a),
            8 => self.compare(&a),
            9 => self.select(&a),
            10 => self.cast(&any),
            11 => self.reshape(&any),
            12 => self.transpose(&any),
            13 => self.broadcast(&any),
            14 => self.reduce(&a),
            15 => self.matmul(&a),
            _ => self.rearrange(&any),
        }
    }

    fn constant(&mut self) -> Pair {
        let dtype = self.choices.of(&[self.float(), self.float(), DType::Bool, DType::I32]);
        match self.choices.below(2) {
            0 => self.scalar(dtype),
            _ => self.table(dtype),
        }
    }

    fn number(&mut self, dtype: DType) -> f64 {
        match dtype {
            DType::Bool => self.choices.below(2) as f64,
            DType::U8 | DType::I32 | DType::I64 => self.choices.below(4) as f64,
            _ => self.choices.of(&[0.0, 1.0, -1.0, 2.0, 0.5, 3.0, 0.25, -2.0, 4.0, -0.5]),
        }
    }

    /// How far constants are nudged: folding rounds those of `f32` only.
    fn nudge(&self, dtype: DType) -> f64 {
        if dtype == DType::F32 { NUDGE } else { 0.0 }
    }

    fn scalar(&mut self, dtype: DType) -> Pair {
        let (number, nudge) = (self.number(dtype), self.nudge(dtype));
        Pair([Tensor::scalar(dtype, number), Tensor::scalar(dtype, number + nudge)])
    }

    fn table(&mut self, dtype: DType) -> Pair {
        let shape = self.choices.shape();
        let numbers: Vec<f64> = (0..shape.size()).map(|_| self.number(dtype)).collect();
        let nudged: Vec<f64> = numbers.iter().map(|x| x + self.nudge(dtype)).collect();
        let constant =
            |data: &[f64]| Tensor::constant(Array::from_f64_slice(dtype, shape.clone(), data));
        Pair([constant(&numbers), constant(&nudged)])
    }

    fn unary(&mut self, a: &Pair) -> Pair {
        let common = [Unary::Negative, Unary::Square, Unary::Abs, Unary::Relu, Unary::Not];
        let f = match self.choices.below(2) {
            0 => self.choices.of(&common),
            _ => self.choices.of(Unary::ALL),
        };
        match self.choices.below(9) {
            0 => a.map(Tensor::stop_gradient),
            _ => a.map(|a| Tensor::apply(f, &[a])),
        }
    }

    fn binary(&mut self, a: &Pair) -> Pair {
        let dtype = a.dtype();
        let other = self.pick(|p| p.dtype() == dtype).unwrap_or_else(|| a.clone());
        // Numbers are what most rules look for.
        let b = if self.choices.below(3) == 0 { self.scalar(dtype) } else { other };
        let common = [Binary::Add, Binary::Subtract, Binary::Multiply, Binary::Divide];
        let f = match (dtype, self.choices.below(3)) {
            (DType::Bool, _) => self.choices.of(&[Binary::And, Binary::Or, Binary::Xor]),
            (_, 0) => self.choices.of(Binary::ALL),
            _ => self.choices.of(&common),
        };
        let shape = a.shape().broadcast(b.shape()).unwrap_or_default();
        let wide = |t: &Tensor| t.broadcast_to(&shape);
        match self.choices.below(2) {
            0 => a.with(&b, |a, b| Tensor::apply(f, &[&wide(a), &wide(b)])),
            _ => b.with(a, |b, a| Tensor::apply(f, &[&wide(b), &wide(a)])),
        }
    }

    fn compare(&mut self, a: &Pair) -> Pair {
        let dtype = a.dtype();
        let b = self.pick(|p| p.dtype() == dtype).unwrap_or_else(|| a.clone());
        let f = self.choices.of(Compare::ALL);
        let shape = a.shape().broadcast(b.shape()).unwrap_or_default();
        a.with(&b, |a, b| Tensor::apply(f, &[&a.broadcast_to(&shape), &b.broadcast_to(&shape)]))
    }

    fn select(&mut self, a: &Pair) -> Pair {
        let dtype = a.dtype();
        let b = self.pick(|p| p.dtype() == dtype).unwrap_or_else(|| a.clone());
        let condition = self.pick(|p| p.dtype() == DType::Bool).expect("an input is bool");
        let [c, d] = &condition.0;
        Pair([c.select(&a.0[0], &b.0[0]), d.select(&a.0[1], &b.0[1])])
    }

    fn cast(&mut self, a: &Pair) -> Pair {
        let to = match self.precise {
            true => self.choices.of(&[DType::F64, DType::I32, DType::I64, DType::U8, DType::Bool]),
            false => self.choices.of(&DType::ALL),
        };
        a.map(|a| a.cast(to))
    }

    fn reshape(&mut self, a: &Pair) -> Pair {
        let mut dims = a.shape().to_vec();
        match self.choices.below(3) {
            0 => dims.insert(self.choices.below(dims.len() + 1), 1),
            1 => dims = vec![dims.iter().product()],
            _ => dims.reverse(),
        }
        a.map(|a| a.reshape(dims.clone()))
    }

    fn transpose(&mut self, a: &Pair) -> Pair {
        let mut axes: Vec<usize> = (0..a.shape().rank()).collect();
        if axes.len() > 1 {
            let (i, j) = (self.choices.below(axes.len()), self.choices.below(axes.len()));
            axes.swap(i, j);
        }
        a.map(|a| a.transpose(&axes))
    }

    fn broadcast(&mut self, a: &Pair) -> Pair {
        let mut dims: Vec<usize> = a
            .shape()
            .iter()
            .map(|&d| if d == 1 { self.choices.of(&[1, 2, 3]) } else { d })
            .collect();
        if self.choices.below(2) == 0 {
            dims.insert(0, self.choices.of(&[1, 2]));
        }
        a.map(|a| a.broadcast_to(dims.clone()))
    }

    fn reduce(&mut self, a: &Pair) -> Pair {
        let axes: Vec<usize> =
            (0..a.shape().rank()).filter(|_| self.choices.below(2) == 0).collect();
        let keep = self.choices.below(2) == 0;
        match self.choices.below(5) {
            0 => a.map(|a| a.max(&axes, keep)),
            1 => a.map(|a| a.min(&axes, keep)),
            2 => a.map(|a| a.product(&axes, keep)),
            3 => a.map(|a| a.mean(&axes, keep)),
            _ => a.map(|a| a.sum(&axes, keep)),
        }
    }

    fn matmul(&mut self, a: &Pair) -> Pair {
        let dtype = a.dtype();
        let b = self.pick(|p| p.dtype() == dtype && p.shape().rank() > 0);
        match b {
            Some(b) if a.shape().rank() > 0 => a.with(&b, |a, b| {
                let square = a.shape()[a.rank() - 1];
                match b.rank() > 1 && b.dim(-1) == square && b.dim(-2) != square {
                    true => a.matmul(&b.matrix_transpose()),
                    false => a.matmul(b),
                }
            }),
            _ => a.map(|a| a.sum_all()),
        }
    }

    fn rearrange(&mut self, a: &Pair) -> Pair {
        let rank = a.shape().rank();
        if rank == 0 {
            return a.map(|a| a.reshape([1]));
        }
        let axis = self.choices.below(rank);
        let (extent, kind) = (a.shape()[axis], self.choices.below(6));
        let start = self.choices.below(extent + 1);
        let stop = start + self.choices.below(extent - start + 1);
        let (dtype, shape) = (a.dtype(), a.shape().clone());
        let alike = |p: &Pair| p.dtype() == dtype && *p.shape() == shape;
        let other = self.pick(alike).unwrap_or_else(|| a.clone());
        let widths = vec![(self.choices.below(2), self.choices.below(2)); rank];
        match kind {
            0 => a.map(|a| a.slice_axis(axis as isize, start as isize..stop as isize)),
            1 => a.map(|a| a.slice_axis_by(axis as isize, .., 2)),
            2 => a.map(|a| a.flip(&[axis])),
            3 if dtype != DType::Bool => a.map(|a| a.pad(&widths, 2.0)),
            4 if dtype.is_float() => a.map(Tensor::softplus),
            _ => a.with(&other, |a, b| concatenate(&[a, b], axis as isize)),
        }
    }

    /// The newest values and some others as outputs; one of the right type updates the variable.
    fn graph(&mut self) -> Graph {
        let newest = self.pool.len().saturating_sub(4);
        let mut outputs: Vec<Tensor> = self.pool[newest..].iter().map(|p| p.0[0].clone()).collect();
        for _ in 0..3 {
            let index = self.choices.below(self.pool.len());
            outputs.push(self.pool[index].0[0].clone());
        }
        let variable = &self.variables[0];
        let updates = self.pool.iter().rev().find(|p| p.0[0].ty() == variable.ty());
        let updates: Vec<_> =
            updates.map(|p| (variable.clone(), p.0[0].clone())).into_iter().collect();
        Graph::new(&self.inputs, &outputs, &updates).expect("sound values only")
    }
}

#[test]
fn optimised_graphs_compute_the_same() {
    let mut nodes = [0, 0];
    let mut operations = std::collections::BTreeSet::new();
    for seed in 0..GRAPHS {
        let mut program = Program::new(seed);
        let graph = program.graph();
        let (after, reports) = optimise_reporting(graph.clone(), &|_, _| false);
        after.verify().unwrap_or_else(|e| panic!("seed {seed}: {e}\n{graph}\n\n{after}"));
        let busy: Vec<_> = reports.iter().filter(|r| r.changes > 0).collect();
        assert!(
            reports.last().is_some_and(|r| r.round + 1 < MAX_ROUNDS),
            "seed {seed}: no rest: {busy:#?}"
        );
        assert_eq!(
            after,
            optimise(after.clone(), &|_, _| false),
            "seed {seed}: there was more to do"
        );
        let run = |graph| {
            let out = run_values(graph, &program.values[0], &HashMap::new()).expect("inputs fit");
            let updates = out.updates.into_iter().map(|(_, value)| value);
            out.values.into_iter().chain(updates).collect::<Vec<_>>()
        };
        // Folded `float32` constants are rounded, others are not: errors of 6e-8, a thousandfold.
        let tolerance = if program.precise { 1e-10 } else { 3e-4 };
        let (want, got) = (run(&graph), run(&after));
        // An update that writes back what was read is dropped.
        assert!(got.len() == want.len() || got.len() + 1 == want.len(), "seed {seed}");
        for (want, got) in want.iter().zip(&got) {
            assert_eq!(want.ty, got.ty, "seed {seed}");
            for (&a, &b) in want.data.iter().zip(&got.data) {
                let near = (a - b).abs() <= tolerance * a.abs().max(1.0);
                assert!(near, "seed {seed}: {a} became {b}\n{graph}\n\n{after}");
            }
        }
        nodes[0] += graph.nodes().len();
        nodes[1] += after.nodes().len();
        operations.extend(graph.nodes().iter().map(|n: &ibex_graph::Node| n.op.name()));
        assert!(!after.nodes().iter().any(|n| matches!(n.op, Op::StopGradient(_))));
    }
    println!("{GRAPHS} graphs, {} nodes became {}; operations: {operations:?}", nodes[0], nodes[1]);
    // The generator is worth nothing if its steps are mostly refused.
    assert!(nodes[0] as u64 > GRAPHS * 20, "only {} nodes", nodes[0]);
    assert!(operations.len() > 40, "only {operations:?}");
}
