//! The variables of the examples.

use ibex_graph::{DType, Tensor};

/// `x`: `float32 (2, 3)`.
pub(super) fn x() -> Tensor {
    Tensor::input("x", DType::F32, [2, 3])
}

/// `y`: `float32 (2, 3)`.
pub(super) fn y() -> Tensor {
    Tensor::input("y", DType::F32, [2, 3])
}

/// `row`: `float32 (3,)`.
pub(super) fn row() -> Tensor {
    Tensor::input("row", DType::F32, [3])
}

/// `column`: `float32 (2, 1)`.
pub(super) fn column() -> Tensor {
    Tensor::input("column", DType::F32, [2, 1])
}

/// `p`: `bool (2, 3)`.
pub(super) fn p() -> Tensor {
    Tensor::input("p", DType::Bool, [2, 3])
}

/// `table`: `float32 (4, 5)`.
pub(super) fn table() -> Tensor {
    Tensor::input("table", DType::F32, [4, 5])
}

/// `indices`: `int32 (2, 3)`.
pub(super) fn indices() -> Tensor {
    Tensor::input("indices", DType::I32, [2, 3])
}
