//! `ConvLSTM3D`: a long short-term memory whose products are convolutions, over sequences of
//! volumes.

use super::recurrent::conv_cell::conv_lstm_layer;

conv_lstm_layer! {
    /// A long short-term memory whose products are convolutions.
    ///
    /// Input `(batch, time, depth, rows, columns, channels)`,
    /// output `(batch, depth, rows, columns, filters)`
    /// or, with `return_sequences`, the same for each time step; with `return_state` the last
    /// states too.
    /// The convolution of the states has neither strides nor dilation, and is padded to keep their
    /// extents.
    /// Weights `kernel (kernel_size, channels, 4 · filters)`, `recurrent_kernel (kernel_size,
    /// filters, 4 · filters)` and `bias (4 · filters,)`.
    /// Source: Shi et al., "Convolutional LSTM network: a machine learning approach for
    /// precipitation nowcasting", 2015,
    /// <https://keras.io/api/layers/recurrent_layers/conv_lstm3d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{ConvLSTM3D, Input};
    ///
    /// let y = ConvLSTM3D::new(8, 3).call(&Input::new([5, 8, 8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 6, 6, 6, 8)");
    /// ```
    ConvLSTM3D, 3, "(batch, time, depth, rows, columns, channels)"
}
