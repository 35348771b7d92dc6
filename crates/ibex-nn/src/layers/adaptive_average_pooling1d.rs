//! `AdaptiveAveragePooling1D`: the means of a given number of windows of sequences.

use super::adaptive_pooling::adaptive_pooling_layer;

adaptive_pooling_layer! {
    /// The means of a given number of windows, which cover sequences of any size.
    ///
    /// Input `(batch, steps, channels)`, output `(batch, new_steps, channels)`.
    /// Windows overlap by an element where their number does not divide the extent.
    /// Source: <https://keras.io/api/layers/pooling_layers/adaptive_average_pooling1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{AdaptiveAveragePooling1D, Input};
    ///
    /// let y = AdaptiveAveragePooling1D::new(4).call(&Input::new([10, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 4, 4)");
    /// ```
    AdaptiveAveragePooling1D, 1, adaptive_average_pool
}
