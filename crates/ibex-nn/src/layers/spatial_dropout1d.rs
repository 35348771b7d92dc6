//! `SpatialDropout1D`: drops whole channels of sequences while training.

use super::spatial_dropout::spatial_dropout_layer;

spatial_dropout_layer! {
    /// Sets a fraction `rate` of the channels of sequences to 0 while training and scales the
    /// others up.
    ///
    /// Input and output `(batch, steps, channels)`; outside training nothing is changed.
    /// Source: Tompson et al., "Efficient object localization using convolutional networks", 2014,
    /// <https://keras.io/api/layers/regularization_layers/spatial_dropout1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, SpatialDropout1D};
    ///
    /// let y = SpatialDropout1D::new(0.5).call(&Input::new([10, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 10, 4)");
    /// ```
    SpatialDropout1D, 1,
    {}, |_layer| DataFormat::ChannelsLast
}
