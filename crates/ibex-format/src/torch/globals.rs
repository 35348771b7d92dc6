//! The Python names that a pickle may mention, and what each stands for here.
//!
//! Whatever is not in the table is an error that names it: nothing is ever imported or called.

use crate::array::RawDType;

/// What a permitted name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    /// A type of storage: its elements, or bytes for the untyped one.
    Storage(RawDType),
    /// A dtype on its own.
    DType(RawDType),
    /// `(storage, offset, size, stride, …)`: a view of a storage.
    Tensor,
    /// As [`Global::Tensor`], with the dtype as seventh argument.
    TensorOfDType,
    /// `(tensor, …)`: a tensor that is trained.
    Parameter,
    /// `(function, type, arguments, state)`: what `function` makes of the arguments.
    FromType,
    /// A dictionary that keeps its order, made of nothing or of pairs.
    OrderedDict,
    /// A tuple of extents.
    Size,
    /// Something without weights in it: accepted, and passed over.
    Opaque,
}

/// Every permitted name.
const GLOBALS: &[(&str, &str, Global)] = &[
    ("collections", "OrderedDict", Global::OrderedDict),
    ("torch._utils", "_rebuild_tensor", Global::Tensor),
    ("torch._utils", "_rebuild_tensor_v2", Global::Tensor),
    ("torch._utils", "_rebuild_tensor_v3", Global::TensorOfDType),
    ("torch._utils", "_rebuild_parameter", Global::Parameter),
    ("torch._utils", "_rebuild_parameter_with_state", Global::Parameter),
    ("torch._tensor", "_rebuild_from_type_v2", Global::FromType),
    ("torch.nn.parameter", "Parameter", Global::Parameter),
    ("torch", "Tensor", Global::Opaque),
    ("torch", "Size", Global::Size),
    ("torch", "device", Global::Opaque),
    ("torch", "HalfStorage", Global::Storage(RawDType::F16)),
    ("torch", "BFloat16Storage", Global::Storage(RawDType::BF16)),
    ("torch", "FloatStorage", Global::Storage(RawDType::F32)),
    ("torch", "DoubleStorage", Global::Storage(RawDType::F64)),
    ("torch", "CharStorage", Global::Storage(RawDType::I8)),
    ("torch", "ShortStorage", Global::Storage(RawDType::I16)),
    ("torch", "IntStorage", Global::Storage(RawDType::I32)),
    ("torch", "LongStorage", Global::Storage(RawDType::I64)),
    ("torch", "ByteStorage", Global::Storage(RawDType::U8)),
    ("torch", "BoolStorage", Global::Storage(RawDType::Bool)),
    ("torch.storage", "UntypedStorage", Global::Storage(RawDType::U8)),
    ("torch", "float16", Global::DType(RawDType::F16)),
    ("torch", "bfloat16", Global::DType(RawDType::BF16)),
    ("torch", "float32", Global::DType(RawDType::F32)),
    ("torch", "float64", Global::DType(RawDType::F64)),
    ("torch", "int8", Global::DType(RawDType::I8)),
    ("torch", "int16", Global::DType(RawDType::I16)),
    ("torch", "int32", Global::DType(RawDType::I32)),
    ("torch", "int64", Global::DType(RawDType::I64)),
    ("torch", "uint8", Global::DType(RawDType::U8)),
    ("torch", "uint16", Global::DType(RawDType::U16)),
    ("torch", "uint32", Global::DType(RawDType::U32)),
    ("torch", "uint64", Global::DType(RawDType::U64)),
    ("torch", "bool", Global::DType(RawDType::Bool)),
    // Numbers of numpy that training scripts put beside the weights, such as the best accuracy.
    ("numpy", "dtype", Global::Opaque),
    ("numpy.core.multiarray", "scalar", Global::Opaque),
    ("numpy._core.multiarray", "scalar", Global::Opaque),
    ("_codecs", "encode", Global::Opaque),
];

/// What a name stands for, if it is permitted.
pub(super) fn find(module: &str, name: &str) -> Option<Global> {
    let row = GLOBALS.iter().find(|(m, n, _)| *m == module && *n == name);
    row.map(|(_, _, global)| *global)
}

/// The type of storage in which PyTorch keeps elements of this type, where it has one.
pub(super) fn storage_of(dtype: RawDType) -> Option<&'static str> {
    let row = GLOBALS
        .iter()
        .find(|(module, _, global)| *module == "torch" && *global == Global::Storage(dtype));
    row.map(|(_, name, _)| *name)
}
