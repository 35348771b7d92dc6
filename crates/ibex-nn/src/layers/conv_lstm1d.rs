//! `ConvLSTM1D`: a long short-term memory whose products are convolutions, over sequences of
//! vectors.

use super::recurrent::conv_cell::conv_lstm_layer;

conv_lstm_layer! {
    /// A long short-term memory whose products are convolutions.
    ///
    /// Input `(batch, time, rows, channels)`, output `(batch, rows, filters)`
    /// or, with `return_sequences`, the same for each time step; with `return_state` the last
    /// states too.
    /// The convolution of the states has neither strides nor dilation, and is padded to keep their
    /// extents.
    /// Weights `kernel (kernel_size, channels, 4 · filters)`, `recurrent_kernel (kernel_size,
    /// filters, 4 · filters)` and `bias (4 · filters,)`.
    /// Source: Shi et al., "Convolutional LSTM network: a machine learning approach for
    /// precipitation nowcasting", 2015,
    /// <https://keras.io/api/layers/recurrent_layers/conv_lstm1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{ConvLSTM1D, Input};
    ///
    /// let y = ConvLSTM1D::new(8, 3).call(&Input::new([10, 16, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 14, 8)");
    /// ```
    ConvLSTM1D, 1, "(batch, time, rows, channels)"
}
