//! Rules for sums at indices.

use ibex_graph::ops::gather::ScatterAdd;
use ibex_graph::ops::transpose::Transpose;
use ibex_graph::{DType, Node, Op, Tensor, ValueId};

use super::examples::indices;
use super::transpose::order_of_indices;
use super::{Rewriter, Rule};

pub(super) static RULES: &[Rule] = &[Rule {
    name: "scatter_of_transpose",
    summary: "updates in another order are added at indices in theirs, which are fewer",
    example: || {
        let updates = Tensor::input("updates", DType::F32, [3, 2, 5]).transpose(&[1, 0, 2]);
        Tensor::apply(ScatterAdd { axis: 0, size: 4 }, &[&updates, &indices()])
    },
    becomes: "scatter_add[0, 4](updates, transpose[[1, 0]](indices))",
    apply: scatter_of_transpose,
}];

fn scatter_of_transpose(rewriter: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let Op::ScatterAdd(op) = node.op else { return None };
    let (updates, indices) = (rewriter.node(node.inputs[0]), node.inputs[1]);
    let (Op::Transpose(transpose), x) = (&updates.op, *updates.inputs.first()?) else {
        return None;
    };
    let order = order_of_indices(&transpose.axes, op.axis, rewriter.shape(indices).rank())?;
    let axes = Transpose { axes: order }.inverse();
    let indices = rewriter.apply(node, Transpose { axes }, &[indices])?;
    rewriter.apply(node, op, &[x, indices])
}
