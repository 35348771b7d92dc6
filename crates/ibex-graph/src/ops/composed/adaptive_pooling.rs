//! Composed pooling to a given number of windows: maxima and means of about equal parts.

use crate::ops::concatenate::concatenate;
use crate::ops::window::Padding;
use crate::{DType, OpError, Tensor};

/// A pooling with the given windows and strides, such as [`Tensor::max_pool`].
type Pool = fn(&Tensor, &[usize], &[usize], Padding) -> Tensor;

impl Tensor {
    /// The means of `output_size` windows that cover `(N, *spatial, C)`: `(N, *output_size, C)`.
    ///
    /// Window `i` of `m` along an axis of `n` elements begins with element `⌊i · n / m⌋` and ends
    /// before `⌈(i + 1) · n / m⌉`, so that neighbours overlap where `m` does not divide `n`.
    /// `keras.ops.adaptive_average_pool`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([1, 5, 1], &[1f32, 2., 3., 4., 5.])?);
    /// let y = evaluate(&x.adaptive_average_pool(&[3]))?;
    /// assert_eq!(y.to_f64_vec(), [1.5, 3., 4.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn adaptive_average_pool(&self, output_size: &[usize]) -> Tensor {
        adaptive_pool(self, "adaptive_average_pool", output_size, Tensor::average_pool)
    }

    /// The maxima of the windows of [`Tensor::adaptive_average_pool`].
    ///
    /// `keras.ops.adaptive_max_pool`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([1, 5, 1], &[1f32, 5., 3., 2., 4.])?);
    /// assert_eq!(evaluate(&x.adaptive_max_pool(&[3]))?.to_f64_vec(), [5., 5., 4.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn adaptive_max_pool(&self, output_size: &[usize]) -> Tensor {
        adaptive_pool(self, "adaptive_max_pool", output_size, Tensor::max_pool)
    }
}

/// One spatial axis after the other, as Keras does: equal maxima then share in Keras's way.
#[track_caller]
fn adaptive_pool(x: &Tensor, name: &str, output_size: &[usize], pool: Pool) -> Tensor {
    if x.is_poisoned() {
        return x.clone();
    }
    let spatial = output_size.len();
    if output_size.contains(&0) || !(1..=3).contains(&spatial) || x.rank() != spatial + 2 {
        return Tensor::poisoned(OpError::new(
            format!("`{name}` cannot make {output_size:?} windows of {}", x.shape()),
            "(batch, *spatial, channels), and a number of at least 1 for each of the 1, 2 or 3 \
             spatial axes",
            format!("{output_size:?} for {}", x.shape()),
        ));
    }
    let axes = output_size.iter().enumerate();
    axes.fold(x.clone(), |x, (axis, &count)| along_axis(&x, axis, spatial, count, pool))
}

/// `count` windows along one of the spatial axes.
#[track_caller]
fn along_axis(x: &Tensor, axis: usize, spatial: usize, count: usize, pool: Pool) -> Tensor {
    let extent = x.dim(axis as isize + 1);
    let with = |value: usize| {
        let mut all = vec![1; spatial];
        all[axis] = value;
        all
    };
    if extent.is_multiple_of(count) {
        let size = with(extent / count);
        return pool(x, &size, &size, Padding::Valid);
    }
    // Every window has this many elements, or one more.
    let small = extent.div_ceil(count);
    let every = |size: usize| pool(x, &with(size), &with(1), Padding::Valid);
    let (number, length) = (count as f64, extent as f64);
    let index = Tensor::iota(DType::I64, [count], 0);
    let whole = |x: Tensor| x.floor_divide(&Tensor::scalar(DType::I64, number));
    let start = whole(&index * length);
    // One more occurs exactly where the remainder does not divide the number of windows: the
    // starts then have remainders beyond `count - remainder`.
    if count.is_multiple_of(extent % count) {
        return every(small).take(&start, axis as isize + 1);
    }
    let end = whole((index + 1.0) * length + (number - 1.0));
    let is_big = (end - &start).not_equal(&Tensor::scalar(DType::I64, small as f64));
    let big_start = &start + (extent - small + 1) as f64;
    let both = concatenate(&[every(small), every(small + 1)], axis as isize + 1);
    both.take(&is_big.select(&big_start, &start), axis as isize + 1)
}
