//! Functions of matrices: factorizations, solutions of linear equations, determinants.
//!
//! The two last axes are those of the matrices, those before are batches.
//! [`dense`] has the algorithms on one matrix, `gradient` the gradients, and
//! [`composed`](crate::ops::composed::linear_algebra) what is made of these.

pub mod dense;
mod gradient;
mod samples;

use crate::interpreter::Values;
use crate::op::{Described, Forward, Info, Kind, Rule, Vjp};
use crate::{DType, OpError, Shape, Tensor, Type};

/// Which function of a matrix.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Function {
    /// The lower triangle whose product with its transpose is the mean of the matrix and its
    /// transpose.
    Cholesky,
    /// Eigenvalues, ascending, and eigenvectors as columns, of the mean of the matrix and its
    /// transpose.
    Eigh,
    /// The sign of the determinant and the logarithm of its absolute value.
    LogDeterminant,
    /// Both triangles in one matrix, and the row (`int32`) that was exchanged with each one.
    Lu,
    /// An orthogonal matrix and a triangle.
    Qr {
        /// Whether the first has as many columns as rows.
        complete: bool,
    },
    /// The solution of equations: two inputs, a matrix and right sides as columns.
    Solve,
    /// Orthonormal columns, singular values, descending, and orthonormal rows.
    Svd {
        /// Whether the first and the last are square.
        full: bool,
    },
    /// The solution of equations of which one triangle of the matrix counts.
    TriangularSolve {
        /// Whether it is the lower one.
        lower: bool,
    },
}

/// A function of the matrices of the last two axes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MatrixFunction {
    /// Which one.
    pub function: Function,
}

/// The extents of the results of one matrix, and whether a result holds positions.
type Results = Vec<(Vec<usize>, bool)>;

impl MatrixFunction {
    fn is_solve(self) -> bool {
        matches!(self.function, Function::Solve | Function::TriangularSolve { .. })
    }

    /// What the function gives for a matrix and, if it solves equations, right sides.
    fn results(self, rows: usize, columns: usize, sides: usize) -> Results {
        let least = rows.min(columns);
        let numbers = |extents: &[usize]| (extents.to_vec(), false);
        match self.function {
            Function::Cholesky => vec![numbers(&[rows, rows])],
            Function::Eigh => vec![numbers(&[rows]), numbers(&[rows, rows])],
            Function::LogDeterminant => vec![numbers(&[]), numbers(&[])],
            Function::Lu => vec![numbers(&[rows, rows]), (vec![rows], true)],
            Function::Qr { complete } => {
                let inner = if complete { rows } else { least };
                vec![numbers(&[rows, inner]), numbers(&[inner, columns])]
            }
            Function::Solve | Function::TriangularSolve { .. } => vec![numbers(&[rows, sides])],
            Function::Svd { full } => {
                let (left, right) = if full { (rows, columns) } else { (least, least) };
                vec![numbers(&[rows, left]), numbers(&[least]), numbers(&[right, columns])]
            }
        }
    }

    /// The results for one matrix of `rows` and `columns`, and right sides if it solves equations.
    pub fn evaluate(
        self,
        matrix: &[f64],
        [rows, columns]: [usize; 2],
        sides: &[f64],
    ) -> Vec<Vec<f64>> {
        let count = sides.len().checked_div(rows).unwrap_or(0);
        match self.function {
            Function::Cholesky => vec![dense::cholesky(matrix, rows)],
            Function::Eigh => {
                let (values, vectors) = dense::eigh(matrix, rows);
                vec![values, vectors]
            }
            Function::LogDeterminant => {
                let (sign, log) = dense::log_determinant(matrix, rows);
                vec![vec![sign], vec![log]]
            }
            Function::Lu => {
                let (lu, pivots) = dense::lu(matrix, rows);
                vec![lu, pivots.into_iter().map(|pivot| pivot as f64).collect()]
            }
            Function::Qr { complete } => {
                let (q, r) = dense::qr(matrix, [rows, columns]);
                let inner = if complete { rows } else { rows.min(columns) };
                vec![cut(&q, rows, inner), r[..inner * columns].to_vec()]
            }
            Function::Solve => vec![dense::solve(matrix, sides, [rows, count])],
            Function::Svd { full } => {
                let (u, s, vt) = dense::svd(matrix, [rows, columns]);
                if !full {
                    return vec![u, s, vt];
                }
                let v = dense::transposed(&vt, columns);
                let v = completed(&v, columns, s.len());
                vec![completed(&u, rows, s.len()), s, dense::transposed(&v, columns)]
            }
            Function::TriangularSolve { lower } => {
                vec![dense::solve_triangle(matrix, sides, [rows, count], lower, false)]
            }
        }
    }
}

/// The first `columns` of a square matrix.
fn cut(square: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..rows).flat_map(|i| square[i * rows..i * rows + columns].to_vec()).collect()
}

/// A square orthogonal matrix whose first columns are given.
fn completed(columns: &[f64], rows: usize, count: usize) -> Vec<f64> {
    let mut square = vec![0.0; rows * rows];
    for i in 0..rows {
        square[i * rows..i * rows + count].copy_from_slice(&columns[i * count..(i + 1) * count]);
    }
    dense::fill_missing(&mut square, [rows, rows], count);
    square
}

impl Rule for MatrixFunction {
    fn name(&self) -> &'static str {
        match self.function {
            Function::Cholesky => "cholesky",
            Function::Eigh => "eigh",
            Function::LogDeterminant => "log_determinant",
            Function::Lu => "lu",
            Function::Qr { .. } => "qr",
            Function::Solve => "solve",
            Function::Svd { .. } => "svd",
            Function::TriangularSolve { .. } => "triangular_solve",
        }
    }

    fn attributes(&self) -> String {
        match self.function {
            Function::Qr { complete: true } => "complete".to_string(),
            Function::Svd { full: true } => "full".to_string(),
            Function::TriangularSolve { lower: true } => "lower".to_string(),
            _ => String::new(),
        }
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let name = self.name();
        let count = 1 + usize::from(self.is_solve());
        let (Some(matrix), true) = (inputs.first(), inputs.len() == count) else {
            return Err(OpError::new(
                format!("`{name}` takes {count} input{}", if count == 1 { "" } else { "s" }),
                count.to_string(),
                inputs.len().to_string(),
            ));
        };
        if !matches!(matrix.dtype, DType::F32 | DType::F64) {
            let what = format!("`{name}` does not apply to {}", matrix.dtype);
            let error = OpError::new(what, "float32 or float64", matrix.to_string());
            return Err(error.help("cast the input first"));
        }
        let [batch @ .., rows, columns] = matrix.shape.dims() else {
            let what = format!("`{name}` needs matrices");
            return Err(OpError::new(what, "at least two axes", matrix.shape.to_string()));
        };
        let any_shape = matches!(self.function, Function::Qr { .. } | Function::Svd { .. });
        if rows != columns && !any_shape {
            let what = format!("`{name}` needs square matrices");
            return Err(OpError::new(what, "as many rows as columns", matrix.shape.to_string()));
        }
        let mut sides = 0;
        if let Some(right) = inputs.get(1) {
            let fits = match right.shape.dims() {
                [own @ .., height, width] => {
                    sides = *width;
                    own == batch && height == rows && right.dtype == matrix.dtype
                }
                _ => false,
            };
            if !fits {
                return Err(OpError::new(
                    format!("`{name}` cannot solve for {right}"),
                    format!("{} (…, {rows}, columns) for {}", matrix.dtype, matrix.shape),
                    right.to_string(),
                ));
            }
        }
        let ty = |(extents, places): (Vec<usize>, bool)| {
            let dtype = if places { DType::I32 } else { matrix.dtype };
            Type::new(dtype, [batch, &extents].concat())
        };
        Ok(self.results(*rows, *columns, sides).into_iter().map(ty).collect())
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let [.., rows, columns] = *inputs[0].shape().dims() else { return Vec::new() };
        let sides = inputs.get(1).map_or(0, |right| rows * right.shape()[right.shape().rank() - 1]);
        let batches: usize = inputs[0].shape()[..inputs[0].shape().rank() - 2].iter().product();
        let mut all: Vec<Vec<f64>> = vec![Vec::new(); outputs.len()];
        for batch in 0..batches {
            let matrix = &inputs[0].data[batch * rows * columns..(batch + 1) * rows * columns];
            let right = inputs
                .get(1)
                .map_or(&[][..], |right| &right.data[batch * sides..(batch + 1) * sides]);
            let found = self.evaluate(matrix, [rows, columns], right);
            all.iter_mut().zip(found).for_each(|(all, found)| all.extend(found));
        }
        outputs.iter().zip(all).map(|(ty, data)| Values::new(ty.clone(), data)).collect()
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        gradient::of(self.function, node)
    }
}

impl Tensor {
    #[track_caller]
    fn matrix_function(&self, function: Function) -> Tensor {
        Tensor::apply(MatrixFunction { function }, &[self])
    }

    /// The lower triangles whose products with their transposes are these matrices.
    ///
    /// NaN for a matrix that is not positive definite. `keras.ops.cholesky`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[4f32, 2., 2., 2.])?);
    /// assert_eq!(evaluate(&x.cholesky())?.to_f64_vec(), [2., 0., 1., 1.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn cholesky(&self) -> Tensor {
        self.matrix_function(Function::Cholesky)
    }

    /// The eigenvalues, ascending, and the eigenvectors as columns, of symmetric matrices.
    ///
    /// `keras.ops.eigh`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[3f32, 0., 0., 1.])?);
    /// assert_eq!(evaluate(&x.eigh()[0])?.to_f64_vec(), [1., 3.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn eigh(&self) -> [Tensor; 2] {
        Tensor::apply_many(MatrixFunction { function: Function::Eigh }, &[self])
    }

    /// The sign of each determinant and the logarithm of its absolute value. `keras.ops.slogdet`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[0f32, 1., 1., 0.])?);
    /// let [sign, log] = x.log_determinant();
    /// assert_eq!(evaluate(&sign)?.to_f64_vec(), [-1.]);
    /// assert_eq!(evaluate(&log)?.to_f64_vec(), [0.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn log_determinant(&self) -> [Tensor; 2] {
        Tensor::apply_many(MatrixFunction { function: Function::LogDeterminant }, &[self])
    }

    /// Both triangles of each matrix in one, and the exchanged rows. `keras.ops.lu_factor`.
    #[track_caller]
    pub fn lu(&self) -> [Tensor; 2] {
        Tensor::apply_many(MatrixFunction { function: Function::Lu }, &[self])
    }

    /// Orthogonal matrices and triangles whose products are these matrices. `keras.ops.qr`.
    #[track_caller]
    pub fn qr(&self, complete: bool) -> [Tensor; 2] {
        Tensor::apply_many(MatrixFunction { function: Function::Qr { complete } }, &[self])
    }

    /// Orthonormal columns, singular values, orthonormal rows. `keras.ops.svd`.
    #[track_caller]
    pub fn svd(&self, full: bool) -> [Tensor; 3] {
        Tensor::apply_many(MatrixFunction { function: Function::Svd { full } }, &[self])
    }

    /// The solutions of equations with these matrices, for right sides as columns.
    ///
    /// `keras.ops.solve`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let a = Tensor::constant(Array::from_slice([2, 2], &[0f32, 2., 1., 0.])?);
    /// let b = Tensor::constant(Array::from_slice([2, 1], &[4f32, 3.])?);
    /// assert_eq!(evaluate(&a.solve(&b))?.to_f64_vec(), [3., 2.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn solve(&self, right: &Tensor) -> Tensor {
        let (a, b) = same_batches(self, right);
        Tensor::apply(MatrixFunction { function: Function::Solve }, &[&a, &b])
    }

    /// The same with only one triangle of each matrix. `keras.ops.solve_triangular`.
    #[track_caller]
    pub fn solve_triangular(&self, right: &Tensor, lower: bool) -> Tensor {
        let (a, b) = same_batches(self, right);
        let function = Function::TriangularSolve { lower };
        Tensor::apply(MatrixFunction { function }, &[&a, &b])
    }
}

/// Matrices of the same batches; unchanged if they do not broadcast.
#[track_caller]
fn same_batches(a: &Tensor, b: &Tensor) -> (Tensor, Tensor) {
    let batch = |t: &Tensor| Shape::from(t.shape()[..t.rank().max(2) - 2].to_vec());
    if a.rank() < 2 || b.rank() < 2 {
        return (a.clone(), b.clone());
    }
    let Some(common) = batch(a).broadcast(&batch(b)) else { return (a.clone(), b.clone()) };
    let spread = |t: &Tensor| {
        let own = &t.shape()[t.rank() - 2..];
        t.broadcast_to([common.dims(), own].concat())
    };
    (spread(a), spread(b))
}

impl Described for MatrixFunction {
    const INFO: Info = Info {
        name: "matrix_function",
        kind: Kind::Primitive,
        summary: "factorizations of matrices, linear equations, determinants",
        samples: samples::samples,
        errors: samples::errors,
    };
}
