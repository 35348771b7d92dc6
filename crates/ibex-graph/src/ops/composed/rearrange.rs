//! Composed rearrangements: axes moved, joined and repeated.

use super::checked_shape;
use crate::Tensor;

impl Tensor {
    /// Two axes exchanged. `keras.ops.swapaxes`.
    ///
    /// ```
    /// # use ibex_graph::{DType, Tensor};
    /// let x = Tensor::input("x", DType::F32, [2, 3, 4]);
    /// assert_eq!(x.swap_axes(0, -1).shape().dims(), [4, 3, 2]);
    /// ```
    #[track_caller]
    pub fn swap_axes(&self, first: isize, second: isize) -> Tensor {
        let mut axes = self.all_axes();
        match (self.shape().axis(first), self.shape().axis(second)) {
            (Some(a), Some(b)) => axes.swap(a, b),
            (None, _) => return self.bad_axis("swap_axes", first),
            (_, None) => return self.bad_axis("swap_axes", second),
        }
        self.transpose(&axes)
    }

    /// One axis moved to another place; the others keep their order. `keras.ops.moveaxis`.
    ///
    /// ```
    /// # use ibex_graph::{DType, Tensor};
    /// let x = Tensor::input("x", DType::F32, [2, 3, 4]);
    /// assert_eq!(x.move_axis(0, -1).shape().dims(), [3, 4, 2]);
    /// ```
    #[track_caller]
    pub fn move_axis(&self, from: isize, to: isize) -> Tensor {
        let mut axes = self.all_axes();
        match (self.shape().axis(from), self.shape().axis(to)) {
            (Some(from), Some(to)) => {
                let axis = axes.remove(from);
                axes.insert(to, axis);
            }
            (None, _) => return self.bad_axis("move_axis", from),
            (_, None) => return self.bad_axis("move_axis", to),
        }
        self.transpose(&axes)
    }

    /// All elements as a vector, row-major. `keras.ops.ravel`.
    ///
    /// ```
    /// # use ibex_graph::{DType, Tensor};
    /// let x = Tensor::input("x", DType::F32, [2, 3]);
    /// assert_eq!(x.flatten().shape().dims(), [6]);
    /// ```
    #[track_caller]
    pub fn flatten(&self) -> Tensor {
        self.reshape([self.shape().size()])
    }

    /// Each element `count` times in a row along `axis`. `keras.ops.repeat`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[1f32, 2.])?);
    /// assert_eq!(evaluate(&x.repeat(2, 0))?.to_f64_vec(), [1., 1., 2., 2.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn repeat(&self, count: usize, axis: isize) -> Tensor {
        let Some(axis) = self.shape().axis(axis) else { return self.bad_axis("repeat", axis) };
        let mut extents: Vec<Option<usize>> = self.shape().iter().copied().map(Some).collect();
        extents[axis] = self.shape()[axis].checked_mul(count);
        let shape = match checked_shape("repeat", extents) {
            Ok(shape) => shape,
            Err(poisoned) => return poisoned,
        };
        let mut spread = self.shape().to_vec();
        spread.insert(axis + 1, count);
        self.expand_dims(axis as isize + 1).broadcast_to(spread).reshape(shape)
    }

    /// This tensor `counts[axis]` times one after another along each axis. `keras.ops.tile`.
    ///
    /// Counts and axes are matched from the last one; missing ones of either are 1.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[1f32, 2.])?);
    /// assert_eq!(evaluate(&x.tile(&[2]))?.to_f64_vec(), [1., 2., 1., 2.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn tile(&self, counts: &[usize]) -> Tensor {
        if self.is_poisoned() {
            return self.clone();
        }
        let rank = self.rank().max(counts.len());
        let aligned = |of: &[usize]| [vec![1; rank - of.len()], of.to_vec()].concat();
        let (dims, counts) = (aligned(self.shape()), aligned(counts));
        let extents = dims.iter().zip(&counts).map(|(dim, count)| dim.checked_mul(*count));
        let shape = match checked_shape("tile", extents.collect()) {
            Ok(shape) => shape,
            Err(poisoned) => return poisoned,
        };
        // A copy axis before each axis, of extent 1 and then as often as is asked for.
        let single: Vec<usize> = dims.iter().flat_map(|&dim| [1, dim]).collect();
        let copied: Vec<usize> =
            dims.iter().zip(&counts).flat_map(|(&dim, &count)| [count, dim]).collect();
        self.reshape(single).broadcast_to(copied).reshape(shape)
    }

    /// The elements `shift` places further along `axis`; the last ones come first.
    ///
    /// `keras.ops.roll`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([3], &[1f32, 2., 3.])?);
    /// assert_eq!(evaluate(&x.roll(1, 0))?.to_f64_vec(), [3., 1., 2.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn roll(&self, shift: isize, axis: isize) -> Tensor {
        let Some(extent) = self.shape().axis(axis).map(|axis| self.shape()[axis] as isize) else {
            return self.bad_axis("roll", axis);
        };
        if extent == 0 || shift % extent == 0 {
            return self.clone();
        }
        let cut = extent - shift.rem_euclid(extent);
        let parts = [self.slice_axis(axis, cut..), self.slice_axis(axis, ..cut)];
        crate::ops::concatenate::concatenate(&parts, axis)
    }
}
