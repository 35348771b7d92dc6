//! `Cropping3D`: volumes without their borders.

use super::borders::cropping_layer;

cropping_layer! {
    /// Volumes without their borders.
    ///
    /// Input `(batch, depth, height, width, channels)`, output with fewer planes, rows and columns.
    /// Removes 1 on every side by default, as Keras does.
    /// Source: <https://keras.io/api/layers/reshaping_layers/cropping3d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Cropping3D, Input};
    ///
    /// let y = Cropping3D::new([1, 0, 1]).call(&Input::new([4, 4, 4, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 2, 4, 2, 3)");
    /// ```
    Cropping3D, 3, 1,
    {
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
    }, |layer| layer.data_format
}
