//! The gradients of the functions of matrices, written with these functions again.
//!
//! Source: Giles, "Collected matrix derivative results", 2008; Seeger et al., "Auto-differentiating
//! linear algebra", 2017.

use super::Function;
use crate::op::{Forward, Vjp};
use crate::ops::concatenate::concatenate;
use crate::{DType, Tensor};

/// The gradient rule of a function.
pub(super) fn of(function: Function, node: &Forward<'_>) -> Vjp {
    let input = &node.inputs[0];
    let by_input = |gradient: Tensor| Vjp::Rule(vec![Some(gradient)]);
    match function {
        Function::Cholesky => by_input(cholesky(&node.outputs[0], &node.grad(0))),
        Function::Eigh => by_input(eigh(node.outputs, &node.grad(0), &node.grad(1))),
        Function::LogDeterminant => by_input(log_determinant(input, &node.grad(1))),
        Function::Lu => by_input(lu(node.outputs, &node.grad(0))),
        Function::Qr { complete } => {
            let square = input.dim(-1) == input.dim(-2);
            match square || !complete || input.dim(-2) < input.dim(-1) {
                true => by_input(any_qr(input, node.outputs, &node.grad(0), &node.grad(1))),
                false => Vjp::NotDifferentiable("the rest of a full basis is arbitrary"),
            }
        }
        Function::Solve => {
            let right = transposed(input).solve(&node.grad(0));
            let matrix = -right.matmul(&transposed(&node.outputs[0]));
            Vjp::Rule(vec![Some(matrix), Some(right)])
        }
        Function::Svd { full } => {
            let square = input.dim(-1) == input.dim(-2);
            match square || !full {
                true => by_input(svd(node)),
                false => Vjp::NotDifferentiable("the rest of a full basis is arbitrary"),
            }
        }
        Function::TriangularSolve { lower } => {
            let right = transposed(input).solve_triangular(&node.grad(0), !lower);
            let matrix = -right.matmul(&transposed(&node.outputs[0]));
            let matrix = if lower { matrix.lower_triangle(0) } else { matrix.upper_triangle(0) };
            Vjp::Rule(vec![Some(matrix), Some(right)])
        }
    }
}

fn transposed(x: &Tensor) -> Tensor {
    x.matrix_transpose()
}

fn symmetric(x: &Tensor) -> Tensor {
    (x + transposed(x)) * 0.5
}

fn identity(x: &Tensor) -> Tensor {
    Tensor::eye(x.dtype(), x.dim(-1), x.dim(-1), 0)
}

/// A batch of vectors as diagonals.
fn diagonals(x: &Tensor) -> Tensor {
    let size = x.dim(-1);
    x.expand_dims(-1) * Tensor::eye(x.dtype(), size, size, 0)
}

/// One over the differences of the elements, zero on the diagonal: element `(i, j)` is
/// `1 / (x[j] - x[i])`.
fn inverse_differences(x: &Tensor) -> Tensor {
    let apart = x.expand_dims(-2) - x.expand_dims(-1);
    let same = Tensor::eye(DType::Bool, x.dim(-1), x.dim(-1), 0).broadcast_to(apart.shape());
    let safe = same.select(&apart.ones_like(), &apart);
    same.select(&apart.zeros_like(), &safe.reciprocal())
}

fn cholesky(l: &Tensor, g: &Tensor) -> Tensor {
    let product = transposed(l).matmul(g);
    let middle = product.lower_triangle(0) - diagonals(&product.diagonal()) * 0.5;
    let upper = transposed(l);
    let left = upper.solve_triangular(&middle, false);
    let both = transposed(&upper.solve_triangular(&transposed(&left), false));
    symmetric(&both)
}

fn eigh(outputs: &[Tensor], values: &Tensor, vectors: &Tensor) -> Tensor {
    let (w, v) = (&outputs[0], &outputs[1]);
    let turned = inverse_differences(w) * transposed(v).matmul(vectors);
    let inner = diagonals(values) + turned;
    symmetric(&v.matmul(&inner).matmul(&transposed(v)))
}

fn log_determinant(a: &Tensor, g: &Tensor) -> Tensor {
    let eye = identity(a).broadcast_to(a.shape());
    transposed(a).solve(&eye) * g.expand_dims(-1).expand_dims(-1)
}

fn lu(outputs: &[Tensor], g: &Tensor) -> Tensor {
    let (both, pivots) = (&outputs[0], &outputs[1]);
    let (lower, upper) = (both.lower_triangle(-1) + identity(both), both.upper_triangle(0));
    let left = transposed(&lower).matmul(&g.lower_triangle(-1)).lower_triangle(-1);
    let right = g.upper_triangle(0).matmul(&transposed(&upper)).upper_triangle(0);
    let inner = left + right;
    let solved = transposed(&lower).solve_triangular(&inner, false);
    let solved = transposed(&upper.solve_triangular(&transposed(&solved), false));
    // The rows go back to where they were before the exchanges.
    let order = row_order(pivots);
    let back = order.expand_dims(-1).broadcast_to(solved.shape());
    solved.add_along_axis(&back, -2, solved.dim(-2))
}

/// The row of the matrix that each row of the triangles comes from.
fn row_order(pivots: &Tensor) -> Tensor {
    let size = pivots.dim(-1);
    let mut order = Tensor::iota(DType::I32, pivots.shape().clone(), pivots.rank() - 1);
    let place = order.clone();
    for k in 0..size {
        let at = |k: usize| place.equal(&Tensor::scalar(DType::I32, k as f64));
        let pivot = pivots.slice_axis(-1, k as isize..k as isize + 1);
        let there = place.equal(&pivot);
        let first = order.slice_axis(-1, k as isize..k as isize + 1);
        let second = order.take_along_axis(&pivot, -1);
        let (first, second) =
            (first.broadcast_to(place.shape()), second.broadcast_to(place.shape()));
        order = there.select(&first, &order);
        order = at(k).select(&second, &order);
    }
    order
}

fn qr(outputs: &[Tensor], q_gradient: &Tensor, r_gradient: &Tensor) -> Tensor {
    let (q, r) = (&outputs[0], &outputs[1]);
    let product = r.matmul(&transposed(r_gradient)) - transposed(q_gradient).matmul(q);
    let lower = product.lower_triangle(0);
    let mirrored = &lower + transposed(&product.lower_triangle(-1));
    let inner = q_gradient + q.matmul(&mirrored);
    // `inner · R^-T` is the transpose of the solution of `R · x = innerᵀ`.
    transposed(&r.solve_triangular(&transposed(&inner), false))
}

/// The same for a matrix that may have more columns than rows: those beyond the square only say how
/// they are made of the basis.
fn any_qr(a: &Tensor, outputs: &[Tensor], q_gradient: &Tensor, r_gradient: &Tensor) -> Tensor {
    let (rows, q, r) = (a.dim(-2) as isize, &outputs[0], &outputs[1]);
    if a.dim(-1) as isize <= rows {
        return qr(outputs, q_gradient, r_gradient);
    }
    let parts = |x: &Tensor| [x.slice_axis(-1, ..rows), x.slice_axis(-1, rows..)];
    let ([_, beyond], [square, _]) = (parts(a), parts(r));
    let [by_square, by_beyond] = parts(r_gradient);
    let q_gradient = q_gradient + beyond.matmul(&transposed(&by_beyond));
    let first = qr(&[q.clone(), square], &q_gradient, &by_square);
    concatenate(&[first, q.matmul(&by_beyond)], -1)
}

fn svd(node: &Forward<'_>) -> Tensor {
    let (u, s, vt) = (&node.outputs[0], &node.outputs[1], &node.outputs[2]);
    let (gu, gs, gvt) = (node.grad(0), node.grad(1), node.grad(2));
    let (v, gv) = (transposed(vt), transposed(&gvt));
    let turned = inverse_differences(&s.square());
    let skew = |x: &Tensor| x - transposed(x);
    let row = s.expand_dims(-2);
    let column = s.expand_dims(-1);
    let left = (&turned * skew(&transposed(u).matmul(&gu))) * &row;
    let right = (&turned * skew(&transposed(&v).matmul(&gv))) * &column;
    let inner = left + right + diagonals(&gs);
    let mut gradient = u.matmul(&inner).matmul(vt);
    let beside = |basis: &Tensor, x: &Tensor| x - basis.matmul(&transposed(basis).matmul(x));
    if u.dim(-2) > u.dim(-1) {
        gradient = gradient + (beside(u, &gu) / &row).matmul(vt);
    }
    if v.dim(-2) > v.dim(-1) {
        gradient = gradient + (u / &row).matmul(&transposed(&beside(&v, &gv)));
    }
    gradient
}
