//! `Conv3D`: convolution of volumes.

use super::convolution::convolution_layer;

convolution_layer! {
    /// A convolution of volumes: `activation(convolution(x, kernel) + bias)`.
    ///
    /// Input `(batch, depth, height, width, channels)`, output
    /// `(batch, new_depth, new_height, new_width, filters)`.
    /// Weights `kernel (*kernel_size, channels / groups, filters)` and `bias (filters,)`.
    /// Source: <https://keras.io/api/layers/convolution_layers/convolution3d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Conv3D, Input};
    ///
    /// let y = Conv3D::new(8, 3).call(&Input::new([8, 9, 10, 1]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 6, 7, 8, 8)");
    /// ```
    Conv3D, 3
}
