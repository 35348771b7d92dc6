//! `MaxPooling1D`: the largest elements of windows of sequences.

use super::pooling::pooling_layer;

pooling_layer! {
    /// The largest elements of windows of sequences.
    ///
    /// Input `(batch, steps, channels)`, output `(batch, new_steps, channels)`.
    /// Source: <https://keras.io/api/layers/pooling_layers/max_pooling1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, MaxPooling1D};
    ///
    /// let y = MaxPooling1D::new(2).call(&Input::new([10, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 5, 4)");
    /// ```
    MaxPooling1D, 1, max_pool
}
