//! `Multiply`: the product of the inputs.

use super::merging::{masked_product, merging_layer};

merging_layer! {
    /// The product of the inputs.
    ///
    /// Inputs of one shape, or of shapes that broadcast; inputs of fewer axes get axes of extent 1
    /// after the batch.
    /// Source: <https://keras.io/api/layers/merging_layers/multiply/>.
    ///
    /// ```
    /// use ibex_nn::layers::{Input, multiply};
    ///
    /// let (a, b) = (Input::new([16]).tensor(), Input::new([16]).tensor());
    /// assert_eq!(multiply([&a, &b]).shape().to_string(), "(None, 16)");
    /// ```
    Multiply, multiply, 1..=usize::MAX, masked_product
}
