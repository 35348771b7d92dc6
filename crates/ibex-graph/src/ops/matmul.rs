//! Matrix product over the last two axes, batched over equal leading axes.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Tensor, Type};

/// `a · b`: `(…, m, k) · (…, k, n)` gives `(…, m, n)`.
///
/// A transposed operand is a [`Transpose`](super::transpose::Transpose) before it: packing reads
/// any strides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MatMul;

impl Tensor {
    /// The matrix product over the last two axes.
    ///
    /// A vector on the left is a row, on the right a column, and its axis vanishes; leading axes
    /// broadcast. `keras.ops.matmul`.
    #[track_caller]
    pub fn matmul(&self, other: &Tensor) -> Tensor {
        if self.is_poisoned() || other.is_poisoned() {
            return Tensor::apply(MatMul, &[self, other]);
        }
        let (row, column) = (self.rank() == 1, other.rank() == 1);
        let a = if row { self.expand_dims(0) } else { self.clone() };
        let b = if column { other.expand_dims(1) } else { other.clone() };
        let product = batched(&a, &b);
        let product = if row && !product.is_poisoned() { product.squeeze(-2) } else { product };
        if column && !product.is_poisoned() { product.squeeze(-1) } else { product }
    }
}

/// The product of two tensors of at least two axes, with leading axes broadcast.
#[track_caller]
fn batched(a: &Tensor, b: &Tensor) -> Tensor {
    if a.rank() < 2 || b.rank() < 2 {
        return Tensor::apply(MatMul, &[a, b]);
    }
    let (k, n) = (b.dim(-2), b.dim(-1));
    if b.rank() == 2 && a.rank() > 2 && a.dim(-1) == k {
        // One matrix for all batches: a single larger product.
        let rows: usize = a.shape()[..a.rank() - 1].iter().product();
        let mut dims = a.shape()[..a.rank() - 1].to_vec();
        dims.push(n);
        return Tensor::apply(MatMul, &[&a.reshape([rows, k]), b]).reshape(dims);
    }
    let lead = |t: &Tensor| crate::Shape::from(&t.shape()[..t.rank() - 2]);
    let Some(batch) = lead(a).broadcast(&lead(b)) else {
        return Tensor::apply(MatMul, &[a, b]);
    };
    let spread = |t: &Tensor| {
        let mut dims = batch.to_vec();
        dims.extend_from_slice(&t.shape()[t.rank() - 2..]);
        t.broadcast_to(dims)
    };
    Tensor::apply(MatMul, &[&spread(a), &spread(b)])
}

impl Rule for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [a, b] = expect_inputs("matmul", inputs)?;
        let rank = a.shape.rank();
        if a.dtype != b.dtype || a.dtype == DType::Bool {
            let what = "`matmul` needs two inputs of one numeric dtype";
            return Err(OpError::new(what, a.dtype.name(), b.dtype.name()).help("cast one of them"));
        }
        let what = || format!("`matmul` cannot multiply {} by {}", a.shape, b.shape);
        if rank < 2 || b.shape.rank() != rank || a.shape[..rank - 2] != b.shape[..rank - 2] {
            return Err(OpError::new(
                what(),
                "(…, m, k) and (…, k, n) with the same leading axes",
                format!("{} and {}", a.shape, b.shape),
            ));
        }
        if a.shape[rank - 1] != b.shape[rank - 2] {
            return Err(OpError::new(
                what(),
                format!("{} rows in the second, the last axis of the first", a.shape[rank - 1]),
                format!("{} rows", b.shape[rank - 2]),
            ));
        }
        let mut dims = a.shape.to_vec();
        dims[rank - 1] = b.shape[rank - 1];
        Ok(vec![Type::new(a.dtype, dims)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let (a, b) = (inputs[0], inputs[1]);
        let rank = a.shape().rank();
        let (m, k, n) = (a.shape()[rank - 2], a.shape()[rank - 1], b.shape()[rank - 1]);
        let mut data = vec![0.0; outputs[0].shape.size()];
        for (at, value) in data.iter_mut().enumerate() {
            let (batch, row, column) = (at / (m * n), at / n % m, at % n);
            let (left, right) = ((batch * m + row) * k, batch * k * n + column);
            *value = (0..k).map(|i| a.data[left + i] * b.data[right + i * n]).sum();
        }
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let (a, b, g) = (&node.inputs[0], &node.inputs[1], node.grad(0));
        let da = Tensor::apply(MatMul, &[&g, &b.matrix_transpose()]);
        let db = Tensor::apply(MatMul, &[&a.matrix_transpose(), &g]);
        Vjp::Rule(vec![Some(da), Some(db)])
    }
}

impl Described for MatMul {
    const INFO: Info = Info {
        name: "matmul",
        kind: Kind::Primitive,
        summary: "matrix product over the last two axes",
        samples: || {
            let x = |shape: &[usize], salt| Values::uniform(shape, -1.0, 1.0, salt);
            let case = |label: &str, a: &[usize], b: &[usize]| {
                Sample::new(label, MatMul, vec![x(a, 1), x(b, 2)])
            };
            vec![
                case("matrices", &[3, 4], &[4, 5]),
                case("batched", &[2, 3, 4], &[2, 4, 2]),
                case("two batch axes", &[2, 1, 3, 2], &[2, 1, 2, 3]),
                case("row by column", &[1, 5], &[5, 1]),
                case("column by row", &[5, 1], &[1, 4]),
                case("nothing to add up", &[2, 0], &[0, 3]),
                case("no rows", &[0, 2], &[2, 3]),
                case("larger than a tile", &[17, 33], &[33, 19]),
            ]
        },
        errors: || {
            let ty = |shape: &[usize]| Type::new(DType::F32, shape);
            vec![
                BadSample::new(
                    MatMul,
                    &[ty(&[2, 3]), ty(&[4, 5])],
                    "`matmul` cannot multiply (2, 3) by (4, 5)\n  expected  3 rows in the second, \
                     the last axis of the first\n  received  4 rows",
                ),
                BadSample::new(
                    MatMul,
                    &[ty(&[3]), ty(&[3, 2])],
                    "`matmul` cannot multiply (3,) by (3, 2)\n  expected  (…, m, k) and (…, k, n) \
                     with the same leading axes\n  received  (3,) and (3, 2)",
                ),
            ]
        },
    };
}
