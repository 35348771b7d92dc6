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

/// The coefficients of the Bessel function by powers of `(x / 3.75)²`, up to 3.75.
const BESSEL_NEAR: [f64; 7] =
    [1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813];

/// The coefficients of `sqrt(x) e^-x` times the Bessel function by powers of `3.75 / x`, from 3.75.
const BESSEL_FAR: [f64; 9] = [
    0.39894228,
    0.01328592,
    0.00225319,
    -0.00157565,
    0.00916281,
    -0.02057706,
    0.02635537,
    -0.01647633,
    0.00392377,
];

/// The value of a polynomial with the lowest coefficient first.
fn polynomial(x: &Tensor, coefficients: &[f64]) -> Tensor {
    let start = x.zeros_like();
    coefficients.iter().rev().fold(start, |sum, &coefficient| sum * x + coefficient)
}

impl Tensor {
    /// The integer next to `x` on the way to zero. `keras.ops.trunc`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[1.5f32, -1.5])?);
    /// assert_eq!(evaluate(&x.truncate())?.to_f64_vec(), [1., -1.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn truncate(&self) -> Tensor {
        self.less(&self.zeros_like()).select(&self.ceil(), &self.floor())
    }

    /// The remainder of the division rounded towards zero: it has the sign of this tensor.
    ///
    /// `keras.ops.fmod`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[5f32, -5.])?);
    /// let three = Tensor::constant(Array::scalar(3f32));
    /// assert_eq!(evaluate(&x.truncated_remainder(&three))?.to_f64_vec(), [2., -2.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn truncated_remainder(&self, other: &Tensor) -> Tensor {
        self - other * (self / other).truncate()
    }

    /// The number whose cube this is. `keras.ops.cbrt`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[8f64, -27.])?);
    /// let y = evaluate(&x.cube_root())?.to_f64_vec();
    /// assert!((y[0] - 2.0).abs() < 1e-12 && (y[1] + 3.0).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn cube_root(&self) -> Tensor {
        self.sign() * self.abs().power(&Tensor::scalar(self.dtype(), 1.0 / 3.0))
    }

    /// The modified Bessel function of the first kind of order 0, to about seven digits.
    ///
    /// `keras.ops.i0`; the polynomials are those of Abramowitz and Stegun, 9.8.1 and 9.8.2.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[0f32, 1.])?);
    /// let y = evaluate(&x.bessel_i0())?.to_f64_vec();
    /// assert!((y[0] - 1.0).abs() < 1e-6 && (y[1] - 1.2660658).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn bessel_i0(&self) -> Tensor {
        let size = self.abs();
        let edge = Tensor::scalar(self.dtype(), 3.75);
        // Each side sees only numbers of its own, so that no gradient is infinite.
        let near =
            polynomial(&(self.maximum(&-&edge).minimum(&edge) / 3.75).square(), &BESSEL_NEAR);
        let large = size.maximum(&edge);
        let far = polynomial(&(3.75 / &large), &BESSEL_FAR) * large.exp() * large.rsqrt();
        size.less(&edge).select(&near, &far)
    }
}
