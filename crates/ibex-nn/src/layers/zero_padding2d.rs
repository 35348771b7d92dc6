//! `ZeroPadding2D`: zeros around images.

use super::borders::zero_padding_layer;

zero_padding_layer! {
    /// Zeros around images.
    ///
    /// Input `(batch, height, width, channels)`, output with the zeros added.
    /// Source: <https://keras.io/api/layers/reshaping_layers/zero_padding2d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, ZeroPadding2D};
    ///
    /// let y = ZeroPadding2D::new([[1, 1], [2, 0]]).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 10, 10, 3)");
    /// ```
    ZeroPadding2D, 2
}
