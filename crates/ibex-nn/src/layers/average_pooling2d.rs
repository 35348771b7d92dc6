//! `AveragePooling2D`: the means of windows of images.

use super::pooling::pooling_layer;

pooling_layer! {
    /// The means of windows of images.
    ///
    /// Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, channels)`.
    /// Source: <https://keras.io/api/layers/pooling_layers/average_pooling2d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{AveragePooling2D, Input};
    ///
    /// let y = AveragePooling2D::new(2).call(&Input::new([8, 8, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 4, 4, 4)");
    /// ```
    AveragePooling2D, 2, average_pool
}
