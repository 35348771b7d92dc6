//! Replaces library operations that the backend lacks by primitives.
//!
//! An operation's own [`Rule::decompose`](ibex_graph::op::Rule::decompose) says how; here the
//! nodes it writes are spliced in, under the origin of the node they replace.

use ibex_graph::op::Kind;
use ibex_graph::ops::leaf::Input;
use ibex_graph::{Graph, Node, Op, Tensor, ValueId};

use super::Supports;
use super::parts::{Builder, Parts, Placed};

/// How deep library operations may be made of others; deeper ones would be made of themselves.
const MAX_DEPTH: usize = 16;

/// Decomposes nodes; counts those replaced.
pub(super) fn run(parts: &mut Parts, supports: &Supports<'_>) -> usize {
    let has = |node: &Node| node.types.first().is_some_and(|ty| supports(&node.op, ty.dtype));
    let lacks = |node: &Node| node.op.kind() == Kind::Library && !has(node);
    if !parts.nodes.iter().any(lacks) {
        return 0;
    }
    let mut replaced = 0;
    parts.rebuild(|builder, node| {
        let outputs = lacks(&node).then(|| splice(builder, &node, &lacks, MAX_DEPTH)).flatten();
        match outputs {
            Some(outputs) => {
                replaced += 1;
                Placed::Outputs(outputs)
            }
            None => Placed::At(builder.push(node)),
        }
    });
    replaced
}

/// Appends the parts of `node`, and of those parts that are lacking too.
///
/// `None` if there is no decomposition, or a wrong one: the backend then says that it lacks the
/// operation.
fn splice(
    builder: &mut Builder,
    node: &Node,
    lacks: &dyn Fn(&Node) -> bool,
    depth: usize,
) -> Option<Vec<ValueId>> {
    let depth = depth.checked_sub(1)?;
    let graph = parts_of(builder, node)?;
    let mut renamed: Vec<Vec<ValueId>> = Vec::with_capacity(graph.nodes().len());
    let mut arguments = node.inputs.iter();
    for part in graph.nodes() {
        if matches!(part.op, Op::Input(_)) {
            renamed.push(vec![*arguments.next()?]);
            continue;
        }
        let mut part = part.clone();
        for input in &mut part.inputs {
            *input = renamed[input.node.index()][input.output];
        }
        let inner = lacks(&part).then(|| splice(builder, &part, lacks, depth)).flatten();
        renamed.push(inner.unwrap_or_else(|| {
            let count = part.types.len();
            let first = builder.push(part);
            (0..count).map(|output| ValueId { output, ..first }).collect()
        }));
    }
    Some(graph.outputs().iter().map(|v| renamed[v.node.index()][v.output]).collect())
}

/// The decomposition as a graph of its own, its arguments standing first.
fn parts_of(builder: &Builder, node: &Node) -> Option<Graph> {
    let argument = |(index, &v): (usize, &ValueId)| {
        Tensor::apply(Input::new(&format!("argument {index}"), builder.ty(v).clone()), &[])
    };
    let arguments: Vec<Tensor> = node.inputs.iter().enumerate().map(argument).collect();
    let outputs = node.origin.lend(|| node.op.rule().decompose(&arguments))?;
    let graph = Graph::new(&arguments, &outputs, &[]).ok()?;
    let types: Vec<_> = graph.outputs().iter().map(|&v| graph.ty(v).clone()).collect();
    debug_assert_eq!(types, node.types, "the decomposition of {} has other types", node.op);
    (types == node.types).then_some(graph)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use ibex_graph::{DType, Graph, Tensor};

    use super::super::optimise;
    use super::super::testing::check_pass;

    fn softplus() -> Graph {
        let x = Tensor::input("x", DType::F32, [2]);
        Graph::new(std::slice::from_ref(&x), &[x.exp().softplus() + &x], &[]).unwrap()
    }

    #[test]
    fn what_the_backend_lacks_becomes_its_parts() {
        check_pass(
            "decompose",
            softplus(),
            expect![[r#"
            %0 = input[x]() : float32 (2,)
            %1 = exp(%0) : float32 (2,)
            %2 = abs(%1) : float32 (2,)
            %3 = negative(%2) : float32 (2,)
            %4 = exp(%3) : float32 (2,)
            %5 = log1p(%4) : float32 (2,)
            %6 = constant[0]() : float32 ()
            %7 = broadcast[(2,)](%6) : float32 (2,)
            %8 = maximum(%1, %7) : float32 (2,)
            %9 = add(%8, %5) : float32 (2,)
            %10 = add(%9, %0) : float32 (2,)
            return %10"#]],
        );
    }

    #[test]
    fn what_the_backend_has_stays() {
        let graph = softplus();
        assert_eq!(optimise(graph.clone(), &|_, _| true), graph);
    }
}
