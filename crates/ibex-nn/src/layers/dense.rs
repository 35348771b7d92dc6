//! `Dense`: `activation(x · kernel + bias)`.

use ibex_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::constraints::Constraint;
use crate::initializers::{GlorotUniform, Initializer, Zeros};
use crate::instance::{Build, WeightSpec};
use crate::layer::{Base, Layer};
use crate::object::ConfigError;
use crate::partial::PartialType;
use crate::regularizers::Regularizer;
use crate::trace::Call;
use crate::{layer_facts, layer_setters};

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
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Dense {
    /// Extent of the output's last axis.
    pub units: usize,
    /// Applied to the result.
    pub activation: Activation,
    /// Whether a bias is added.
    pub use_bias: bool,
    /// Initial values of the kernel.
    pub kernel_initializer: Initializer,
    /// Initial values of the bias.
    pub bias_initializer: Initializer,
    /// Penalty on the kernel.
    pub kernel_regularizer: Option<Regularizer>,
    /// Penalty on the bias.
    pub bias_regularizer: Option<Regularizer>,
    /// Penalty on the output.
    pub activity_regularizer: Option<Regularizer>,
    /// Projection of the kernel after each update.
    pub kernel_constraint: Option<Constraint>,
    /// Projection of the bias after each update.
    pub bias_constraint: Option<Constraint>,
    #[serde(skip)]
    base: Base,
}

impl Default for Dense {
    #[track_caller]
    fn default() -> Dense {
        Dense {
            units: 1,
            activation: Activation::default(),
            use_bias: true,
            kernel_initializer: GlorotUniform::default().into(),
            bias_initializer: Zeros.into(),
            kernel_regularizer: None,
            bias_regularizer: None,
            activity_regularizer: None,
            kernel_constraint: None,
            bias_constraint: None,
            base: Base::new(),
        }
    }
}

impl Dense {
    /// A layer of `units` outputs without activation.
    #[track_caller]
    pub fn new(units: usize) -> Dense {
        Dense { units, ..Dense::default() }
    }

    /// Applies a function to the result.
    pub fn activation(mut self, activation: impl Into<Activation>) -> Dense {
        self.activation = activation.into();
        self
    }

    /// Whether a bias is added; it is by default.
    pub fn use_bias(mut self, use_bias: bool) -> Dense {
        self.use_bias = use_bias;
        self
    }

    /// Initial values of the kernel; `GlorotUniform` by default.
    pub fn kernel_initializer(mut self, initializer: impl Into<Initializer>) -> Dense {
        self.kernel_initializer = initializer.into();
        self
    }

    /// Initial values of the bias; zeros by default.
    pub fn bias_initializer(mut self, initializer: impl Into<Initializer>) -> Dense {
        self.bias_initializer = initializer.into();
        self
    }

    /// Adds a penalty on the kernel to the loss.
    pub fn kernel_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Dense {
        self.kernel_regularizer = Some(regularizer.into());
        self
    }

    /// Adds a penalty on the bias to the loss.
    pub fn bias_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Dense {
        self.bias_regularizer = Some(regularizer.into());
        self
    }

    /// Adds a penalty on the output to the loss.
    pub fn activity_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Dense {
        self.activity_regularizer = Some(regularizer.into());
        self
    }

    /// Projects the kernel after each update.
    pub fn kernel_constraint(mut self, constraint: impl Into<Constraint>) -> Dense {
        self.kernel_constraint = Some(constraint.into());
        self
    }

    /// Projects the bias after each update.
    pub fn bias_constraint(mut self, constraint: impl Into<Constraint>) -> Dense {
        self.bias_constraint = Some(constraint.into());
        self
    }
}

layer_setters!(Dense);

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
        let product = inputs[0].matmul(&call.weight("kernel"));
        let sum = match call.optional_weight("bias") {
            Some(bias) => product + bias,
            None => product,
        };
        vec![self.activation.apply(&sum)]
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.activity_regularizer.as_ref()
    }
}
