//! `DepthwiseConv1D`: convolution of each channel of sequences by itself.

use super::depthwise_convolution::depthwise_convolution_layer;

depthwise_convolution_layer! {
    /// A convolution of each channel of sequences by itself, with kernels of its own.
    ///
    /// Input `(batch, steps, channels)`, output
    /// `(batch, new_steps, channels · depth_multiplier)`.
    /// Weights `kernel (*kernel_size, channels, depth_multiplier)` and
    /// `bias (channels · depth_multiplier,)`.
    /// Source: <https://keras.io/api/layers/convolution_layers/depthwise_convolution1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{DepthwiseConv1D, Input};
    ///
    /// let layer = DepthwiseConv1D::new(3).depth_multiplier(2);
    /// let y = layer.call(&Input::new([10, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8)");
    /// ```
    DepthwiseConv1D, 1
}
