//! Rules for choices by a condition.

use ibex_graph::ops::select::Select;
use ibex_graph::ops::unary::Unary;
use ibex_graph::{DType, Node, Tensor, ValueId};

use super::examples::{p, x, y};
use super::unary::argument;
use super::{Rewriter, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "known_condition",
        summary: "a choice whose condition is constant is made now",
        example: || Tensor::scalar(DType::Bool, 0.0).select(&x(), &y()),
        becomes: "y",
        apply: known_condition,
    },
    Rule {
        name: "same_choice",
        summary: "a choice between `x` and `x` is `x`",
        example: || {
            let x = x();
            p().select(&x, &x)
        },
        becomes: "x",
        apply: same_choice,
    },
    Rule {
        name: "negated_condition",
        summary: "a choice by `not p` is the other choice by `p`",
        example: || p().logical_not().select(&x(), &y()),
        becomes: "select(p, y, x)",
        apply: negated_condition,
    },
];

fn operands(node: &Node) -> Option<[ValueId; 3]> {
    node.inputs.as_slice().try_into().ok()
}

fn known_condition(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let [condition, a, b] = operands(node)?;
    match rewriter.splat(condition)? {
        0.0 => Some(b),
        _ => Some(a),
    }
}

fn same_choice(_: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let [_, a, b] = operands(node)?;
    (a == b).then_some(a)
}

fn negated_condition(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let [condition, a, b] = operands(node)?;
    let condition = argument(rewriter, condition, Unary::Not)?;
    rewriter.apply(node, Select, &[condition, b, a])
}
