//! `SpatialDropout3D`: drops whole channels of volumes while training.

use super::spatial_dropout::spatial_dropout_layer;

spatial_dropout_layer! {
    /// Sets a fraction `rate` of the channels of volumes to 0 while training and scales the others
    /// up.
    ///
    /// Input and output `(batch, depth, height, width, channels)`; outside training nothing is
    /// changed.
    /// Source: Tompson et al., "Efficient object localization using convolutional networks", 2014,
    /// <https://keras.io/api/layers/regularization_layers/spatial_dropout3d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, SpatialDropout3D};
    ///
    /// let y = SpatialDropout3D::new(0.5).call(&Input::new([4, 4, 4, 2]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 4, 4, 4, 2)");
    /// ```
    SpatialDropout3D, 3,
    {
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
    }, |layer| layer.data_format
}
