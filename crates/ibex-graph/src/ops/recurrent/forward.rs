//! The recurrence forwards: rule, reference and decomposition of [`Recurrent`].

use super::{
    Activation, Cell, Extents, Input, Recurrence, Recurrent, RecurrentGradient, Role, STATES,
    at_step, expect_count, expect_roles, stacked,
};
use crate::interpreter::Values;
use crate::op::{Forward, Rule, Vjp, vjp_of_decomposition};
use crate::{DType, Op, OpError, Tensor, Type};

/// The inputs of [`Recurrent`] by name; `T` is a tensor or its values.
struct Inputs<'a, T> {
    /// The projection, or features, kernel and perhaps a bias.
    given: &'a [T],
    kernel: &'a T,
    bias: Option<&'a T>,
    states: &'a [T],
    mask: Option<&'a T>,
}

impl<'a, T> Inputs<'a, T> {
    fn of(recurrence: &Recurrence, inputs: &'a [T]) -> Option<Inputs<'a, T>> {
        let (given, rest) = inputs.split_at_checked(recurrence.input.count())?;
        let (kernel, rest) = rest.split_first()?;
        let cell = recurrence.cell;
        let (bias, rest) = rest.split_at_checked(usize::from(cell.has_recurrent_bias()))?;
        let (states, mask) = rest.split_at_checked(cell.states())?;
        Some(Inputs { given, kernel, bias: bias.first(), states, mask: mask.first() })
    }
}

impl Recurrent {
    /// The sizes of a recurrence with these inputs.
    ///
    /// # Errors
    /// If the inputs are not those of the operation.
    pub fn extents(&self, inputs: &[Type]) -> Result<Extents, OpError> {
        let Recurrence { input, cell, masked, .. } = self.recurrence;
        let optional = usize::from(cell.has_recurrent_bias()) + usize::from(masked);
        expect_count(self.name(), inputs, input.count() + 1 + optional + cell.states())?;
        let (steps, kernel) = (&inputs[0], &inputs[input.count()]);
        let extents = Extents::of(self.name(), &self.recurrence, steps, kernel)?;
        expect_roles(self.name(), inputs, &self.roles(&extents, inputs[0].dtype))?;
        Ok(extents)
    }

    pub(super) fn roles(&self, extents: &Extents, dtype: DType) -> Vec<Role> {
        let Recurrence { cell, masked, .. } = self.recurrence;
        let columns = cell.gates() * extents.units;
        let mut roles = self.recurrence.input_roles(extents, dtype);
        roles.push(("recurrent kernel", Type::new(dtype, [extents.units, columns])));
        if cell.has_recurrent_bias() {
            roles.push(("recurrent bias", Type::new(dtype, [columns])));
        }
        roles.extend(STATES[..cell.states()].iter().map(|&name| (name, extents.state(dtype))));
        if masked {
            roles.push(("mask", Type::new(DType::Bool, [extents.time, extents.batch])));
        }
        roles
    }

    /// The gradients of the inputs; `outputs` are those of a node that saves.
    fn gradients(&self, node: &Forward<'_>, outputs: &[Tensor]) -> Option<Vec<Option<Tensor>>> {
        let Recurrence { input, cell, .. } = self.recurrence;
        let inputs = Inputs::of(&self.recurrence, node.inputs)?;
        let (sequence, rest) = outputs.split_first()?;
        let (last, saved) = rest.split_at_checked(cell.states())?;
        let by_sequence = node.grads.first()?.as_ref();
        let by_state = |index: usize| match node.grads.get(1 + index) {
            Some(Some(grad)) => grad.clone(),
            _ => last[index].zeros_like(),
        };
        let by_last: Vec<Tensor> = (0..cell.states()).map(by_state).collect();
        let mut given: Vec<&Tensor> = match input {
            Input::Projection => Vec::new(),
            Input::Features { .. } => inputs.given[..2].iter().collect(),
        };
        given.push(inputs.kernel);
        given.extend(inputs.states);
        given.push(sequence);
        given.extend(saved);
        given.extend(inputs.mask);
        given.extend(by_sequence);
        given.extend(&by_last);
        let recurrence = self.recurrence;
        let op = RecurrentGradient { recurrence, sequence: by_sequence.is_some(), input: true };
        let mut found = Tensor::apply(op, &given).siblings();
        // From the order of the results to that of the inputs.
        let input = found.pop()?;
        let states: Vec<Tensor> = found.drain(..cell.states()).collect();
        let recurrent = found.drain(..1 + usize::from(cell.has_recurrent_bias()));
        let recurrent: Vec<Tensor> = recurrent.collect();
        let all = [input].into_iter().chain(found).chain(recurrent).chain(states).map(Some);
        Some(all.chain(inputs.mask.map(|_| None)).collect())
    }
}

impl Rule for Recurrent {
    fn name(&self) -> &'static str {
        "recurrent"
    }

    fn attributes(&self) -> String {
        let saves = if self.saves { ", saves" } else { "" };
        format!("{}{saves}", self.recurrence.text())
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let extents = self.extents(inputs)?;
        let (cell, dtype) = (self.recurrence.cell, inputs[0].dtype);
        let mut types = vec![extents.steps(dtype, 1)];
        types.extend((0..cell.states()).map(|_| extents.state(dtype)));
        if self.saves {
            types.extend(cell.saved().iter().map(|&width| extents.steps(dtype, width)));
        }
        Ok(types)
    }

    fn without_last_outputs(&self, used: usize) -> Option<Op> {
        let needed = 1 + self.recurrence.cell.states();
        (self.saves && used <= needed).then(|| Recurrent { saves: false, ..*self }.into())
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let Some(given) = Inputs::of(&self.recurrence, inputs) else { return Vec::new() };
        let &[time, batch, units] = outputs[0].shape.dims() else { return Vec::new() };
        let cell = self.recurrence.cell;
        let columns = cell.gates() * units;
        let projection = projected(given.given, columns);
        let mut data: Vec<Vec<f64>> = outputs.iter().map(|t| vec![0.0; t.shape.size()]).collect();
        for row in 0..batch {
            let state = |values: &&Values| values.data[row * units..(row + 1) * units].to_vec();
            let mut states: Vec<Vec<f64>> = given.states.iter().map(state).collect();
            for step in self.recurrence.order(time) {
                let at = step * batch + row;
                let x = &projection[at * columns..(at + 1) * columns];
                let bias = given.bias.map(|bias| bias.data.as_slice());
                let after = self.recurrence.step(x, &given.kernel.data, bias, &states);
                if given.mask.is_none_or(|mask| mask.data[at] != 0.0) {
                    states = after.states;
                }
                data[0][at * units..(at + 1) * units].copy_from_slice(&states[0]);
                // A cell state is saved as it is after the step, masked or not.
                let kept = after.saved.into_iter().chain(states.get(1).cloned());
                for (to, kept) in data[1 + cell.states()..].iter_mut().zip(kept) {
                    to[at * kept.len()..(at + 1) * kept.len()].copy_from_slice(&kept);
                }
            }
            for (to, state) in data[1..].iter_mut().zip(&states) {
                to[row * units..(row + 1) * units].copy_from_slice(state);
            }
        }
        outputs.iter().cloned().zip(data).map(|(ty, data)| Values::new(ty, data)).collect()
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let visible = 1 + self.recurrence.cell.states();
        if node.grads.iter().skip(visible).any(Option::is_some) {
            return vjp_of_decomposition(self, node);
        }
        // Without what was saved, the recurrence runs once more.
        let again = || {
            let given: Vec<&Tensor> = node.inputs.iter().collect();
            Tensor::apply(Recurrent { saves: true, ..*self }, &given).siblings()
        };
        let outputs = if self.saves { node.outputs.to_vec() } else { again() };
        match self.gradients(node, &outputs) {
            Some(gradients) => Vjp::Rule(gradients),
            None => Vjp::NotDifferentiable("its inputs are incomplete"),
        }
    }

    fn decompose(&self, inputs: &[Tensor]) -> Option<Vec<Tensor>> {
        let given = Inputs::of(&self.recurrence, inputs)?;
        let cell = self.recurrence.cell;
        let projection = match given.given {
            [x, kernel, bias @ ..] => {
                let product = x.matmul(kernel);
                bias.first().map_or_else(|| product.clone(), |bias| &product + bias)
            }
            _ => given.given.first()?.clone(),
        };
        let order = self.recurrence.order(projection.dim(0));
        let mut states = given.states.to_vec();
        let mut steps: Vec<Vec<Tensor>> = Vec::with_capacity(order.len());
        for &step in &order {
            let x = at_step(&projection, step);
            let (after, mut saved) =
                self.recurrence.step_tensors(&x, given.kernel, given.bias, &states);
            states = match given.mask {
                None => after,
                Some(mask) => {
                    let kept = at_step(mask, step).expand_dims(-1);
                    let pairs = after.iter().zip(&states);
                    pairs.map(|(after, before)| kept.select(after, before)).collect()
                }
            };
            saved.extend(states.get(1).cloned());
            saved.insert(0, states[0].clone());
            steps.push(saved);
        }
        if self.recurrence.reverse {
            steps.reverse();
        }
        let column = |index: usize| {
            let of_step = |step: &Vec<Tensor>| step.get(index).cloned();
            steps.iter().map(of_step).collect::<Option<Vec<_>>>().map(|all| stacked(&all))
        };
        let mut outputs = vec![column(0)?];
        outputs.extend(states);
        if self.saves {
            for index in 0..cell.saved().len() {
                outputs.push(column(1 + index)?);
            }
        }
        Some(outputs)
    }
}

/// The projections of all steps, naively.
fn projected(given: &[&Values], columns: usize) -> Vec<f64> {
    let (x, kernel, bias) = match given {
        [x, kernel, bias @ ..] => (x, kernel, bias.first()),
        _ => return given.iter().flat_map(|projection| projection.data.clone()).collect(),
    };
    let features = kernel.data.len() / columns;
    let mut to = Vec::with_capacity(x.data.len() / features.max(1) * columns);
    let rows = x.shape()[..2].iter().product();
    for row in 0..rows {
        for column in 0..columns {
            let products = (0..features)
                .map(|f| x.data[row * features + f] * kernel.data[f * columns + column]);
            to.push(products.sum::<f64>() + bias.map_or(0.0, |bias| bias.data[column]));
        }
    }
    to
}

/// One step of one row.
struct Step {
    states: Vec<Vec<f64>>,
    /// The first of what is saved, if anything is.
    saved: Vec<Vec<f64>>,
}

impl Recurrence {
    /// One step of one row, naively.
    fn step(&self, x: &[f64], kernel: &[f64], bias: Option<&[f64]>, states: &[Vec<f64>]) -> Step {
        let h = &states[0];
        let units = h.len();
        let columns = self.cell.gates() * units;
        let inner = |h: &[f64], at: usize| {
            let sum: f64 = (0..units).map(|i| h[i] * kernel[i * columns + at]).sum();
            sum + bias.map_or(0.0, |bias| bias[at])
        };
        let all = |function: Activation, gate: usize, value: &dyn Fn(usize) -> f64| {
            (gate * units..(gate + 1) * units).map(|at| function.eval(value(at))).collect()
        };
        let sum = |at: usize| x[at] + inner(h, at);
        let (outer, gate) = (self.activation, self.recurrent_activation);
        match self.cell {
            Cell::Simple => Step { states: vec![all(outer, 0, &sum)], saved: Vec::new() },
            Cell::Lstm => {
                let [i, f, o]: [Vec<f64>; 3] = [0, 1, 3].map(|at| all(gate, at, &sum));
                let g: Vec<f64> = all(outer, 2, &sum);
                let before = &states[1];
                let c: Vec<f64> = (0..units).map(|u| f[u] * before[u] + i[u] * g[u]).collect();
                let h = (0..units).map(|u| o[u] * outer.eval(c[u])).collect();
                Step { states: vec![h, c], saved: vec![[i, f, g, o].concat()] }
            }
            Cell::Gru { reset_after } => {
                let [z, r]: [Vec<f64>; 2] = [0, 1].map(|at| all(gate, at, &sum));
                let reset: Vec<f64> = (0..units).map(|u| r[u] * h[u]).collect();
                let after: Vec<f64> = (2 * units..3 * units).map(|at| inner(h, at)).collect();
                let n: Vec<f64> = all(outer, 2, &|at| match reset_after {
                    true => x[at] + r[at - 2 * units] * after[at - 2 * units],
                    false => x[at] + inner(&reset, at),
                });
                let mixed = (0..units).map(|u| z[u] * h[u] + (1.0 - z[u]) * n[u]).collect();
                let mut saved = [z, r, n].concat();
                if reset_after {
                    saved.extend(after);
                }
                Step { states: vec![mixed], saved: vec![saved] }
            }
        }
    }

    /// One step of all rows: the states after it, and the first of what is saved.
    fn step_tensors(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        bias: Option<&Tensor>,
        states: &[Tensor],
    ) -> (Vec<Tensor>, Vec<Tensor>) {
        let (outer, gate) = (self.activation, self.recurrent_activation);
        let h = &states[0];
        let units = h.dim(-1);
        match self.cell {
            Cell::Simple => (vec![outer.apply(&(x + h.matmul(kernel)))], Vec::new()),
            Cell::Lstm => {
                let sums = (x + h.matmul(kernel)).split(4, -1);
                let [i, f, o] = [0, 1, 3].map(|at| gate.apply(&sums[at]));
                let g = outer.apply(&sums[2]);
                let c = &f * &states[1] + &i * &g;
                let h = &o * outer.apply(&c);
                let gates = crate::ops::concatenate::concatenate(&[i, f, g, o], -1);
                (vec![h, c], vec![gates])
            }
            Cell::Gru { reset_after } => {
                let x = x.split(3, -1);
                let (both, candidate) = match bias {
                    Some(bias) => {
                        let parts = (h.matmul(kernel) + bias).split_at(&[2 * units], -1);
                        (parts[0].clone(), parts[1].clone())
                    }
                    None => {
                        let kernels = kernel.split_at(&[2 * units], -1);
                        (h.matmul(&kernels[0]), kernels[1].clone())
                    }
                };
                let both = both.split(2, -1);
                let [z, r] = [0, 1].map(|at| gate.apply(&(&x[at] + &both[at])));
                let n = outer.apply(&match reset_after {
                    true => &x[2] + &r * &candidate,
                    false => &x[2] + (&r * h).matmul(&candidate),
                });
                let mixed = &z * h + (1.0 - &z) * &n;
                let mut saved = vec![z, r, n];
                if reset_after {
                    saved.push(candidate);
                }
                (vec![mixed], vec![crate::ops::concatenate::concatenate(&saved, -1)])
            }
        }
    }
}
