//! Rules for conversions of dtype.

use ibex_graph::ops::cast::Cast;
use ibex_graph::{DType, Node, Op, Tensor, ValueId};

use super::examples::x;
use super::{Rewriter, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "same_dtype",
        summary: "a cast to the dtype that a value has does nothing",
        example: || Tensor::apply(Cast { to: DType::F32 }, &[&x()]),
        becomes: "x",
        apply: same_dtype,
    },
    Rule {
        name: "cast_of_lossless_cast",
        summary: "a cast that keeps every number is not needed before another",
        example: || x().cast(DType::F64).cast(DType::I32),
        becomes: "cast[int32](x)",
        apply: cast_of_lossless_cast,
    },
];

fn same_dtype(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    (*rewriter.ty(node.inputs[0]) == node.types[0]).then_some(node.inputs[0])
}

fn cast_of_lossless_cast(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let inner = rewriter.node(node.inputs[0]);
    let Op::Cast(Cast { to: middle }) = inner.op else { return None };
    let x = inner.inputs[0];
    let (from, to) = (rewriter.ty(x).dtype, node.types[0].dtype);
    // Integers by way of a float saturate at the ends of the new range; directly they wrap.
    let detour = middle.is_float() && from.is_integer() && to.is_integer() && !lossless(from, to);
    let applies = lossless(from, middle) && !detour;
    applies.then(|| rewriter.apply(node, Cast { to }, &[x]))?
}

/// Whether `to` holds every number of `from`.
fn lossless(from: DType, to: DType) -> bool {
    use DType::{BF16, Bool, F16, F32, F64, I32, I64, U8};
    match from {
        _ if from == to => true,
        Bool => true,
        U8 => to != Bool,
        I32 => matches!(to, I64 | F64),
        F16 | BF16 => matches!(to, F32 | F64),
        F32 => to == F64,
        I64 | F64 => false,
    }
}
