//! Composed statistics: quantiles, histograms, running products, searches.

use crate::ops::concatenate::concatenate;
use crate::{DType, Tensor};

/// Which number a quantile between two elements is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Between them, in proportion.
    Linear,
    /// The lower one.
    Lower,
    /// The higher one.
    Higher,
    /// Their mean.
    Midpoint,
    /// The nearest one; the even position of two that are equally near.
    Nearest,
}

impl Tensor {
    /// The products of the elements up to and including each one along `axis`.
    ///
    /// `keras.ops.cumprod`, in as many steps as the extent has binary digits.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([4], &[1f32, 2., 3., 4.])?);
    /// assert_eq!(evaluate(&x.cumulative_product(0))?.to_f64_vec(), [1., 2., 6., 24.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn cumulative_product(&self, axis: isize) -> Tensor {
        let Some(axis) = self.shape().axis(axis) else {
            return self.bad_axis("cumulative_product", axis);
        };
        let along = axis as isize;
        let extent = self.shape()[axis];
        let mut products = self.clone();
        let mut distance = 1;
        while distance < extent {
            // Each element takes in the product that ends `distance` places before it.
            let first = products.slice_axis(along, ..distance as isize);
            let later = products.slice_axis(along, distance as isize..);
            let earlier = products.slice_axis(along, ..(extent - distance) as isize);
            products = concatenate(&[first, later * earlier], along);
            distance *= 2;
        }
        products
    }

    /// Where each of `values` would be put into this sorted vector, as `int32`.
    ///
    /// Before equal elements, or behind them if `right`. `keras.ops.searchsorted`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let sorted = Tensor::constant(Array::from_slice([3], &[1f32, 2., 3.])?);
    /// let values = Tensor::constant(Array::from_slice([2], &[2f32, 9.])?);
    /// assert_eq!(evaluate(&sorted.search_sorted(&values, false))?.to_f64_vec(), [1., 3.]);
    /// assert_eq!(evaluate(&sorted.search_sorted(&values, true))?.to_f64_vec(), [2., 3.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn search_sorted(&self, values: &Tensor, right: bool) -> Tensor {
        let values = values.expand_dims(-1);
        let before = if right { self.less_equal(&values) } else { self.less(&values) };
        before.cast(DType::I32).sum(&[before.rank().max(1) - 1], false)
    }

    /// How many elements of this vector are in each of `bins` equal parts of `[low, high]`, and the
    /// edges of the parts. `keras.ops.histogram`.
    ///
    /// ```
    /// # use ibex_graph::{Array, DType, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([3], &[0f32, 0.2, 1.])?);
    /// let limit = |value| Tensor::scalar(DType::F32, value);
    /// let (counts, _) = x.histogram(&limit(0.0), &limit(1.0), 2);
    /// assert_eq!(evaluate(&counts)?.to_f64_vec(), [2., 1.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn histogram(&self, low: &Tensor, high: &Tensor, bins: usize) -> (Tensor, Tensor) {
        // A range of nothing is widened, as NumPy does.
        let half = low.equal(high).cast(self.dtype()) * 0.5;
        let (low, high) = (low - &half, high + &half);
        let steps = Tensor::iota(self.dtype(), [bins + 1], 0) / bins as f64;
        let edges = &low * (1.0 - &steps) + &high * &steps;
        let place = edges.search_sorted(self, true) - 1.0;
        // The last part includes its upper edge.
        let last = self.equal(&high).cast(DType::I32);
        let counts = (place - last).one_hot(bins, -1, self.dtype()).sum(&[0], false);
        (counts, edges)
    }

    /// The given axes joined as the last one.
    #[track_caller]
    pub fn axes_last(&self, axes: &[usize]) -> Tensor {
        let rest: Vec<usize> =
            self.all_axes().into_iter().filter(|axis| !axes.contains(axis)).collect();
        let moved = self.transpose(&[&rest, axes].concat());
        let mut shape: Vec<usize> = rest.iter().map(|&axis| self.shape()[axis]).collect();
        shape.push(axes.iter().map(|&axis| self.shape()[axis]).product());
        moved.reshape(shape)
    }

    /// The quantiles `q` (0 to 1) of the last axis; the axes of `q` come first.
    ///
    /// NaN where an element is NaN. `keras.ops.quantile`.
    ///
    /// ```
    /// # use ibex_graph::{Array, DType, Tensor, interpreter::evaluate};
    /// # use ibex_graph::ops::composed::statistics::Interpolation;
    /// let x = Tensor::constant(Array::from_slice([3], &[5f32, 1., 2.])?);
    /// let half = Tensor::scalar(DType::F32, 0.5);
    /// assert_eq!(evaluate(&x.quantile(&half, Interpolation::Linear))?.to_f64_vec(), [2.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn quantile(&self, q: &Tensor, how: Interpolation) -> Tensor {
        let last = self.rank().max(1) - 1;
        let hidden = self.is_nan().any(&[last], true).broadcast_to(self.shape());
        let nan = Tensor::full(self.dtype(), self.shape(), f64::NAN);
        let sorted = hidden.select(&nan, &self.sort(-1, false));
        let count =
            Tensor::full(DType::F32, self.shape().reduce(&[last], true), self.dim(-1) as f64);
        quantile_of_sorted(&sorted, &count, q, how)
    }

    /// The quantiles of the elements that are numbers; NaN if none is. `keras.ops.nanquantile`.
    ///
    /// ```
    /// # use ibex_graph::{Array, DType, Tensor, interpreter::evaluate};
    /// # use ibex_graph::ops::composed::statistics::Interpolation;
    /// let x = Tensor::constant(Array::from_slice([3], &[5f32, f32::NAN, 2.])?);
    /// let half = Tensor::scalar(DType::F32, 0.5);
    /// let median = x.quantile_of_numbers(&half, Interpolation::Linear);
    /// assert_eq!(evaluate(&median)?.to_f64_vec(), [3.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn quantile_of_numbers(&self, q: &Tensor, how: Interpolation) -> Tensor {
        let last = self.rank().max(1) - 1;
        let count = self.is_nan().logical_not().cast(DType::F32).sum(&[last], true);
        quantile_of_sorted(&self.sort(-1, false), &count, q, how)
    }
}

/// Quantiles along the last axis, of which the first `count` elements count.
fn quantile_of_sorted(sorted: &Tensor, count: &Tensor, q: &Tensor, how: Interpolation) -> Tensor {
    let rows = sorted.shape()[..sorted.rank().max(1) - 1].to_vec();
    // One column for each quantile.
    let columns = q.flatten().cast(DType::F32);
    let zero = Tensor::scalar(DType::F32, 0.0);
    let place = (count - 1.0).maximum(&zero) * &columns;
    let (low, high) = (place.floor(), place.ceil());
    let part = (&place - &low).cast(sorted.dtype());
    let at = |places: &Tensor| sorted.take_along_axis(&places.cast(DType::I32), -1);
    let found = match how {
        Interpolation::Linear => at(&low) * (1.0 - &part) + at(&high) * &part,
        Interpolation::Lower => at(&low),
        Interpolation::Higher => at(&high),
        Interpolation::Midpoint => (at(&low) + at(&high)) * 0.5,
        Interpolation::Nearest => at(&place.round()),
    };
    let shape = [q.shape().dims(), &rows].concat();
    found.move_axis(-1, 0).reshape(shape)
}
