//! Composed matrices: identities, triangles, diagonals and products over chosen axes.

use crate::{DType, OpError, Shape, Tensor};

/// The row and the column of each element, the row moved by `offset`.
#[track_caller]
fn coordinates(rows: usize, columns: usize, offset: isize) -> (Tensor, Tensor) {
    let dims = [rows, columns];
    // An offset beyond the matrix means the same as one at its edge, and fits the dtype.
    let limit = |extent: usize| extent.min(i32::MAX as usize) as isize;
    let offset = offset.clamp(-limit(rows), limit(columns)) as f64;
    let (row, column) = (Tensor::iota(DType::I32, dims, 0), Tensor::iota(DType::I32, dims, 1));
    (if offset == 0.0 { row } else { row + offset }, column)
}

impl Tensor {
    /// A matrix with ones on a diagonal and zeros elsewhere. `keras.ops.eye`.
    ///
    /// Diagonal 0 is the main one; those above it are positive.
    ///
    /// ```
    /// # use ibex_graph::{DType, Tensor, interpreter::evaluate};
    /// let x = Tensor::eye(DType::F32, 2, 3, 1);
    /// assert_eq!(evaluate(&x)?.to_f64_vec(), [0., 1., 0., 0., 0., 1.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn eye(dtype: DType, rows: usize, columns: usize, diagonal: isize) -> Tensor {
        let (row, column) = coordinates(rows, columns, diagonal);
        row.equal(&column).cast(dtype)
    }

    /// A matrix with ones on a diagonal and below it, and zeros above. `keras.ops.tri`.
    ///
    /// With dtype `bool` this is the mask of causal attention.
    ///
    /// ```
    /// # use ibex_graph::{DType, Tensor, interpreter::evaluate};
    /// let x = Tensor::tri(DType::F32, 2, 3, 0);
    /// assert_eq!(evaluate(&x)?.to_f64_vec(), [1., 0., 0., 1., 1., 0.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn tri(dtype: DType, rows: usize, columns: usize, diagonal: isize) -> Tensor {
        let (row, column) = coordinates(rows, columns, diagonal);
        row.greater_equal(&column).cast(dtype)
    }

    /// The last two axes with zeros above a diagonal. `keras.ops.tril`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[1f32, 2., 3., 4.])?);
    /// assert_eq!(evaluate(&x.lower_triangle(0))?.to_f64_vec(), [1., 0., 3., 4.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn lower_triangle(&self, diagonal: isize) -> Tensor {
        if self.rank() < 2 {
            return self.bad_axis("lower_triangle", -2);
        }
        let below = Tensor::tri(DType::Bool, self.dim(-2), self.dim(-1), diagonal);
        below.select(self, &self.zeros_like())
    }

    /// The last two axes with zeros below a diagonal. `keras.ops.triu`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[1f32, 2., 3., 4.])?);
    /// assert_eq!(evaluate(&x.upper_triangle(0))?.to_f64_vec(), [1., 2., 0., 4.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn upper_triangle(&self, diagonal: isize) -> Tensor {
        if self.rank() < 2 {
            return self.bad_axis("upper_triangle", -2);
        }
        let (rows, columns) = (self.dim(-2), self.dim(-1));
        let below = Tensor::tri(DType::Bool, rows, columns, diagonal.saturating_sub(1));
        below.select(&self.zeros_like(), self)
    }

    /// A square matrix with this vector on its diagonal. `keras.ops.diag` of a vector.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[1f32, 2.])?);
    /// assert_eq!(evaluate(&x.diag())?.to_f64_vec(), [1., 0., 0., 2.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn diag(&self) -> Tensor {
        if self.is_poisoned() {
            return self.clone();
        }
        if self.rank() != 1 {
            return Tensor::poisoned(
                OpError::new("`diag` needs a vector", "one axis", self.shape().to_string())
                    .help("`diagonal` takes the diagonal of a matrix"),
            );
        }
        let mask = Tensor::eye(DType::Bool, self.dim(0), self.dim(0), 0);
        mask.select(self, &self.zeros_like())
    }

    /// The diagonal of the last two axes. `keras.ops.diagonal` of axes -2 and -1.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[1f32, 2., 3., 4.])?);
    /// assert_eq!(evaluate(&x.diagonal())?.to_f64_vec(), [1., 4.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn diagonal(&self) -> Tensor {
        let Some(row_axis) = self.shape().axis(-2) else { return self.bad_axis("diagonal", -2) };
        let (rows, columns) = (self.dim(-2), self.dim(-1));
        let mut dims = self.shape()[..row_axis].to_vec();
        dims.push(rows * columns);
        // Row-major, each element of the diagonal is a row and a column after the one before.
        let stop = match rows.min(columns) {
            0 => 0,
            count => (count - 1) * (columns + 1) + 1,
        };
        self.reshape(dims).slice_axis_by(-1, ..stop as isize, columns + 1)
    }

    /// The sum of products over `axes` of this tensor and `other_axes` of the other, in pairs.
    ///
    /// The result has the remaining axes of this tensor and then those of the other.
    /// `keras.ops.tensordot`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let a = Tensor::constant(Array::from_slice([2, 2], &[1f32, 2., 3., 4.])?);
    /// let b = Tensor::constant(Array::from_slice([2], &[1f32, 10.])?);
    /// assert_eq!(evaluate(&a.tensordot(&b, &[0], &[0]))?.to_f64_vec(), [31., 42.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn tensordot(&self, other: &Tensor, axes: &[usize], other_axes: &[usize]) -> Tensor {
        if self.is_poisoned() || other.is_poisoned() {
            return self.matmul(other);
        }
        let extents = |of: &Tensor, axes: &[usize]| -> Option<Vec<usize>> {
            let distinct = axes.iter().enumerate().all(|(i, axis)| !axes[..i].contains(axis));
            axes.iter().map(|&axis| of.shape().get(axis).copied().filter(|_| distinct)).collect()
        };
        let (own, others) = (extents(self, axes), extents(other, other_axes));
        let Some(summed) = own.filter(|own| Some(own) == others.as_ref()) else {
            return Tensor::poisoned(OpError::new(
                format!("`tensordot` cannot pair axes {axes:?} with {other_axes:?}"),
                "as many different axes of both, with the same extents",
                format!("{} and {}", self.shape(), other.shape()),
            ));
        };
        let count: usize = summed.iter().product();
        let free = |of: &Tensor, axes: &[usize]| -> Vec<usize> {
            of.all_axes().into_iter().filter(|axis| !axes.contains(axis)).collect()
        };
        let (rows, columns) = (free(self, axes), free(other, other_axes));
        let left = self.transpose(&[&rows, axes].concat());
        let right = other.transpose(&[other_axes, &columns].concat());
        let dims = |of: &Tensor, axes: &[usize]| -> Vec<usize> {
            axes.iter().map(|&axis| of.shape()[axis]).collect()
        };
        let (rows, columns) = (Shape::from(dims(self, &rows)), Shape::from(dims(other, &columns)));
        let product =
            left.reshape([rows.size(), count]).matmul(&right.reshape([count, columns.size()]));
        product.reshape([rows.dims(), columns.dims()].concat())
    }

    /// The sum of products over the last axis of this tensor and the last but one of the other.
    ///
    /// A vector on the right is summed over its only axis; a scalar multiplies. `keras.ops.dot`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[3f32, 4.])?);
    /// assert_eq!(evaluate(&x.dot(&x))?.to_f64_vec(), [25.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn dot(&self, other: &Tensor) -> Tensor {
        match (self.rank(), other.rank()) {
            (0, _) | (_, 0) => self.multiply(other),
            (rank, others) => self.tensordot(other, &[rank - 1], &[others.saturating_sub(2)]),
        }
    }

    /// A square matrix with this vector on the diagonal `k` places above the main one.
    ///
    /// `keras.ops.diag` of a vector.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([1], &[5f32])?);
    /// assert_eq!(evaluate(&x.diag_at(1))?.to_f64_vec(), [0., 5., 0., 0.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn diag_at(&self, k: isize) -> Tensor {
        let room = k.unsigned_abs();
        let widths = if k >= 0 { [(0, room), (room, 0)] } else { [(room, 0), (0, room)] };
        match k {
            0 => self.diag(),
            _ if self.rank() != 1 => self.diag(),
            // Rows below, and columns before, for a diagonal above the main one.
            _ => self.diag().pad(&widths, 0.0),
        }
    }

    /// The diagonal `k` places above the main one of two axes, as the last axis.
    ///
    /// `keras.ops.diagonal`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[1f32, 2., 3., 4.])?);
    /// assert_eq!(evaluate(&x.diagonal_at(1, 0, 1))?.to_f64_vec(), [2.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn diagonal_at(&self, k: isize, first: isize, second: isize) -> Tensor {
        let (Some(rows), Some(columns)) = (self.shape().axis(first), self.shape().axis(second))
        else {
            return self.bad_axis("diagonal_at", first);
        };
        if rows == columns {
            return self.bad_axis("diagonal_at", second);
        }
        let rest = self.all_axes().into_iter().filter(|axis| ![rows, columns].contains(axis));
        let moved = self.transpose(&rest.chain([rows, columns]).collect::<Vec<usize>>());
        match k >= 0 {
            true => moved.slice_axis(-1, k..).diagonal(),
            false => moved.slice_axis(-2, -k..).diagonal(),
        }
    }
}
