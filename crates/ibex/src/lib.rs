//! **Ibex: Keras for Rust.** Define, compile, train, save and deploy deep-learning models in one
//! binary, with Keras's layers, defaults, files and numbers.
//!
//! ```
//! use ibex::prelude::*;
//!
//! let x = array![[1., 1.], [1., 0.], [0., 1.], [0., 0.]];
//! let y = array![[1.], [0.], [0.], [0.]];
//!
//! let mut model = Sequential::new()
//!     .add(Input::new([2]))
//!     .add(Dense::new(2).activation(Sigmoid))
//!     .add(Dense::new(1).activation(Sigmoid))
//!     .build()?;
//! model.compile(Compile::new(SGD::new(0.3), MeanSquaredError::new()))?;
//! let history = model.fit(&x, &y, Fit::new().epochs(5).batch_size(1).verbose(0))?;
//! assert_eq!(history.get("loss").len(), 5);
//! # Ok::<(), ibex::Error>(())
//! ```
//!
//! The crates underneath, in order: [`graph`] (computations and their gradients), [`compile`]
//! (rewrites, fusion, memory plan), [`cpu`] (kernels), [`nn`] (layers and what belongs to them),
//! [`train`] (models, the training loop, data, files).

pub use ibex_compile as compile;
pub use ibex_cpu as cpu;
pub use ibex_graph as graph;
pub use ibex_nn as nn;
pub use ibex_train as train;

pub use ibex_train::{Error, Result};

pub mod prelude;
