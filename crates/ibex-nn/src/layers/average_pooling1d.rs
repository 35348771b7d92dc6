//! `AveragePooling1D`: the means of windows of sequences.

use super::pooling::pooling_layer;

pooling_layer! {
    /// The means of windows of sequences.
    ///
    /// Input `(batch, steps, channels)`, output `(batch, new_steps, channels)`.
    /// Source: <https://keras.io/api/layers/pooling_layers/average_pooling1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{AveragePooling1D, Input};
    ///
    /// let y = AveragePooling1D::new(2).call(&Input::new([10, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 5, 4)");
    /// ```
    AveragePooling1D, 1, average_pool
}
