//! `Zeros`, `Ones` and `Constant`: one value everywhere.

use ibex_graph::{Array, DType, Shape};
use serde::{Deserialize, Serialize};

use super::{Initialize, Seeds};
use crate::keras_object;

/// Zero everywhere.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Zeros {}

/// `Zeros {}`, so that it can be written without braces.
#[allow(non_upper_case_globals)] // It stands for the struct of the same name.
pub const Zeros: Zeros = Zeros {};

impl Initialize for Zeros {
    keras_object!(Zeros);

    fn initialize(&self, shape: &Shape, _: &mut Seeds) -> Array {
        Array::zeros(DType::F32, shape)
    }
}

/// One everywhere.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ones {}

/// `Ones {}`, so that it can be written without braces.
#[allow(non_upper_case_globals)] // It stands for the struct of the same name.
pub const Ones: Ones = Ones {};

impl Initialize for Ones {
    keras_object!(Ones);

    fn initialize(&self, shape: &Shape, _: &mut Seeds) -> Array {
        Array::full(DType::F32, shape, 1.0)
    }
}

/// The same value everywhere.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Constant {
    /// The value.
    pub value: f64,
}

impl Constant {
    /// `value` everywhere.
    pub fn new(value: f64) -> Constant {
        Constant { value }
    }
}

impl Initialize for Constant {
    keras_object!(Constant);

    fn initialize(&self, shape: &Shape, _: &mut Seeds) -> Array {
        Array::full(DType::F32, shape, self.value)
    }
}
