//! `SeparableConv2D`: a convolution of images in two cheaper ones.

use super::separable_convolution::separable_convolution_layer;

separable_convolution_layer! {
    /// A convolution of each channel of images by itself, and then of all channels of each place.
    ///
    /// Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, filters)`.
    /// Weights `depthwise_kernel (*kernel_size, channels, depth_multiplier)`,
    /// `pointwise_kernel (1, …, channels · depth_multiplier, filters)` and `bias (filters,)`.
    /// Source: Chollet, "Xception", 2017,
    /// <https://keras.io/api/layers/convolution_layers/separable_convolution2d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, SeparableConv2D};
    ///
    /// let y = SeparableConv2D::new(6, 3).call(&Input::new([10, 12, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 10, 6)");
    /// ```
    SeparableConv2D, 2
}
