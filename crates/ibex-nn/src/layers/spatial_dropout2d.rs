//! `SpatialDropout2D`: drops whole channels of images while training.

use super::spatial_dropout::spatial_dropout_layer;

spatial_dropout_layer! {
    /// Sets a fraction `rate` of the channels of images to 0 while training and scales the others
    /// up.
    ///
    /// Input and output `(batch, height, width, channels)`; outside training nothing is changed.
    /// Source: Tompson et al., "Efficient object localization using convolutional networks", 2014,
    /// <https://keras.io/api/layers/regularization_layers/spatial_dropout2d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, SpatialDropout2D};
    ///
    /// let y = SpatialDropout2D::new(0.5).call(&Input::new([8, 8, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 4)");
    /// ```
    SpatialDropout2D, 2,
    {
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
    }, |layer| layer.data_format
}
