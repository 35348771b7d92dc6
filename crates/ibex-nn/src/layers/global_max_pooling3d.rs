//! `GlobalMaxPooling3D`: the largest element of each channel of volumes.

use super::pooling::global_pooling_layer;

global_pooling_layer! {
    /// The largest element of each channel of volumes.
    ///
    /// Input `(batch, depth, height, width, channels)`, output `(batch, channels)`.
    /// Source: <https://keras.io/api/layers/pooling_layers/global_max_pooling3d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GlobalMaxPooling3D, Input};
    ///
    /// let y = GlobalMaxPooling3D::new().call(&Input::new([4, 6, 8, 2]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 2)");
    /// ```
    GlobalMaxPooling3D, 3, max
}
