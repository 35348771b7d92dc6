//! `Cropping2D`: images without their borders.

use super::borders::cropping_layer;

cropping_layer! {
    /// Images without their borders.
    ///
    /// Input `(batch, height, width, channels)`, output with fewer rows and columns.
    /// Removes 0 on every side by default, as Keras does.
    /// Source: <https://keras.io/api/layers/reshaping_layers/cropping2d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Cropping2D, Input};
    ///
    /// let y = Cropping2D::new([[1, 1], [2, 0]]).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 6, 6, 3)");
    /// ```
    Cropping2D, 2, 0,
    {
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
    }, |layer| layer.data_format
}
