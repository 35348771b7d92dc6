//! `GRU`: a gated recurrent unit over sequences.

use super::recurrent::options::{recurrent_layer, recurrent_options};
use crate::activations::Activation;

recurrent_options! {
    /// A gated recurrent unit over sequences: [`GRUCell`] repeated.
    ///
    /// Input `(batch, time, features)`, output `(batch, units)` or, with `return_sequences`,
    /// `(batch, time, units)`; with `return_state` the last state `(batch, units)` too.
    /// A list of one initial state may follow the input.
    /// Steps that are masked leave the state as it is.
    /// Weights as [`GRUCell`].
    /// Source: Cho et al., "Learning phrase representations using RNN encoder-decoder for
    /// statistical machine translation", 2014,
    /// <https://keras.io/api/layers/recurrent_layers/gru/>.
    ///
    /// [`GRUCell`]: super::GRUCell
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GRU, Input};
    ///
    /// let y = GRU::new(8).call(&Input::new([5, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8)");
    /// ```
    GRU {
        /// Applied to the gates; `Sigmoid` by default.
        recurrent_activation: into Activation = Activation::Sigmoid,
        /// Whether the reset gate multiplies after the product with the recurrent kernel; it does
        /// by default.
        reset_after: is bool = true,
        /// 1 draws the masks of dropout for each gate, 2 one for all of them.
        implementation: is usize = 2,
    }
}

recurrent_layer!(
    GRU repeats GRUCell "gru_cell", without ["implementation"],
    recurrent_activation reset_after implementation
);
