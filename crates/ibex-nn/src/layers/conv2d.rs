//! `Conv2D`: convolution of images.

use super::convolution::convolution_layer;

convolution_layer! {
    /// A convolution of images: `activation(convolution(x, kernel) + bias)`.
    ///
    /// Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, filters)`.
    /// Weights `kernel (*kernel_size, channels / groups, filters)` and `bias (filters,)`.
    /// Source: <https://keras.io/api/layers/convolution_layers/convolution2d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Conv2D, Input};
    ///
    /// let y = Conv2D::new(8, 3).strides(2).call(&Input::new([28, 28, 1]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 13, 13, 8)");
    /// ```
    Conv2D, 2
}
