//! An array as a file holds it: element type, shape, little-endian bytes in row-major order.
//!
//! It must not know any file format, nor what the numbers mean.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use half::{bf16, f16};

use crate::bytes::{ByteSource, SharedBytes};
use crate::error::{FormatError, Problem, Result, shape_text};

/// The type of the elements of a [`RawArray`], named as numpy and Keras name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RawDType {
    /// IEEE half precision.
    F16,
    /// The upper half of a float32.
    BF16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// Signed, 8 bits.
    I8,
    /// Signed, 16 bits.
    I16,
    /// Signed, 32 bits.
    I32,
    /// Signed, 64 bits.
    I64,
    /// Unsigned, 8 bits.
    U8,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits.
    U64,
    /// One byte per element, 0 or 1.
    Bool,
}

impl RawDType {
    /// Every element type, in the order of the declaration.
    pub const ALL: [Self; 13] = [
        Self::F16,
        Self::BF16,
        Self::F32,
        Self::F64,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::Bool,
    ];

    /// Bytes per element.
    pub const fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// The name in numpy and Keras: `float32`, `bfloat16`, `uint8`, `bool`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::Bool => "bool",
        }
    }
}

impl fmt::Display for RawDType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

mod private {
    pub trait Sealed {}
}

/// A Rust number that can be an element of a [`RawArray`].
pub trait Element: bytemuck::Pod + private::Sealed {
    /// The element type under which it is stored.
    const DTYPE: RawDType;

    /// The number that these bytes, exactly one element in little-endian order, stand for.
    fn from_little_endian(bytes: &[u8]) -> Self;

    /// Appends the little-endian bytes of the number.
    fn append_little_endian(self, bytes: &mut Vec<u8>);
}

macro_rules! elements {
    ($($number:ty => $dtype:ident),+ $(,)?) => {$(
        impl private::Sealed for $number {}
        impl Element for $number {
            const DTYPE: RawDType = RawDType::$dtype;

            fn from_little_endian(bytes: &[u8]) -> Self {
                let mut buffer = [0; size_of::<$number>()];
                buffer.copy_from_slice(bytes);
                <$number>::from_le_bytes(buffer)
            }

            fn append_little_endian(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )+};
}

elements! {
    f16 => F16, bf16 => BF16, f32 => F32, f64 => F64,
    i8 => I8, i16 => I16, i32 => I32, i64 => I64,
    u8 => U8, u16 => U16, u32 => U32, u64 => U64,
}

/// Runs an expression with `$number` bound to the Rust type of a numeric element type.
macro_rules! for_number {
    ($dtype:expr, $number:ident => $body:expr, bool => $boolean:expr) => {
        match $dtype {
            RawDType::F16 => {
                type $number = f16;
                $body
            }
            RawDType::BF16 => {
                type $number = bf16;
                $body
            }
            RawDType::F32 => {
                type $number = f32;
                $body
            }
            RawDType::F64 => {
                type $number = f64;
                $body
            }
            RawDType::I8 => {
                type $number = i8;
                $body
            }
            RawDType::I16 => {
                type $number = i16;
                $body
            }
            RawDType::I32 => {
                type $number = i32;
                $body
            }
            RawDType::I64 => {
                type $number = i64;
                $body
            }
            RawDType::U8 => {
                type $number = u8;
                $body
            }
            RawDType::U16 => {
                type $number = u16;
                $body
            }
            RawDType::U32 => {
                type $number = u32;
                $body
            }
            RawDType::U64 => {
                type $number = u64;
                $body
            }
            RawDType::Bool => $boolean,
        }
    };
}

/// An array as a file holds it; its bytes always fit its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawArray {
    dtype: RawDType,
    shape: Vec<usize>,
    data: Data,
}

/// The bytes of an array: its own, or those of a file where they lie.
#[derive(Clone)]
enum Data {
    Owned(Vec<u8>),
    /// A section of bytes in memory, or of a mapped file.
    Shared(ByteSource),
}

impl Deref for Data {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Data::Owned(bytes) => bytes,
            // `RawArray::shared` takes only sources that lie in memory.
            Data::Shared(source) => source.memory().unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Data) -> bool {
        **self == **other
    }
}

impl Eq for Data {}

impl RawArray {
    /// An array of little-endian bytes in row-major order.
    ///
    /// # Errors
    /// When the number of bytes is not that of the shape, or a `Bool` byte is neither 0 nor 1.
    pub fn new(dtype: RawDType, shape: Vec<usize>, data: Vec<u8>) -> Result<Self> {
        Self::of(dtype, shape, Data::Owned(data))
    }

    /// An array of bytes that stay with whoever lends them.
    ///
    /// # Errors
    /// As [`RawArray::new`].
    pub fn lent(dtype: RawDType, shape: Vec<usize>, bytes: SharedBytes) -> Result<Self> {
        Self::of(dtype, shape, Data::Shared(ByteSource::lent(bytes)))
    }

    /// An array of bytes that stay where they are, or a copy of them if they are in no memory.
    ///
    /// # Errors
    /// As [`RawArray::new`]; and when the bytes cannot be read.
    pub(crate) fn shared(dtype: RawDType, shape: Vec<usize>, source: ByteSource) -> Result<Self> {
        match source.memory() {
            Some(_) => Self::of(dtype, shape, Data::Shared(source)),
            None => {
                let bytes = source.read_vec_at(0, source.len());
                Self::new(dtype, shape, bytes.map_err(FormatError::reading(""))?)
            }
        }
    }

    fn of(dtype: RawDType, shape: Vec<usize>, data: Data) -> Result<Self> {
        let bytes = byte_count(dtype, &shape)?;
        if bytes != data.len() {
            return Err(Problem::new("the bytes do not fill the shape of the array")
                .expected(format!("{bytes} bytes for {dtype} of shape {}", shape_text(&shape)))
                .received(format!("{} bytes", data.len()))
                .invalid());
        }
        if dtype == RawDType::Bool
            && let Some(index) = data.iter().position(|&byte| byte > 1)
        {
            return Err(Problem::new("a bool array holds a byte that is no truth value")
                .expected("0 or 1")
                .received(format!("{} at element {index}", data[index]))
                .damaged());
        }
        Ok(Self { dtype, shape, data })
    }

    /// An array holding these numbers in row-major order.
    ///
    /// # Errors
    /// When the number of values is not that of the shape.
    pub fn from_slice<T: Element>(shape: &[usize], values: &[T]) -> Result<Self> {
        let data = if cfg!(target_endian = "little") {
            bytemuck::cast_slice(values).to_vec()
        } else {
            let mut data = Vec::with_capacity(size_of_val(values));
            values.iter().for_each(|value| value.append_little_endian(&mut data));
            data
        };
        Self::new(T::DTYPE, shape.to_vec(), data)
    }

    /// An array holding these truth values in row-major order.
    ///
    /// # Errors
    /// When the number of values is not that of the shape.
    pub fn from_bools(shape: &[usize], values: &[bool]) -> Result<Self> {
        Self::new(RawDType::Bool, shape.to_vec(), values.iter().map(|&v| u8::from(v)).collect())
    }

    /// An array of rank 0.
    pub fn scalar<T: Element>(value: T) -> Self {
        let mut data = Vec::with_capacity(size_of::<T>());
        value.append_little_endian(&mut data);
        Self { dtype: T::DTYPE, shape: Vec::new(), data: Data::Owned(data) }
    }

    /// The type of the elements.
    pub fn dtype(&self) -> RawDType {
        self.dtype
    }

    /// The extent of each axis; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements; 1 for a scalar.
    pub fn len(&self) -> usize {
        self.data.len() / self.dtype.size()
    }

    /// Whether there are no elements: some axis has extent 0.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The little-endian bytes in row-major order.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Gives the little-endian bytes away.
    pub fn into_data(self) -> Vec<u8> {
        match self.data {
            Data::Owned(bytes) => bytes,
            shared @ Data::Shared(_) => shared.to_vec(),
        }
    }

    /// The elements as they are stored, borrowed where the memory allows it.
    ///
    /// # Errors
    /// When the elements are of another type: nothing is converted.
    pub fn as_slice<T: Element>(&self) -> Result<Cow<'_, [T]>> {
        if T::DTYPE != self.dtype {
            return Err(self.wrong_dtype(T::DTYPE.name()));
        }
        if cfg!(target_endian = "little")
            && let Ok(values) = bytemuck::try_cast_slice(&self.data)
        {
            return Ok(Cow::Borrowed(values));
        }
        Ok(Cow::Owned(self.elements::<T>().collect()))
    }

    /// The elements of a float32 array; see [`RawArray::as_slice`].
    ///
    /// # Errors
    /// When the elements are of another type.
    pub fn as_f32(&self) -> Result<Cow<'_, [f32]>> {
        self.as_slice()
    }

    /// The elements of a float64 array; see [`RawArray::as_slice`].
    ///
    /// # Errors
    /// When the elements are of another type.
    pub fn as_f64(&self) -> Result<Cow<'_, [f64]>> {
        self.as_slice()
    }

    /// The elements of an int32 array; see [`RawArray::as_slice`].
    ///
    /// # Errors
    /// When the elements are of another type.
    pub fn as_i32(&self) -> Result<Cow<'_, [i32]>> {
        self.as_slice()
    }

    /// The elements of an int64 array; see [`RawArray::as_slice`].
    ///
    /// # Errors
    /// When the elements are of another type.
    pub fn as_i64(&self) -> Result<Cow<'_, [i64]>> {
        self.as_slice()
    }

    /// The elements of a uint32 array; see [`RawArray::as_slice`].
    ///
    /// # Errors
    /// When the elements are of another type.
    pub fn as_u32(&self) -> Result<Cow<'_, [u32]>> {
        self.as_slice()
    }

    /// The elements of a uint8 array; see [`RawArray::as_slice`].
    ///
    /// # Errors
    /// When the elements are of another type.
    pub fn as_u8(&self) -> Result<&[u8]> {
        match self.dtype {
            RawDType::U8 => Ok(&self.data),
            _ => Err(self.wrong_dtype("uint8")),
        }
    }

    /// The elements of a bool array.
    ///
    /// # Errors
    /// When the elements are of another type.
    pub fn to_bool_vec(&self) -> Result<Vec<bool>> {
        match self.dtype {
            RawDType::Bool => Ok(self.data.iter().map(|&byte| byte != 0).collect()),
            _ => Err(self.wrong_dtype("bool")),
        }
    }

    /// Every element as the nearest float32; truth values as 0 and 1.
    pub fn to_f32_vec(&self) -> Vec<f32> {
        for_number!(self.dtype,
            T => self.elements::<T>().map(ToF32::to_f32_nearest).collect(),
            bool => self.data.iter().map(|&byte| f32::from(byte)).collect())
    }

    /// Every element as the nearest float64; truth values as 0 and 1.
    pub fn to_f64_vec(&self) -> Vec<f64> {
        for_number!(self.dtype,
            T => self.elements::<T>().map(ToF64::to_f64_nearest).collect(),
            bool => self.data.iter().map(|&byte| f64::from(byte)).collect())
    }

    /// Every element of an integer or bool array as int64.
    ///
    /// # Errors
    /// When the elements are floating-point, or a uint64 does not fit.
    pub fn to_i64_vec(&self) -> Result<Vec<i64>> {
        match self.dtype {
            RawDType::I8 => Ok(self.elements::<i8>().map(i64::from).collect()),
            RawDType::I16 => Ok(self.elements::<i16>().map(i64::from).collect()),
            RawDType::I32 => Ok(self.elements::<i32>().map(i64::from).collect()),
            RawDType::I64 => Ok(self.elements::<i64>().collect()),
            RawDType::U8 | RawDType::Bool => Ok(self.data.iter().map(|&v| i64::from(v)).collect()),
            RawDType::U16 => Ok(self.elements::<u16>().map(i64::from).collect()),
            RawDType::U32 => Ok(self.elements::<u32>().map(i64::from).collect()),
            RawDType::U64 => self.elements::<u64>().map(i64_from_u64).collect(),
            RawDType::F16 | RawDType::BF16 | RawDType::F32 | RawDType::F64 => {
                Err(self.wrong_dtype("an integer type or bool"))
            }
        }
    }

    fn elements<T: Element>(&self) -> impl Iterator<Item = T> + '_ {
        self.data.chunks_exact(size_of::<T>()).map(T::from_little_endian)
    }

    fn wrong_dtype(&self, expected: &str) -> crate::FormatError {
        Problem::new("the array holds elements of another type")
            .expected(expected)
            .received(format!("{} of shape {}", self.dtype, shape_text(&self.shape)))
            .invalid()
    }
}

/// The number of bytes of an array, or an error when it cannot exist in memory.
pub(crate) fn byte_count(dtype: RawDType, shape: &[usize]) -> Result<usize> {
    // A zero anywhere makes the array empty, however large the other axes are.
    if shape.contains(&0) {
        return Ok(0);
    }
    shape
        .iter()
        .try_fold(dtype.size(), |bytes, &extent| bytes.checked_mul(extent))
        .filter(|&bytes| isize::try_from(bytes).is_ok())
        .ok_or_else(|| {
            Problem::new("the shape is larger than any memory")
                .received(format!("{dtype} of shape {}", shape_text(shape)))
                .refused()
        })
}

fn i64_from_u64(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| {
        Problem::new("a uint64 element does not fit into an int64")
            .expected(format!("at most {}", i64::MAX))
            .received(value.to_string())
            .invalid()
    })
}

trait ToF32 {
    fn to_f32_nearest(self) -> f32;
}

trait ToF64 {
    fn to_f64_nearest(self) -> f64;
}

macro_rules! conversions {
    ($($number:ty: $value:ident => $single:expr, $double:expr);+ $(;)?) => {$(
        impl ToF32 for $number {
            fn to_f32_nearest(self) -> f32 {
                let $value = self;
                $single
            }
        }
        impl ToF64 for $number {
            fn to_f64_nearest(self) -> f64 {
                let $value = self;
                $double
            }
        }
    )+};
}

conversions! {
    f16: v => v.to_f32(), v.to_f64();
    bf16: v => v.to_f32(), v.to_f64();
    f32: v => v, f64::from(v);
    f64: v => v as f32, v;
    i8: v => f32::from(v), f64::from(v);
    i16: v => f32::from(v), f64::from(v);
    i32: v => v as f32, f64::from(v);
    i64: v => v as f32, v as f64;
    u8: v => f32::from(v), f64::from(v);
    u16: v => f32::from(v), f64::from(v);
    u32: v => v as f32, f64::from(v);
    u64: v => v as f32, v as f64;
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn bytes_must_fill_the_shape() {
        let error = RawArray::new(RawDType::F32, vec![3, 4], vec![0; 12]).unwrap_err();
        expect![[r#"
            the bytes do not fill the shape of the array
              expected  48 bytes for float32 of shape (3, 4)
              received  12 bytes"#]]
        .assert_eq(&error.to_string());
    }

    #[test]
    fn a_shape_that_overflows_is_refused() {
        let error = RawArray::new(RawDType::F64, vec![usize::MAX, 2], vec![]).unwrap_err();
        assert!(matches!(error, crate::FormatError::Refused(_)), "{error}");
        let empty = RawArray::new(RawDType::F64, vec![usize::MAX, 2, 0], vec![]);
        assert!(empty.is_ok_and(|array| array.is_empty()));
    }

    #[test]
    fn truth_values_are_zero_or_one() {
        assert!(RawArray::new(RawDType::Bool, vec![2], vec![0, 2]).is_err());
        let array = RawArray::from_bools(&[2], &[true, false]).unwrap();
        assert_eq!(array.to_bool_vec().unwrap(), [true, false]);
        assert_eq!(array.to_f32_vec(), [1.0, 0.0]);
    }

    #[test]
    fn elements_come_back_as_they_went_in() {
        let array = RawArray::from_slice(&[2], &[1.5f32, -2.0]).unwrap();
        assert_eq!(&*array.as_f32().unwrap(), [1.5, -2.0]);
        assert_eq!(array.data(), [0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0]);
        assert!(array.as_f64().is_err());
        assert_eq!(RawArray::scalar(7i64).to_i64_vec().unwrap(), [7]);
        assert!(array.to_i64_vec().is_err());
    }

    #[test]
    fn every_number_converts_to_f32() {
        let halves = [f16::from_f32(0.5), f16::from_f32(-4.0)];
        assert_eq!(RawArray::from_slice(&[2], &halves).unwrap().to_f32_vec(), [0.5, -4.0]);
        let brains = [bf16::from_f32(0.5), bf16::from_f32(-4.0)];
        assert_eq!(RawArray::from_slice(&[2], &brains).unwrap().to_f32_vec(), [0.5, -4.0]);
        assert_eq!(RawArray::scalar(1e-3f64).to_f32_vec(), [1e-3f32]);
        assert_eq!(RawArray::scalar(-5i8).to_f32_vec(), [-5.0]);
        assert_eq!(RawArray::scalar(u64::MAX).to_f64_vec(), [u64::MAX as f64]);
        assert!(RawArray::scalar(u64::MAX).to_i64_vec().is_err());
    }
}
