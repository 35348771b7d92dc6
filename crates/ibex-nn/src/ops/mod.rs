//! `keras.ops` for symbolic tensors: functions with which functional models are written.
//!
//! Each is one row of `functions`; what it computes is a row of the tables of
//! [`operation`](crate::layers::operation), which files use too.
//! A function that has nothing to choose gives a tensor; others give an [`OperationCall`], which
//! takes options under Keras's names and then gives its [`tensor`](OperationCall::tensor) or
//! [`tensors`](OperationCall::tensors).
//! Mistakes are kept in the result and reported when the model is made.
//!
//! ```
//! use ibex_nn::layers::Input;
//! use ibex_nn::ops;
//!
//! let x = Input::new([6, 4]).tensor();
//! let y = ops::exp(&x);
//! let sum = ops::sum(&y).axis(-1).keepdims(true).tensor();
//! assert_eq!((y / sum).shape().to_string(), "(None, 6, 4)");
//! assert_eq!(ops::reshape(&x, [-1, 8]).shape().to_string(), "(None, 8)");
//! let halves = ops::split(&x, 2).axis(1).tensors();
//! assert_eq!(halves[1].shape().to_string(), "(None, 3, 4)");
//! ```

mod call;
mod functions;
mod indexing;

pub use call::{OperationCall, Setting};
pub use functions::*;

use std::panic::Location;

use crate::arguments::Argument;
use crate::models::symbolic::SymbolicTensor;

/// `keras.ops.where`: elements of `x1` where the condition holds, of `x2` elsewhere.
///
/// ```
/// use ibex_nn::layers::Input;
/// use ibex_nn::ops;
///
/// let x = Input::new([4]).tensor();
/// let y = ops::where_(ops::greater(&x, 0.0), &x, 0.0);
/// assert_eq!(y.shape().to_string(), "(None, 4)");
/// ```
#[track_caller]
#[must_use]
pub fn where_(
    condition: impl Into<Argument<SymbolicTensor>>,
    x1: impl Into<Argument<SymbolicTensor>>,
    x2: impl Into<Argument<SymbolicTensor>>,
) -> SymbolicTensor {
    let call = OperationCall::new("Where", Location::caller());
    call.positional(condition).positional(x1).positional(x2).tensor()
}

/// `keras.ops.einsum`: the sum of products that the subscripts describe.
///
/// ```
/// use ibex_nn::layers::Input;
/// use ibex_nn::ops;
///
/// let x = Input::new([3, 4]).tensor();
/// assert_eq!(ops::einsum("bij,bkj->bik", [&x, &x]).shape().to_string(), "(None, 3, 3)");
/// ```
#[track_caller]
#[must_use]
pub fn einsum<T: Into<Argument<SymbolicTensor>>>(
    subscripts: &str,
    operands: impl IntoIterator<Item = T>,
) -> SymbolicTensor {
    let call = OperationCall::new("Einsum", Location::caller()).set("subscripts", subscripts);
    operands.into_iter().fold(call, |call, operand| call.positional(operand)).tensor()
}

/// `keras.ops.meshgrid`: vectors spread along an axis each.
#[track_caller]
pub fn meshgrid<T: Into<Argument<SymbolicTensor>>>(
    vectors: impl IntoIterator<Item = T>,
) -> OperationCall {
    let call = OperationCall::new("Meshgrid", Location::caller());
    vectors.into_iter().fold(call, |call, vector| call.positional(vector))
}

/// `keras.ops.rearrange`: axes by name, split and joined; `lengths` gives those that are open.
///
/// ```
/// use ibex_nn::layers::Input;
/// use ibex_nn::ops;
///
/// let x = Input::new([3, 8]).tensor();
/// let y = ops::rearrange(&x, "a b (c d) -> a c (b d)", &[("d", 2)]);
/// assert_eq!(y.shape().to_string(), "(None, 4, 6)");
/// ```
#[track_caller]
#[must_use]
pub fn rearrange(
    tensor: impl Into<Argument<SymbolicTensor>>,
    pattern: &str,
    lengths: &[(&str, usize)],
) -> SymbolicTensor {
    let call = OperationCall::new("Rearrange", Location::caller()).positional(tensor);
    let call = call.positional(Argument::Value(pattern.into()));
    let add = |call: OperationCall, (name, length): &(&str, usize)| {
        call.named(name, Argument::Value((*length).into()))
    };
    lengths.iter().fold(call, add).tensor()
}
