//! `AdaptiveMaxPooling2D`: the largest elements of a given number of windows of images.

use super::adaptive_pooling::adaptive_pooling_layer;

adaptive_pooling_layer! {
    /// The largest elements of a given number of windows, which cover images of any size.
    ///
    /// Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, channels)`.
    /// Windows overlap by an element where their number does not divide the extent.
    /// Source: <https://keras.io/api/layers/pooling_layers/adaptive_max_pooling2d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{AdaptiveMaxPooling2D, Input};
    ///
    /// let y = AdaptiveMaxPooling2D::new([3, 5]).call(&Input::new([9, 7, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 3, 5, 4)");
    /// ```
    AdaptiveMaxPooling2D, 2, adaptive_max_pool
}
