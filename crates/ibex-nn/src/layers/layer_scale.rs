//! `LayerScale`: a learned factor for each channel, as in ConvNeXt.

use ibex_graph::Tensor;

use crate::initializers::Constant;
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

/// The module of Keras that has this layer and `StochasticDepth`.
pub(super) const CONVNEXT: &str = "keras.src.applications.convnext";

layer! {
    /// `x · gamma`, with a trained `gamma` for each channel.
    ///
    /// Input and output have the same shape.
    /// Weight `gamma (projection_dim,)`.
    /// Source: Touvron et al., "Going deeper with image transformers", 2021; the layer of
    /// `keras.applications.convnext`, <https://keras.io/api/applications/convnext/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, LayerScale};
    ///
    /// let y = LayerScale::new(1e-6, 16).call(&Input::new([8, 8, 16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 16)");
    /// ```
    LayerScale {
        /// The initial value of every factor.
        init_values: is f64 = 1e-6,
        /// The number of channels.
        projection_dim: is usize = 1,
    }
}

impl LayerScale {
    /// Factors of this initial value for so many channels.
    #[track_caller]
    pub fn new(init_values: f64, projection_dim: usize) -> LayerScale {
        LayerScale { init_values, projection_dim, ..LayerScale::default() }
    }
}

impl Layer for LayerScale {
    layer_facts!(LayerScale);

    fn module(&self) -> Option<&'static str> {
        Some(CONVNEXT)
    }

    fn registered_name(&self) -> Option<&'static str> {
        Some(self.class_name())
    }

    fn signature(&self) -> &'static [&'static str] {
        &["x"]
    }

    fn build(&self, build: &mut Build<'_>, _: &[PartialType]) -> Result<(), ConfigError> {
        let initial = Constant::new(self.init_values);
        build.weight(WeightSpec::new("gamma", [self.projection_dim], initial));
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![&inputs[0] * call.weight("gamma")]
    }
}
