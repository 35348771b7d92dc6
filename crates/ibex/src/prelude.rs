//! What most programs need: `use ibex::prelude::*;`.
//!
//! Where an activation and a layer share a name (`Softmax`, `Activation`), the activation has it
//! here and the layer is `layers::Softmax`; where a loss and a metric share one
//! (`MeanSquaredError`, …), the loss has it and the metric is `metrics::MeanSquaredError`.

// The files of activations and of layers have names in common (`relu`, `elu`, …); nobody means
// those modules by a name from here.
#![allow(ambiguous_glob_reexports)]

pub use ndarray::{Array1, Array2, Array3, Array4, ArrayD, Axis, array, s};
pub use serde_json::json;

pub use ibex_compile::Device;
pub use ibex_graph::DType::{
    self, Bool, F32 as Float32, F64 as Float64, I32 as Int32, I64 as Int64, U8 as UInt8,
};
pub use ibex_graph::ops::window::Padding::{self, Causal, Same, Valid};
pub use ibex_graph::{
    Array, GradientCheck, GradientReport, Tensor, Variable, check_gradients, gradients,
};
pub use ibex_nn::activations::*;
pub use ibex_nn::arguments::{Argument, CallArguments};
pub use ibex_nn::constraints::*;
pub use ibex_nn::initializers::*;
pub use ibex_nn::layers::*;
pub use ibex_nn::losses::*;
pub use ibex_nn::models::symbolic::with;
pub use ibex_nn::models::{Sequential, SymbolicTensor};
pub use ibex_nn::optimizers::*;
pub use ibex_nn::policy::DTypePolicy;
pub use ibex_nn::regularizers::*;
pub use ibex_nn::schedules::*;
pub use ibex_nn::{
    Base, Build, Call, ConfigError, InnerLayer, Layer, LayerExt, PartialShape, PartialType, Trace,
    WeightSpec, layer_facts, layer_setters,
};
pub use ibex_nn::{layers, metrics, ops};
pub use ibex_train::callbacks::*;
pub use ibex_train::{
    ApplyLayer, Arrays, BuildModel, BuildOptimizer, Compile, DeviceExt, Error, Fit, History,
    InBatches, Logs, Model, OnnxOptions, Result, Samples, custom_loss, custom_metric, datasets,
    losses, random, set_random_seed, trace, with_derivative,
};

// Where two of the families above share a name, a name by itself wins over the `*` of the other.
pub use ibex_nn::activations::{Activation, Softmax};
