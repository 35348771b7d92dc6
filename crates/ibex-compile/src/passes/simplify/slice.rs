//! Rules for parts of a tensor.

use ibex_graph::ops::slice::Slice;
use ibex_graph::{Node, Op, Tensor, ValueId};

use super::examples::x;
use super::{Rewriter, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "slice_of_everything",
        summary: "a slice that takes every element is the tensor",
        example: || {
            let x = x();
            Tensor::apply(Slice::whole(x.shape()), &[&x])
        },
        becomes: "x",
        apply: slice_of_everything,
    },
    Rule {
        name: "slice_of_slice",
        summary: "two slices make one",
        example: || x().slice_axis_by(1, .., 2).slice_axis(1, 1..),
        becomes: "slice[0:2, 2:3:2](x)",
        apply: slice_of_slice,
    },
];

fn slice_of_everything(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    (*rewriter.ty(node.inputs[0]) == node.types[0]).then_some(node.inputs[0])
}

fn slice_of_slice(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    let (Op::Slice(second), Op::Slice(first)) = (&node.op, &inner.op) else { return None };
    let (x, counts) = (inner.inputs[0], &node.types[0].shape);
    let mut both = first.clone();
    for (axis, &count) in counts.iter().enumerate() {
        both.step[axis] = first.step[axis] * second.step[axis];
        // An empty slice may begin behind the end.
        both.start[axis] = match count {
            0 => 0,
            _ => first.start[axis] + second.start[axis] * first.step[axis],
        };
        let last = count.checked_sub(1).map(|last| last * both.step[axis] + 1);
        both.stop[axis] = both.start[axis] + last.unwrap_or(0);
    }
    rewriter.apply(node, both, &[x])
}
