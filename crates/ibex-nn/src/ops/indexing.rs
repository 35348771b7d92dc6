//! `x.slice(s![.., 1.., ..;2])`: parts of symbolic tensors, in ndarray's notation.

use std::panic::Location;

use ndarray::SliceInfoElem;
use serde_json::{Value, json};

use super::OperationCall;
use crate::arguments::Argument;
use crate::models::symbolic::SymbolicTensor;

impl SymbolicTensor {
    /// A part of this tensor: positions, ranges with steps, new axes. `x[…]` in Keras.
    ///
    /// Negative positions count from the end.
    /// Axes that are not spoken of stay whole.
    ///
    /// ```
    /// use ibex_nn::layers::Input;
    /// use ndarray::s;
    ///
    /// let x = Input::new([6, 4]).tensor();
    /// assert_eq!(x.slice(s![.., 1.., ..;2]).shape().to_string(), "(None, 5, 2)");
    /// assert_eq!(x.slice(s![.., -1]).shape().to_string(), "(None, 4)");
    /// ```
    #[track_caller]
    #[must_use]
    pub fn slice(&self, parts: impl AsRef<[SliceInfoElem]>) -> SymbolicTensor {
        let keys = parts.as_ref().iter().map(|part| Argument::Value(key(part))).collect();
        let call = OperationCall::new("GetItem", Location::caller());
        call.positional(self).positional(Argument::List(keys)).tensor()
    }
}

/// One part of a key, as Keras writes it.
fn key(part: &SliceInfoElem) -> Value {
    match part {
        SliceInfoElem::Index(at) => json!(at),
        SliceInfoElem::NewAxis => Value::Null,
        SliceInfoElem::Slice { start, end, step } => {
            // ndarray turns a range round after it is cut, Python counts back from its end.
            let (first, last) = match *step < 0 {
                false => (json!(start), json!(end)),
                true => {
                    let before =
                        |place: isize| if place == 0 { Value::Null } else { json!(place - 1) };
                    (end.map_or(Value::Null, |end| json!(end - 1)), before(*start))
                }
            };
            let first = if *start == 0 && *step > 0 { Value::Null } else { first };
            let config = json!({"start": first, "stop": last, "step": step});
            json!({"class_name": "__slice__", "config": config})
        }
    }
}
