//! Rules for sums, products and extremes along axes.

use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::reduce::{Reduce, Reduction};
use ibex_graph::ops::transpose::Transpose;
use ibex_graph::ops::unary::Unary;
use ibex_graph::{DType, Node, Op, Tensor, ValueId};

use super::examples::{column, row, x};
use super::unary::argument;
use super::{Rewriter, Rule, holds};

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "reduce_of_single_elements",
        summary: "one element is its own sum, product and extreme: exact",
        example: || column().sum(&[1], false),
        becomes: "reshape[(2,)](column)",
        apply: reduce_of_single_elements,
    },
    Rule {
        name: "sum_of_negative",
        summary: "the sum of `-x` is minus the sum of `x`, which is smaller: exact",
        example: || (-x()).sum(&[0], false),
        becomes: "negative(sum[[0]](x))",
        apply: sum_of_negative,
    },
    Rule {
        name: "reduce_of_repeated",
        summary: "a sum of repeated elements is a multiple of them, an extreme is one of them: \
                  one rounding instead of many",
        example: || row().broadcast_to([4, 3]).sum(&[0, 1], false),
        becomes: "multiply(reshape[()](sum[[0], keep](row)), 4)",
        apply: reduce_of_repeated,
    },
    Rule {
        name: "reduce_of_transpose",
        summary: "axes are reordered after the others are gone: there is less to move",
        example: || x().transpose(&[1, 0]).max(&[0], false),
        becomes: "reshape[(2,)](max[[1], keep](x))",
        apply: reduce_of_transpose,
    },
    Rule {
        name: "reduce_apart_from_short_runs",
        summary: "axes are reduced before a short run of neighbours behind a kept axis is, so that \
                  the first pass, over everything, is over long rows: as many roundings",
        example: || Tensor::input("grid", DType::F32, [16, 64, 4, 4]).sum(&[1, 3], false),
        becomes: "sum[[1, 3]](sum[[1], keep](grid))",
        apply: reduce_apart_from_short_runs,
    },
];

/// Runs of fewer elements are read slower than rows.
const SHORT: usize = 256;

/// A second pass pays if it reads at most one element of so many.
const FEWER: usize = 8;

/// Fewer elements are not worth a second pass.
const LARGE: usize = 1 << 14;

fn reduce_of_single_elements(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let Op::Reduce(op) = &node.op else { return None };
    let from = rewriter.shape(node.inputs[0]);
    let single = op.axes.iter().all(|&axis| from[axis] == 1);
    single.then(|| rewriter.reshape(node, node.inputs[0], &node.types[0].shape))?
}

fn sum_of_negative(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let Op::Reduce(op @ Reduce { reduction: Reduction::Sum, .. }) = &node.op else { return None };
    let x = argument(rewriter, node.inputs[0], Unary::Negative)?;
    let sum = rewriter.apply(node, op.clone(), &[x])?;
    rewriter.apply(node, Unary::Negative, &[sum])
}

fn reduce_of_repeated(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let Op::Reduce(op) = &node.op else { return None };
    let inner = rewriter.node(node.inputs[0]);
    let (Op::Broadcast(broadcast), x) = (&inner.op, *inner.inputs.first()?) else { return None };
    let from = rewriter.shape(x);
    let mut repeated = broadcast.repeated_axes(from);
    repeated.retain(|axis| op.axes.contains(axis));
    let count: usize = repeated.iter().map(|&axis| broadcast.shape[axis]).product();
    let factor = count as f64;
    let plain = match op.reduction {
        Reduction::Sum => holds(node.types[0].dtype, factor),
        Reduction::Maximum | Reduction::Minimum => true,
        Reduction::Product => false,
    };
    if repeated.is_empty() || count == 0 || !plain {
        return None;
    }
    let lead = broadcast.shape.rank() - from.rank();
    let own = op.axes.iter().filter(|axis| !repeated.contains(axis));
    let axes: Vec<usize> = own.map(|axis| axis - lead).collect();
    let (reduction, kept) = (op.reduction, broadcast.shape.reduce(&op.axes, true));
    let x = rewriter.apply(node, Reduce { reduction, axes, keep_dims: true }, &[x])?;
    let x = rewriter.broadcast(node, x, &kept)?;
    let x = rewriter.reshape(node, x, &node.types[0].shape)?;
    if reduction != Reduction::Sum {
        return Some(x);
    }
    let factor = rewriter.full(node, &node.types[0], factor)?;
    rewriter.apply(node, Binary::Multiply, &[x, factor])
}

fn reduce_of_transpose(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let Op::Reduce(op) = &node.op else { return None };
    let inner = rewriter.node(node.inputs[0]);
    let (Op::Transpose(transpose), x) = (&inner.op, *inner.inputs.first()?) else { return None };
    if op.axes.is_empty() {
        return None;
    }
    let order = transpose.axes.clone();
    let mut axes: Vec<usize> = op.axes.iter().map(|&axis| order[axis]).collect();
    axes.sort_unstable();
    let x =
        rewriter.apply(node, Reduce { reduction: op.reduction, axes, keep_dims: true }, &[x])?;
    let x = rewriter.apply(node, Transpose { axes: order }, &[x])?;
    rewriter.reshape(node, x, &node.types[0].shape)
}

fn reduce_apart_from_short_runs(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let Op::Reduce(op) = &node.op else { return None };
    let from = rewriter.shape(node.inputs[0]);
    if from.size() < LARGE || !matches!(node.types[0].dtype, DType::F32 | DType::F64) {
        return None;
    }
    let reduced = |&axis: &usize| op.axes.contains(&axis);
    let mut axes = (0..from.rank()).rev().filter(|&axis| from[axis] > 1);
    axes.by_ref().find(reduced)?;
    let kept = axes.by_ref().find(|axis| !reduced(axis))?;
    let outer: Vec<usize> = op.axes.iter().copied().filter(|&axis| axis < kept).collect();
    let fewer = outer.iter().map(|&axis| from[axis]).product::<usize>();
    if from[kept + 1..].iter().product::<usize>() >= SHORT || fewer < FEWER {
        return None;
    }
    let first = Reduce { reduction: op.reduction, axes: outer, keep_dims: true };
    let first = rewriter.apply(node, first, &[node.inputs[0]])?;
    rewriter.apply(node, op.clone(), &[first])
}
