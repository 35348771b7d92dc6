//! `StackedRNNCells`: several cells as one.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use ibex_graph::ops::recurrent::Run;
use ibex_graph::{Shape, Tensor};

use super::recurrent::sequence::{arrangement, at_step, cell_of};
use super::recurrent::{Cell, Pass, Shared, Step, call_cell, independent};
use crate::arguments::Argument;
use crate::inner_layer::InnerLayer;
use crate::instance::{Build, Instance};
use crate::layer::{Layer, snake_case};
use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Several cells as one: each takes the output of the one before it as its input.
    ///
    /// The states are those of all cells, one after the other.
    /// Source: <https://keras.io/api/layers/recurrent_layers/stacked_rnn_cell/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GRUCell, Input, LSTMCell, RNN, StackedRNNCells};
    ///
    /// let cells = StackedRNNCells::new().add(LSTMCell::new(8)).add(GRUCell::new(4));
    /// let y = RNN::new(cells).return_state(true).call_all(&Input::new([5, 3]).tensor());
    /// assert_eq!((y.len(), y[0].shape().to_string()), (4, "(None, 4)".to_string()));
    /// ```
    StackedRNNCells {
        /// The cells, from the input on.
        cells: is Vec<InnerLayer> = Vec::new(),
    }
}

impl StackedRNNCells {
    /// No cells yet.
    #[track_caller]
    pub fn new() -> StackedRNNCells {
        StackedRNNCells::default()
    }

    /// Adds a cell behind the others.
    #[allow(clippy::should_implement_trait)] // As in `Sequential`.
    pub fn add(mut self, cell: impl Into<InnerLayer>) -> StackedRNNCells {
        self.cells.push(cell.into());
        self
    }

    /// The places of the cells in files: named after their classes, and counted.
    fn places(&self) -> Vec<String> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        let place = |cell: &InnerLayer| {
            let stem = snake_case(cell.class_name());
            let count = counts.entry(stem.clone()).or_default();
            *count += 1;
            match *count {
                1 => format!("cells/{stem}"),
                more => format!("cells/{stem}_{}", more - 1),
            }
        };
        self.cells.iter().map(place).collect()
    }

    /// The cells with the shapes of the inputs of their steps.
    fn chain(&self, input: &PartialShape) -> Vec<(&dyn Cell, PartialShape)> {
        let mut input = input.clone();
        let mut chain = Vec::new();
        for cell in self.cells.iter().filter_map(|cell| cell.as_cell()) {
            let output = cell.output_shape(&input);
            let batch = input.0.first().copied().flatten();
            let extents = output.iter().map(|&extent| Some(extent));
            let next = PartialShape([batch].into_iter().chain(extents).collect());
            chain.push((cell, std::mem::replace(&mut input, next)));
        }
        chain
    }

    /// The states of each cell.
    fn divided<'a>(&self, input: &Tensor, states: &'a [Tensor]) -> Vec<&'a [Tensor]> {
        let mut rest = states;
        let shape = PartialShape::from(input.shape());
        let counts = self.chain(&shape).into_iter().map(|(cell, input)| {
            let count = cell.state_shapes(&input).len();
            let (own, after) = rest.split_at(count.min(rest.len()));
            rest = after;
            own
        });
        counts.collect()
    }
}

/// Something that has no cell to compute it.
fn nothing() -> Shared {
    Shared::default()
}

impl Layer for StackedRNNCells {
    layer_facts!(StackedRNNCells);

    fn check(&self) -> Vec<ConfigError> {
        let empty = || {
            ConfigError::new("there is no cell to repeat")
                .expected("at least one")
                .received("cells = []")
        };
        let empty = self.cells.is_empty().then(empty);
        let wrong = self.cells.iter().filter_map(|cell| cell_of(&**cell).err());
        empty.into_iter().chain(wrong).collect()
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let chain = self.chain(&inputs[0].shape);
        for ((cell, place), (_, input)) in self.cells.iter().zip(self.places()).zip(chain) {
            let input = PartialType::new(inputs[0].dtype, input);
            build.adopt(&place, &Instance::of(cell.layer(), &[input])?);
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        call_cell(self, call, inputs)
    }

    fn input_count(&self) -> RangeInclusive<usize> {
        1..=usize::MAX
    }

    fn signature(&self) -> &'static [&'static str] {
        &["inputs", "states"]
    }

    fn arrangement(&self, count: usize) -> Vec<Argument<usize>> {
        arrangement(count)
    }

    fn as_cell(&self) -> Option<&dyn Cell> {
        Some(self)
    }

    fn inner_layers(&self) -> Vec<Arc<dyn Layer>> {
        self.cells.iter().map(|cell| cell.layer().clone()).collect()
    }

    fn renew_inner_layers(&mut self) {
        for cell in &mut self.cells {
            *cell = independent(&**cell).into();
        }
    }
}

impl Cell for StackedRNNCells {
    fn state_shapes(&self, input: &PartialShape) -> Vec<Shape> {
        self.chain(input).into_iter().flat_map(|(cell, input)| cell.state_shapes(&input)).collect()
    }

    fn output_shape(&self, input: &PartialShape) -> Shape {
        let last = self.chain(input).pop();
        last.map(|(cell, input)| cell.output_shape(&input)).unwrap_or_default()
    }

    fn repeated_state(&self) -> usize {
        // How many states a cell has does not depend on its input.
        let mut chain = self.chain(&PartialShape::default());
        let last = chain.pop().map_or(0, |(cell, _)| cell.repeated_state());
        last + chain.iter().map(|(cell, input)| cell.state_shapes(input).len()).sum::<usize>()
    }

    fn prepare(&self, call: &mut Call<'_>, input: &Tensor, states: &[Tensor]) -> Shared {
        let shape = PartialShape::from(input.shape());
        let states = self.divided(input, states);
        let of_cell = |((place, states), (_, shape)): ((String, &[Tensor]), (_, PartialShape))| {
            let input = match shape == PartialShape::from(input.shape()) {
                true => input.clone(),
                false => Tensor::full(input.dtype(), shape.filled(1), 0.0),
            };
            let shared = call.inside(&place, &[], &[], |layer, call| {
                Some(layer.as_cell()?.prepare(call, &input, states))
            });
            shared.flatten().unwrap_or_else(nothing)
        };
        let cells = self.places().into_iter().zip(states).zip(self.chain(&shape)).map(of_cell);
        Shared { cells: cells.collect(), ..Shared::default() }
    }

    fn project(&self, call: &mut Call<'_>, sequence: &Tensor, shared: &Shared) -> Tensor {
        let (Some(place), Some(shared)) = (self.places().into_iter().next(), shared.cells.first())
        else {
            return sequence.clone();
        };
        let projected = call.inside(&place, &[], &[], |layer, call| {
            Some(layer.as_cell()?.project(call, sequence, shared))
        });
        projected.flatten().unwrap_or_else(|| sequence.clone())
    }

    fn step(
        &self,
        call: &mut Call<'_>,
        input: &Tensor,
        states: &[Tensor],
        shared: &Shared,
    ) -> Step {
        let mut output = input.clone();
        let mut after = Vec::with_capacity(states.len());
        let mut rest = states;
        let places = self.places().into_iter().enumerate();
        for ((index, place), shared) in places.zip(&shared.cells) {
            let step = call.inside(&place, &[], &[], |layer, call| {
                let cell = layer.as_cell()?;
                let shape = PartialShape::from(output.shape());
                let (own, others) = rest.split_at_checked(cell.state_shapes(&shape).len())?;
                rest = others;
                // The input of the first cell is projected already.
                let input = match index {
                    0 => output.clone(),
                    _ => cell.project(call, &output.expand_dims(0), shared).squeeze(0),
                };
                Some(cell.step(call, &input, own, shared))
            });
            let Some(step) = step.flatten() else { continue };
            output = step.output;
            after.extend(step.states);
        }
        Step { output, states: after }
    }

    fn run(&self, call: &mut Call<'_>, pass: &Pass<'_>) -> Option<Run> {
        // No cell looks back at a later one: each can walk through the whole sequence by itself.
        let mut sequence = pass.sequence.clone();
        let mut after = Vec::with_capacity(pass.states.len());
        let states = self.divided(&at_step(&sequence, 0), pass.states);
        for (place, states) in self.places().into_iter().zip(states) {
            let run = call.inside(&place, &[], &[], |layer, call| {
                layer.as_cell()?.run(call, &Pass { sequence: &sequence, states, ..*pass })
            });
            let run = run.flatten()?;
            sequence = run.sequence;
            after.extend(run.states);
        }
        Some(Run { sequence, states: after })
    }
}
