//! `RNN`: any cell, repeated over sequences.

use std::sync::Arc;

use super::recurrent::options::{recurrent_facts, sequence_options};
use super::recurrent::sequence::cell_of;
use super::recurrent::{Recurrent, independent};
use crate::inner_layer::InnerLayer;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialShape;
use crate::{layer, layer_facts};

layer! {
    /// Any cell, repeated over sequences.
    ///
    /// Input `(batch, time, …)`, output that of the cell at the last step or, with
    /// `return_sequences`, at all steps, `(batch, time, …)`; with `return_state` the last states
    /// too.
    /// A list of initial states may follow the input, one for each state of the cell.
    /// Steps that are masked leave the states as they are.
    /// Weights are those of the cell.
    /// Source: <https://keras.io/api/layers/recurrent_layers/rnn/>.
    ///
    /// A cell of one's own is a layer that implements [`Cell`](super::recurrent::Cell):
    ///
    /// ```
    /// use ibex_graph::{Shape, Tensor};
    /// use ibex_nn::layers::recurrent::{Cell, Shared, Step};
    /// use ibex_nn::layers::{Input, RNN};
    /// use ibex_nn::{Build, Call, ConfigError, Layer, LayerExt, PartialShape, PartialType};
    ///
    /// ibex_nn::layer! {
    ///     /// The state moves towards the input.
    ///     Follow {
    ///         /// How far.
    ///         rate: is f64 = 0.5,
    ///         /// Extent of input and state.
    ///         units: is usize = 1,
    ///     }
    /// }
    ///
    /// impl Layer for Follow {
    ///     ibex_nn::layer_facts!(Follow);
    ///
    ///     fn module(&self) -> Option<&'static str> {
    ///         None
    ///     }
    ///
    ///     fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
    ///         let step = self.step(call, &inputs[0], &inputs[1..], &Shared::default());
    ///         [step.output].into_iter().chain(step.states).collect()
    ///     }
    ///
    ///     fn input_count(&self) -> std::ops::RangeInclusive<usize> {
    ///         1..=2
    ///     }
    ///
    ///     fn as_cell(&self) -> Option<&dyn Cell> {
    ///         Some(self)
    ///     }
    /// }
    ///
    /// impl Cell for Follow {
    ///     fn state_shapes(&self, _: &PartialShape) -> Vec<Shape> {
    ///         vec![Shape::from([self.units])]
    ///     }
    ///
    ///     fn step(&self, _: &mut Call<'_>, x: &Tensor, states: &[Tensor], _: &Shared) -> Step {
    ///         let moved = &states[0] + (x - &states[0]) * self.rate;
    ///         Step { output: moved.clone(), states: vec![moved] }
    ///     }
    /// }
    ///
    /// let x = Input::new([5, 3]).tensor();
    /// let y = RNN::new(Follow::default().units(3)).return_sequences(true).call(&x);
    /// assert_eq!(y.shape().to_string(), "(None, 5, 3)");
    /// ```
    RNN {
        /// The cell.
        cell: into InnerLayer = InnerLayer::default(),
        /// Whether the outputs of all steps are given, not only the last.
        return_sequences: is bool = false,
        /// Whether the last states are given too.
        return_state: is bool = false,
        /// Whether the last time step comes first; the outputs then are in that order too.
        go_backwards: is bool = false,
        /// Whether a batch begins with the states that the one before left; see
        /// [`Instance::reset_states`](crate::instance::Instance::reset_states).
        stateful: is bool = false,
        /// Whether the steps are written out one by one.
        unroll: is bool = false,
        /// Whether a masked step gives zeros, not the output before it.
        zero_output_for_mask: is bool = false,
    }
}

impl RNN {
    /// A layer that repeats this cell.
    #[track_caller]
    pub fn new(cell: impl Into<InnerLayer>) -> RNN {
        RNN { cell: cell.into(), ..RNN::default() }
    }

    fn repeated(&self) -> Arc<dyn Layer> {
        self.cell.layer().clone()
    }

    /// What a cell takes is its own business.
    fn expect_axes(&self, _: &PartialShape) -> Result<(), ConfigError> {
        Ok(())
    }
}

impl Layer for RNN {
    layer_facts!(RNN);

    fn check(&self) -> Vec<ConfigError> {
        let mistake = cell_of(&*self.cell).err();
        mistake.into_iter().chain(self.cell.check()).collect()
    }

    fn inner_layers(&self) -> Vec<Arc<dyn Layer>> {
        vec![self.repeated()]
    }

    fn renew_inner_layers(&mut self) {
        self.cell = independent(&*self.cell).into();
    }

    recurrent_facts!();
}

impl Recurrent for RNN {
    sequence_options!(RNN);
}
