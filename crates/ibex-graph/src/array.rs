//! Host arrays: what goes into a program and what comes out of it.
//!
//! An [`Array`] owns contiguous row-major elements, aligned to 64 bytes so that kernels may use
//! it in place, or shares them ([`Array::share`]).

use std::fmt;

use bytemuck::Pod;
use half::{bf16, f16};

use crate::storage::Storage;
use crate::{DType, Shape};

/// A Rust type that is the element of some [`DType`].
pub trait Element: Pod + fmt::Debug + PartialEq {
    /// The dtype whose elements are stored as `Self`.
    const DTYPE: DType;
    /// The nearest `f64`.
    fn to_f64(self) -> f64;
    /// The nearest value to `x`; integers truncate toward zero and saturate.
    fn from_f64(x: f64) -> Self;
}

macro_rules! elements {
    ($($t:ty => $d:ident, $to:expr, $from:expr;)*) => {$(
        impl Element for $t {
            const DTYPE: DType = DType::$d;
            fn to_f64(self) -> f64 { $to(self) }
            fn from_f64(x: f64) -> $t { $from(x) }
        }
    )*};
}
elements! {
    u8 => U8, f64::from, |x| x as u8;
    i32 => I32, f64::from, |x| x as i32;
    i64 => I64, |v| v as f64, |x| x as i64;
    f16 => F16, f16::to_f64, f16::from_f64;
    bf16 => BF16, bf16::to_f64, bf16::from_f64;
    f32 => F32, f64::from, |x| x as f32;
    f64 => F64, |v| v, |x| x;
}

/// Runs `$body` with the type `$t` bound to the element type of `$dtype` (`bool` as `u8`).
#[macro_export]
macro_rules! with_element {
    ($dtype:expr, $t:ident => $body:expr) => {
        match $dtype {
            $crate::DType::Bool | $crate::DType::U8 => {
                type $t = u8;
                $body
            }
            $crate::DType::I32 => {
                type $t = i32;
                $body
            }
            $crate::DType::I64 => {
                type $t = i64;
                $body
            }
            $crate::DType::F16 => {
                type $t = ::half::f16;
                $body
            }
            $crate::DType::BF16 => {
                type $t = ::half::bf16;
                $body
            }
            $crate::DType::F32 => {
                type $t = f32;
                $body
            }
            $crate::DType::F64 => {
                type $t = f64;
                $body
            }
        }
    };
}

/// An array in host memory: dtype, shape and elements in row-major order.
#[derive(Clone)]
pub struct Array {
    dtype: DType,
    shape: Shape,
    storage: Storage,
}

/// The number of elements given does not fit the shape, or the dtype is another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArrayError {
    /// Elements given and elements wanted differ.
    #[error("an array of shape {shape} has {expected} elements\n  received  {received} elements")]
    Size {
        /// The shape asked for.
        shape: Shape,
        /// Its number of elements.
        expected: usize,
        /// How many were given.
        received: usize,
    },
    /// The elements are of another type than asked for.
    #[error("the array holds {held}\n  expected  {asked}\n  help: cast it first")]
    DType {
        /// The dtype asked for.
        asked: DType,
        /// The dtype of the array.
        held: DType,
    },
}

impl AsRef<[u8]> for Array {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl Array {
    /// An array of zeros.
    pub fn zeros(dtype: DType, shape: impl Into<Shape>) -> Array {
        let shape = shape.into();
        let bytes = shape.size() * dtype.size();
        Array { dtype, shape, storage: Storage::zeros(bytes) }
    }

    /// An array whose elements are of no particular value, for who writes all of them.
    ///
    /// ```
    /// # use ibex_graph::{Array, DType};
    /// let mut array = Array::unset(DType::F32, [3]);
    /// array.as_mut_slice::<f32>()?.copy_from_slice(&[1., 2., 3.]);
    /// assert_eq!(array.to_f32_vec(), [1., 2., 3.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unset(dtype: DType, shape: impl Into<Shape>) -> Array {
        let shape = shape.into();
        let bytes = shape.size() * dtype.size();
        Array { dtype, shape, storage: Storage::unset(bytes) }
    }

    /// An array whose every element is `value`, cast to `dtype`.
    pub fn full(dtype: DType, shape: impl Into<Shape>, value: f64) -> Array {
        let mut array = Array::zeros(dtype, shape);
        if dtype == DType::Bool {
            array.bytes_mut().fill((value != 0.0) as u8);
        } else if value.to_bits() != 0 {
            with_element!(dtype, T => {
                let elements: &mut [T] = bytemuck::cast_slice_mut(array.bytes_mut());
                elements.fill(T::from_f64(value));
            });
        }
        array
    }

    /// A scalar of the dtype of `T`.
    pub fn scalar<T: Element>(value: T) -> Array {
        let mut array = Array::zeros(T::DTYPE, Shape::scalar());
        array.bytes_mut().copy_from_slice(bytemuck::bytes_of(&value));
        array
    }

    /// An array of `shape` with the given elements, row-major.
    pub fn from_slice<T: Element>(
        shape: impl Into<Shape>,
        values: &[T],
    ) -> Result<Array, ArrayError> {
        Array::from_bytes(T::DTYPE, shape, bytemuck::cast_slice(values))
    }

    /// An array of booleans.
    pub fn from_bools(shape: impl Into<Shape>, values: &[bool]) -> Result<Array, ArrayError> {
        let bytes: Vec<u8> = values.iter().map(|&b| b as u8).collect();
        Array::from_bytes(DType::Bool, shape, &bytes)
    }

    /// An array from the native-endian bytes of its elements.
    pub fn from_bytes(
        dtype: DType,
        shape: impl Into<Shape>,
        bytes: &[u8],
    ) -> Result<Array, ArrayError> {
        let shape = shape.into();
        let size = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if size.and_then(|n| n.checked_mul(dtype.size())) != Some(bytes.len()) {
            let (expected, received) = (size.unwrap_or(usize::MAX), bytes.len() / dtype.size());
            return Err(ArrayError::Size { shape, expected, received });
        }
        let mut array = Array::unset(dtype, shape);
        array.bytes_mut().copy_from_slice(bytes);
        Ok(array)
    }

    /// An array of `dtype` from `f64` values; `values` beyond the shape's size are ignored and
    /// missing ones are zero.
    pub fn from_f64_slice(dtype: DType, shape: impl Into<Shape>, values: &[f64]) -> Array {
        let mut array = Array::zeros(dtype, shape);
        if dtype == DType::Bool {
            for (to, &from) in array.bytes_mut().iter_mut().zip(values) {
                *to = (from != 0.0) as u8;
            }
            return array;
        }
        with_element!(dtype, T => {
            let elements: &mut [T] = bytemuck::cast_slice_mut(array.bytes_mut());
            for (to, &from) in elements.iter_mut().zip(values) {
                *to = T::from_f64(from);
            }
        });
        array
    }

    /// The dtype of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.shape.size()
    }

    /// The elements as native-endian bytes.
    pub fn bytes(&self) -> &[u8] {
        let len = self.shape.size() * self.dtype.size();
        &self.storage.bytes()[..len]
    }

    /// The elements as native-endian bytes, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let len = self.shape.size() * self.dtype.size();
        &mut self.storage.bytes_mut()[..len]
    }

    /// The elements, if they are of type `T`; `bool` can be read as `u8`.
    pub fn as_slice<T: Element>(&self) -> Result<&[T], ArrayError> {
        self.check::<T>()?;
        Ok(bytemuck::cast_slice(self.bytes()))
    }

    /// The elements, to be written, if they are of type `T`.
    pub fn as_mut_slice<T: Element>(&mut self) -> Result<&mut [T], ArrayError> {
        self.check::<T>()?;
        Ok(bytemuck::cast_slice_mut(self.bytes_mut()))
    }

    fn check<T: Element>(&self) -> Result<(), ArrayError> {
        let bool_as_u8 = self.dtype == DType::Bool && T::DTYPE == DType::U8;
        match self.dtype == T::DTYPE || bool_as_u8 {
            true => Ok(()),
            false => Err(ArrayError::DType { asked: T::DTYPE, held: self.dtype }),
        }
    }

    /// The elements as `f64`.
    pub fn to_f64_vec(&self) -> Vec<f64> {
        with_element!(self.dtype, T => {
            bytemuck::cast_slice::<u8, T>(self.bytes()).iter().map(|v| v.to_f64()).collect()
        })
    }

    /// The elements as `f32`, cast if need be.
    pub fn to_f32_vec(&self) -> Vec<f32> {
        match self.as_slice::<f32>() {
            Ok(values) => values.to_vec(),
            Err(_) => self.to_f64_vec().into_iter().map(|v| v as f32).collect(),
        }
    }

    /// A copy with elements of another dtype, by way of `f64` (integers beyond 2^53 round).
    pub fn cast(&self, dtype: DType) -> Array {
        if dtype == self.dtype {
            return self.clone();
        }
        Array::from_f64_slice(dtype, self.shape.clone(), &self.to_f64_vec())
    }

    /// The same elements under another shape of the same size.
    pub fn reshape(mut self, shape: impl Into<Shape>) -> Result<Array, ArrayError> {
        let shape = shape.into();
        if shape.size() != self.size() {
            let (expected, received) = (shape.size(), self.size());
            return Err(ArrayError::Size { shape, expected, received });
        }
        self.shape = shape;
        Ok(self)
    }

    /// Lets clones and [`rows`](Array::rows) of this array share its memory; who writes to one of
    /// them makes a copy of its own first.
    ///
    /// ```
    /// # use ibex_graph::Array;
    /// let mut x = Array::from_slice([3, 2], &[1f32, 2., 3., 4., 5., 6.])?;
    /// x.share();
    /// let mut last = x.rows(2, 3);
    /// assert!(x.bytes().as_ptr_range().contains(&last.bytes().as_ptr()));
    /// last.as_mut_slice::<f32>()?[0] = 0.0;
    /// assert_eq!(x.to_f32_vec()[4], 5.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn share(&mut self) {
        self.storage.share(self.shape.size() * self.dtype.size());
    }

    /// Rows `start..end` along the first axis; the range is clipped to what is there.
    pub fn rows(&self, start: usize, end: usize) -> Array {
        let count = self.shape.first().copied().unwrap_or(1);
        let (end, start) = (end.min(count), start.min(end).min(count));
        let mut dims = self.shape.to_vec();
        if let Some(first) = dims.first_mut() {
            *first = end - start;
        }
        let shape = Shape::from(dims);
        let mut array = Array { dtype: self.dtype, shape, storage: Storage::unset(0) };
        array.set_rows(self, start);
        array
    }

    /// Becomes the rows of `of` from `start` on, as many as this array has; nothing is copied
    /// where `of` shares its memory.
    ///
    /// Both arrays have the same dtype and the same axes but the first; rows that are not there
    /// are left out.
    pub fn set_rows(&mut self, of: &Array, start: usize) {
        let count = of.shape.first().copied().unwrap_or(1);
        let row = of.bytes().len().checked_div(count).unwrap_or(0);
        let from = start.min(count) * row;
        let bytes = self.shape.size() * self.dtype.size();
        match of.storage.part(from..from + bytes) {
            Some(part) => self.storage = part,
            None => {
                let there = bytes.min(of.bytes().len() - from);
                if self.storage.bytes().len() < bytes {
                    let zeros = there < bytes;
                    self.storage =
                        if zeros { Storage::zeros(bytes) } else { Storage::unset(bytes) };
                }
                self.bytes_mut()[..there].copy_from_slice(&of.bytes()[from..from + there]);
            }
        }
    }
}

impl PartialEq for Array {
    /// Same dtype, shape and bits (so NaN equals itself, and `0.0` differs from `-0.0`).
    fn eq(&self, other: &Array) -> bool {
        self.dtype == other.dtype && self.shape == other.shape && self.bytes() == other.bytes()
    }
}

impl Eq for Array {}

impl std::hash::Hash for Array {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.dtype.hash(state);
        self.shape.hash(state);
        self.bytes().hash(state);
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.to_f64_vec();
        let shown = &values[..values.len().min(8)];
        let dots = if values.len() > 8 { ", …" } else { "" };
        write!(f, "{}{} {shown:?}{dots}", self.dtype, self.shape)
    }
}

impl fmt::Display for Array {
    /// Nested brackets, as NumPy prints arrays, six significant digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn level(
            f: &mut fmt::Formatter<'_>,
            dims: &[usize],
            v: &[f64],
            indent: usize,
        ) -> fmt::Result {
            let Some((&first, rest)) = dims.split_first() else {
                return write!(f, "{}", v.first().map_or(String::new(), |x| short(*x)));
            };
            let row: usize = rest.iter().product();
            write!(f, "[")?;
            for i in 0..first {
                if i > 0 && rest.is_empty() {
                    write!(f, ", ")?;
                } else if i > 0 {
                    write!(f, ",\n{:indent$}", "")?;
                }
                level(f, rest, &v[i * row..(i + 1) * row], indent + 1)?;
            }
            write!(f, "]")
        }
        level(f, &self.shape, &self.to_f64_vec(), 1)
    }
}

fn short(x: f64) -> String {
    let text = format!("{x:.6}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

impl<T: Element, S: ndarray::Data<Elem = T>, D: ndarray::Dimension> From<&ndarray::ArrayBase<S, D>>
    for Array
{
    fn from(array: &ndarray::ArrayBase<S, D>) -> Array {
        let mut out = Array::zeros(T::DTYPE, array.shape());
        let to: &mut [T] = bytemuck::cast_slice_mut(out.bytes_mut());
        for (to, &from) in to.iter_mut().zip(array.iter()) {
            *to = from;
        }
        out
    }
}

impl<T: Element, S: ndarray::Data<Elem = T>, D: ndarray::Dimension> From<ndarray::ArrayBase<S, D>>
    for Array
{
    fn from(array: ndarray::ArrayBase<S, D>) -> Array {
        Array::from(&array)
    }
}

impl From<&Array> for Array {
    fn from(array: &Array) -> Array {
        array.clone()
    }
}

impl Array {
    /// A copy as an `ndarray`, cast to `T` if need be.
    pub fn to_ndarray<T: Element>(&self) -> ndarray::ArrayD<T> {
        let values = self.cast(T::DTYPE);
        let values: Vec<T> = bytemuck::cast_slice(values.bytes()).to_vec();
        ndarray::ArrayD::from_shape_fn(self.shape.to_vec(), {
            let mut next = values.into_iter();
            move |_| next.next().unwrap_or_else(T::zeroed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_aligned_and_typed() {
        let a = Array::from_slice([2, 2], &[1f32, 2., 3., 4.]).unwrap();
        assert_eq!(a.bytes().as_ptr() as usize % 64, 0);
        assert_eq!(a.as_slice::<f32>().unwrap(), [1., 2., 3., 4.]);
        assert!(a.as_slice::<i32>().is_err());
        assert!(Array::from_slice([3], &[1f32]).is_err());
        assert_eq!(a.rows(1, 9).to_f64_vec(), [3., 4.]);
        assert_eq!(a.cast(DType::I32).as_slice::<i32>().unwrap(), [1, 2, 3, 4]);
        assert_eq!(a.to_string(), "[[1, 2],\n [3, 4]]");
    }

    #[test]
    fn shared_rows_are_those_of_the_array_until_one_is_written() {
        let numbers: Vec<f32> = (0..15).map(|i| i as f32).collect();
        for shared in [false, true] {
            let mut x = Array::from_slice([5, 3], &numbers).unwrap();
            if shared {
                x.share();
            }
            let inner = x.rows(1, 5).rows(1, 3);
            assert_eq!(inner.to_f32_vec(), numbers[6..12]);
            assert_eq!(inner.bytes().as_ptr() == x.bytes()[24..].as_ptr(), shared);
            let mut batch = x.rows(0, 2);
            for start in [3, 0, 1] {
                batch.set_rows(&x, start);
                assert_eq!(batch.to_f32_vec(), numbers[3 * start..3 * start + 6]);
            }
            // Nothing follows the last row, though memory does.
            let mut beyond = x.rows(4, 5);
            beyond.set_rows(&x, 5);
            assert_eq!(beyond.to_f32_vec(), numbers[12..]);
            // The last row, and one that is not there.
            let kept = batch.to_f32_vec()[3..].to_vec();
            batch.set_rows(&x, 4);
            assert_eq!(batch.to_f32_vec(), [&numbers[12..], &kept].concat());
            batch.as_mut_slice::<f32>().unwrap().fill(-1.0);
            let mut copy = x.clone();
            copy.as_mut_slice::<f32>().unwrap().fill(-2.0);
            assert_eq!(x.to_f32_vec(), numbers);
            assert_eq!(inner.to_f32_vec(), numbers[6..12]);
            assert_eq!(x.rows(4, 9), x.clone().rows(4, 5));
            x.as_mut_slice::<f32>().unwrap()[6] = 99.0;
            assert_eq!(inner.to_f32_vec()[0], 6.0);
        }
    }

    #[test]
    fn ndarray_round_trip() {
        let a = ndarray::array![[1f64, 2.], [3., 4.]];
        let b = Array::from(&a.t());
        assert_eq!(b.to_f64_vec(), [1., 3., 2., 4.]);
        assert_eq!(b.to_ndarray::<f64>(), a.t().into_dyn());
    }
}
