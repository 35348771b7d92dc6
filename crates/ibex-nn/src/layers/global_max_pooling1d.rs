//! `GlobalMaxPooling1D`: the largest element of each channel of sequences.

use super::pooling::global_pooling_layer;

global_pooling_layer! {
    /// The largest element of each channel of sequences.
    ///
    /// Input `(batch, steps, channels)`, output `(batch, channels)`.
    /// Source: <https://keras.io/api/layers/pooling_layers/global_max_pooling1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GlobalMaxPooling1D, Input};
    ///
    /// let y = GlobalMaxPooling1D::new().call(&Input::new([10, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 4)");
    /// ```
    GlobalMaxPooling1D, 1, max
}
