//! The intermediate representation of Ibex: typed tensors, the operations on them, and their
//! gradients.
//!
//! A computation is written with [`Tensor`], a handle to a node of an immutable directed acyclic
//! graph.
//! Nothing is computed while it is written: shapes and dtypes are inferred, mistakes are collected
//! as poisoned nodes, and [`Graph::new`] flattens what the outputs need into a list of nodes in
//! order of creation.
//! [`gradients`] extends the same graph backwards, so gradients of gradients work.
//!
//! This crate knows no device, no layer and no file.
//! Read in this order: [`dtype`], [`shape`], [`mod@array`], [`op`], [`tensor`], [`graph`],
//! [`grad`], [`interpreter`], [`check`], [`rng`], [`hash`], and then any file under [`ops`].
//!
//! ```
//! use ibex_graph::{Array, DType, Graph, Tensor, gradients, interpreter};
//!
//! let x = Tensor::input("x", DType::F32, [3]);
//! let loss = (&x * &x).sum_all();
//! let dx = gradients(&loss, &[x.clone()])?.remove(0).ok_or("x does not reach the loss")?;
//! let graph = Graph::new(&[x], &[dx], &[])?;
//! let out = interpreter::run(&graph, &[Array::from_slice([3], &[1f32, 2., 3.])?])?;
//! assert_eq!(out.outputs[0].to_f64_vec(), [2., 4., 6.]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod array;
pub mod check;
pub mod dtype;
pub mod error;
pub mod grad;
pub mod graph;
pub mod hash;
pub mod interpreter;
pub mod op;
pub mod ops;
pub mod origin;
mod pages;
pub mod rng;
pub mod shape;
mod storage;
pub mod tensor;
pub mod variable;

pub use array::{Array, Element};
pub use check::{GradientCheck, GradientReport, check_gradients};
pub use dtype::DType;
pub use error::{Error, OpError};
pub use grad::gradients;
pub use graph::{Graph, Node, NodeId, ValueId};
pub use op::{Op, Type};
pub use origin::{Origin, Scope};
pub use shape::Shape;
pub use tensor::Tensor;
pub use variable::{Reading, Variable, Writing};
