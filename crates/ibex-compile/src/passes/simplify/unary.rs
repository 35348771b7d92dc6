//! Rules for functions of one number.

use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::compare::Compare;
use ibex_graph::ops::unary::Unary;
use ibex_graph::{Node, Op, ValueId};

use super::examples::{p, x, y};
use super::{Rewriter, Rule, holds};
use crate::passes::parts::Builder;

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "double_negation",
        summary: "`-(-x)` is `x`, `not not p` is `p`: exact",
        example: || p().logical_not().logical_not(),
        becomes: "p",
        apply: double_negation,
    },
    Rule {
        name: "negative_difference",
        summary: "`-(a - b)` is `b - a`: exact",
        example: || -(x() - y()),
        becomes: "subtract(y, x)",
        apply: negative_difference,
    },
    Rule {
        name: "negative_product",
        summary: "`-(x * c)` is `x * (-c)`, a quotient likewise: exact",
        example: || -(x() * 3.0),
        becomes: "multiply(x, broadcast[(2, 3)](-3))",
        apply: negative_product,
    },
    Rule {
        name: "even_of_negative",
        summary: "`square(-x)`, `abs(-x)`, `cos(-x)` and `cosh(-x)` do not need the sign: exact",
        example: || (-x()).square(),
        becomes: "square(x)",
        apply: even_of_negative,
    },
    Rule {
        name: "already_nonnegative",
        summary: "`abs` and `relu` of what cannot be negative do nothing: exact",
        example: || x().relu().relu().abs(),
        becomes: "relu(x)",
        apply: already_nonnegative,
    },
    Rule {
        name: "not_equal",
        summary: "`not (a == b)` is `a != b`; other comparisons differ at NaN",
        example: || x().equal(&y()).logical_not(),
        becomes: "not_equal(x, y)",
        apply: not_equal,
    },
];

/// The argument of a value that is `f` of something.
pub(super) fn argument(builder: &Builder, value: ValueId, f: Unary) -> Option<ValueId> {
    let node = builder.node(value);
    (node.op == Op::Unary(f)).then(|| node.inputs[0])
}

/// How far [`is_nonnegative`] looks.
const NONNEGATIVE_DEPTH: usize = 6;

/// Whether no element can be below zero; it may be NaN.
pub(super) fn is_nonnegative(builder: &Builder, value: ValueId) -> bool {
    nonnegative(builder, value, NONNEGATIVE_DEPTH)
}

fn nonnegative(builder: &Builder, value: ValueId, depth: usize) -> bool {
    // The square and the product of integers may wrap around.
    if depth == 0 || !builder.ty(value).dtype.is_float() {
        return false;
    }
    let node = builder.node(value);
    let all = || node.inputs.iter().all(|&input| nonnegative(builder, input, depth - 1));
    match &node.op {
        Op::Unary(
            Unary::Abs
            | Unary::Square
            | Unary::Exp
            | Unary::Sigmoid
            | Unary::Relu
            | Unary::Sqrt
            | Unary::Cosh,
        ) => true,
        Op::Binary(Binary::Add | Binary::Multiply | Binary::Maximum | Binary::Minimum)
        | Op::Broadcast(_)
        | Op::Reshape(_)
        | Op::Transpose(_)
        | Op::Reduce(_) => all(),
        Op::Constant(_) => builder.splat(value).is_some_and(|number| number >= 0.0),
        _ => false,
    }
}

fn double_negation(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    match node.op {
        Op::Unary(f @ (Unary::Negative | Unary::Not)) => argument(rewriter, node.inputs[0], f),
        _ => None,
    }
}

fn negative_difference(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    match (&node.op, &inner.op, inner.inputs.as_slice()) {
        (Op::Unary(Unary::Negative), Op::Binary(Binary::Subtract), &[a, b]) => {
            rewriter.apply(node, Binary::Subtract, &[b, a])
        }
        _ => None,
    }
}

fn negative_product(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    let (Op::Unary(Unary::Negative), Op::Binary(f)) = (&node.op, &inner.op) else { return None };
    let (f, &[x, c]) = (*f, inner.inputs.as_slice()) else { return None };
    let opposite = -rewriter.splat(c)?;
    let scales = matches!(f, Binary::Multiply | Binary::Divide);
    if !scales || !holds(node.types[0].dtype, opposite) {
        return None;
    }
    let opposite = rewriter.full(node, &node.types[0], opposite)?;
    rewriter.apply(node, f, &[x, opposite])
}

fn even_of_negative(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let Op::Unary(f @ (Unary::Square | Unary::Abs | Unary::Cos | Unary::Cosh)) = node.op else {
        return None;
    };
    let x = argument(rewriter, node.inputs[0], Unary::Negative)?;
    rewriter.apply(node, f, &[x])
}

fn already_nonnegative(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let applies = matches!(node.op, Op::Unary(Unary::Abs | Unary::Relu));
    (applies && is_nonnegative(rewriter, node.inputs[0])).then_some(node.inputs[0])
}

fn not_equal(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    let opposite = match (&node.op, &inner.op) {
        (Op::Unary(Unary::Not), Op::Compare(Compare::Equal)) => Compare::NotEqual,
        (Op::Unary(Unary::Not), Op::Compare(Compare::NotEqual)) => Compare::Equal,
        _ => return None,
    };
    let inputs = inner.inputs.clone();
    rewriter.apply(node, opposite, &inputs)
}
