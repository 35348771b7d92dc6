//! What layers that go through time share: cells, options, and the way through a sequence.
//!
//! A recurrent layer repeats a [`Cell`], one step, over the time axis.
//! Cells that know an operation for whole sequences use it; all others are repeated step by step,
//! so a program grows with the number of steps.
//! Read in this order: this file, `sequence` (the way through time), `dense_cell` (what the
//! simple, LSTM and GRU cells share), `conv_cell`, `options` (what macros write for the layers).

use std::sync::Arc;

use ibex_graph::ops::recurrent::Run;
use ibex_graph::{Shape, Tensor};

use crate::layer::Layer;
use crate::partial::PartialShape;
use crate::trace::Call;

pub(super) mod conv_cell;
pub(super) mod dense_cell;
pub(super) mod options;
pub(super) mod sequence;

/// One step of a recurrent layer.
///
/// Users' own cells implement it beside [`Layer`], whose `as_cell` gives the cell and whose
/// `forward` is one call by hand; [`RNN`](super::RNN) shows one.
pub trait Cell: Layer {
    /// The shapes of the states without the batch, for the input `(batch, …)` of a step.
    fn state_shapes(&self, input: &PartialShape) -> Vec<Shape>;

    /// The shape of the output without the batch; that of the first state by default.
    fn output_shape(&self, input: &PartialShape) -> Shape {
        self.state_shapes(input).into_iter().next().unwrap_or_default()
    }

    /// Which state a masked step gives as its output; the first by default.
    fn repeated_state(&self) -> usize {
        0
    }

    /// What all steps of one pass share, such as the masks of dropout.
    ///
    /// `input` has the type of the input of a step.
    fn prepare(&self, call: &mut Call<'_>, input: &Tensor, states: &[Tensor]) -> Shared {
        let _ = (call, input, states);
        Shared::default()
    }

    /// The part of a step that needs no state, for all steps at once: `(time, batch, …)` both.
    ///
    /// What it gives for a step is the input of [`Cell::step`]; the sequence itself by default.
    fn project(&self, call: &mut Call<'_>, sequence: &Tensor, shared: &Shared) -> Tensor {
        let _ = (call, shared);
        sequence.clone()
    }

    /// One step of all sequences of a batch.
    fn step(&self, call: &mut Call<'_>, input: &Tensor, states: &[Tensor], shared: &Shared)
    -> Step;

    /// The whole sequence `(time, batch, …)` in one operation, if there is one for this cell.
    fn run(&self, call: &mut Call<'_>, pass: &Pass<'_>) -> Option<Run> {
        let _ = (call, pass);
        None
    }
}

/// What a step gives.
#[derive(Clone, Debug)]
pub struct Step {
    /// The output `(batch, …)`.
    pub output: Tensor,
    /// The states after the step, in the order of those before it.
    pub states: Vec<Tensor>,
}

/// What the steps of one pass share.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    /// Factors of the input: none, one, or one for each gate.
    pub input: Vec<Tensor>,
    /// Factors of the first state: none, one, or one for each gate.
    pub state: Vec<Tensor>,
    /// What the cells inside the cell share.
    pub cells: Vec<Shared>,
}

/// A batch of sequences on its way through a cell.
#[derive(Debug)]
pub struct Pass<'a> {
    /// The inputs `(time, batch, …)`.
    pub sequence: &'a Tensor,
    /// The states at the start.
    pub states: &'a [Tensor],
    /// `bool (time, batch)`: where it is false, a step leaves the states as they are.
    pub mask: Option<&'a Tensor>,
    /// Whether the last time step comes first.
    pub reverse: bool,
}

/// A layer that goes through time: what [`Bidirectional`](super::Bidirectional) can turn around.
pub trait Recurrent: Layer {
    /// How it goes through time.
    fn sequence_options(&self) -> SequenceOptions;

    /// An independent layer with the same options but these.
    fn with_options(&self, options: SequenceOptions) -> Arc<dyn Layer>;
}

/// How a layer goes through time, and what it gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceOptions {
    /// Whether the outputs of all steps are given, not only the last.
    pub return_sequences: bool,
    /// Whether the last states are given too.
    pub return_state: bool,
    /// Whether the last time step comes first; sequences of outputs then are in that order too.
    pub go_backwards: bool,
    /// Whether a batch begins with the states that the one before left.
    pub stateful: bool,
    /// Whether the steps are written out one by one.
    pub unroll: bool,
    /// Whether a masked step gives zeros, not the output before it.
    pub zero_output_for_mask: bool,
}

/// A layer of the same options and name that shares no weights.
pub(super) fn independent(layer: &dyn Layer) -> Arc<dyn Layer> {
    let mut copy = layer.shared();
    // A new object has one owner.
    if let Some(copy) = Arc::get_mut(&mut copy) {
        let mut base = copy.base().clone();
        base.name_after("", layer.base());
        *copy.base_mut() = base;
        copy.renew_inner_layers();
    }
    copy
}

/// One step by hand: the call of a cell on an input and its states.
pub(super) fn call_cell(cell: &dyn Cell, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
    let Some((input, states)) = inputs.split_first() else { return Vec::new() };
    let wanted = cell.state_shapes(&PartialShape::from(input.shape()));
    let fits = |(state, shape): (&Tensor, &Shape)| state.shape().get(1..) == Some(shape.dims());
    if states.len() != wanted.len() || !states.iter().zip(&wanted).all(fits) {
        return vec![Tensor::poisoned(sequence::unfit_states(states, &wanted, input.dim(0)))];
    }
    let shared = cell.prepare(call, input, states);
    let projected = cell.project(call, &input.expand_dims(0), &shared).squeeze(0);
    let Step { output, states } = cell.step(call, &projected, states, &shared);
    [output].into_iter().chain(states).collect()
}
