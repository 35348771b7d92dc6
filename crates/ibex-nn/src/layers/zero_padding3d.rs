//! `ZeroPadding3D`: zeros around volumes.

use super::borders::zero_padding_layer;

zero_padding_layer! {
    /// Zeros around volumes.
    ///
    /// Input `(batch, depth, height, width, channels)`, output with the zeros added.
    /// Source: <https://keras.io/api/layers/reshaping_layers/zero_padding3d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, ZeroPadding3D};
    ///
    /// let y = ZeroPadding3D::new([1, 0, 2]).call(&Input::new([4, 4, 4, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 6, 4, 8, 3)");
    /// ```
    ZeroPadding3D, 3
}
