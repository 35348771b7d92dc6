//! Elements in another order than they lie in: strided views and permuted axes.
//!
//! It must not know element types: an element is a number of bytes.

use crate::array::RawArray;
use crate::error::{Problem, Result, shape_text};

/// Copies elements of `size` bytes into row-major order; strides count elements.
///
/// The caller has checked that the last element lies within `bytes`.
pub(crate) fn gather(bytes: &[u8], shape: &[usize], strides: &[usize], size: usize) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let mut rows = Vec::with_capacity(count.saturating_mul(size));
    if count == 0 {
        return rows;
    }
    let mut index = vec![0usize; shape.len()];
    let mut at = 0;
    loop {
        rows.extend_from_slice(&bytes[at * size..(at + 1) * size]);
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return rows;
            }
            axis -= 1;
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
}

/// The strides of an array in row-major order, in elements.
pub(crate) fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}

impl RawArray {
    /// The array whose axis `i` is axis `axes[i]` of this one, as `numpy.transpose` gives it.
    ///
    /// # Errors
    /// When `axes` does not name every axis once.
    pub fn permuted(&self, axes: &[usize]) -> Result<Self> {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..self.shape().len()) {
            return Err(Problem::new("the axes of the array cannot be permuted so")
                .expected(format!("each of the {} axes once", self.shape().len()))
                .received(shape_text(axes))
                .invalid());
        }
        let own = row_major(self.shape());
        let shape: Vec<usize> = axes.iter().map(|&axis| self.shape()[axis]).collect();
        let strides: Vec<usize> = axes.iter().map(|&axis| own[axis]).collect();
        let data = gather(self.data(), &shape, &strides, self.dtype().size());
        Self::new(self.dtype(), shape, data)
    }

    /// The same elements in another shape.
    ///
    /// # Errors
    /// When the shape has another number of elements.
    pub fn reshaped(self, shape: &[usize]) -> Result<Self> {
        let dtype = self.dtype();
        Self::new(dtype, shape.to_vec(), self.into_data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_permuted_as_in_numpy() {
        let array = RawArray::from_slice(&[2, 3, 1], &[0i32, 1, 2, 3, 4, 5]).unwrap();
        let turned = array.permuted(&[1, 2, 0]).unwrap();
        assert_eq!(turned.shape(), [3, 1, 2]);
        assert_eq!(turned.to_i64_vec().unwrap(), [0, 3, 1, 4, 2, 5]);
        assert_eq!(turned.permuted(&[2, 0, 1]).unwrap(), array);
        let empty = RawArray::from_slice::<f32>(&[0, 3], &[]).unwrap();
        assert_eq!(empty.permuted(&[1, 0]).unwrap().shape(), [3, 0]);
        for axes in [[0, 1].as_slice(), &[0, 1, 1], &[0, 1, 3]] {
            assert!(array.permuted(axes).is_err());
        }
    }
}
