//! `Subtract`: the first input minus the second.

use super::merging::merging_layer;

merging_layer! {
    /// The first input minus the second.
    ///
    /// Inputs of one shape, or of shapes that broadcast; inputs of fewer axes get axes of extent 1
    /// after the batch.
    /// Source: <https://keras.io/api/layers/merging_layers/subtract/>.
    ///
    /// ```
    /// use ibex_nn::layers::{Input, subtract};
    ///
    /// let (a, b) = (Input::new([16]).tensor(), Input::new([16]).tensor());
    /// assert_eq!(subtract([&a, &b]).shape().to_string(), "(None, 16)");
    /// ```
    Subtract, subtract, 2..=2, |inputs, _| {
        inputs.iter().cloned().reduce(|a, b| a - b)
    }
}
