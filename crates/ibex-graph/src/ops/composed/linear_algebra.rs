//! Composed linear algebra: inverses, determinants, least squares, norms and ranks of matrices.

use crate::{DType, OpError, Tensor};

/// Which norm of a matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MatrixNorm {
    /// The root of the sum of all squares.
    Frobenius,
    /// The sum of the singular values.
    Nuclear,
    /// The largest sum of absolute values of a column; of a row if infinite; the largest singular
    /// value if 2; the smallest ones if negative.
    Order(f64),
}

impl Tensor {
    /// The inverses of these matrices. `keras.ops.inv`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[0f32, 2., 4., 0.])?);
    /// assert_eq!(evaluate(&x.inverse())?.to_f64_vec(), [0., 0.25, 0.5, 0.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn inverse(&self) -> Tensor {
        let eye = Tensor::eye(self.dtype(), self.dim(-1), self.dim(-1), 0);
        self.solve(&eye)
    }

    /// The determinants of these matrices. `keras.ops.det`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[0f32, 1., 1., 0.])?);
    /// assert_eq!(evaluate(&x.determinant())?.to_f64_vec(), [-1.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn determinant(&self) -> Tensor {
        let [sign, log] = self.log_determinant();
        sign * log.exp()
    }

    /// The pseudo-inverses of these matrices. `keras.ops.pinv`.
    ///
    /// Singular values below `tolerance` times the largest count as zero.
    #[track_caller]
    pub fn pseudo_inverse(&self, tolerance: f64) -> Tensor {
        let [u, s, vt] = self.svd(false);
        let last = s.rank().max(1) - 1;
        let limit = s.max(&[last], true) * tolerance;
        let counts = s.greater(&limit.broadcast_to(s.shape()));
        let safe = counts.select(&s, &s.ones_like());
        let inverse = counts.select(&safe.reciprocal(), &s.zeros_like());
        let scaled = vt.matrix_transpose() * inverse.expand_dims(-2);
        scaled.matmul(&u.matrix_transpose())
    }

    /// How many singular values of each matrix are above `tolerance`. `keras.ops.matrix_rank`.
    ///
    /// By default the largest one times the larger extent times the precision of the dtype.
    #[track_caller]
    pub fn matrix_rank(&self, tolerance: Option<f64>) -> Tensor {
        let [_, s, _] = self.svd(false);
        let last = s.rank().max(1) - 1;
        let limit = match tolerance {
            Some(tolerance) => Tensor::scalar(s.dtype(), tolerance),
            None => {
                let extent = self.dim(-1).max(self.dim(-2)) as f64;
                s.max(&[last], true) * (extent * epsilon(self.dtype()))
            }
        };
        s.greater(&limit).cast(DType::I32).sum(&[last], false)
    }

    /// The norms of the matrices of two axes. `keras.ops.norm` of matrices.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// # use ibex_graph::ops::composed::linear_algebra::MatrixNorm;
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[1f32, -2., 3., 4.])?);
    /// let norm = x.matrix_norm(MatrixNorm::Order(1.0), [0, 1], false);
    /// assert_eq!(evaluate(&norm)?.to_f64_vec(), [6.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn matrix_norm(&self, norm: MatrixNorm, axes: [usize; 2], keep_dims: bool) -> Tensor {
        let kept = self.shape().reduce(&axes, keep_dims);
        let moved = self.move_axis(axes[0] as isize, -1);
        let second = axes[1] - usize::from(axes[1] > axes[0]);
        let x = moved.move_axis(second as isize, -1);
        let (row, column) = (x.rank().max(2) - 2, x.rank().max(1) - 1);
        let extreme = |sums: Tensor, largest: bool| match largest {
            true => sums.max(&[row], false),
            false => sums.min(&[row], false),
        };
        let singular = || x.svd(false)[1].clone();
        let found = match norm {
            MatrixNorm::Frobenius => x.l2_norm(&[row, column], false),
            MatrixNorm::Nuclear => singular().sum(&[row], false),
            MatrixNorm::Order(order) if order.abs() == 1.0 => {
                extreme(x.abs().sum(&[row], false), order > 0.0)
            }
            MatrixNorm::Order(order) if order.is_infinite() => {
                extreme(x.abs().sum(&[column], false), order > 0.0)
            }
            MatrixNorm::Order(order) if order.abs() == 2.0 => extreme(singular(), order > 0.0),
            MatrixNorm::Order(order) => Tensor::poisoned(OpError::new(
                "unknown norm of a matrix",
                "1, -1, 2, -2, an infinity, fro or nuc",
                order.to_string(),
            )),
        };
        match found.is_poisoned() {
            true => found,
            false => found.reshape(kept),
        }
    }
}

/// The distance of 1 and the next number of a dtype.
pub fn epsilon(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => f64::EPSILON,
        _ => f64::from(f32::EPSILON),
    }
}
