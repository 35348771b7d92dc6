//! `PReLU`: a rectified linear unit whose slope below 0 is learned.

use ibex_graph::Tensor;

use super::options::{Axes, known_extent};
use crate::constraints::Constraint;
use crate::initializers::{Initializer, Zeros};
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::regularizers::Regularizer;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// `x` where positive, else `alpha · x`, with a trained `alpha` for each element.
    ///
    /// Input and output have the same shape.
    /// Weight `alpha`, the shape of a sample with 1 along `shared_axes`.
    /// Source: <https://keras.io/api/layers/activation_layers/prelu/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, PReLU};
    ///
    /// let y = PReLU::new().shared_axes([1, 2]).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 8, 8, 3)");
    /// ```
    PReLU {
        /// Initial values of the slopes; zeros by default.
        alpha_initializer: into Initializer = Zeros.into(),
        /// Penalty on the slopes, added to the loss.
        alpha_regularizer: some Regularizer = None,
        /// Projection of the slopes after each update.
        alpha_constraint: some Constraint = None,
        /// Axes along which the slope is the same; the batch is axis 0.
        shared_axes: some Axes = None,
    }
}

impl PReLU {
    /// The layer with Keras's defaults.
    #[track_caller]
    pub fn new() -> PReLU {
        PReLU::default()
    }
}

impl Layer for PReLU {
    layer_facts!(PReLU);

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let shape = &inputs[0].shape;
        let shared = match &self.shared_axes {
            Some(axes) => axes.resolve(shape.rank())?,
            None => Vec::new(),
        };
        let extent = |axis: usize| match shared.contains(&axis) {
            true => Ok(1),
            false => known_extent(shape, axis, "unshared"),
        };
        let dims = (1..shape.rank()).map(extent).collect::<Result<Vec<usize>, ConfigError>>()?;
        build.weight(
            WeightSpec::new("alpha", dims, self.alpha_initializer.clone())
                .regularizer(self.alpha_regularizer.clone())
                .constraint(self.alpha_constraint.clone()),
        );
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        vec![x.relu() - call.weight("alpha") * (-x).relu()]
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
