//! Sequences through recurrent cells, and their gradients.

use ibex_compile::program::Step;
use ibex_graph::ops::recurrent::{Cell, Extents, Input, Recurrence, Recurrent, RecurrentGradient};
use ibex_graph::{Error, Type};

use super::Launch;
use super::memory::{Located, Memory};
use super::op::{Places, function};
use crate::recurrent::{self, Backward, Forward, Sizes};

/// Places in the order in which an operation has its operands.
struct Next<'a> {
    memory: &'a Memory,
    places: std::slice::Iter<'a, Located>,
}

impl<'a> Next<'a> {
    fn new(memory: &'a Memory, places: &'a [Located]) -> Next<'a> {
        Next { memory, places: places.iter() }
    }

    /// The next operand if there is one of this kind, else null.
    fn take<T>(&mut self, there: bool) -> *mut T {
        let place = if there { self.places.next() } else { None };
        place.map_or(std::ptr::null_mut(), |&place| self.memory.at(place).cast())
    }

    fn take_two<T>(&mut self, count: usize) -> [*mut T; 2] {
        [self.take(count > 0), self.take(count > 1)]
    }
}

/// The saved gates take the place of an LSTM's projections: a gate is computed from its own
/// projection.
pub(super) fn forward_overwrites(op: &Recurrent) -> Option<(usize, usize)> {
    let Recurrence { input, cell, .. } = op.recurrence;
    let fits = cell == Cell::Lstm && input == Input::Projection && op.saves;
    fits.then_some((0, 1 + cell.states()))
}

/// The gradients of the projections take the place of an LSTM's saved gates: those of one unit
/// follow from its own gates.
/// Those of features take the place of the features, which are read before.
pub(super) fn backward_overwrites(op: &RecurrentGradient) -> Option<(usize, usize)> {
    let Recurrence { input, cell, .. } = op.recurrence;
    let (projects, bias) = features(input);
    // After the gradients of the states and of the recurrent weights.
    let own = cell.states() + 1 + usize::from(cell.has_recurrent_bias());
    let output = own + usize::from(projects) + usize::from(bias);
    match input {
        Input::Projection => (cell == Cell::Lstm).then_some((2 + cell.states(), output)),
        Input::Features { .. } => Some((0, output)),
    }
    .filter(|_| op.input)
}

/// Whether features are given, and whether their projections have a bias.
fn features(input: Input) -> (bool, bool) {
    match input {
        Input::Projection => (false, false),
        Input::Features { bias } => (true, bias),
    }
}

fn types(step: &Step) -> Vec<Type> {
    step.inputs.iter().map(|operand| Type::new(operand.dtype, &operand.shape[..])).collect()
}

fn sizes(extents: Extents) -> Sizes {
    let Extents { time, batch, units, features } = extents;
    Sizes { time, batch, units, features }
}

fn invalid(error: ibex_graph::OpError) -> Error {
    Error::Invalid(error.message())
}

/// A sequence through a cell.
pub(super) fn forward(
    op: &Recurrent,
    step: &Step,
    places: Places,
) -> Result<Box<dyn Launch>, Error> {
    let sizes = sizes(op.extents(&types(step)).map_err(invalid)?);
    let Recurrent { recurrence, saves } = *op;
    let cell = recurrence.cell;
    let kept = if saves { cell.saved().len() } else { 0 };
    let (projects, bias) = features(recurrence.input);
    // SAFETY: the operands have the types of the operation, checked above.
    Ok(unsafe {
        function(move |memory, pool| {
            let mut inputs = Next::new(memory, &places.inputs);
            let mut outputs = Next::new(memory, &places.outputs);
            let f = Forward {
                recurrence,
                sizes,
                input: inputs.take(true),
                input_kernel: inputs.take(projects),
                input_bias: inputs.take(bias),
                kernel: inputs.take(true),
                bias: inputs.take(cell.has_recurrent_bias()),
                states: inputs.take_two(cell.states()).map(<*mut f32>::cast_const),
                mask: inputs.take(recurrence.masked),
                sequence: outputs.take(true),
                last: outputs.take_two(cell.states()),
                saved: outputs.take_two(kept),
            };
            recurrent::forward(pool, &f);
        })
    })
}

/// The gradients of a sequence through a cell.
pub(super) fn backward(
    op: &RecurrentGradient,
    step: &Step,
    places: Places,
) -> Result<Box<dyn Launch>, Error> {
    let sizes = sizes(op.extents(&types(step)).map_err(invalid)?);
    let RecurrentGradient { recurrence, sequence, input } = *op;
    let cell = recurrence.cell;
    let (projects, bias) = features(recurrence.input);
    // SAFETY: the operands have the types of the operation, checked above.
    Ok(unsafe {
        function(move |memory, pool| {
            let mut inputs = Next::new(memory, &places.inputs);
            let mut outputs = Next::new(memory, &places.outputs);
            let b = Backward {
                recurrence,
                sizes,
                input: inputs.take(projects),
                input_kernel: inputs.take(projects),
                kernel: inputs.take(true),
                states: inputs.take_two(cell.states()).map(<*mut f32>::cast_const),
                sequence: inputs.take(true),
                saved: inputs.take_two(cell.saved().len()).map(<*mut f32>::cast_const),
                mask: inputs.take(recurrence.masked),
                by_sequence: inputs.take(sequence),
                by_last: inputs.take_two(cell.states()).map(<*mut f32>::cast_const),
                by_states: outputs.take_two(cell.states()),
                by_kernel: outputs.take(true),
                by_bias: outputs.take(cell.has_recurrent_bias()),
                by_input_kernel: outputs.take(projects),
                by_input_bias: outputs.take(bias),
                by_input: outputs.take(input),
            };
            recurrent::backward(pool, &b);
        })
    })
}
