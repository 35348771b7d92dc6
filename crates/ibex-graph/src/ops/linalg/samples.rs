//! The cases with which the table test runs the functions of matrices.

use super::{Function, MatrixFunction};
use crate::interpreter::{Values, for_each_index};
use crate::op::{BadSample, Sample};
use crate::{DType, Type};

/// Matrices that are far from singular, with singular values that are far apart.
fn matrices(shape: &[usize], salt: u64) -> Values {
    let mut values = Values::uniform(shape, -0.3, 0.3, salt);
    let rank = shape.len();
    let mut at = 0;
    for_each_index(shape, |index| {
        if index[rank - 1] == index[rank - 2] {
            values.data[at] += 1.0 + 1.5 * index[rank - 1] as f64;
        }
        at += 1;
    });
    values
}

pub(super) fn samples() -> Vec<Sample> {
    let case = |label: &str, function, inputs: Vec<Values>| {
        let op = MatrixFunction { function };
        Sample::new(label, op, inputs)
    };
    let sides = |shape: &[usize]| Values::uniform(shape, -1.0, 1.0, 9);
    let mut all = Vec::new();
    for (label, shape) in [("a matrix", &[3, 3][..]), ("batches", &[2, 3, 3]), ("one", &[1, 1])] {
        let mut right = shape.to_vec();
        if let Some(last) = right.last_mut() {
            *last = 2;
        }
        let solve = |function| case(label, function, vec![matrices(shape, 1), sides(&right)]);
        all.extend([
            case(label, Function::Cholesky, vec![matrices(shape, 1)]),
            case(label, Function::Eigh, vec![matrices(shape, 2)]),
            case(label, Function::LogDeterminant, vec![matrices(shape, 3)]),
            case(label, Function::Lu, vec![matrices(shape, 4)]),
            case(label, Function::Qr { complete: false }, vec![matrices(shape, 5)]),
            case(label, Function::Svd { full: true }, vec![matrices(shape, 6)]),
            solve(Function::Solve),
            solve(Function::TriangularSolve { lower: false }),
            solve(Function::TriangularSolve { lower: true }),
        ]);
    }
    let exchanged = Values::of([3, 3], &[0.1, 2.0, 0.3, 1.5, 0.2, -0.4, 0.3, -0.6, 3.0]);
    all.extend([
        case("with exchanged rows", Function::Lu, vec![exchanged]),
        case("tall", Function::Qr { complete: false }, vec![matrices(&[4, 2], 7)]),
        case("tall, complete", Function::Qr { complete: true }, vec![matrices(&[4, 2], 7)])
            .without_gradient(),
        case("wide", Function::Qr { complete: false }, vec![matrices(&[2, 3], 7)]),
        case("tall", Function::Svd { full: false }, vec![matrices(&[2, 4, 2], 8)]),
        case("wide", Function::Svd { full: false }, vec![matrices(&[2, 3], 8)]),
        case("tall, full", Function::Svd { full: true }, vec![matrices(&[4, 2], 8)])
            .without_gradient(),
        case("no matrix", Function::Cholesky, vec![matrices(&[0, 2, 2], 1)]),
    ]);
    all
}

pub(super) fn errors() -> Vec<BadSample> {
    let op = |function| MatrixFunction { function };
    let ty = |shape: &[usize]| Type::new(DType::F32, shape);
    vec![
        BadSample::new(
            op(Function::Cholesky),
            &[ty(&[3])],
            "`cholesky` needs matrices\n  expected  at least two axes\n  received  (3,)",
        ),
        BadSample::new(
            op(Function::Lu),
            &[ty(&[2, 3])],
            "`lu` needs square matrices\n  expected  as many rows as columns\n  received  (2, 3)",
        ),
        BadSample::new(
            op(Function::Solve),
            &[ty(&[3, 3]), ty(&[2, 1])],
            "`solve` cannot solve for float32 (2, 1)\n  expected  float32 (…, 3, columns) for \
             (3, 3)\n  received  float32 (2, 1)",
        ),
        BadSample::new(
            op(Function::Eigh),
            &[Type::new(DType::I32, [2, 2])],
            "`eigh` does not apply to int32\n  expected  float32 or float64\n  received  \
             int32 (2, 2)\n  help: cast the input first",
        ),
        BadSample::new(
            op(Function::Solve),
            &[ty(&[3, 3])],
            "`solve` takes 2 inputs\n  expected  2\n  received  1",
        ),
    ]
}
