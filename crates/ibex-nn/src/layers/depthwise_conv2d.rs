//! `DepthwiseConv2D`: convolution of each channel of images by itself.

use super::depthwise_convolution::depthwise_convolution_layer;

depthwise_convolution_layer! {
    /// A convolution of each channel of images by itself, with kernels of its own.
    ///
    /// Input `(batch, height, width, channels)`, output
    /// `(batch, new_height, new_width, channels · depth_multiplier)`.
    /// Weights `kernel (*kernel_size, channels, depth_multiplier)` and
    /// `bias (channels · depth_multiplier,)`.
    /// Source: <https://keras.io/api/layers/convolution_layers/depthwise_convolution2d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{DepthwiseConv2D, Input};
    ///
    /// let layer = DepthwiseConv2D::new(3).depth_multiplier(2);
    /// let y = layer.call(&Input::new([10, 12, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 10, 8)");
    /// ```
    DepthwiseConv2D, 2
}
