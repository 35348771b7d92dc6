//! Rules for other shapes of the same elements.

use ibex_graph::ops::reshape::Reshape;
use ibex_graph::{DType, Node, Op, Tensor, ValueId};

use super::examples::x;
use super::{Rewriter, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "same_shape",
        summary: "a reshape to the shape that a value has does nothing",
        example: || Tensor::apply(Reshape { shape: [2, 3].into() }, &[&x()]),
        becomes: "x",
        apply: same_shape,
    },
    Rule {
        name: "reshape_of_reshape",
        summary: "only the last shape matters",
        example: || x().reshape([3, 2]).reshape([6]),
        becomes: "reshape[(6,)](x)",
        apply: reshape_of_reshape,
    },
    Rule {
        name: "reshape_of_repeated_number",
        summary: "one repeated number is repeated to the new shape instead",
        example: || x() * Tensor::full(DType::F32, [6], 3.0).reshape([2, 3]),
        becomes: "multiply(x, broadcast[(2, 3)](3))",
        apply: reshape_of_repeated_number,
    },
];

fn same_shape(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    (*rewriter.ty(node.inputs[0]) == node.types[0]).then_some(node.inputs[0])
}

fn reshape_of_reshape(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    let (Op::Reshape(_), x) = (&inner.op, *inner.inputs.first()?) else { return None };
    rewriter.reshape(node, x, &node.types[0].shape)
}

fn reshape_of_repeated_number(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    let (Op::Broadcast(_), x) = (&inner.op, *inner.inputs.first()?) else { return None };
    let shape = &node.types[0].shape;
    if rewriter.shape(x).size() != 1 || shape.size() <= 1 {
        return None;
    }
    let scalar = rewriter.reshape(node, x, &().into())?;
    rewriter.broadcast(node, scalar, shape)
}
