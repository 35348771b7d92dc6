//! The recurrence backwards: rule, reference and decomposition of [`RecurrentGradient`], and the
//! weight gradients that follow from it.
//!
//! The gates are saved, not recomputed: a step of an LSTM with 64 units moves one KiB to keep and
//! one to read again for each row, where the product that would give them back costs 16,000
//! multiply-adds; at 40 GB/s and 200 GFLOP/s a core that is 50 ns against 160 ns.

use super::{
    Cell, Extents, Recurrence, RecurrentGradient, Role, STATES, at_step, expect_count,
    expect_roles, rows, stacked,
};
use crate::interpreter::Values;
use crate::op::{Forward, Rule, Vjp, vjp_of_decomposition};
use crate::ops::concatenate::concatenate;
use crate::{DType, OpError, Tensor, Type};

/// The inputs of [`RecurrentGradient`] by name; `T` is a tensor or its values.
struct Inputs<'a, T> {
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
        let Recurrence { cell, masked, .. } = op.recurrence;
        let (kernel, rest) = inputs.split_first()?;
        let (states, rest) = rest.split_at_checked(cell.states())?;
        let (sequence, rest) = rest.split_first()?;
        let (saved, rest) = rest.split_at_checked(cell.saved().len())?;
        let (mask, rest) = rest.split_at_checked(usize::from(masked))?;
        let (by_sequence, by_last) = rest.split_at_checked(usize::from(op.sequence))?;
        let (mask, by_sequence) = (mask.first(), by_sequence.first());
        Some(Inputs { kernel, states, sequence, saved, mask, by_sequence, by_last })
    }
}

impl RecurrentGradient {
    /// The sizes of a recurrence with these inputs.
    ///
    /// # Errors
    /// If the inputs are not those of the operation.
    pub fn extents(&self, inputs: &[Type]) -> Result<Extents, OpError> {
        let Recurrence { cell, masked, .. } = self.recurrence;
        let optional = usize::from(masked) + usize::from(self.sequence);
        let count = 2 + 2 * cell.states() + cell.saved().len() + optional;
        expect_count(self.name(), inputs, count)?;
        let extents = Extents::of(self.name(), &inputs[1 + cell.states()], &inputs[0])?;
        expect_roles(self.name(), inputs, &self.roles(&extents, inputs[0].dtype))?;
        Ok(extents)
    }

    pub(super) fn roles(&self, extents: &Extents, dtype: DType) -> Vec<Role> {
        let Recurrence { cell, masked, .. } = self.recurrence;
        let units = extents.units;
        let kernel = Type::new(dtype, [units, cell.gates() * units]);
        let mut roles = vec![("recurrent kernel", kernel)];
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
        format!("{}{sequence}", self.recurrence.text())
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let extents = self.extents(inputs)?;
        let (cell, dtype) = (self.recurrence.cell, inputs[0].dtype);
        let mut types = vec![extents.steps(dtype, cell.gates())];
        if cell.has_recurrent_bias() {
            types.push(extents.steps(dtype, 1));
        }
        types.extend((0..cell.states()).map(|_| extents.state(dtype)));
        Ok(types)
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let Some(given) = Inputs::of(self, inputs) else { return Vec::new() };
        let &[time, batch, units] = given.sequence.shape().dims() else { return Vec::new() };
        let cell = self.recurrence.cell;
        let order = self.recurrence.order(time);
        let inner = usize::from(cell.has_recurrent_bias());
        let mut data: Vec<Vec<f64>> = outputs.iter().map(|t| vec![0.0; t.shape.size()]).collect();
        let state = |values: &Values, at: usize| values.data[at * units..(at + 1) * units].to_vec();
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
                for (to, row) in data.iter_mut().zip([&grads.projection, &grads.inner]) {
                    to[at * row.len()..(at + 1) * row.len()].copy_from_slice(row);
                }
            }
            for (to, state) in data[1 + inner..].iter_mut().zip(&by) {
                to[row * units..(row + 1) * units].copy_from_slice(state);
            }
        }
        outputs.iter().cloned().zip(data).map(|(ty, data)| Values::new(ty, data)).collect()
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        vjp_of_decomposition(self, node)
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let given = Inputs::of(self, inputs)?;
        let cell = self.recurrence.cell;
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
        let mut outputs = vec![stacked(&projection)];
        if cell.has_recurrent_bias() {
            outputs.push(stacked(&inner));
        }
        outputs.extend(by);
        Some(outputs)
    }
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
        let turned = |g: &Tensor, kernel: &Tensor| g.matmul(&kernel.matrix_transpose());
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

/// The gradients of the weights of a recurrence.
pub(super) struct WeightGradients {
    pub(super) kernel: Tensor,
    pub(super) bias: Option<Tensor>,
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

/// The gradients of recurrent kernel and bias; `found` is what [`RecurrentGradient`] gave.
pub(super) fn weight_gradients(
    recurrence: &Recurrence,
    first: &Tensor,
    sequence: &Tensor,
    saved: Option<&Tensor>,
    found: &[Tensor],
) -> Option<WeightGradients> {
    let units = sequence.dim(-1);
    let projection = found.first()?;
    let product = |gates: Option<&Tensor>, grad: &Tensor| {
        sum_of_products(recurrence.reverse, first, sequence, gates, grad)
    };
    let Cell::Gru { reset_after } = recurrence.cell else {
        return Some(WeightGradients { kernel: product(None, projection), bias: None });
    };
    let parts = projection.split_at(&[2 * units], -1);
    let (both, candidate) = (&parts[0], &parts[1]);
    if reset_after {
        let inner = found.get(1)?;
        let kernel = concatenate(&[product(None, both), product(None, inner)], -1);
        let sums = [both.sum(&[0, 1], false), inner.sum(&[0, 1], false)];
        return Some(WeightGradients { kernel, bias: Some(concatenate(&sums, -1)) });
    }
    let reset = &saved?.split(3, -1)[1];
    let kernel = concatenate(&[product(None, both), product(Some(reset), candidate)], -1);
    Some(WeightGradients { kernel, bias: None })
}
