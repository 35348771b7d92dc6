//! Rules for repeated axes.

use ibex_graph::ops::broadcast::Broadcast;
use ibex_graph::{Node, Op, Tensor, ValueId};

use super::examples::{column, row, x};
use super::{Rewriter, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "broadcast_of_nothing",
        summary: "where no axis is repeated the value, or a reshape of it, is enough",
        example: || Tensor::apply(Broadcast { shape: [1, 2, 3].into() }, &[&x()]),
        becomes: "reshape[(1, 2, 3)](x)",
        apply: broadcast_of_nothing,
    },
    Rule {
        name: "broadcast_of_broadcast",
        summary: "only the last shape matters",
        example: || column().broadcast_to([2, 3]).broadcast_to([4, 2, 3]),
        becomes: "broadcast[(4, 2, 3)](column)",
        apply: broadcast_of_broadcast,
    },
    Rule {
        name: "broadcast_of_new_axes",
        summary: "leading axes of extent 1 come with the broadcast anyway",
        example: || row().reshape([1, 3]).broadcast_to([4, 3]),
        becomes: "broadcast[(4, 3)](row)",
        apply: broadcast_of_new_axes,
    },
];

fn broadcast_of_nothing(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let shape = &node.types[0].shape;
    let same = rewriter.shape(node.inputs[0]).size() == shape.size() && shape.size() > 0;
    same.then(|| rewriter.reshape(node, node.inputs[0], shape))?
}

fn broadcast_of_broadcast(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    let (Op::Broadcast(_), x) = (&inner.op, *inner.inputs.first()?) else { return None };
    rewriter.broadcast(node, x, &node.types[0].shape)
}

fn broadcast_of_new_axes(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    let (Op::Reshape(op), x) = (&inner.op, *inner.inputs.first()?) else { return None };
    let from = rewriter.shape(x);
    let lead = op.shape.rank().checked_sub(from.rank())?;
    // The size is the same, so what comes before is of extent 1.
    let only_new = op.shape[lead..] == **from;
    only_new.then(|| rewriter.broadcast(node, x, &node.types[0].shape))?
}
