//! The way through a sequence: what every recurrent layer builds and computes.

use std::sync::Arc;

use ibex_graph::ops::concatenate::stack;
use ibex_graph::ops::recurrent::Run;
use ibex_graph::{DType, OpError, Shape, Tensor};

use super::{Cell, Pass, SequenceOptions};
use crate::arguments::{Argument, Bound};
use crate::instance::{Build, Instance};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};
use crate::trace::Call;

/// The names of the arguments of a call, as in Keras.
pub(in super::super) const SIGNATURE: &[&str] = &["sequences", "initial_state"];

/// The place of the cell in files.
const CELL: &str = "cell";

/// The name of the states that stay between batches.
const STATE: &str = "rnn_state";

/// A call on sequences alone, or on sequences and a list of initial states.
pub(in super::super) fn arrangement(count: usize) -> Vec<Argument<usize>> {
    let states = (count > 1).then(|| Argument::tensors_of(1..count));
    [Argument::Tensor(0)].into_iter().chain(states).collect()
}

/// The shape of the input of a step.
pub(in super::super) fn step_shape(sequences: &PartialShape) -> PartialShape {
    let axes = sequences.0.iter().enumerate();
    PartialShape(axes.filter(|(axis, _)| *axis != 1).map(|(_, extent)| *extent).collect())
}

/// What is wrong with something that must be a cell.
fn not_a_cell(layer: &dyn Layer) -> ConfigError {
    ConfigError::new(format!("`{}` is no cell of a recurrent layer", layer.class_name()))
        .expected("a layer with states, such as LSTMCell")
        .help("give `Layer::as_cell` of your own cell")
}

/// The layer as a cell.
pub(in super::super) fn cell_of(layer: &dyn Layer) -> Result<&dyn Cell, ConfigError> {
    layer.as_cell().ok_or_else(|| not_a_cell(layer))
}

/// Builds a layer that repeats `cell`.
pub(in super::super) fn build(
    options: SequenceOptions,
    cell: &Arc<dyn Layer>,
    build: &mut Build<'_>,
    inputs: &[PartialType],
) -> Result<(), ConfigError> {
    let sequences = &inputs[0];
    if sequences.shape.rank() < 3 {
        return Err(ConfigError::new("the input must be a batch of sequences")
            .expected("(batch, time, …) with at least 3 axes")
            .received(sequences.shape.to_string()));
    }
    if options.unroll && sequences.shape.0[1].is_none() {
        return Err(ConfigError::new("a sequence of unknown length cannot be unrolled")
            .expected("a number for axis 1, the time")
            .received(sequences.shape.to_string())
            .help("give the length in the shape of the input, or do not set `unroll`"));
    }
    let step = PartialType::new(sequences.dtype, step_shape(&sequences.shape));
    let states = cell_of(cell.as_ref())?.state_shapes(&step.shape);
    let instance = Instance::of(cell, std::slice::from_ref(&step))?;
    build.adopt(CELL, &instance);
    if options.stateful {
        let batch = sequences.shape.0[0].ok_or_else(|| {
            ConfigError::new("a stateful layer must know the size of the batches")
                .expected("a number for axis 0, the batch")
                .received(sequences.shape.to_string())
                .help("give the batch size with the shape of the input")
        })?;
        for (index, state) in states.iter().enumerate() {
            let name = if index == 0 { STATE.to_string() } else { format!("{STATE}_{index}") };
            let shape: Vec<usize> = [batch].into_iter().chain(state.iter().copied()).collect();
            build.state(name, shape);
        }
    }
    expect_states(inputs.len() - 1, states.len())
}

/// Checks the number of initial states, if there are any.
fn expect_states(received: usize, states: usize) -> Result<(), ConfigError> {
    match received == 0 || received == states {
        true => Ok(()),
        false => Err(ConfigError::new("the initial states do not fit the cell")
            .expected(format!("{states}, one for each of its states"))
            .received(received.to_string())),
    }
}

/// The types of what the layer gives, found without repeating the cell.
///
/// Only if the length is not known: it might be long, and what is wrong with a step was said when
/// the layer was built.
pub(in super::super) fn own_types(
    options: SequenceOptions,
    cell: &dyn Layer,
    dtype: DType,
    arguments: &Bound,
    inputs: &[PartialType],
) -> Option<Vec<PartialType>> {
    let sequences = &inputs.first()?.shape;
    if sequences.0.get(1)?.is_some() || arguments.get("initial_state").is_some() {
        return None;
    }
    let (cell, step) = (cell.as_cell()?, step_shape(sequences));
    let batch = *sequences.0.first()?;
    let of = |leading: &[Option<usize>], rest: &[usize]| {
        let extents = leading.iter().copied().chain(rest.iter().map(|&extent| Some(extent)));
        PartialType::new(dtype, PartialShape(extents.collect()))
    };
    let output = cell.output_shape(&step);
    let mut types = vec![match options.return_sequences {
        true => of(&[batch, None], &output),
        false => of(&[batch], &output),
    }];
    if options.return_state {
        types.extend(cell.state_shapes(&step).iter().map(|state| of(&[batch], state)));
    }
    Some(types)
}

/// The mask of the outputs.
pub(in super::super) fn mask(
    options: SequenceOptions,
    masks: &[Option<Tensor>],
) -> Vec<Option<Tensor>> {
    masks.iter().take(usize::from(options.return_sequences)).cloned().collect()
}

/// Computes what the layer gives.
pub(in super::super) fn forward(
    options: SequenceOptions,
    dtype: DType,
    call: &mut Call<'_>,
    inputs: &[Tensor],
) -> Vec<Tensor> {
    let sequences = &inputs[0];
    let mask = match call.mask(0).map(|mask| time_major_mask(&mask, sequences)).transpose() {
        Ok(mask) => mask,
        Err(poisoned) => return vec![poisoned],
    };
    let states = match initial_states(options, call, sequences) {
        Ok(states) => states,
        Err(error) => return vec![Tensor::poisoned(error)],
    };
    let zeros = inputs.len() == 1 && !options.stateful;
    let sequence = sequences.swap_axes(0, 1);
    let passed = call.inside(CELL, &[], &[], |layer, call| {
        let cell = layer.as_cell()?;
        let compute = layer.base().dtype.compute();
        let states: Vec<Tensor> = states.iter().map(|state| state.cast(compute)).collect();
        let (mask, reverse) = (mask.as_ref(), options.go_backwards);
        let pass = Pass { sequence: &sequence, states: &states, mask, reverse };
        Some(Passage { options, cell, pass, zeros }.take(call))
    });
    let Some(Passed { sequence, last, states }) = passed.flatten() else {
        return vec![sequences.clone()];
    };
    call.set_states(&states);
    let output = match options.return_sequences {
        true => {
            let output = sequence.swap_axes(0, 1);
            // What was computed first comes first.
            if options.go_backwards { output.flip(&[1]) } else { output }
        }
        false => last,
    };
    let states = states.into_iter().filter(|_| options.return_state);
    [output].into_iter().chain(states).map(|tensor| tensor.cast(dtype)).collect()
}

/// The mask as `bool (time, batch)`.
fn time_major_mask(mask: &Tensor, sequences: &Tensor) -> Result<Tensor, Tensor> {
    if mask.is_poisoned() {
        return Err(mask.clone());
    }
    let (batch, time) = (sequences.dim(0), sequences.dim(1));
    match mask.shape().get(..2) == Some(&[batch, time]) {
        true => {
            let kept = mask.cast(DType::Bool);
            // A step counts if anything in it does.
            let rest: Vec<usize> = (2..kept.rank()).collect();
            let kept = if rest.is_empty() { kept } else { kept.any(&rest, false) };
            Ok(kept.swap_axes(0, 1))
        }
        false => Err(Tensor::poisoned(OpError::new(
            "the mask does not fit the sequences",
            format!("({batch}, {time}): batch and time"),
            mask.shape().to_string(),
        ))),
    }
}

/// The states at the start: given, left by the batch before, or zero.
fn initial_states(
    options: SequenceOptions,
    call: &mut Call<'_>,
    sequences: &Tensor,
) -> Result<Vec<Tensor>, OpError> {
    let batch = sequences.dim(0);
    let expected = call.states();
    if options.stateful && expected.iter().any(|state| state.dim(0) != batch) {
        let size = expected.first().map_or(0, |state| state.dim(0));
        return Err(OpError::new(
            "the states of the layer are those of another number of sequences",
            format!("batches of {size}"),
            format!("a batch of {batch}"),
        )
        .help("stateful layers take batches of one size only; leave none that is smaller"));
    }
    let step = step_shape(&PartialShape::from(sequences.shape()));
    let cell = call.instance().child(CELL).and_then(|cell| {
        let cell = cell.layer().as_cell()?;
        Some(cell.state_shapes(&step))
    });
    let shapes = cell.unwrap_or_default();
    let given = call.tensors("initial_state");
    if !given.is_empty() {
        let fits = |(state, shape): (&Tensor, &Shape)| {
            state.dim(0) == batch && state.shape().get(1..) == Some(shape.dims())
        };
        return match given.len() == shapes.len() && given.iter().zip(&shapes).all(fits) {
            true => Ok(given),
            false => Err(unfit_states(&given, &shapes, batch)),
        };
    }
    if options.stateful {
        return Ok(expected);
    }
    let zeros = |shape: &Shape| {
        let extents: Vec<usize> = [batch].into_iter().chain(shape.iter().copied()).collect();
        Tensor::full(sequences.dtype(), extents, 0.0)
    };
    Ok(shapes.iter().map(zeros).collect())
}

pub(super) fn unfit_states(given: &[Tensor], shapes: &[Shape], batch: usize) -> OpError {
    let listed = |texts: Vec<String>| texts.join(", ");
    let wanted = shapes.iter().map(|shape| {
        let extents: Vec<usize> = [batch].into_iter().chain(shape.iter().copied()).collect();
        Shape::from(extents).to_string()
    });
    OpError::new(
        "the initial states do not fit the cell",
        listed(wanted.collect()),
        listed(given.iter().map(|state| state.shape().to_string()).collect()),
    )
}

/// A pass and how to go.
struct Passage<'a> {
    options: SequenceOptions,
    cell: &'a dyn Cell,
    pass: Pass<'a>,
    /// Whether the initial states are zero.
    zeros: bool,
}

/// What a pass gives.
struct Passed {
    /// The outputs `(time, batch, …)`, each at its own time step.
    sequence: Tensor,
    /// The output of the step that was computed last.
    last: Tensor,
    states: Vec<Tensor>,
}

impl Passage<'_> {
    fn take(&self, call: &mut Call<'_>) -> Passed {
        // An unrolled layer's masked steps repeat zeros at the start, not the initial state.
        let as_unrolled = self.options.unroll && self.pass.mask.is_some() && !self.zeros;
        if !as_unrolled && let Some(run) = self.cell.run(call, &self.pass) {
            return self.of_run(run);
        }
        self.step_by_step(call)
    }

    /// Whether masked steps give zeros; Keras forgets it when it unrolls.
    fn zeroes_masked(&self) -> bool {
        self.options.zero_output_for_mask && !self.options.unroll
    }

    fn of_run(&self, run: Run) -> Passed {
        let Run { sequence, states } = run;
        let last = states.get(self.cell.repeated_state()).unwrap_or(&sequence).clone();
        let Some(mask) = self.pass.mask.filter(|_| self.zeroes_masked()) else {
            return Passed { sequence, last, states };
        };
        let final_step = if self.pass.reverse { 0 } else { sequence.dim(0) as isize - 1 };
        let kept = at_step(mask, final_step);
        Passed {
            sequence: choose(mask, &sequence, &sequence.zeros_like()),
            last: choose(&kept, &last, &last.zeros_like()),
            states,
        }
    }

    fn step_by_step(&self, call: &mut Call<'_>) -> Passed {
        let Pass { sequence, mask, reverse, .. } = self.pass;
        let time = sequence.dim(0) as isize;
        let order: Vec<isize> =
            if reverse { (0..time).rev().collect() } else { (0..time).collect() };
        let mut states = self.pass.states.to_vec();
        let shared = self.cell.prepare(call, &at_step(sequence, 0), &states);
        let projected = self.cell.project(call, sequence, &shared);
        let mut outputs: Vec<Tensor> = Vec::with_capacity(order.len());
        for step in order {
            let after = self.cell.step(call, &at_step(&projected, step), &states, &shared);
            let Some(mask) = mask else {
                outputs.push(after.output);
                states = after.states;
                continue;
            };
            let kept = at_step(mask, step);
            let hidden = match outputs.last() {
                _ if self.zeroes_masked() => after.output.zeros_like(),
                Some(before) if self.options.unroll => before.clone(),
                None if self.options.unroll => after.output.zeros_like(),
                _ => states.get(self.cell.repeated_state()).unwrap_or(&after.output).clone(),
            };
            outputs.push(choose(&kept, &after.output, &hidden));
            let pairs = after.states.iter().zip(&states);
            states = pairs.map(|(after, before)| choose(&kept, after, before)).collect();
        }
        let last = outputs.last().cloned().unwrap_or_else(|| sequence.clone());
        if reverse {
            outputs.reverse();
        }
        Passed { sequence: stack(&outputs, 0), last, states }
    }
}

/// What a tensor `(time, …)` has at one time step.
pub(in super::super) fn at_step(tensor: &Tensor, step: isize) -> Tensor {
    let end = step + 1;
    tensor.slice_axis(0, step..end).squeeze(0)
}

/// `a` where the mask, which has the first axes of both, is true, else `b`.
fn choose(mask: &Tensor, a: &Tensor, b: &Tensor) -> Tensor {
    let extents = mask.shape().iter().copied().chain(std::iter::repeat(1)).take(a.rank());
    let mask = mask.reshape(extents.collect::<Vec<usize>>());
    mask.select(a, b)
}
