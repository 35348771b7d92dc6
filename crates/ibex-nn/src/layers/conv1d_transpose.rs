//! `Conv1DTranspose`: transposed convolution of sequences.

use super::transposed_convolution::transposed_convolution_layer;

transposed_convolution_layer! {
    /// A transposed convolution of sequences: the way back from the output of a convolution to a
    /// tensor of the shape of its input.
    ///
    /// Input `(batch, steps, channels)`, output `(batch, new_steps, filters)`.
    /// Weights `kernel (*kernel_size, filters, channels)` and `bias (filters,)`.
    /// Source: <https://keras.io/api/layers/convolution_layers/convolution1d_transpose/>.
    ///
    /// ```
    /// use ibex_graph::ops::window::Padding;
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Conv1DTranspose, Input};
    ///
    /// let layer = Conv1DTranspose::new(8, 3).strides(2).padding(Padding::Same);
    /// let y = layer.call(&Input::new([10, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 20, 8)");
    /// ```
    Conv1DTranspose, 1
}
