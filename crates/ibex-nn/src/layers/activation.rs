//! `Activation`: a function of each element, or along the last axis.

use ibex_graph::Tensor;

use crate::activations::Activation as Function;
use crate::layer::Layer;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Applies an activation function.
    ///
    /// Input and output have the same shape (`glu` halves the last axis).
    /// Source: <https://keras.io/api/layers/core_layers/activation/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Activation, Input};
    /// use ibex_nn::activations::Relu;
    ///
    /// let y = Activation::new(Relu).call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 16)");
    /// ```
    Activation {
        /// The function.
        activation: into Function = Function::Linear,
    }
}

impl Activation {
    /// A layer that applies this function.
    #[track_caller]
    pub fn new(activation: impl Into<Function>) -> Activation {
        Activation { activation: activation.into(), ..Activation::default() }
    }
}

impl Layer for Activation {
    layer_facts!(Activation);

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![self.activation.apply(&inputs[0])]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
