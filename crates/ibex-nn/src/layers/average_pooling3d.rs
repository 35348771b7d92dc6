//! `AveragePooling3D`: the means of windows of volumes.

use super::pooling::pooling_layer;

pooling_layer! {
    /// The means of windows of volumes.
    ///
    /// Input `(batch, depth, height, width, channels)`,
    /// output `(batch, new_depth, new_height, new_width, channels)`.
    /// Source: <https://keras.io/api/layers/pooling_layers/average_pooling3d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{AveragePooling3D, Input};
    ///
    /// let y = AveragePooling3D::new(2).call(&Input::new([4, 6, 8, 2]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 2, 3, 4, 2)");
    /// ```
    AveragePooling3D, 3, average_pool
}
