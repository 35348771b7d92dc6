//! `MaxPooling3D`: the largest elements of windows of volumes.

use super::pooling::pooling_layer;

pooling_layer! {
    /// The largest elements of windows of volumes.
    ///
    /// Input `(batch, depth, height, width, channels)`,
    /// output `(batch, new_depth, new_height, new_width, channels)`.
    /// Source: <https://keras.io/api/layers/pooling_layers/max_pooling3d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, MaxPooling3D};
    ///
    /// let y = MaxPooling3D::new(2).call(&Input::new([4, 6, 8, 2]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 2, 3, 4, 2)");
    /// ```
    MaxPooling3D, 3, max_pool
}
