//! `AdaptiveMaxPooling3D`: the largest elements of a given number of windows of volumes.

use super::adaptive_pooling::adaptive_pooling_layer;

adaptive_pooling_layer! {
    /// The largest elements of a given number of windows, which cover volumes of any size.
    ///
    /// Input `(batch, depth, height, width, channels)`, output
    /// `(batch, new_depth, new_height, new_width, channels)`.
    /// Windows overlap by an element where their number does not divide the extent.
    /// Source: <https://keras.io/api/layers/pooling_layers/adaptive_max_pooling3d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{AdaptiveMaxPooling3D, Input};
    ///
    /// let y = AdaptiveMaxPooling3D::new(2).call(&Input::new([9, 7, 5, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 2, 2, 2, 4)");
    /// ```
    AdaptiveMaxPooling3D, 3, adaptive_max_pool
}
