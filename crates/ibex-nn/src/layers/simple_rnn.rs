//! `SimpleRNN`: the output of a step goes into the next.

use super::recurrent::options::{recurrent_layer, recurrent_options};

recurrent_options! {
    /// A recurrent layer whose output goes into its next step: [`SimpleRNNCell`] repeated.
    ///
    /// Input `(batch, time, features)`, output `(batch, units)` or, with `return_sequences`,
    /// `(batch, time, units)`; with `return_state` the last state `(batch, units)` too.
    /// A list of one initial state may follow the input.
    /// Steps that are masked leave the state as it is.
    /// Weights as [`SimpleRNNCell`].
    /// Source: <https://keras.io/api/layers/recurrent_layers/simple_rnn/>.
    ///
    /// [`SimpleRNNCell`]: super::SimpleRNNCell
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, SimpleRNN};
    ///
    /// let y = SimpleRNN::new(8).return_sequences(true).call(&Input::new([5, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 5, 8)");
    /// ```
    SimpleRNN {}
}

// Keras does not write the seed.
recurrent_layer!(SimpleRNN repeats SimpleRNNCell "simple_rnn_cell", without ["seed"],);
