//! `ELU`: `x` where positive, an exponential that levels off below.

use ibex_graph::Tensor;

use crate::activations::elu::elu_with;
use crate::layer::Layer;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// `x` where positive, else `alpha · (e^x - 1)`.
    ///
    /// Input and output have the same shape.
    /// Source: <https://keras.io/api/layers/activation_layers/elu/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{ELU, Input};
    ///
    /// let y = ELU::new().call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 16)");
    /// ```
    ELU {
        /// Minus the limit for very negative inputs; 1 by default.
        alpha: is f64 = 1.0,
    }
}

impl ELU {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> ELU {
        ELU::default()
    }
}

impl Layer for ELU {
    layer_facts!(ELU);

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![elu_with(&inputs[0], self.alpha)]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
