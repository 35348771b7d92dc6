//! The recurrence backwards: rule, reference and decomposition of [`RecurrentGradient`].
//!
//! The gates are saved, not recomputed: a step of an LSTM with 64 units moves one KiB to keep and
//! one to read again for each row, where the product that would give them back costs 16,000
//! multiply-adds; at 40 GB/s and 200 GFLOP/s a core that is 50 ns against 160 ns.

use super::{
    Cell, Extents, Input, Recurrence, RecurrentGradient, Role, STATES, at_step, expect_count,
    expect_roles, rows, stacked,
};
use crate::interpreter::Values;
use crate::op::{Forward, Rule, Vjp, vjp_of_decomposition};
use crate::ops::concatenate::concatenate;
use crate::{DType, Op, OpError, Tensor, Type};

/// The inputs of [`RecurrentGradient`] by name; `T` is a tensor or its values.
struct Inputs<'a, T> {
    /// Features and kernel, or nothing.
    given: &'a [T],
    kernel: &'a T,
    states: &'a [T],
    sequence: &'a T,
    saved: &'a [T],
    mask: Option<&'a T>,
    by_sequence: Option<&'a T>,
    by_last: &'a [T],
}

impl<'a, T> Inputs<'a, T> {
    fn of(op: &RecurrentGradient, inputs: &'a [T]) -> Option<Inputs<'a, T>> {
        let Recurrence { input, cell, masked, .. } = op.recurrence;
        let (given, rest) = inputs.split_at_checked(given(input))?;
        let (kernel, rest) = rest.split_first()?;
        let (states, rest) = rest.split_at_checked(cell.states())?;
        let (sequence, rest) = rest.split_first()?;
        let (saved, rest) = rest.split_at_checked(cell.saved().len())?;
        let (mask, rest) = rest.split_at_checked(usize::from(masked))?;
        let (by_sequence, by_last) = rest.split_at_checked(usize::from(op.sequence))?;
        let (mask, by_sequence) = (mask.first(), by_sequence.first());
        Some(Inputs { given, kernel, states, sequence, saved, mask, by_sequence, by_last })
    }
}

/// How many inputs say what the sequence was.
fn given(input: Input) -> usize {
    match input {
        Input::Projection => 0,
        Input::Features { .. } => 2,
    }
}

impl RecurrentGradient {
    /// The sizes of a recurrence with these inputs.
    ///
    /// # Errors
    /// If the inputs are not those of the operation.
    pub fn extents(&self, inputs: &[Type]) -> Result<Extents, OpError> {
        let Recurrence { input, cell, masked, .. } = self.recurrence;
        let (given, optional) = (given(input), usize::from(masked) + usize::from(self.sequence));
        let count = given + 2 + 2 * cell.states() + cell.saved().len() + optional;
        expect_count(self.name(), inputs, count)?;
        let steps = &inputs[if given > 0 { 0 } else { 1 + cell.states() }];
        let extents = Extents::of(self.name(), &self.recurrence, steps, &inputs[given])?;
        expect_roles(self.name(), inputs, &self.roles(&extents, inputs[0].dtype))?;
        Ok(extents)
    }

    pub(super) fn roles(&self, extents: &Extents, dtype: DType) -> Vec<Role> {
        let Recurrence { cell, masked, .. } = self.recurrence;
        let units = extents.units;
        let kernel = Type::new(dtype, [units, cell.gates() * units]);
        let mut roles = self.recurrence.input_roles(extents, dtype);
        roles.truncate(given(self.recurrence.input));
        roles.push(("recurrent kernel", kernel));
        roles.extend(STATES[..cell.states()].iter().map(|&name| (name, extents.state(dtype))));
        roles.push(("sequence", extents.steps(dtype, 1)));
        let saved = ["record of gates", "record of cell states"].into_iter().zip(cell.saved());
        roles.extend(saved.map(|(name, &width)| (name, extents.steps(dtype, width))));
        if masked {
            roles.push(("mask", Type::new(DType::Bool, [extents.time, extents.batch])));
        }
        if self.sequence {
            roles.push(("gradient of the sequence", extents.steps(dtype, 1)));
        }
        let last = ["gradient of the last state", "gradient of the last cell state"];
        roles.extend(last[..cell.states()].iter().map(|&name| (name, extents.state(dtype))));
        roles
    }
}

impl Rule for RecurrentGradient {
    fn name(&self) -> &'static str {
        "recurrent_gradient"
    }

    fn attributes(&self) -> String {
        let sequence = if self.sequence { ", sequence" } else { "" };
        let input = if self.input { "" } else { ", not of the input" };
        format!("{}{sequence}{input}", self.recurrence.text())
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let extents = self.extents(inputs)?;
        let Recurrence { input, cell, .. } = self.recurrence;
        let Extents { time, batch, units, features } = extents;
        let (dtype, columns) = (inputs[0].dtype, cell.gates() * units);
        let mut types = vec![extents.state(dtype); cell.states()];
        types.push(Type::new(dtype, [units, columns]));
        if cell.has_recurrent_bias() {
            types.push(Type::new(dtype, [columns]));
        }
        if let Input::Features { bias } = input {
            types.push(Type::new(dtype, [features, columns]));
            types.extend(bias.then(|| Type::new(dtype, [columns])));
        }
        if self.input {
            types.push(Type::new(dtype, [time, batch, features]));
        }
        Ok(types)
    }

    fn without_last_outputs(&self, used: usize) -> Option<Op> {
        let Recurrence { input, cell, .. } = self.recurrence;
        let others = cell.states() + input.count() + usize::from(cell.has_recurrent_bias());
        (self.input && used <= others).then(|| RecurrentGradient { input: false, ..*self }.into())
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let Some(given) = Inputs::of(self, inputs) else { return Vec::new() };
        let &[time, batch, units] = given.sequence.shape().dims() else { return Vec::new() };
        let cell = self.recurrence.cell;
        let columns = cell.gates() * units;
        let order = self.recurrence.order(time);
        let state = |values: &Values, at: usize| values.data[at * units..(at + 1) * units].to_vec();
        let mut projection = vec![0.0; time * batch * columns];
        let mut kernel = vec![0.0; units * columns];
        let mut recurrent_bias = vec![0.0; columns];
        let mut by_states = vec![vec![0.0; batch * units]; cell.states()];
        for row in 0..batch {
            let mut by: Vec<Vec<f64>> = given.by_last.iter().map(|v| state(v, row)).collect();
            for (index, &step) in order.iter().enumerate().rev() {
                let at = step * batch + row;
                if let Some(grad) = given.by_sequence {
                    (0..units).for_each(|u| by[0][u] += grad.data[at * units + u]);
                }
                if given.mask.is_some_and(|mask| mask.data[at] == 0.0) {
                    continue;
                }
                let before = index.checked_sub(1).map(|i| order[i] * batch + row);
                let previous = |now: &Values, first: &Values| match before {
                    Some(at) => state(now, at),
                    None => state(first, row),
                };
                let mut states = vec![previous(given.sequence, given.states[0])];
                if let (Some(cells), Some(first)) = (given.saved.get(1), given.states.get(1)) {
                    states.push(previous(cells, first));
                }
                let saved: Vec<&[f64]> = given.saved.iter().map(|v| row_of(v, at)).collect();
                let h = state(given.sequence, at);
                let grads = self.recurrence.step_back(&given.kernel.data, &states, &h, &saved, &by);
                by = grads.states;
                // What the recurrent kernel gave, and what it was multiplied with.
                let mut inner = grads.projection.clone();
                let mut factors = vec![states[0].clone(); columns];
                if let Cell::Gru { reset_after } = cell {
                    match reset_after {
                        true => inner[2 * units..].copy_from_slice(&grads.inner),
                        false => (2 * units..columns).for_each(|at| {
                            (0..units).for_each(|u| factors[at][u] *= saved[0][units + u]);
                        }),
                    }
                }
                for column in 0..columns {
                    recurrent_bias[column] += inner[column];
                    for unit in 0..units {
                        kernel[unit * columns + column] += factors[column][unit] * inner[column];
                    }
                }
                projection[at * columns..(at + 1) * columns].copy_from_slice(&grads.projection);
            }
            for (to, state) in by_states.iter_mut().zip(&by) {
                to[row * units..(row + 1) * units].copy_from_slice(state);
            }
        }
        let mut data = by_states;
        data.push(kernel);
        data.extend(cell.has_recurrent_bias().then_some(recurrent_bias));
        data.extend(of_projection(&self.recurrence.input, given.given, projection, columns));
        outputs.iter().cloned().zip(data).map(|(ty, data)| Values::new(ty, data)).collect()
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        vjp_of_decomposition(self, node)
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let given = Inputs::of(self, inputs)?;
        let order = self.recurrence.order(given.sequence.dim(0));
        let mut by = given.by_last.to_vec();
        let mut steps: Vec<(Tensor, Tensor)> = Vec::with_capacity(order.len());
        for (index, &step) in order.iter().enumerate().rev() {
            if let Some(grad) = given.by_sequence {
                by[0] = &by[0] + at_step(grad, step);
            }
            let before = index.checked_sub(1).map(|i| order[i]);
            let previous = |now: &Tensor, first: &Tensor| match before {
                Some(step) => at_step(now, step),
                None => first.clone(),
            };
            let mut states = vec![previous(given.sequence, &given.states[0])];
            if let (Some(cells), Some(first)) = (given.saved.get(1), given.states.get(1)) {
                states.push(previous(cells, first));
            }
            let saved: Vec<Tensor> = given.saved.iter().map(|v| at_step(v, step)).collect();
            let h = at_step(given.sequence, step);
            let back = Back { kernel: given.kernel, states: &states, h: &h, saved: &saved };
            let (mut projection, mut inner, mut after) =
                self.recurrence.step_back_tensors(&back, &by);
            if let Some(mask) = given.mask {
                let moved = at_step(mask, step).expand_dims(-1);
                projection = moved.select(&projection, &projection.zeros_like());
                inner = moved.select(&inner, &inner.zeros_like());
                let pairs = after.iter().zip(&by);
                after = pairs.map(|(after, by)| moved.select(after, by)).collect();
            }
            by = after;
            steps.push((projection, inner));
        }
        // The last step of the recurrence was the first one here.
        if !self.recurrence.reverse {
            steps.reverse();
        }
        let (projection, inner): (Vec<Tensor>, Vec<Tensor>) = steps.into_iter().unzip();
        let (projection, inner) = (stacked(&projection), stacked(&inner));
        let mut outputs = by;
        outputs.extend(self.recurrence.weight_gradients(&given, &projection, &inner)?);
        if let ([x, kernel], Input::Features { bias }) = (given.given, self.recurrence.input) {
            outputs.push(rows(x).matrix_transpose().matmul(&rows(&projection)));
            outputs.extend(bias.then(|| projection.sum(&[0, 1], false)));
            outputs.extend(self.input.then(|| turned(&projection, kernel)));
        } else {
            outputs.extend(self.input.then_some(projection));
        }
        Some(outputs)
    }
}

/// `g · kernelᵀ`.
fn turned(g: &Tensor, kernel: &Tensor) -> Tensor {
    g.matmul(&kernel.matrix_transpose())
}

/// The gradients of kernel, bias and features, or that of the projection itself, naively.
fn of_projection(
    input: &Input,
    given: &[&Values],
    projection: Vec<f64>,
    columns: usize,
) -> Vec<Vec<f64>> {
    let (&[x, kernel], &Input::Features { bias }) = (given, input) else {
        return vec![projection];
    };
    let features = kernel.data.len() / columns;
    let mut by_kernel = vec![0.0; kernel.data.len()];
    let mut by_bias = vec![0.0; columns];
    let mut by_x = vec![0.0; x.data.len()];
    for (row, grads) in projection.chunks(columns).enumerate() {
        for (column, grad) in grads.iter().enumerate() {
            by_bias[column] += grad;
            for feature in 0..features {
                let (at, place) = (row * features + feature, feature * columns + column);
                by_kernel[place] += x.data[at] * grad;
                by_x[at] += kernel.data[place] * grad;
            }
        }
    }
    let mut all = vec![by_kernel];
    all.extend(bias.then_some(by_bias));
    all.push(by_x);
    all
}

/// What a value `(time, batch, width)` holds for one row of one step.
fn row_of(values: &Values, at: usize) -> &[f64] {
    let width = values.shape().last().copied().unwrap_or(1);
    &values.data[at * width..(at + 1) * width]
}

/// The gradients of one step of one row.
struct Gradients {
    projection: Vec<f64>,
    /// Of what the reset gate multiplied; empty in other cells.
    inner: Vec<f64>,
    states: Vec<Vec<f64>>,
}

/// What a step left behind, for all rows.
struct Back<'a> {
    kernel: &'a Tensor,
    /// The states before it.
    states: &'a [Tensor],
    /// The state after it.
    h: &'a Tensor,
    saved: &'a [Tensor],
}

impl Recurrence {
    /// One step of one row backwards, naively.
    fn step_back(
        &self,
        kernel: &[f64],
        states: &[Vec<f64>],
        h: &[f64],
        saved: &[&[f64]],
        by: &[Vec<f64>],
    ) -> Gradients {
        let units = h.len();
        let columns = self.cell.gates() * units;
        let (outer, gate) = (self.activation, self.recurrent_activation);
        // `g · Uᵀ`, where `g` belongs to the columns from `first` on.
        let turned = |g: &[f64], first: usize| -> Vec<f64> {
            let sum = |u: usize| (0..g.len()).map(|j| g[j] * kernel[u * columns + first + j]).sum();
            (0..units).map(sum).collect()
        };
        let each = |f: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..units).map(f).collect() };
        match self.cell {
            Cell::Simple => {
                let projection = each(&|u| by[0][u] * outer.slope(h[u]));
                let states = vec![turned(&projection, 0)];
                Gradients { projection, inner: Vec::new(), states }
            }
            Cell::Lstm => {
                let [i, f, g, o] = [0, 1, 2, 3].map(|at| &saved[0][at * units..(at + 1) * units]);
                let bent: Vec<f64> = saved[1].iter().map(|&c| outer.eval(c)).collect();
                let by_c = each(&|u| by[1][u] + by[0][u] * o[u] * outer.slope(bent[u]));
                let projection = [
                    each(&|u| by_c[u] * g[u] * gate.slope(i[u])),
                    each(&|u| by_c[u] * states[1][u] * gate.slope(f[u])),
                    each(&|u| by_c[u] * i[u] * outer.slope(g[u])),
                    each(&|u| by[0][u] * bent[u] * gate.slope(o[u])),
                ]
                .concat();
                let states = vec![turned(&projection, 0), each(&|u| by_c[u] * f[u])];
                Gradients { projection, inner: Vec::new(), states }
            }
            Cell::Gru { reset_after } => {
                let [z, r, n] = [0, 1, 2].map(|at| &saved[0][at * units..(at + 1) * units]);
                let before = &states[0];
                let by_z = each(&|u| by[0][u] * (before[u] - n[u]) * gate.slope(z[u]));
                let by_n = each(&|u| by[0][u] * (1.0 - z[u]) * outer.slope(n[u]));
                let (factor, inner) = match reset_after {
                    true => (saved[0][3 * units..].to_vec(), each(&|u| by_n[u] * r[u])),
                    false => (before.clone(), Vec::new()),
                };
                // The gradient of what the reset gate is a factor of.
                let product = if reset_after { by_n.clone() } else { turned(&by_n, 2 * units) };
                let by_r = each(&|u| product[u] * factor[u] * gate.slope(r[u]));
                let both = turned(&[by_z.as_slice(), &by_r].concat(), 0);
                let candidate = match reset_after {
                    true => turned(&inner, 2 * units),
                    false => each(&|u| product[u] * r[u]),
                };
                let states = vec![each(&|u| by[0][u] * z[u] + both[u] + candidate[u])];
                Gradients { projection: [by_z, by_r, by_n].concat(), inner, states }
            }
        }
    }

    /// One step of all rows backwards: the gradients of the projection, of what the reset gate
    /// multiplied (or nothing in particular), and of the states before it.
    fn step_back_tensors(&self, back: &Back<'_>, by: &[Tensor]) -> (Tensor, Tensor, Vec<Tensor>) {
        let (outer, gate) = (self.activation, self.recurrent_activation);
        let Back { kernel, states, h, saved } = *back;
        let units = h.dim(-1);
        match self.cell {
            Cell::Simple => {
                let projection = outer.backward(h, &by[0]);
                let before = turned(&projection, kernel);
                (projection.clone(), projection, vec![before])
            }
            Cell::Lstm => {
                let gates = saved[0].split(4, -1);
                let [i, f, g, o] = [0, 1, 2, 3].map(|at| &gates[at]);
                let bent = outer.apply(&saved[1]);
                let by_c = &by[1] + outer.backward(&bent, &(&by[0] * o));
                let parts = [
                    gate.backward(i, &(&by_c * g)),
                    gate.backward(f, &(&by_c * &states[1])),
                    outer.backward(g, &(&by_c * i)),
                    gate.backward(o, &(&by[0] * &bent)),
                ];
                let projection = concatenate(&parts, -1);
                let before = turned(&projection, kernel);
                (projection.clone(), projection, vec![before, by_c * f])
            }
            Cell::Gru { reset_after } => {
                let gates = saved[0].split_at(&[units, 2 * units, 3 * units], -1);
                let [z, r, n] = [0, 1, 2].map(|at| &gates[at]);
                let kernels = kernel.split_at(&[2 * units], -1);
                let by_z = gate.backward(z, &(&by[0] * (&states[0] - n)));
                let by_n = outer.backward(n, &(&by[0] * (1.0 - z)));
                let (factor, product) = match reset_after {
                    true => (&gates[3], by_n.clone()),
                    false => (&states[0], turned(&by_n, &kernels[1])),
                };
                let inner = &product * r;
                let by_r = gate.backward(r, &(product * factor));
                let both = turned(&concatenate(&[by_z.clone(), by_r.clone()], -1), &kernels[0]);
                let candidate = match reset_after {
                    true => turned(&inner, &kernels[1]),
                    false => inner.clone(),
                };
                let before = &by[0] * z + both + candidate;
                (concatenate(&[by_z, by_r, by_n], -1), inner, vec![before])
            }
        }
    }
}

/// The states before all steps, turned, times what belongs to the steps: `Σₜ hₜ₋₁ᵀ gₜ`.
///
/// `gates` are factors of the states, if there are any.
fn sum_of_products(
    reverse: bool,
    first: &Tensor,
    sequence: &Tensor,
    gates: Option<&Tensor>,
    grad: &Tensor,
) -> Tensor {
    let time = sequence.dim(0) as isize;
    let all = |t: &Tensor, range: std::ops::Range<isize>| rows(&t.slice_axis(0, range));
    let scaled = |state: Tensor, range: std::ops::Range<isize>| match gates {
        Some(gates) => state * all(gates, range),
        None => state,
    };
    // The step that begins, those after it, and the states before those.
    let (begin, later, before) = match reverse {
        false => (0..1, 1..time, 0..time - 1),
        true => (time - 1..time, 0..time - 1, 1..time),
    };
    let start = scaled(first.clone(), begin.clone());
    let product = start.matrix_transpose().matmul(&all(grad, begin));
    if time == 1 {
        return product;
    }
    let states = scaled(all(sequence, before), later.clone());
    product + states.matrix_transpose().matmul(&all(grad, later))
}

impl Recurrence {
    /// The gradients of recurrent kernel and bias, from those of the projection and of what the
    /// reset gate multiplied.
    fn weight_gradients(
        &self,
        given: &Inputs<'_, Tensor>,
        projection: &Tensor,
        inner: &Tensor,
    ) -> Option<Vec<Tensor>> {
        let units = given.sequence.dim(-1);
        let product = |gates: Option<&Tensor>, grad: &Tensor| {
            sum_of_products(self.reverse, &given.states[0], given.sequence, gates, grad)
        };
        let Cell::Gru { reset_after } = self.cell else {
            return Some(vec![product(None, projection)]);
        };
        let parts = projection.split_at(&[2 * units], -1);
        let (both, candidate) = (&parts[0], &parts[1]);
        if reset_after {
            let kernel = concatenate(&[product(None, both), product(None, inner)], -1);
            let sums = [both.sum(&[0, 1], false), inner.sum(&[0, 1], false)];
            return Some(vec![kernel, concatenate(&sums, -1)]);
        }
        let reset = &given.saved.first()?.split(3, -1)[1];
        let kernel = concatenate(&[product(None, both), product(Some(reset), candidate)], -1);
        Some(vec![kernel])
    }
}
