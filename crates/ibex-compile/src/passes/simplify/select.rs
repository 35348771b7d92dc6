//! Rules for choices by a condition.

use ibex_graph::ops::max_pool_gradient::MaxPoolGradient;
use ibex_graph::ops::pooling::Pool;
use ibex_graph::ops::select::Select;
use ibex_graph::ops::unary::Unary;
use ibex_graph::ops::window::Padding;
use ibex_graph::{DType, Node, Op, Tensor, Type, ValueId};

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
    Rule {
        name: "choice_by_maxima",
        summary: "an element's gradient that depends on how a number compares with the element \
                  depends on how it compares with the maximum, for it is the one that was chosen",
        example: || {
            let x = Tensor::input("image", DType::F32, [1, 4, 1]).relu();
            let pool = Pool { window: vec![2], strides: vec![2], padding: vec![(0, 0)] };
            let [_, places] = x.max_pool_with_indices(&[2], &[2], Padding::Valid);
            let g = Tensor::input("g", DType::F32, [1, 2, 1]);
            let op = MaxPoolGradient { pool, input_shape: [1, 4, 1].into() };
            let gradient = Tensor::apply(op, &[&g, &places]);
            x.greater(&x.zeros_like()).select(&gradient, &gradient.zeros_like())
        },
        becomes: "max_pool_gradient[input (1, 4, 1), window [2], strides [2], padding [0..0]](\
                  select(greater(max_pool[window [2], strides [2], padding [0..0]](relu(image)), \
                  broadcast[(1, 2, 1)](0)), g, broadcast[(1, 2, 1)](0)), \
                  max_pool[window [2], strides [2], padding [0..0]](relu(image)))",
        apply: choice_by_maxima,
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

/// `x < c ? gradient : 0`, or any other comparison of the pooling's input with a number.
fn choice_by_maxima(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let [condition, gradient, zero] = operands(node)?;
    let (comparison, of) = (rewriter.node(condition), rewriter.node(gradient));
    let (Op::Compare(compare), Op::MaxPoolGradient(op)) = (&comparison.op, &of.op) else {
        return None;
    };
    let (compare, op) = (*compare, op.clone());
    let (sides, &[grad, places]) = (comparison.inputs.clone(), of.inputs.as_slice()) else {
        return None;
    };
    let pooling = rewriter.node(places);
    let fits = matches!(&pooling.op, Op::MaxPool(forward) if forward.pool == op.pool);
    if !fits || places.output != 1 || rewriter.splat(zero) != Some(0.0) {
        return None;
    }
    let (x, maxima) = (pooling.inputs[0], ValueId { output: 0, ..places });
    let ty = Type::new(rewriter.ty(x).dtype, rewriter.shape(maxima));
    let mut compared = Vec::with_capacity(2);
    for side in sides {
        compared.push(match side == x {
            true => maxima,
            false => {
                let number = rewriter.splat(side)?;
                rewriter.full(node, &ty, number)?
            }
        });
    }
    let condition = rewriter.apply(node, compare, &compared)?;
    let zero = rewriter.full(node, &rewriter.ty(grad).clone(), 0.0)?;
    let chosen = rewriter.apply(node, Select, &[condition, grad, zero])?;
    rewriter.apply(node, op, &[chosen, places])
}
