//! `SeparableConv1D`: a convolution of sequences in two cheaper ones.

use super::separable_convolution::separable_convolution_layer;

separable_convolution_layer! {
    /// A convolution of each channel of sequences by itself, and then of all channels of each
    /// place.
    ///
    /// Input `(batch, steps, channels)`, output `(batch, new_steps, filters)`.
    /// Weights `depthwise_kernel (*kernel_size, channels, depth_multiplier)`,
    /// `pointwise_kernel (1, …, channels · depth_multiplier, filters)` and `bias (filters,)`.
    /// Source: Chollet, "Xception", 2017,
    /// <https://keras.io/api/layers/convolution_layers/separable_convolution1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, SeparableConv1D};
    ///
    /// let y = SeparableConv1D::new(6, 3).call(&Input::new([10, 4]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 6)");
    /// ```
    SeparableConv1D, 1
}
