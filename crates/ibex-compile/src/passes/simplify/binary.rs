//! Rules for functions of two numbers.

use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::unary::Unary;
use ibex_graph::{DType, Node, Op, Tensor, ValueId};

use super::elementwise::source;
use super::examples::{p, row, x, y};
use super::unary::{argument, is_nonnegative};
use super::{Rewriter, Rule, holds};
use crate::passes::common_subexpression::is_commutative;

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "constant_right",
        summary: "`c + x` is `x + c` for every commutative function: others need look only there",
        example: || 2.0 + x(),
        becomes: "add(x, broadcast[(2, 3)](2))",
        apply: constant_right,
    },
    Rule {
        name: "neutral_operand",
        summary: "`x + 0`, `x - 0`, `x * 1`, `x / 1`, `x ^ 1`, `p and true`, … are `x`: exact",
        example: || (x() + 0.0) * 1.0,
        becomes: "x",
        apply: neutral_operand,
    },
    Rule {
        name: "zero_minus",
        summary: "`0 - x` is `-x`: exact",
        example: || 0.0 - x(),
        becomes: "negative(x)",
        apply: zero_minus,
    },
    Rule {
        name: "minus_one",
        summary: "`x * -1` and `x / -1` are `-x`: exact",
        example: || x() * -1.0,
        becomes: "negative(x)",
        apply: minus_one,
    },
    Rule {
        name: "absorbing_operand",
        summary: "`p and false` is false, `p or true` is true",
        example: || p().logical_or(&Tensor::scalar(DType::Bool, 1.0)),
        becomes: "broadcast[(2, 3)](1)",
        apply: absorbing_operand,
    },
    Rule {
        name: "same_operand",
        summary: "`x * x` is `square(x)`; the larger of `x` and `x` is `x`: exact",
        example: || {
            let x = x();
            x.maximum(&x) * &x
        },
        becomes: "square(x)",
        apply: same_operand,
    },
    Rule {
        name: "add_negative",
        summary: "`a + -b` is `a - b`, `a - -b` is `a + b`: exact",
        example: || -x() + y(),
        becomes: "subtract(y, x)",
        apply: add_negative,
    },
    Rule {
        name: "negative_factors",
        summary: "`-a * -b` is `a * b`, and `-a * c` is `a * (-c)` for a constant: exact",
        example: || -x() / -y() - -y() * 3.0,
        becomes: "subtract(divide(x, y), multiply(y, broadcast[(2, 3)](-3)))",
        apply: negative_factors,
    },
    Rule {
        name: "constant_factors",
        summary: "`(x * c) * d` is `x * (c * d)`: two roundings before, two after, and one \
                  product less to compute",
        example: || x() * 3.0 * 0.5,
        becomes: "multiply(x, broadcast[(2, 3)](1.5))",
        apply: constant_factors,
    },
    Rule {
        name: "constant_to_smaller_factor",
        summary: "`(x * repeated a) * c` is `x * repeated (a * c)`: as many roundings, and the \
                  constant meets fewer elements; only for factors too close to 1 to take `a` out \
                  of range",
        example: || row() * x() * 2.0,
        becomes: "multiply(x, broadcast[(2, 3)](multiply(row, broadcast[(3,)](2))))",
        apply: constant_to_smaller_factor,
    },
    Rule {
        name: "divide_by_power_of_two",
        summary: "`x / c` is `x * (1 / c)` if `1 / c` is exact",
        example: || x() / 4.0,
        becomes: "multiply(x, broadcast[(2, 3)](0.25))",
        apply: divide_by_power_of_two,
    },
    Rule {
        name: "constant_exponent",
        summary: "`x ^ 2` is `square(x)`, `x ^ -1` is `1 / x`, `x ^ 0` is 1, and `x ^ 0.5` is \
                  `sqrt(x)` where `x` cannot be negative (at minus infinity they differ): at most \
                  the rounding that a power has",
        example: || (x().power(&number(2.0)) + 1.0).power(&number(0.5)),
        becomes: "sqrt(add(square(x), broadcast[(2, 3)](1)))",
        apply: constant_exponent,
    },
];

fn number(value: f64) -> Tensor {
    Tensor::scalar(DType::F32, value)
}

/// The function of the node and its operands.
fn call(node: &Node) -> Option<(Binary, ValueId, ValueId)> {
    match (&node.op, node.inputs.as_slice()) {
        (Op::Binary(f), &[a, b]) => Some((*f, a, b)),
        _ => None,
    }
}

fn constant_right(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (f, a, b) = call(node)?;
    rewriter.constant(a)?;
    let swap = is_commutative(f) && rewriter.constant(b).is_none();
    swap.then(|| rewriter.apply(node, f, &[b, a]))?
}

fn neutral_operand(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (f, a, b) = call(node)?;
    let neutral = match f {
        Binary::Add | Binary::Subtract | Binary::Or | Binary::Xor => 0.0,
        Binary::BitOr | Binary::BitXor | Binary::ShiftLeft | Binary::ShiftRight => 0.0,
        Binary::Multiply | Binary::Divide | Binary::Power | Binary::And => 1.0,
        Binary::Maximum
        | Binary::Minimum
        | Binary::Remainder
        | Binary::Atan2
        | Binary::BitAnd
        | Binary::Gcd
        | Binary::NextAfter => return None,
    };
    (rewriter.splat(b)? == neutral).then_some(a)
}

fn zero_minus(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (f, a, b) = call(node)?;
    let applies = f == Binary::Subtract && rewriter.splat(a)? == 0.0;
    applies.then(|| rewriter.apply(node, Unary::Negative, &[b]))?
}

fn minus_one(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (f, a, b) = call(node)?;
    let scales = matches!(f, Binary::Multiply | Binary::Divide);
    let applies = scales && rewriter.splat(b)? == -1.0;
    applies.then(|| rewriter.apply(node, Unary::Negative, &[a]))?
}

fn absorbing_operand(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (f, _, b) = call(node)?;
    let absorbing = match f {
        Binary::And => 0.0,
        Binary::Or => 1.0,
        _ => return None,
    };
    (rewriter.splat(b)? == absorbing).then_some(b)
}

fn same_operand(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (f, a, b) = call(node)?;
    match f {
        _ if a != b => None,
        Binary::Maximum | Binary::Minimum | Binary::And | Binary::Or => Some(a),
        Binary::Multiply => rewriter.apply(node, Unary::Square, &[a]),
        _ => None,
    }
}

fn add_negative(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (f, a, b) = call(node)?;
    let negated = |v| argument(rewriter, v, Unary::Negative);
    match (f, negated(a), negated(b)) {
        (Binary::Add, _, Some(b)) => rewriter.apply(node, Binary::Subtract, &[a, b]),
        (Binary::Add, Some(a), None) => rewriter.apply(node, Binary::Subtract, &[b, a]),
        (Binary::Subtract, _, Some(b)) => rewriter.apply(node, Binary::Add, &[a, b]),
        _ => None,
    }
}

fn negative_factors(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (f, a, b) = call(node)?;
    if !matches!(f, Binary::Multiply | Binary::Divide) {
        return None;
    }
    let negated = argument(rewriter, a, Unary::Negative)?;
    if let Some(b) = argument(rewriter, b, Unary::Negative) {
        return rewriter.apply(node, f, &[negated, b]);
    }
    let opposite = -rewriter.splat(b)?;
    if !holds(node.types[0].dtype, opposite) {
        return None;
    }
    let opposite = rewriter.full(node, &node.types[0], opposite)?;
    rewriter.apply(node, f, &[negated, opposite])
}

fn constant_factors(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (Binary::Multiply, product, d) = call(node)? else { return None };
    let d = rewriter.splat(d)?;
    let (Binary::Multiply, x, c) = call(rewriter.node(product))? else { return None };
    let factor = rewriter.splat(c)? * d;
    // Half precision would round the factor where fused arithmetic did not.
    let normal = match node.types[0].dtype {
        DType::F32 => (factor as f32).is_normal(),
        DType::F64 => factor.is_normal(),
        dtype => holds(dtype, factor),
    };
    if !normal {
        return None;
    }
    let factor = rewriter.full(node, &node.types[0], factor)?;
    rewriter.apply(node, Binary::Multiply, &[x, factor])
}

/// Factors below this and above its inverse do not move numbers to the ends of `f32`.
const LARGE_FACTOR: f64 = (1 << 24) as f64;

fn constant_to_smaller_factor(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (Binary::Multiply, product, c) = call(node)? else { return None };
    let (factor, ty) = (rewriter.splat(c)?, &node.types[0]);
    let near_one = (LARGE_FACTOR.recip()..=LARGE_FACTOR).contains(&factor.abs());
    let (Binary::Multiply, u, v) = call(rewriter.node(product))? else { return None };
    if !near_one || !matches!(ty.dtype, DType::F32 | DType::F64) {
        return None;
    }
    let (x, a) = match (source(rewriter, u), source(rewriter, v)) {
        (_, Some(a)) => (u, a),
        (Some(a), None) => (v, a),
        (None, None) => return None,
    };
    let small = rewriter.ty(a).clone();
    let factor = rewriter.full(node, &small, factor)?;
    let scaled = rewriter.apply(node, Binary::Multiply, &[a, factor])?;
    let scaled = rewriter.broadcast(node, scaled, &ty.shape)?;
    rewriter.apply(node, Binary::Multiply, &[x, scaled])
}

fn divide_by_power_of_two(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (Binary::Divide, a, b) = call(node)? else { return None };
    let divisor = rewriter.splat(b)?;
    let fraction = divisor.to_bits() & ((1 << (f64::MANTISSA_DIGITS - 1)) - 1);
    let inverse = 1.0 / divisor;
    let exact = fraction == 0 && inverse.is_normal() && holds(node.types[0].dtype, inverse);
    if !exact {
        return None;
    }
    let inverse = rewriter.full(node, &node.types[0], inverse)?;
    rewriter.apply(node, Binary::Multiply, &[a, inverse])
}

fn constant_exponent(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (Binary::Power, a, b) = call(node)? else { return None };
    let exponent = rewriter.splat(b)?;
    let nonnegative = is_nonnegative(rewriter, a);
    let f = match exponent {
        0.0 => return rewriter.full(node, &node.types[0], 1.0),
        2.0 => Unary::Square,
        -1.0 => Unary::Reciprocal,
        0.5 if nonnegative => Unary::Sqrt,
        -0.5 if nonnegative => Unary::Rsqrt,
        _ => return None,
    };
    rewriter.apply(node, f, &[a])
}
