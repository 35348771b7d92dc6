//! Rules for axes in another order.

use ibex_graph::ops::gather::Gather;
use ibex_graph::ops::transpose::Transpose;
use ibex_graph::{Node, Op, Shape, Tensor, ValueId};

use super::examples::{indices, row, table, x, y};
use super::{Rewriter, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "same_order",
        summary: "axes in the order they have stay",
        example: || Tensor::apply(Transpose { axes: vec![0, 1] }, &[&x()]),
        becomes: "x",
        apply: same_order,
    },
    Rule {
        name: "transpose_of_transpose",
        summary: "two orders make one",
        example: || x().transpose(&[1, 0]).exp().matmul(&y().transpose(&[1, 0]).transpose(&[1, 0])),
        becomes: "matmul(exp(transpose[[1, 0]](x)), y)",
        apply: transpose_of_transpose,
    },
    Rule {
        name: "transpose_of_single_extents",
        summary: "where only axes of extent 1 move the elements stay in order: a reshape",
        example: || x().reshape([2, 1, 3]).transpose(&[1, 0, 2]),
        becomes: "reshape[(1, 2, 3)](x)",
        apply: transpose_of_single_extents,
    },
    Rule {
        name: "transpose_of_repeated",
        summary: "what is repeated is transposed before it is repeated",
        example: || row().broadcast_to([2, 3]).transpose(&[1, 0]),
        becomes: "broadcast[(3, 2)](reshape[(3, 1)](row))",
        apply: transpose_of_repeated,
    },
    Rule {
        name: "transpose_of_gather",
        summary: "slices in another order are those of indices in that order, which are fewer",
        example: || table().take(&indices(), 0).transpose(&[1, 0, 2]),
        becomes: "gather[0](table, transpose[[1, 0]](indices))",
        apply: transpose_of_gather,
    },
];

fn axes(node: &Node) -> &[usize] {
    match &node.op {
        Op::Transpose(op) => &op.axes,
        _ => &[],
    }
}

fn same_order(_: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    axes(node).is_sorted().then_some(node.inputs[0])
}

fn transpose_of_transpose(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    let Op::Transpose(first) = &inner.op else { return None };
    let (x, axes) = (inner.inputs[0], axes(node).iter().map(|&axis| first.axes[axis]).collect());
    rewriter.apply(node, Transpose { axes }, &[x])
}

fn transpose_of_single_extents(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let from = rewriter.shape(node.inputs[0]);
    let in_order = axes(node).iter().filter(|&&axis| from[axis] != 1).is_sorted();
    in_order.then(|| rewriter.reshape(node, node.inputs[0], &node.types[0].shape))?
}

fn transpose_of_repeated(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    let (Op::Broadcast(op), x) = (&inner.op, *inner.inputs.first()?) else { return None };
    let from = rewriter.shape(x);
    let mut dims = vec![1; op.shape.rank() - from.rank()];
    dims.extend_from_slice(from);
    let x = rewriter.reshape(node, x, &Shape::from(dims))?;
    let x = rewriter.apply(node, Transpose { axes: axes(node).to_vec() }, &[x])?;
    rewriter.broadcast(node, x, &node.types[0].shape)
}

/// The order of the axes of indices, if a transposition moves nothing else; they are the `rank`
/// axes from `first` on.
pub(super) fn order_of_indices(axes: &[usize], first: usize, rank: usize) -> Option<Vec<usize>> {
    let moved = first..first + rank;
    let stays = |(at, &axis): (usize, &usize)| moved.contains(&at) || at == axis;
    let all = axes.iter().enumerate().all(stays);
    all.then(|| axes[moved].iter().map(|axis| axis - first).collect())
}

fn transpose_of_gather(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    let (&Op::Gather(Gather { axis }), &[x, indices]) = (&inner.op, &inner.inputs[..]) else {
        return None;
    };
    let order = order_of_indices(axes(node), axis, rewriter.shape(indices).rank())?;
    let indices = rewriter.apply(node, Transpose { axes: order }, &[indices])?;
    rewriter.apply(node, Gather { axis }, &[x, indices])
}
