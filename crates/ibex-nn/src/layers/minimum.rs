//! `Minimum`: the smaller of the inputs, element by element.

use super::merging::{masked_choice, merging_layer};

merging_layer! {
    /// The smaller of the inputs, element by element.
    ///
    /// Inputs of one shape, or of shapes that broadcast; inputs of fewer axes get axes of extent 1
    /// after the batch.
    /// Source: <https://keras.io/api/layers/merging_layers/minimum/>.
    ///
    /// ```
    /// use ibex_nn::layers::{Input, minimum};
    ///
    /// let (a, b) = (Input::new([16]).tensor(), Input::new([16]).tensor());
    /// assert_eq!(minimum([&a, &b]).shape().to_string(), "(None, 16)");
    /// ```
    Minimum, minimum, 1..=usize::MAX, |inputs, masks| {
        masked_choice(inputs, masks, Tensor::minimum)
    }
}
