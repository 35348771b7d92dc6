//! Values, gradients and mistakes of the functions by which tensors are moved, chosen and composed.
//!
//! The expected numbers are those of NumPy for the expressions of the same names, to 16 digits.

use std::ops::Bound::{Excluded, Included};

use ibex_graph::check::GradientCheck;
use ibex_graph::interpreter::{Values, evaluate};
use ibex_graph::op::Number;
use ibex_graph::ops::concatenate::{concatenate, stack};
use ibex_graph::ops::cumulative::CumulativeSum;
use ibex_graph::ops::gather::ScatterAdd;
use ibex_graph::ops::pad::Pad;
use ibex_graph::{Array, DType, Tensor, Type, gradients, tensor};

/// A few roundings of `f64` in another order than NumPy's.
const TOLERANCE: f64 = 1e-13;

struct Row {
    name: &'static str,
    tensor: Tensor,
    shape: Vec<usize>,
    values: Vec<f64>,
}

fn row(name: &'static str, tensor: Tensor, shape: &[usize], values: &[f64]) -> Row {
    Row { name, tensor, shape: shape.to_vec(), values: values.to_vec() }
}

fn constant(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor::constant(Array::from_slice(shape, values).unwrap())
}

fn scalar(value: f64) -> Tensor {
    constant(&[], &[value])
}

/// 0, 1, 2, …
fn count(shape: &[usize]) -> Tensor {
    let size = shape.iter().product();
    constant(shape, &(0..size).map(|i: usize| i as f64).collect::<Vec<_>>())
}

/// `[[-2, -1, 0], [1, 2, 3]]`.
fn signed() -> Tensor {
    count(&[2, 3]) - 2.0
}

/// `[[3, 1, 2], [0, 5, 4]]`.
fn mixed() -> Tensor {
    constant(&[2, 3], &[3., 1., 2., 0., 5., 4.])
}

/// `sin(1 + 1.3 i)`.
fn wave(shape: &[usize]) -> Tensor {
    (count(shape) * 1.3 + 1.0).sin()
}

fn indices(shape: &[usize], values: &[i32]) -> Tensor {
    Tensor::constant(Array::from_slice(shape, values).unwrap())
}

fn check(rows: Vec<Row>) {
    for Row { name, tensor, shape, values } in rows {
        let result = evaluate(&tensor).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(result.shape().dims(), shape, "{name}");
        for (i, (have, want)) in result.to_f64_vec().iter().zip(&values).enumerate() {
            let near = (have - want).abs() <= TOLERANCE * (1.0 + want.abs());
            assert!(near, "{name} at {i}: {have}, expected {want}");
        }
    }
}

#[test]
fn scalar_functions_and_norms() {
    check(vec![
        row("clip", signed().clip(-1.0, 2.0), &[2, 3], &[-1., -1., 0., 1., 2., 2.]),
        row(
            "floor_divide",
            signed().floor_divide(&scalar(2.0)),
            &[2, 3],
            &[-1., -1., 0., 0., 1., 1.],
        ),
        row(
            "floor_divide of integers",
            signed().cast(DType::I32).floor_divide(&scalar(-2.0).cast(DType::I32)),
            &[2, 3],
            &[1., 0., 0., -1., -1., -2.],
        ),
        row(
            "logsumexp of rows",
            wave(&[2, 3]).logsumexp(&[1], false),
            &[2],
            &[1.6233643833040692, 1.3479503136428326],
        ),
        row(
            "logsumexp of all",
            wave(&[2, 3]).logsumexp(&[0, 1], true),
            &[1, 1],
            &[2.188256326426639],
        ),
        row(
            "logsumexp of large numbers",
            (count(&[3]) + 1000.0).logsumexp(&[0], false),
            &[],
            &[1002.4076059644444],
        ),
        row(
            "l2_norm",
            signed().l2_norm(&[1], false),
            &[2],
            &[2.23606797749979, 3.7416573867739413],
        ),
        row("l2_norm, kept", signed().l2_norm(&[0, 1], true), &[1, 1], &[4.358898943540674]),
        row(
            "l2_normalize",
            wave(&[2, 3]).l2_normalize(&[1], 1e-7),
            &[2, 3],
            &[
                0.6964125372389367,
                0.6171555148307902,
                -0.3662357826460557,
                -0.7219310156578941,
                -0.0610561936480695,
                0.6892660950956249,
            ],
        ),
        row("count_nonzero", signed().count_nonzero(&[0], false), &[3], &[2., 2., 1.]),
        row(
            "softplus",
            signed().softplus(),
            &[2, 3],
            &[
                0.1269280110429725,
                0.31326168751822286,
                std::f64::consts::LN_2,
                1.3132616875182228,
                2.1269280110429727,
                3.048587351573742,
            ],
        ),
    ]);
}

#[test]
fn rearrangements() {
    check(vec![
        row("swap_axes", count(&[2, 3]).swap_axes(0, -1), &[3, 2], &[0., 3., 1., 4., 2., 5.]),
        row(
            "move_axis forward",
            count(&[2, 1, 3]).move_axis(0, 2),
            &[1, 3, 2],
            &[0., 3., 1., 4., 2., 5.],
        ),
        row(
            "move_axis backward",
            count(&[1, 2, 3]).move_axis(-1, 0),
            &[3, 1, 2],
            &[0., 3., 1., 4., 2., 5.],
        ),
        row("flatten", count(&[2, 2]).flatten(), &[4], &[0., 1., 2., 3.]),
        row("flatten a scalar", scalar(3.0).flatten(), &[1], &[3.]),
        row("repeat", count(&[2, 2]).repeat(2, 1), &[2, 4], &[0., 0., 1., 1., 2., 2., 3., 3.]),
        row("repeat rows", count(&[2, 2]).repeat(2, 0), &[4, 2], &[0., 1., 0., 1., 2., 3., 2., 3.]),
        row("repeat zero times", count(&[2, 2]).repeat(0, 0), &[0, 2], &[]),
        row("tile", count(&[2, 2]).tile(&[1, 2]), &[2, 4], &[0., 1., 0., 1., 2., 3., 2., 3.]),
        row(
            "tile fewer axes",
            count(&[2, 2]).tile(&[2]),
            &[2, 4],
            &[0., 1., 0., 1., 2., 3., 2., 3.],
        ),
        row(
            "tile more axes",
            count(&[2]).tile(&[2, 2]),
            &[2, 4],
            &[0., 1., 0., 1., 0., 1., 0., 1.],
        ),
        row("flip", count(&[2, 3]).flip(&[0, 1]), &[2, 3], &[5., 4., 3., 2., 1., 0.]),
        row("slice_axis", count(&[2, 4]).slice_axis(1, 1..3), &[2, 2], &[1., 2., 5., 6.]),
        row("slice_axis from the end", count(&[5]).slice_axis(0, -3..-1), &[2], &[2., 3.]),
        row(
            "slice_axis to the end",
            count(&[3]).slice_axis(0, (Included(1), Included(-1))),
            &[2],
            &[1., 2.],
        ),
        row("slice_axis clipped", count(&[3]).slice_axis(0, -9..9), &[3], &[0., 1., 2.]),
        row("slice_axis crossed", count(&[3]).slice_axis(0, (Included(2), Excluded(1))), &[0], &[]),
        row("slice_axis_by", count(&[6]).slice_axis_by(0, 1.., 2), &[3], &[1., 3., 5.]),
        row("split", count(&[2, 4]).split(2, 1).remove(1), &[2, 2], &[2., 3., 6., 7.]),
        row("split_at", count(&[5]).split_at(&[1, 3], 0).remove(1), &[2], &[1., 2.]),
        row(
            "pad",
            count(&[2, 2]).pad(&[(1, 0), (0, 1)], 9.0),
            &[3, 3],
            &[9., 9., 9., 0., 1., 9., 2., 3., 9.],
        ),
        row(
            "concatenate",
            concatenate(&[count(&[2, 1]), count(&[2, 2])], -1),
            &[2, 3],
            &[0., 0., 1., 1., 2., 3.],
        ),
        row(
            "stack in the middle",
            stack(&[count(&[2, 2]), signed().slice_axis(1, ..2)], 1),
            &[2, 2, 2],
            &[0., 1., -2., -1., 2., 3., 1., 2.],
        ),
    ]);
}

#[test]
fn matrices_and_products_over_axes() {
    check(vec![
        row("eye", Tensor::eye(DType::F64, 2, 3, 0), &[2, 3], &[1., 0., 0., 0., 1., 0.]),
        row("eye below", Tensor::eye(DType::F64, 3, 2, -1), &[3, 2], &[0., 0., 1., 0., 0., 1.]),
        row("eye outside", Tensor::eye(DType::F64, 2, 2, isize::MIN), &[2, 2], &[0., 0., 0., 0.]),
        row(
            "tri",
            Tensor::tri(DType::F64, 3, 3, 0),
            &[3, 3],
            &[1., 0., 0., 1., 1., 0., 1., 1., 1.],
        ),
        row("tri above", Tensor::tri(DType::F64, 2, 3, 1), &[2, 3], &[1., 1., 0., 1., 1., 1.]),
        row(
            "lower_triangle",
            count(&[3, 3]).lower_triangle(-1),
            &[3, 3],
            &[0., 0., 0., 3., 0., 0., 6., 7., 0.],
        ),
        row(
            "upper_triangle",
            count(&[2, 2, 2]).upper_triangle(0),
            &[2, 2, 2],
            &[0., 1., 0., 3., 4., 5., 0., 7.],
        ),
        row(
            "upper_triangle above",
            count(&[3, 3]).upper_triangle(1),
            &[3, 3],
            &[0., 1., 2., 0., 0., 5., 0., 0., 0.],
        ),
        row("diag", (count(&[3]) + 1.0).diag(), &[3, 3], &[1., 0., 0., 0., 2., 0., 0., 0., 3.]),
        row("diagonal, wide", count(&[2, 3]).diagonal(), &[2], &[0., 4.]),
        row("diagonal, high", count(&[2, 3, 2]).diagonal(), &[2, 2], &[0., 3., 6., 9.]),
        row("tensordot", count(&[2, 3]).tensordot(&count(&[3, 2]), &[1, 0], &[0, 1]), &[], &[50.]),
        row(
            "tensordot of one axis",
            count(&[2, 3, 2]).tensordot(&count(&[2, 3]), &[1], &[1]),
            &[2, 2, 2],
            &[10., 28., 13., 40., 28., 100., 31., 112.],
        ),
        row(
            "tensordot of none",
            count(&[2]).tensordot(&count(&[3]), &[], &[]),
            &[2, 3],
            &[0., 0., 0., 0., 1., 2.],
        ),
        row(
            "dot",
            count(&[2, 2]).dot(&count(&[2, 2, 3])),
            &[2, 2, 3],
            &[3., 4., 5., 9., 10., 11., 9., 14., 19., 39., 44., 49.],
        ),
        row("dot by a vector", count(&[2, 3]).dot(&count(&[3])), &[2], &[5., 14.]),
        row("dot by a scalar", count(&[3]).dot(&scalar(2.0)), &[3], &[0., 2., 4.]),
    ]);
}

#[test]
fn sorted_counted_and_chosen_elements() {
    check(vec![
        row("sort", mixed().sort(1, false), &[2, 3], &[1., 2., 3., 0., 4., 5.]),
        row("sort columns", mixed().sort(0, true), &[2, 3], &[3., 5., 4., 0., 1., 2.]),
        row("arg_sort", mixed().arg_sort(-1, false), &[2, 3], &[1., 2., 0., 0., 2., 1.]),
        row("top_k", mixed().top_k(2).0, &[2, 2], &[3., 2., 5., 4.]),
        row("top_k positions", mixed().top_k(2).1, &[2, 2], &[0., 2., 1., 2.]),
        row("arg_max", mixed().arg_max(0), &[3], &[0., 1., 1.]),
        row("arg_min", mixed().arg_min(-1), &[2], &[1., 0.]),
        row(
            "cumulative_sum",
            count(&[2, 3]).cumulative_sum(1),
            &[2, 3],
            &[0., 1., 3., 3., 7., 12.],
        ),
        row(
            "take",
            count(&[3, 2]).take(&indices(&[2, 2], &[0, 2, -1, 1]), 0),
            &[2, 2, 2],
            &[0., 1., 4., 5., 4., 5., 2., 3.],
        ),
        row(
            "take columns",
            count(&[2, 3]).take(&indices(&[2], &[2, 0]), 1),
            &[2, 2],
            &[2., 0., 5., 3.],
        ),
        row("take beyond the ends", count(&[3]).take(&indices(&[2], &[-7, 5]), 0), &[2], &[0., 2.]),
        row(
            "take_along_axis",
            count(&[2, 3]).take_along_axis(&indices(&[2, 2], &[2, 0, 1, -1]), 1),
            &[2, 2],
            &[2., 0., 4., 5.],
        ),
        row(
            "scatter_add",
            Tensor::apply(
                ScatterAdd { axis: 0, size: 2 },
                &[&count(&[3, 2]), &indices(&[3], &[0, 1, 0])],
            ),
            &[2, 2],
            &[4., 6., 2., 3.],
        ),
        row(
            "add_along_axis",
            count(&[1, 3]).add_along_axis(&indices(&[1, 3], &[1, 1, -2]), 1, 3),
            &[1, 3],
            &[0., 3., 0.],
        ),
        row("range", Tensor::range(DType::F64, 5.0, 0.0, -2.0), &[3], &[5., 3., 1.]),
        row("range of nothing", Tensor::range(DType::F64, 1.0, 1.0, 1.0), &[0], &[]),
        row(
            "one_hot",
            indices(&[2], &[1, -1]).one_hot(3, 0, DType::F64),
            &[3, 2],
            &[0., 0., 1., 0., 0., 0.],
        ),
    ]);
}

#[test]
fn edges_of_scalar_functions() {
    let infinity = f64::INFINITY;
    let far = constant(&[2, 2], &[-infinity, -infinity, infinity, 1.0]).logsumexp(&[1], false);
    assert_eq!(evaluate(&far).unwrap().to_f64_vec(), [-infinity, infinity]);
    let short = constant(&[2], &[0.0, 1e-9]).l2_normalize(&[0], 1e-7);
    let short = evaluate(&short).unwrap().to_f64_vec();
    assert!(short[0] == 0.0 && (short[1] - 1e-2).abs() < 1e-16, "{short:?}");
    let clipped = constant(&[2], &[f64::NAN, infinity]).clip(0.0, 1.0);
    let clipped = evaluate(&clipped).unwrap().to_f64_vec();
    assert!(clipped[0].is_nan() && clipped[1] == 1.0, "{clipped:?}");
}

/// Positions as `numpy.argsort(kind="stable")`, `numpy.argmax` and `jax.lax.top_k` give them, but
/// NaN stays last when descending; pads as `jax.lax.pad`, sums as `jax.lax.cumsum`.
#[test]
fn edges_of_moved_and_chosen_elements() {
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    let edges = constant(&[8], &[1.0, nan, -0.0, infinity, 0.0, -infinity, nan, 1.0]);
    let cumulative = |reverse, exclusive| {
        let op = CumulativeSum { axis: 0, reverse, exclusive };
        Tensor::apply(op, &[&constant(&[4], &[1.0, 2.0, 4.0, 8.0])])
    };
    let spread = Pad { low: vec![1], high: vec![2], interior: vec![2], value: Number::new(9.0) };
    let between =
        Pad { low: vec![0, 1], high: vec![1, 0], interior: vec![1, 0], value: Number::new(0.0) };
    check(vec![
        row("ascending", edges.arg_sort(0, false), &[8], &[5., 2., 4., 0., 7., 3., 1., 6.]),
        row("descending", edges.arg_sort(0, true), &[8], &[3., 0., 7., 2., 4., 5., 1., 6.]),
        row("ties", constant(&[5], &[2., 3., 1., 3., 3.]).top_k(4).1, &[4], &[1., 3., 4., 0.]),
        row("largest", constant(&[4], &[1., nan, infinity, nan]).arg_max(0), &[], &[1.]),
        row("smallest", constant(&[3], &[1., nan, -infinity]).arg_min(0), &[], &[1.]),
        row("first", constant(&[4], &[1., 2., 2., 1.]).arg_max(0), &[], &[1.]),
        row("from the end", cumulative(true, false), &[4], &[15., 14., 12., 8.]),
        row("without itself", cumulative(false, true), &[4], &[0., 1., 3., 7.]),
        row("neither", cumulative(true, true), &[4], &[14., 12., 8., 0.]),
        row(
            "spread",
            Tensor::apply(spread, &[&(count(&[3]) + 1.0)]),
            &[10],
            &[9., 1., 9., 9., 2., 9., 9., 3., 9., 9.],
        ),
        row(
            "between",
            Tensor::apply(between, &[&count(&[2, 2])]),
            &[4, 3],
            &[0., 0., 1., 0., 0., 0., 0., 2., 3., 0., 0., 0.],
        ),
        row(
            "strides of two axes",
            count(&[3, 4]).strided_slice(&[0, 1], &[3, 4], &[2, 2]),
            &[2, 2],
            &[1., 3., 9., 11.],
        ),
    ]);
}

fn gradient(f: impl Fn(&Tensor) -> Tensor, at: &[f64]) -> Vec<f64> {
    let x = constant(&[at.len()], at);
    let dx = gradients(&f(&x).sum_all(), &[x]).unwrap().remove(0).unwrap();
    evaluate(&dx).unwrap().to_f64_vec()
}

#[test]
fn gradients_exist_where_the_parts_have_kinks() {
    assert_eq!(gradient(Tensor::softplus, &[0.0, -800.0, 800.0]), [0.5, 0.0, 1.0]);
    let slope =
        |x: &Tensor| gradients(&x.softplus().sum_all(), std::slice::from_ref(x)).unwrap().remove(0);
    assert_eq!(gradient(|x| slope(x).unwrap(), &[0.0]), [0.25]);
    assert_eq!(gradient(|x| x.l2_norm(&[0], false), &[0.0, 0.0]), [0.0, 0.0]);
    assert!(gradient(|x| x.l2_normalize(&[0], 1e-7), &[0.0]).iter().all(|g| g.is_finite()));
    assert_eq!(gradient(|x| x.clip(0.0, 1.0), &[-1.0, 0.0, 0.5, 1.0, 2.0]), [0., 0.5, 1., 0.5, 0.]);
    assert_eq!(gradient(|x| x.logsumexp(&[0], false), &[1e4, 1e4]), [0.5, 0.5]);
    assert_eq!(gradient(|x| x.top_k(2).0, &[1.0, 4.0, 2.0, 4.0]), [0., 1., 0., 1.]);
}

type Function = fn(&Tensor) -> Tensor;

#[test]
fn gradients_match_central_differences() {
    let functions: [(&str, Function); 24] = [
        ("clip", |x| x.clip(-0.45, 0.46)),
        ("logsumexp", |x| x.logsumexp(&[1], false)),
        ("l2_norm", |x| x.l2_norm(&[0], true)),
        ("l2_normalize", |x| x.l2_normalize(&[1], 1e-7)),
        ("softplus", Tensor::softplus),
        ("swap_axes", |x| x.swap_axes(0, 1)),
        ("flatten", Tensor::flatten),
        ("repeat", |x| x.repeat(3, 1)),
        ("tile", |x| x.tile(&[2, 1, 2])),
        ("flip", |x| x.flip(&[0, 1])),
        ("slice_axis_by", |x| x.slice_axis_by(1, 1.., 2)),
        ("split", |x| x.split(2, 1).remove(1)),
        ("pad", |x| x.pad(&[(1, 0), (2, 1)], 3.0)),
        ("stack", |x| stack(&[x, &x.square()], 1)),
        ("concatenate", |x| concatenate(&[x, &x.square(), x], 1)),
        ("lower_triangle", |x| x.lower_triangle(0)),
        ("upper_triangle", |x| x.upper_triangle(1)),
        ("diag", |x| x.flatten().diag()),
        ("diagonal", Tensor::diagonal),
        ("tensordot", |x| x.tensordot(&x.sin(), &[0], &[0])),
        ("dot", |x| x.dot(&x.matrix_transpose())),
        ("sort", |x| x.sort(1, true)),
        ("cumulative_sum", |x| x.cumulative_sum(1)),
        ("take", |x| x.take(&indices(&[2, 2], &[0, -1, 1, 0]), 1)),
    ];
    let x = Values::distinct([3, 4], 5);
    let x = Values::new(Type::new(DType::F64, x.shape()), x.data);
    for (name, function) in functions {
        let loss = |x: &[Tensor]| {
            let y = function(&x[0]);
            (&y * wave(y.shape())).sum_all()
        };
        let report = GradientCheck::new().epsilon(1e-5).function(std::slice::from_ref(&x), loss);
        let report = report.unwrap_or_else(|e| panic!("{name}: {e}"));
        // 1e-11 of rounding over a step of 1e-5, with derivatives of order 1.
        assert!(report.relative_error() < 1e-8, "{name}\n{report}");
    }
}

#[test]
fn mistakes_say_what_is_wrong() {
    let x = || count(&[2, 3]);
    let cases = [
        (
            x().take(&indices(&[1], &[0]), 2),
            "`take` has no axis 2\n  expected  an axis of (2, 3)\n  received  2",
        ),
        (
            x().slice_axis(-3, ..),
            "`slice` has no axis -3\n  expected  an axis of (2, 3)\n  received  -3",
        ),
        (
            x().slice_axis_by(0, .., 0),
            "cannot slice (2, 3) by [0:2:0, 0:3]\n  expected  0 <= start <= stop <= extent and a \
             positive step for 2 axes\n  received  start [0, 0], stop [2, 3], step [0, 1]",
        ),
        (
            x().split(2, 1).remove(1),
            "`split` cannot cut axis 1 of (2, 3) into 2\n  expected  a number of parts that \
             divides 3\n  received  2",
        ),
        (
            x().split(0, 1).remove(0),
            "`split` cannot cut axis 1 of (2, 3) into 0\n  expected  a number of parts that \
             divides 3\n  received  0",
        ),
        (
            concatenate(&[x(), x()], 2),
            "`concatenate` has no axis 2\n  expected  an axis of (2, 3)\n  received  2",
        ),
        (
            stack::<Tensor>(&[], 0),
            "cannot concatenate nothing\n  expected  at least one input\n  received  none",
        ),
        (
            x().top_k(4).0,
            "`top_k` cannot find 4 elements in (2, 3)\n  expected  at most 3, the last axis\n  \
             received  4",
        ),
        (
            scalar(1.0).top_k(1).1,
            "`arg_sort` has no axis -1\n  expected  an axis of ()\n  received  -1",
        ),
        (
            Tensor::range(DType::F32, f64::NAN, 1.0, 1.0),
            "no range leads from NaN to 1 in steps of 1\n  expected  finite numbers and a step \
             that is not 0\n  received  start NaN, stop 1, step 1",
        ),
        (
            Tensor::range(DType::F32, 0.0, 1.0, 0.0),
            "no range leads from 0 to 1 in steps of 0\n  expected  finite numbers and a step that \
             is not 0\n  received  start 0, stop 1, step 0",
        ),
        (
            x().one_hot(3, -1, DType::F32),
            "`one_hot` needs integers\n  expected  an integer dtype\n  received  float64 (2, 3)\n  \
             help: cast the labels",
        ),
        (
            x().repeat(usize::MAX, 0),
            "the result of `repeat` is too large\n  expected  a size that memory can have\n  \
             received  2 axes with more elements than can be counted",
        ),
        (
            x().tile(&[1 << 40, 1 << 40]),
            "the result of `tile` is too large\n  expected  a size that memory can have\n  \
             received  2 axes with more elements than can be counted",
        ),
        (
            x().diag(),
            "`diag` needs a vector\n  expected  one axis\n  received  (2, 3)\n  help: `diagonal` \
             takes the diagonal of a matrix",
        ),
        (
            scalar(1.0).diagonal(),
            "`diagonal` has no axis -2\n  expected  an axis of ()\n  received  -2",
        ),
        (
            x().tensordot(&x(), &[0], &[1]),
            "`tensordot` cannot pair axes [0] with [1]\n  expected  as many different axes of \
             both, with the same extents\n  received  (2, 3) and (2, 3)",
        ),
        (
            x().tensordot(&x(), &[0, 0], &[0, 0]),
            "`tensordot` cannot pair axes [0, 0] with [0, 0]\n  expected  as many different axes \
             of both, with the same extents\n  received  (2, 3) and (2, 3)",
        ),
    ];
    for (wrong, message) in cases {
        let found = tensor::errors(std::slice::from_ref(&wrong));
        assert_eq!(found.len(), 1, "{message}");
        assert_eq!(found[0].message(), message);
        assert!(found[0].to_string().contains("composed.rs"), "{}", found[0]);
    }
}

#[test]
fn poisoned_inputs_pass_their_own_mistake_on() {
    let wrong = count(&[2, 3]) + count(&[4]);
    let results = [
        wrong.take(&indices(&[1], &[0]), 0),
        wrong.slice_axis(0, 1..),
        wrong.split(2, 0).remove(0),
        wrong.pad(&[(1, 1)], 0.0),
        wrong.flip(&[0]),
        concatenate(&[&count(&[2]), &wrong], 0),
        stack(&[&wrong, &count(&[2])], 1),
        wrong.sort(0, false),
        wrong.top_k(1).0,
        wrong.arg_max(1),
        wrong.cumulative_sum(1),
        wrong.one_hot(3, -1, DType::F32),
        wrong.repeat(2, 0),
        wrong.tile(&[2]),
        wrong.flatten(),
        wrong.diag(),
        wrong.diagonal(),
        wrong.lower_triangle(0),
        wrong.tensordot(&count(&[2]), &[0], &[0]),
        count(&[2]).dot(&wrong),
        wrong.logsumexp(&[0], false),
        wrong.l2_normalize(&[0], 1e-7),
        wrong.softplus(),
        wrong.clip(0.0, 1.0),
        wrong.floor_divide(&wrong),
        wrong.count_nonzero(&[0], false),
    ];
    for (i, result) in results.into_iter().enumerate() {
        let found = tensor::errors(&[result]);
        assert_eq!(found.len(), 1, "result {i}: {found:?}");
        assert!(found[0].what.starts_with("`add`"), "result {i}: {}", found[0]);
    }
}

/// Every number of windows of every short line, against windows cut out one by one.
#[test]
fn adaptive_pooling_covers_every_line() {
    for extent in 1..=12usize {
        let line: Vec<f64> = (0..extent).map(|i| (1.0 + 1.3 * i as f64).sin()).collect();
        let x = constant(&[1, extent, 1], &line);
        for count in 1..=12 {
            let windows = (0..count)
                .map(|i| &line[i * extent / count..((i + 1) * extent).div_ceil(count)])
                .collect::<Vec<&[f64]>>();
            let mean = |w: &&[f64]| w.iter().sum::<f64>() / w.len() as f64;
            let means: Vec<f64> = windows.iter().map(mean).collect();
            let largest = |w: &&[f64]| w.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let maxima: Vec<f64> = windows.iter().map(largest).collect();
            let shape = [1, count, 1];
            check(vec![
                row("adaptive_average_pool", x.adaptive_average_pool(&[count]), &shape, &means),
                row("adaptive_max_pool", x.adaptive_max_pool(&[count]), &shape, &maxima),
            ]);
        }
    }
    let wrong = count(&[1, 4, 1]).adaptive_max_pool(&[0]);
    assert_eq!(
        tensor::errors(&[wrong])[0].message(),
        "`adaptive_max_pool` cannot make [0] windows of (1, 4, 1)\n  expected  (batch, *spatial, \
         channels), and a number of at least 1 for each of the 1, 2 or 3 spatial axes\n  \
         received  [0] for (1, 4, 1)"
    );
}
