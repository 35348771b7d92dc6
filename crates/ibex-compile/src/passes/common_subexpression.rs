//! Computes once what is computed twice: the same operation on the same values.
//!
//! Reads of one variable and equal constants count, the operands of commutative functions may be
//! swapped, and a reduction that keeps its axes is a reshape of one that does not.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::reduce::Reduce;
use ibex_graph::ops::reshape::Reshape;
use ibex_graph::{Node, NodeId, Op, ValueId};

use super::Supports;
use super::parts::{Parts, Placed};

/// Merges equal nodes; counts those merged away.
pub(super) fn run(parts: &mut Parts, _: &Supports<'_>) -> usize {
    let mut merged = 0;
    // Where two different nodes have one hash only the first is found: that costs a merge, never
    // a wrong one.
    let mut first: HashMap<u64, NodeId> = HashMap::with_capacity(parts.nodes.len());
    parts.rebuild(|builder, node| {
        if matches!(node.op, Op::Input(_)) {
            return Placed::At(builder.push(node));
        }
        let hash = hash(&node);
        if let Some(&known) = first.get(&hash) {
            let value = ValueId { node: known, output: 0 };
            if same(builder.node(value), &node) {
                merged += 1;
                if builder.ty(value) == &node.types[0] {
                    return Placed::At(value);
                }
                let op = Reshape { shape: node.types[0].shape.clone() }.into();
                return Placed::At(builder.push(Node { op, inputs: vec![value], ..node }));
            }
        }
        let value = builder.push(node);
        first.entry(hash).or_insert(value.node);
        Placed::At(value)
    });
    merged
}

/// The hash of what [`same`] compares.
fn hash(node: &Node) -> u64 {
    let mut state = DefaultHasher::new();
    match &node.op {
        Op::Constant(constant) => {
            // The beginning tells most apart; hashing all of a large table takes long.
            let bytes = constant.value.bytes();
            constant.value.shape().hash(&mut state);
            bytes[..bytes.len().min(256)].hash(&mut state);
        }
        Op::Reduce(Reduce { reduction, axes, .. }) => (reduction, axes).hash(&mut state),
        op => op.hash(&mut state),
    }
    operands(node).hash(&mut state);
    state.finish()
}

/// Whether the nodes compute the same elements; their shapes may differ by axes kept.
fn same(a: &Node, b: &Node) -> bool {
    let ops = match (&a.op, &b.op) {
        (Op::Reduce(a), Op::Reduce(b)) => a.reduction == b.reduction && a.axes == b.axes,
        (a, b) => a == b,
    };
    ops && operands(a) == operands(b)
}

/// The inputs in an order that does not depend on how a commutative function was written.
fn operands(node: &Node) -> (Option<[ValueId; 2]>, &[ValueId]) {
    match (&node.op, node.inputs.as_slice()) {
        (Op::Binary(f), &[a, b]) if is_commutative(*f) => (Some([a.min(b), a.max(b)]), &[]),
        (_, inputs) => (None, inputs),
    }
}

/// Whether `f(a, b)` is `f(b, a)`, the sign of a zero aside.
pub(super) fn is_commutative(f: Binary) -> bool {
    match f {
        Binary::Add
        | Binary::Multiply
        | Binary::Maximum
        | Binary::Minimum
        | Binary::BitAnd
        | Binary::BitOr
        | Binary::BitXor
        | Binary::Gcd
        | Binary::And
        | Binary::Or
        | Binary::Xor => true,
        Binary::Subtract
        | Binary::Divide
        | Binary::Power
        | Binary::Remainder
        | Binary::Atan2
        | Binary::ShiftLeft
        | Binary::ShiftRight
        | Binary::NextAfter => false,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use ibex_graph::{Array, DType, Graph, Tensor, Variable};

    use super::super::testing::check_pass;

    #[test]
    fn equal_nodes_merge_whatever_the_order_of_operands() {
        let (x, y) = (Tensor::input("x", DType::F32, [2]), Tensor::input("y", DType::F32, [2]));
        let out = [&x * &y, &y * &x, &x - &y, &y - &x];
        let graph = Graph::new(&[x, y], &out, &[]).unwrap();
        check_pass(
            "common_subexpression",
            graph,
            expect![[r#"
                %0 = input[x]() : float32 (2,)
                %1 = input[y]() : float32 (2,)
                %2 = multiply(%0, %1) : float32 (2,)
                %3 = subtract(%0, %1) : float32 (2,)
                %4 = subtract(%1, %0) : float32 (2,)
                return %2, %2, %3, %4"#]],
        );
    }

    #[test]
    fn reads_and_constants_merge_by_value() {
        let v = Variable::new("v", Array::zeros(DType::F32, [2]));
        let zero = |z: f64| Tensor::full(DType::F32, [2], z);
        let a = Tensor::read(&v) + zero(0.0);
        let b = Tensor::read(&v) + zero(0.0);
        let c = Tensor::read(&v) + zero(-0.0);
        let graph = Graph::new(&[], &[a, b, c], &[]).unwrap();
        check_pass(
            "common_subexpression",
            graph,
            expect![[r#"
                %0 = read[v]() : float32 (2,)
                %1 = constant[0]() : float32 ()
                %2 = broadcast[(2,)](%1) : float32 (2,)
                %3 = add(%0, %2) : float32 (2,)
                %4 = constant[-0]() : float32 ()
                %5 = broadcast[(2,)](%4) : float32 (2,)
                %6 = add(%0, %5) : float32 (2,)
                return %3, %3, %6"#]],
        );
    }

    #[test]
    fn one_reduction_serves_with_and_without_its_axes() {
        let x = Tensor::input("x", DType::F32, [2, 3]);
        let graph = Graph::new(
            std::slice::from_ref(&x),
            &[x.sum(&[1], true), x.sum(&[1], false), x.max(&[1], false)],
            &[],
        );
        check_pass(
            "common_subexpression",
            graph.unwrap(),
            expect![[r#"
                %0 = input[x]() : float32 (2, 3)
                %1 = sum[[1], keep](%0) : float32 (2, 1)
                %2 = reshape[(2,)](%1) : float32 (2,)
                %3 = max[[1]](%0) : float32 (2,)
                return %1, %2, %3"#]],
        );
    }
}
