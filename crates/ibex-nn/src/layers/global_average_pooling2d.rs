//! `GlobalAveragePooling2D`: the mean of each channel of images.

use super::pooling::global_pooling_layer;

global_pooling_layer! {
    /// The mean of each channel of images.
    ///
    /// Input `(batch, height, width, channels)`, output `(batch, channels)`.
    /// Source: <https://keras.io/api/layers/pooling_layers/global_average_pooling2d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GlobalAveragePooling2D, Input};
    ///
    /// let y = GlobalAveragePooling2D::new().call(&Input::new([8, 8, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 4)");
    /// ```
    GlobalAveragePooling2D, 2, mean
}
