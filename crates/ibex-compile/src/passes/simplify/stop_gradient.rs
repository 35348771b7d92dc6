//! The rule for barriers to gradients: when a graph is compiled its gradients are taken.

use ibex_graph::{Node, ValueId};

use super::examples::x;
use super::{Rewriter, Rule};

pub(super) static RULES: &[Rule] = &[Rule {
    name: "stop_gradient",
    summary: "gradients have been taken: the barrier is the identity",
    example: || x().stop_gradient().exp(),
    becomes: "exp(x)",
    apply,
}];

fn apply(_: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    Some(node.inputs[0])
}
