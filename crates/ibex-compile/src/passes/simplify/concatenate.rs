//! The rule for tensors one after another.

use ibex_graph::ops::concatenate::Concatenate;
use ibex_graph::{Node, Tensor, ValueId};

use super::examples::x;
use super::{Rewriter, Rule};

pub(super) static RULES: &[Rule] = &[Rule {
    name: "concatenate_of_one",
    summary: "one tensor alone, or all others empty, is itself",
    example: || {
        let x = x();
        Tensor::apply(Concatenate { axis: 1 }, &[&x.slice_axis(1, 3..), &x])
    },
    becomes: "x",
    apply,
}];

fn apply(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let whole = |&&v: &&ValueId| *rewriter.ty(v) == node.types[0];
    node.inputs.iter().find(whole).copied()
}
