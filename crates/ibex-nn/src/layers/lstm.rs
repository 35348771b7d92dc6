//! `LSTM`: a long short-term memory over sequences.

use super::recurrent::options::{recurrent_layer, recurrent_options};
use crate::activations::Activation;

recurrent_options! {
    /// A long short-term memory over sequences: [`LSTMCell`] repeated.
    ///
    /// Input `(batch, time, features)`, output `(batch, units)` or, with `return_sequences`,
    /// `(batch, time, units)`; with `return_state` the last states `h` and `c`, `(batch, units)`
    /// each, too.
    /// A list of two initial states may follow the input.
    /// Steps that are masked leave the states as they are.
    /// Weights as [`LSTMCell`].
    /// Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997,
    /// <https://keras.io/api/layers/recurrent_layers/lstm/>.
    ///
    /// [`LSTMCell`]: super::LSTMCell
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, LSTM};
    /// use ibex_nn::models::symbolic::with;
    ///
    /// let encoded = LSTM::new(8).return_state(true).call_all(&Input::new([5, 3]).tensor());
    /// let target = Input::new([7, 4]).tensor();
    /// let decoder = LSTM::new(8).return_sequences(true);
    /// let y = decoder.call(with(&target).tensors("initial_state", &encoded[1..]));
    /// assert_eq!(y.shape().to_string(), "(None, 7, 8)");
    /// ```
    LSTM {
        /// Applied to the gates; `Sigmoid` by default.
        recurrent_activation: into Activation = Activation::Sigmoid,
        /// Whether the biases of the forget gate begin with ones; they do by default.
        unit_forget_bias: is bool = true,
        /// 1 draws the masks of dropout for each gate, 2 one for all of them.
        implementation: is usize = 2,
    }
}

recurrent_layer!(
    LSTM repeats LSTMCell "lstm_cell", without ["implementation"],
    recurrent_activation unit_forget_bias implementation
);
