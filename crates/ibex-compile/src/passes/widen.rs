//! Computes in `float32` what the backend does not compute in half precision.
//!
//! `float16` and `bfloat16` are for storing: an operation on them becomes casts of its inputs to
//! `float32`, the operation, and casts of its results back, which round once, as before.
//! What only moves elements stays as it is.

use ibex_graph::op::Kind;
use ibex_graph::ops::cast::Cast;
use ibex_graph::{DType, Node, Op, ValueId};

use super::Supports;
use super::parts::{Builder, Parts, Placed};

/// Widens nodes; counts those that were.
pub(super) fn run(parts: &mut Parts, supports: &Supports<'_>) -> usize {
    let narrow = |dtype: DType| matches!(dtype, DType::F16 | DType::BF16);
    if !parts.nodes.iter().any(|node| node.types.iter().any(|ty| narrow(ty.dtype))) {
        return 0;
    }
    let mut widened = 0;
    parts.rebuild(|builder, node| {
        let inputs = node.inputs.iter().map(|&input| builder.ty(input).dtype);
        let half = inputs.chain(node.types.iter().map(|ty| ty.dtype)).find(|&dtype| narrow(dtype));
        // Casts are what is written here; arguments, variables and constants compute nothing.
        let computes = !matches!(node.op, Op::Cast(_)) && node.op.kind() != Kind::Leaf;
        let lacks = computes && half.is_some_and(|dtype| !supports(&node.op, dtype));
        match lacks.then(|| widen(builder, &node, narrow)).flatten() {
            Some(outputs) => {
                widened += 1;
                Placed::Outputs(outputs)
            }
            None => Placed::At(builder.push(node)),
        }
    });
    widened
}

/// Appends the operation in `float32` with its casts; `None` if it has no such form.
fn widen(builder: &mut Builder, node: &Node, narrow: fn(DType) -> bool) -> Option<Vec<ValueId>> {
    let wide_type = |dtype: DType| if narrow(dtype) { DType::F32 } else { dtype };
    let types: Vec<_> = node
        .inputs
        .iter()
        .map(|&input| {
            let mut ty = builder.ty(input).clone();
            ty.dtype = wide_type(ty.dtype);
            ty
        })
        .collect();
    let wide = node.op.rule().infer(&types).ok()?;
    let fits = wide.len() == node.types.len()
        && wide
            .iter()
            .zip(&node.types)
            .all(|(wide, ty)| wide.shape == ty.shape && wide.dtype == wide_type(ty.dtype));
    if !fits {
        return None;
    }
    let inputs: Vec<ValueId> = node
        .inputs
        .iter()
        .map(|&input| match narrow(builder.ty(input).dtype) {
            true => cast(builder, input, DType::F32, node),
            false => Some(input),
        })
        .collect::<Option<_>>()?;
    let first = builder.push(Node {
        op: node.op.clone(),
        inputs,
        types: wide,
        origin: node.origin.clone(),
    });
    let outputs = node.types.iter().enumerate().map(|(output, ty)| {
        let value = ValueId { output, ..first };
        match narrow(ty.dtype) {
            true => cast(builder, value, ty.dtype, node),
            false => Some(value),
        }
    });
    outputs.collect()
}

fn cast(builder: &mut Builder, value: ValueId, to: DType, node: &Node) -> Option<ValueId> {
    let cast = builder.infer(Cast { to }.into(), &[value], &node.origin)?;
    Some(builder.push(cast))
}

#[cfg(test)]
mod tests {
    use ibex_graph::op::Kind;
    use ibex_graph::{DType, Graph, Op, Tensor};

    use super::super::optimise;

    /// A backend that computes nothing in half precision.
    fn wide_only(op: &Op, dtype: DType) -> bool {
        let moves = matches!(op, Op::Cast(_) | Op::Reshape(_) | Op::Broadcast(_));
        op.kind() == Kind::Leaf || moves || !matches!(dtype, DType::F16 | DType::BF16)
    }

    #[test]
    fn half_precision_is_computed_in_float32_and_rounded_once() {
        let x = Tensor::input("x", DType::BF16, [2]);
        let y = (&x * &x).exp().reshape([2, 1]);
        let graph = Graph::new(&[x], &[y], &[]).unwrap();
        let printed = optimise(graph, &wide_only).to_string();
        expect_test::expect![[r#"
            %0 = input[x]() : bfloat16 (2,)
            %1 = cast[float32](%0) : float32 (2,)
            %2 = square(%1) : float32 (2,)
            %3 = cast[bfloat16](%2) : bfloat16 (2,)
            %4 = cast[float32](%3) : float32 (2,)
            %5 = exp(%4) : float32 (2,)
            %6 = cast[bfloat16](%5) : bfloat16 (2,)
            %7 = reshape[(2, 1)](%6) : bfloat16 (2, 1)
            return %7"#]]
        .assert_eq(&printed);
    }

    #[test]
    fn what_the_backend_computes_itself_stays() {
        let x = Tensor::input("x", DType::F16, [2]);
        let graph = Graph::new(std::slice::from_ref(&x), &[x.exp()], &[]).unwrap();
        assert_eq!(optimise(graph.clone(), &|_, _| true), graph);
    }
}
