//! `Identity`: the input, unchanged.

use ibex_graph::Tensor;

use crate::layer::Layer;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// The input, unchanged.
    ///
    /// Source: <https://keras.io/api/layers/core_layers/identity/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Identity, Input};
    ///
    /// let y = Identity::new().call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 16)");
    /// ```
    Identity {}
}

impl Identity {
    /// The layer.
    #[track_caller]
    pub fn new() -> Identity {
        Identity::default()
    }
}

impl Layer for Identity {
    layer_facts!(Identity);

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![inputs[0].clone()]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
