//! What most programs need: `use ibex::prelude::*;`.
//!
//! Activations go by their names (`Relu`, `Softmax`); the layers `ReLU`, `Softmax`, … that share
//! a name with one are in [`crate::nn::layers`].

pub use ndarray::{Array1, Array2, Array3, Array4, ArrayD, array, s};

pub use ibex_compile::Device;
pub use ibex_graph::DType::{
    self, Bool, F32 as Float32, F64 as Float64, I32 as Int32, I64 as Int64,
};
pub use ibex_graph::{Array, Tensor, Variable, gradients};
pub use ibex_nn::activations::*;
pub use ibex_nn::constraints::{MaxNorm, NonNeg};
pub use ibex_nn::initializers::Initializer;
pub use ibex_nn::layers::*;
pub use ibex_nn::losses::*;
pub use ibex_nn::metrics::*;
pub use ibex_nn::models::{Sequential, SymbolicTensor};
pub use ibex_nn::optimizers::*;
pub use ibex_nn::regularizers::{L1, L1L2, L2};
pub use ibex_nn::schedules::*;
pub use ibex_nn::{Layer, LayerExt, Trace};
pub use ibex_train::callbacks::*;
pub use ibex_train::{
    Arrays, BuildModel, Compile, Error, Fit, History, Model, Result, losses, set_random_seed, trace,
};
