//! `ReLU`: `max(x, 0)`, with a slope, a limit and a threshold.

use ibex_graph::Tensor;

use super::options::check_not_negative;
use crate::activations::relu::relu_with;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// The rectified linear unit.
    ///
    /// `x` from `threshold` to `max_value`, and `max_value` above.
    /// Below it is `negative_slope · (x - threshold)`.
    /// Input and output have the same shape.
    /// Source: <https://keras.io/api/layers/activation_layers/relu/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, ReLU};
    ///
    /// let y = ReLU::new().max_value(6.0).call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 16)");
    /// ```
    ReLU {
        /// The largest output; none by default.
        max_value: some f64 = None,
        /// The slope below the threshold; 0 by default.
        negative_slope: is f64 = 0.0,
        /// Where the linear part begins; 0 by default.
        threshold: is f64 = 0.0,
    }
}

impl ReLU {
    /// The layer with Keras's defaults: `max(x, 0)`.
    #[track_caller]
    pub fn new() -> ReLU {
        ReLU::default()
    }
}

impl Layer for ReLU {
    layer_facts!(ReLU);

    fn check(&self) -> Vec<ConfigError> {
        let options = [
            ("max_value", self.max_value.unwrap_or(0.0)),
            ("negative_slope", self.negative_slope),
            ("threshold", self.threshold),
        ];
        options.into_iter().filter_map(|(name, value)| check_not_negative(name, value)).collect()
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let (slope, limit) = (self.negative_slope, self.max_value);
        vec![relu_with(&inputs[0], slope, limit, self.threshold)]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
