//! Arrays of files to arrays of programs, and back.
//!
//! It must not know what the arrays mean.

use ibex_format::{RawArray, RawDType};
use ibex_graph::{Array, DType, Variable};

use crate::error::Result;

/// The dtype whose elements are the same bytes in memory; `None` if there is none.
pub(crate) fn dtype_of(raw: &RawArray) -> Option<DType> {
    // Files hold little-endian elements, and truth values that may be other numbers than 0 and 1.
    let dtype = match raw.dtype() {
        RawDType::F16 => DType::F16,
        RawDType::BF16 => DType::BF16,
        RawDType::F32 => DType::F32,
        RawDType::F64 => DType::F64,
        RawDType::I32 => DType::I32,
        RawDType::I64 => DType::I64,
        RawDType::U8 => DType::U8,
        _ => return None,
    };
    cfg!(target_endian = "little").then_some(dtype)
}

/// The array that a file holds; dtypes that programs lack become the next larger one.
///
/// # Errors
/// If a `uint64` element does not fit into an `int64`.
pub(crate) fn from_raw(raw: &RawArray) -> Result<Array> {
    let shape = raw.shape();
    if let Some(dtype) = dtype_of(raw) {
        return Ok(Array::from_bytes(dtype, shape, raw.data())?);
    }
    macro_rules! same {
        ($element:ty) => {
            Array::from_slice(shape, &raw.as_slice::<$element>()?)?
        };
    }
    Ok(match raw.dtype() {
        RawDType::F16 => same!(half::f16),
        RawDType::BF16 => same!(half::bf16),
        RawDType::F32 => same!(f32),
        RawDType::F64 => same!(f64),
        RawDType::I32 => same!(i32),
        RawDType::I64 => same!(i64),
        RawDType::U8 => same!(u8),
        RawDType::Bool => Array::from_bools(shape, &raw.to_bool_vec()?)?,
        RawDType::I8 | RawDType::I16 | RawDType::U16 | RawDType::U32 | RawDType::U64 => {
            let values = raw.to_i64_vec()?;
            let narrow: Result<Vec<i32>, _> = values.iter().map(|&v| i32::try_from(v)).collect();
            match narrow {
                Ok(narrow) => Array::from_slice(shape, &narrow)?,
                Err(_) => Array::from_slice(shape, &values)?,
            }
        }
    })
}

/// The array as a file holds it, a copy.
///
/// # Errors
/// If its size is more than a file can hold.
pub(crate) fn to_raw(array: &Array) -> Result<RawArray> {
    let shape = array.shape().dims();
    macro_rules! same {
        ($element:ty) => {
            RawArray::from_slice(shape, array.as_slice::<$element>()?)?
        };
    }
    Ok(match array.dtype() {
        DType::F16 => same!(half::f16),
        DType::BF16 => same!(half::bf16),
        DType::F32 => same!(f32),
        DType::F64 => same!(f64),
        DType::I32 => same!(i32),
        DType::I64 => same!(i64),
        DType::U8 => same!(u8),
        DType::Bool => RawArray::new(RawDType::Bool, shape.to_vec(), array.bytes().to_vec())?,
    })
}

/// The value of a variable as a file holds it, without a copy unless the variable is written
/// meanwhile: a model and the state of its optimizer are large.
///
/// # Errors
/// As for [`to_raw`].
pub(crate) fn lent(variable: &Variable) -> Result<RawArray> {
    let value = variable.snapshot();
    if cfg!(target_endian = "big") {
        return to_raw(&value);
    }
    let dtype = match value.dtype() {
        DType::F16 => RawDType::F16,
        DType::BF16 => RawDType::BF16,
        DType::F32 => RawDType::F32,
        DType::F64 => RawDType::F64,
        DType::I32 => RawDType::I32,
        DType::I64 => RawDType::I64,
        DType::U8 => RawDType::U8,
        DType::Bool => RawDType::Bool,
    };
    Ok(RawArray::lent(dtype, value.shape().dims().to_vec(), value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dtype_comes_back() {
        for dtype in DType::ALL {
            let array = Array::from_f64_slice(dtype, [2, 2], &[0.0, 1.0, 1.0, 0.0]);
            let back = from_raw(&to_raw(&array).unwrap()).unwrap();
            assert_eq!((back.dtype(), back.shape()), (dtype, array.shape()));
            assert_eq!(back.bytes(), array.bytes());
            let variable = Variable::new("value", array);
            let (lent, copied) = (lent(&variable).unwrap(), to_raw(&variable.get()).unwrap());
            variable.lock().bytes_mut().fill(1);
            assert_eq!(lent, copied);
        }
    }

    #[test]
    fn dtypes_that_programs_lack_are_widened() {
        let small = RawArray::from_slice(&[2], &[-3i8, 7]).unwrap();
        let wide = RawArray::from_slice(&[1], &[u32::MAX]).unwrap();
        let small = from_raw(&small).unwrap();
        assert_eq!((small.dtype(), small.to_f64_vec()), (DType::I32, vec![-3.0, 7.0]));
        assert_eq!(from_raw(&wide).unwrap().to_f64_vec(), [f64::from(u32::MAX)]);
        assert!(from_raw(&RawArray::scalar(u64::MAX)).is_err());
    }
}
