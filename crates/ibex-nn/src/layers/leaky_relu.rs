//! `LeakyReLU`: a rectified linear unit that lets a little through below 0.

use ibex_graph::Tensor;

use super::options::check_not_negative;
use crate::activations::leaky_relu::leaky_relu_with;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// `x` where it is not negative, else `negative_slope · x`.
    ///
    /// Input and output have the same shape.
    /// Source: <https://keras.io/api/layers/activation_layers/leaky_relu/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, LeakyReLU};
    ///
    /// let y = LeakyReLU::new().negative_slope(0.1).call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 16)");
    /// ```
    LeakyReLU {
        /// The slope below 0; 0.3 by default.
        negative_slope: is f64 = 0.3,
    }
}

impl LeakyReLU {
    /// The layer with Keras's slope, 0.3 (the activation `leaky_relu` has 0.2).
    #[track_caller]
    pub fn new() -> LeakyReLU {
        LeakyReLU::default()
    }
}

impl Layer for LeakyReLU {
    layer_facts!(LeakyReLU);

    fn check(&self) -> Vec<ConfigError> {
        check_not_negative("negative_slope", self.negative_slope).into_iter().collect()
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![leaky_relu_with(&inputs[0], self.negative_slope)]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
