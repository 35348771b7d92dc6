//! Composed functions of each element.

use crate::Tensor;

impl Tensor {
    /// Each element, but at least `low` and at most `high`. `keras.ops.clip`.
    ///
    /// The gradient is 1 inside, 0 outside and one half at the limits, as in Keras; NaN stays NaN.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([3], &[-2f32, 0.5, 7.])?);
    /// assert_eq!(evaluate(&x.clip(0.0, 1.0))?.to_f64_vec(), [0., 0.5, 1.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn clip(&self, low: f64, high: f64) -> Tensor {
        let (low, high) = (Tensor::scalar(self.dtype(), low), Tensor::scalar(self.dtype(), high));
        self.maximum(&low).minimum(&high)
    }

    /// The largest integer not above the quotient, of the same dtype. `keras.ops.floor_divide`.
    ///
    /// Shapes broadcast; integers go through `float64`, which is exact up to 2^53.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[7i32, -7])?);
    /// let two = Tensor::constant(Array::scalar(2i32));
    /// assert_eq!(evaluate(&x.floor_divide(&two))?.to_f64_vec(), [3., -4.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn floor_divide(&self, other: &Tensor) -> Tensor {
        use crate::DType::F64;
        let dtype = self.dtype();
        match dtype == other.dtype() && dtype.is_integer() {
            true => self.cast(F64).divide(&other.cast(F64)).floor().cast(dtype),
            false => self.divide(other).floor(),
        }
    }
}
