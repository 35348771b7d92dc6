//! `Cropping1D`: sequences without their borders.

use super::borders::cropping_layer;

cropping_layer! {
    /// Sequences without their borders.
    ///
    /// Input `(batch, steps, channels)`, output with fewer steps.
    /// Removes 1 on every side by default, as Keras does.
    /// Source: <https://keras.io/api/layers/reshaping_layers/cropping1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Cropping1D, Input};
    ///
    /// let y = Cropping1D::new([1, 2]).call(&Input::new([8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 5, 3)");
    /// ```
    Cropping1D, 1, 1,
    {}, |_layer| DataFormat::ChannelsLast
}
