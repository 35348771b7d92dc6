//! `Conv2DTranspose`: transposed convolution of images.

use super::transposed_convolution::transposed_convolution_layer;

transposed_convolution_layer! {
    /// A transposed convolution of images: the way back from the output of a convolution to a
    /// tensor of the shape of its input.
    ///
    /// Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, filters)`.
    /// Weights `kernel (*kernel_size, filters, channels)` and `bias (filters,)`.
    /// Source: <https://keras.io/api/layers/convolution_layers/convolution2d_transpose/>.
    ///
    /// ```
    /// use ibex_graph::ops::window::Padding;
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Conv2DTranspose, Input};
    ///
    /// let layer = Conv2DTranspose::new(8, 3).strides(2).padding(Padding::Same);
    /// let y = layer.call(&Input::new([10, 12, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 20, 24, 8)");
    /// ```
    Conv2DTranspose, 2
}
