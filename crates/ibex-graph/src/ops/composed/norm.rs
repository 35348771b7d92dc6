//! Composed reductions: norms, counts and sums of exponentials.

use crate::{DType, Tensor};

impl Tensor {
    /// The logarithm of the sum of exponentials along `axes`, without overflow.
    ///
    /// `keras.ops.logsumexp`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[1000f32, 1000.])?);
    /// let y = evaluate(&x.logsumexp(&[0], false))?.to_f64_vec();
    /// assert!((y[0] - 1000.0 - 2f64.ln()).abs() < 1e-4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn logsumexp(&self, axes: &[usize], keep_dims: bool) -> Tensor {
        let largest = self.max(axes, true);
        // The shift drops out of the result, so no gradient need flow through it; an infinite one
        // would give NaN.
        let shift = largest.is_finite().select(&largest, &largest.zeros_like()).stop_gradient();
        let sum = (self - &shift).exp().sum(axes, true).log() + shift;
        let kept = sum.shape().reduce(axes, keep_dims);
        sum.reshape(kept)
    }

    /// The square root of the sum of squares along `axes`. `keras.ops.norm` of order 2.
    ///
    /// The gradient at zero is zero.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[3f32, 4.])?);
    /// assert_eq!(evaluate(&x.l2_norm(&[0], false))?.to_f64_vec(), [5.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn l2_norm(&self, axes: &[usize], keep_dims: bool) -> Tensor {
        let square = self.square().sum(axes, keep_dims);
        let zero = square.equal(&square.zeros_like());
        let safe = zero.select(&square.ones_like(), &square);
        zero.select(&square, &safe.sqrt())
    }

    /// This tensor divided by its norm along `axes`, so that the sum of squares is 1.
    ///
    /// Norms below `epsilon` count as `epsilon` (1e-7 in Keras). `keras.ops.normalize`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[0f32, 2., 0., 0.])?);
    /// assert_eq!(evaluate(&x.l2_normalize(&[1], 1e-7))?.to_f64_vec(), [0., 1., 0., 0.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn l2_normalize(&self, axes: &[usize], epsilon: f64) -> Tensor {
        let square = self.square().sum(axes, true);
        let least = Tensor::scalar(self.dtype(), epsilon * epsilon);
        self * square.maximum(&least).rsqrt()
    }

    /// How many elements along `axes` are not zero, as `int32`. `keras.ops.count_nonzero`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[1f32, 0., 2., 3.])?);
    /// assert_eq!(evaluate(&x.count_nonzero(&[1], false))?.to_f64_vec(), [1., 2.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn count_nonzero(&self, axes: &[usize], keep_dims: bool) -> Tensor {
        self.not_equal(&self.zeros_like()).cast(DType::I32).sum(axes, keep_dims)
    }

    /// The norm of order `order` along `axes`: the root of the sum of powers of absolute values.
    ///
    /// Order 0 counts what is not zero, infinite orders give the largest and the smallest absolute
    /// value. `keras.ops.norm` of vectors.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[3f32, -4.])?);
    /// assert_eq!(evaluate(&x.vector_norm(1.0, &[0], false))?.to_f64_vec(), [7.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn vector_norm(&self, order: f64, axes: &[usize], keep_dims: bool) -> Tensor {
        let scalar = |value| Tensor::scalar(self.dtype(), value);
        match order {
            f64::INFINITY => self.abs().max(axes, keep_dims),
            f64::NEG_INFINITY => self.abs().min(axes, keep_dims),
            0.0 => self.not_equal(&scalar(0.0)).cast(self.dtype()).sum(axes, keep_dims),
            1.0 => self.abs().sum(axes, keep_dims),
            2.0 => self.l2_norm(axes, keep_dims),
            order => {
                let sum = self.abs().power(&scalar(order)).sum(axes, keep_dims);
                sum.power(&scalar(1.0 / order))
            }
        }
    }
}
