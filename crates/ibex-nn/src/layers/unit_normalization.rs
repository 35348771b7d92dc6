//! `UnitNormalization`: each sample brought to length 1.

use ibex_graph::Tensor;

use super::options::Axes;
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

/// What a length is at least, as in Keras.
const EPSILON: f64 = 1e-12;

layer! {
    /// Divides each sample by its length, so that the squares along `axis` add up to 1.
    ///
    /// Input and output have the same shape.
    /// Source: <https://keras.io/api/layers/normalization_layers/unit_normalization/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, UnitNormalization};
    ///
    /// let y = UnitNormalization::new().call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 16)");
    /// ```
    UnitNormalization {
        /// The axis or axes along which the length is taken; the last by default.
        axis: into Axes = Axes::One(-1),
    }
}

impl UnitNormalization {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> UnitNormalization {
        UnitNormalization::default()
    }
}

impl Layer for UnitNormalization {
    layer_facts!(UnitNormalization);

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        self.axis.resolve(inputs[0].shape.rank()).map(|_| ())
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let axes = self.axis.resolve(inputs[0].rank()).unwrap_or_default();
        vec![inputs[0].l2_normalize(&axes, EPSILON)]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
