//! Rules for the opposite order.

use ibex_graph::{Node, Op, ValueId};

use super::examples::{column, x};
use super::{Rewriter, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "reverse_of_single_elements",
        summary: "one element is in the opposite order already",
        example: || column().flip(&[1]),
        becomes: "column",
        apply: reverse_of_single_elements,
    },
    Rule {
        name: "reverse_of_reverse",
        summary: "the opposite of the opposite order is the order",
        example: || x().flip(&[0, 1]).flip(&[0, 1]),
        becomes: "x",
        apply: reverse_of_reverse,
    },
];

fn reverse_of_single_elements(_: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let Op::Reverse(op) = &node.op else { return None };
    let single = op.axes.iter().all(|&axis| node.types[0].shape[axis] < 2);
    single.then_some(node.inputs[0])
}

fn reverse_of_reverse(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    (inner.op == node.op).then(|| inner.inputs[0])
}
