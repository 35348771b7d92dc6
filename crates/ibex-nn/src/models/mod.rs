//! Models: layers applied to symbolic tensors, as a graph of calls.
//!
//! [`symbolic`] is how they are written, [`functional`] what they become (a layer again, so
//! models nest), [`sequential`] the shorter way to write a chain, [`naming`] how layers without a
//! name get Keras's automatic ones.

pub mod functional;
pub mod naming;
pub mod sequential;
pub mod symbolic;

pub use functional::{Functional, ModelError};
pub use sequential::Sequential;
pub use symbolic::SymbolicTensor;
