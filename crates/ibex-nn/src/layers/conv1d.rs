//! `Conv1D`: convolution of sequences.

use super::convolution::convolution_layer;

convolution_layer! {
    /// A convolution of sequences: `activation(convolution(x, kernel) + bias)`.
    ///
    /// Input `(batch, steps, channels)`, output `(batch, new_steps, filters)`.
    /// Weights `kernel (kernel_size, channels / groups, filters)` and `bias (filters,)`.
    /// With `Padding::Causal` no output sees what comes after its own step.
    /// Source: <https://keras.io/api/layers/convolution_layers/convolution1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Conv1D, Input};
    ///
    /// let y = Conv1D::new(8, 3).call(&Input::new([10, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8)");
    /// ```
    Conv1D, 1
}
