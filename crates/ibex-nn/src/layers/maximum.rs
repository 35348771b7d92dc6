//! `Maximum`: the larger of the inputs, element by element.

use super::merging::{masked_choice, merging_layer};

merging_layer! {
    /// The larger of the inputs, element by element.
    ///
    /// Inputs of one shape, or of shapes that broadcast; inputs of fewer axes get axes of extent 1
    /// after the batch.
    /// Source: <https://keras.io/api/layers/merging_layers/maximum/>.
    ///
    /// ```
    /// use ibex_nn::layers::{Input, maximum};
    ///
    /// let (a, b) = (Input::new([16]).tensor(), Input::new([16]).tensor());
    /// assert_eq!(maximum([&a, &b]).shape().to_string(), "(None, 16)");
    /// ```
    Maximum, maximum, 1..=usize::MAX, |inputs, masks| {
        masked_choice(inputs, masks, Tensor::maximum)
    }
}
