//! `GlobalMaxPooling2D`: the largest element of each channel of images.

use super::pooling::global_pooling_layer;

global_pooling_layer! {
    /// The largest element of each channel of images.
    ///
    /// Input `(batch, height, width, channels)`, output `(batch, channels)`.
    /// Source: <https://keras.io/api/layers/pooling_layers/global_max_pooling2d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GlobalMaxPooling2D, Input};
    ///
    /// let y = GlobalMaxPooling2D::new().call(&Input::new([8, 8, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 4)");
    /// ```
    GlobalMaxPooling2D, 2, max
}
