//! `Average`: the mean of the inputs.

use super::merging::merging_layer;

merging_layer! {
    /// The mean of the inputs.
    ///
    /// Inputs of one shape, or of shapes that broadcast; inputs of fewer axes get axes of extent 1
    /// after the batch.
    /// Source: <https://keras.io/api/layers/merging_layers/average/>.
    ///
    /// ```
    /// use ibex_nn::layers::{Input, average};
    ///
    /// let (a, b) = (Input::new([16]).tensor(), Input::new([16]).tensor());
    /// assert_eq!(average([&a, &b]).shape().to_string(), "(None, 16)");
    /// ```
    Average, average, 1..=usize::MAX, |inputs, _| {
        let sum = inputs.iter().cloned().reduce(|a, b| a + b)?;
        Some(sum / inputs.len() as f64)
    }
}
