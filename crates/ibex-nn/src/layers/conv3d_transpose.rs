//! `Conv3DTranspose`: transposed convolution of volumes.

use super::transposed_convolution::transposed_convolution_layer;

transposed_convolution_layer! {
    /// A transposed convolution of volumes: the way back from the output of a convolution to a
    /// tensor of the shape of its input.
    ///
    /// Input `(batch, depth, height, width, channels)`, output
    /// `(batch, new_depth, new_height, new_width, filters)`.
    /// Weights `kernel (*kernel_size, filters, channels)` and `bias (filters,)`.
    /// Source: <https://keras.io/api/layers/convolution_layers/convolution3d_transpose/>.
    ///
    /// ```
    /// use ibex_graph::ops::window::Padding;
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Conv3DTranspose, Input};
    ///
    /// let layer = Conv3DTranspose::new(8, 3).strides(2).padding(Padding::Same);
    /// let y = layer.call(&Input::new([4, 5, 6, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 10, 12, 8)");
    /// ```
    Conv3DTranspose, 3
}
