//! `GlobalAveragePooling3D`: the mean of each channel of volumes.

use super::pooling::global_pooling_layer;

global_pooling_layer! {
    /// The mean of each channel of volumes.
    ///
    /// Input `(batch, depth, height, width, channels)`, output `(batch, channels)`.
    /// Source: <https://keras.io/api/layers/pooling_layers/global_average_pooling3d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{GlobalAveragePooling3D, Input};
    ///
    /// let y = GlobalAveragePooling3D::new().call(&Input::new([4, 6, 8, 2]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 2)");
    /// ```
    GlobalAveragePooling3D, 3, mean
}
