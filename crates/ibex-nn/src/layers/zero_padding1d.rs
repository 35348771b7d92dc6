//! `ZeroPadding1D`: zeros around sequences.

use super::borders::zero_padding_layer;

zero_padding_layer! {
    /// Zeros around sequences.
    ///
    /// Input `(batch, steps, channels)`, output with the zeros added.
    /// Source: <https://keras.io/api/layers/reshaping_layers/zero_padding1d/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, ZeroPadding1D};
    ///
    /// let y = ZeroPadding1D::new([1, 2]).call(&Input::new([8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 11, 3)");
    /// ```
    ZeroPadding1D, 1
}
