//! `Add`: the sum of the inputs.

use super::merging::merging_layer;

merging_layer! {
    /// The sum of the inputs.
    ///
    /// Inputs of one shape, or of shapes that broadcast; inputs of fewer axes get axes of extent 1
    /// after the batch.
    /// Source: <https://keras.io/api/layers/merging_layers/add/>.
    ///
    /// ```
    /// use ibex_nn::layers::{Input, add};
    ///
    /// let (a, b) = (Input::new([16]).tensor(), Input::new([16]).tensor());
    /// assert_eq!(add([&a, &b]).shape().to_string(), "(None, 16)");
    /// ```
    Add, add, 1..=usize::MAX, |inputs, _| {
        inputs.iter().cloned().reduce(|a, b| a + b)
    }
}
