//! `RMSNormalization`: each sample divided by its root mean square.

use ibex_graph::{OpError, Tensor};

use super::options::{Axes, known_extent};
use crate::initializers::Ones;
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Divides each sample by its root mean square along `axis`, then scales it.
    ///
    /// Input and output have the same shape.
    /// Weight `scale`, the extents along `axis`; as in Keras it meets the last axes of the input.
    /// Source: Zhang and Sennrich, "Root mean square layer normalization", 2019,
    /// <https://keras.io/api/layers/normalization_layers/rms_normalization/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RMSNormalization};
    ///
    /// let y = RMSNormalization::new().call(&Input::new([10, 16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 10, 16)");
    /// ```
    RMSNormalization {
        /// The axis or axes to normalise along; the last by default.
        axis: into Axes = Axes::One(-1),
        /// Added to the mean square; 1e-6 by default.
        epsilon: is f64 = 1e-6,
    }
}

impl RMSNormalization {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> RMSNormalization {
        RMSNormalization::default()
    }
}

impl Layer for RMSNormalization {
    layer_facts!(RMSNormalization);

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let shape = &inputs[0].shape;
        let axes = self.axis.resolve(shape.rank())?;
        let extents = axes.iter().map(|&axis| known_extent(shape, axis, "normalised"));
        let extents = extents.collect::<Result<Vec<usize>, ConfigError>>()?;
        build.weight(WeightSpec::new("scale", extents, Ones));
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        let axes = self.axis.resolve(x.rank()).unwrap_or_default();
        let scale = call.weight("scale").cast(x.dtype());
        if x.shape().broadcast(scale.shape()).as_ref() != Some(x.shape()) {
            return vec![Tensor::poisoned(
                OpError::new(
                    "the scale of `RMSNormalization` does not meet the last axes of its input",
                    format!("a scale that broadcasts to {}", x.shape()),
                    format!("{}, the extents along axis = {:?}", scale.shape(), axes),
                )
                .help("normalise along the last axes, or permute the axes before"),
            )];
        }
        let mean_square = x.square().mean(&axes, true);
        vec![x * (mean_square + self.epsilon).rsqrt() * scale]
    }

    fn computes_in_float32(&self) -> bool {
        true
    }
}
