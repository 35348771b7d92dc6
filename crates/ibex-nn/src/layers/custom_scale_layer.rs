//! `CustomScaleLayer`: adds a scaled residual, as in Inception-ResNet.

use std::ops::RangeInclusive;

use ibex_graph::Tensor;

use super::merging::check_shapes;
use crate::instance::Build;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// The first input plus `scale` times the second: the trunk and a residual that is scaled
    /// down.
    ///
    /// Two inputs of one shape, or of shapes that broadcast.
    /// Source: Szegedy et al., "Inception-v4, Inception-ResNet and the impact of residual
    /// connections on learning", 2016; the layer of `keras.applications.InceptionResNetV2`,
    /// <https://keras.io/api/applications/inceptionresnetv2/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{CustomScaleLayer, Input};
    ///
    /// let (trunk, residual) = (Input::new([8, 8, 16]).tensor(), Input::new([8, 8, 16]).tensor());
    /// let y = CustomScaleLayer::new(0.17).call([&trunk, &residual]);
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 16)");
    /// ```
    CustomScaleLayer {
        /// The factor of the second input.
        scale: is f64 = 1.0,
    }
}

impl CustomScaleLayer {
    /// Adds the second input times this factor to the first.
    #[track_caller]
    pub fn new(scale: f64) -> CustomScaleLayer {
        CustomScaleLayer { scale, ..CustomScaleLayer::default() }
    }
}

impl Layer for CustomScaleLayer {
    layer_facts!(CustomScaleLayer);

    fn module(&self) -> Option<&'static str> {
        Some("keras.src.applications.inception_resnet_v2")
    }

    fn registered_name(&self) -> Option<&'static str> {
        Some(self.class_name())
    }

    fn build(&self, _: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        check_shapes(inputs)
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        vec![&inputs[0] + &inputs[1] * self.scale]
    }

    fn is_built_at_once(&self) -> bool {
        true
    }

    fn takes_list(&self) -> bool {
        true
    }

    fn input_count(&self) -> RangeInclusive<usize> {
        2..=2
    }
}
