//! The rule for everything that works element by element.

use ibex_graph::{Node, Op, Shape, ValueId};

use super::examples::{column, row};
use super::{Rewriter, Rule};

pub(super) static RULES: &[Rule] = &[Rule {
    name: "compute_before_repeating",
    summary: "what is the same along an axis is computed once and repeated then: exact",
    example: || (row() * 2.0).exp().broadcast_to([2, 3]) + (column().broadcast_to([2, 3])).exp(),
    becomes: "add(broadcast[(2, 3)](exp(multiply(row, broadcast[(3,)](2)))), \
              broadcast[(2, 3)](exp(column)))",
    apply: compute_before_repeating,
}];

fn compute_before_repeating(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let shape = &node.types[0].shape;
    let mut common = Shape::scalar();
    let mut sources = Vec::with_capacity(node.inputs.len());
    for &input in &node.inputs {
        let source = source(rewriter, input)?;
        common = common.broadcast(rewriter.shape(source))?;
        sources.push(source);
    }
    if common.size() >= shape.size() {
        return None;
    }
    for source in &mut sources {
        *source = rewriter.broadcast(node, *source, &common)?;
    }
    let small = rewriter.apply(node, node.op.clone(), &sources)?;
    rewriter.broadcast(node, small, shape)
}

/// What a value repeats, if it is a broadcast.
pub(super) fn source(rewriter: &Rewriter<'_>, value: ValueId) -> Option<ValueId> {
    let node = rewriter.node(value);
    matches!(node.op, Op::Broadcast(_)).then(|| node.inputs[0])
}
