//! `Dense`: `activation(x · kernel + bias)`.

use ibex_graph::Tensor;

use crate::activations::Activation;
use crate::constraints::Constraint;
use crate::initializers::{GlorotUniform, Initializer, Zeros};
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::regularizers::Regularizer;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// A fully connected layer: `activation(x · kernel + bias)` over the last axis.
    ///
    /// Input `(batch, …, features)`, output `(batch, …, units)`.
    /// Weights `kernel (features, units)` and `bias (units,)`.
    /// Source: <https://keras.io/api/layers/core_layers/dense/>.
    ///
    /// ```
    /// use ibex_nn::activations::Relu;
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Dense, Input};
    ///
    /// let y = Dense::new(32).activation(Relu).call(&Input::new([16]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 32)");
    /// ```
    Dense {
        /// Extent of the output's last axis.
        units: is usize = 1,
        /// Applied to the result.
        activation: into Activation = Activation::Linear,
        /// Whether a bias is added; it is by default.
        use_bias: is bool = true,
        /// Initial values of the kernel; `GlorotUniform` by default.
        kernel_initializer: into Initializer = GlorotUniform::default().into(),
        /// Initial values of the bias; zeros by default.
        bias_initializer: into Initializer = Zeros.into(),
        /// Penalty on the kernel, added to the loss.
        kernel_regularizer: some Regularizer = None,
        /// Penalty on the bias, added to the loss.
        bias_regularizer: some Regularizer = None,
        /// Projection of the kernel after each update.
        kernel_constraint: some Constraint = None,
        /// Projection of the bias after each update.
        bias_constraint: some Constraint = None,
    }
}

impl Dense {
    /// A layer of `units` outputs without activation.
    #[track_caller]
    pub fn new(units: usize) -> Dense {
        Dense { units, ..Dense::default() }
    }
}

impl Layer for Dense {
    layer_facts!(Dense);

    fn check(&self) -> Vec<ConfigError> {
        let zero = || ConfigError::new("`units` must be positive").received("units = 0");
        (self.units == 0).then(zero).into_iter().collect()
    }

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let shape = &inputs[0].shape;
        let Some(features) = (shape.rank() >= 2).then(|| shape.dim(-1)).flatten() else {
            return Err(ConfigError::new("the last axis must be known")
                .expected("(batch, …, features)")
                .received(shape.to_string()));
        };
        build.weight(
            WeightSpec::new("kernel", [features, self.units], self.kernel_initializer.clone())
                .regularizer(self.kernel_regularizer.clone())
                .constraint(self.kernel_constraint.clone()),
        );
        if self.use_bias {
            build.weight(
                WeightSpec::new("bias", [self.units], self.bias_initializer.clone())
                    .regularizer(self.bias_regularizer.clone())
                    .constraint(self.bias_constraint.clone()),
            );
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let product = inputs[0].cast(self.base.dtype.compute()).matmul(&call.weight("kernel"));
        let sum = match call.optional_weight("bias") {
            Some(bias) => product + bias,
            None => product,
        };
        vec![self.activation.apply(&sum)]
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
