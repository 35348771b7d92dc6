//! Leaves out what no output and no variable needs.
//!
//! Inputs stay, because callers pass them; an update that writes back what the variable holds
//! anyway goes.
//! An operation whose last outputs nobody reads becomes one that does not compute them, if there
//! is one: what a recurrence keeps for its gradient is not written when there is none.

use ibex_graph::{Op, Type, ValueId, Variable};

use super::Supports;
use super::parts::{Parts, Placed};

/// Removes nodes and updates; counts both.
pub(super) fn run(parts: &mut Parts, _: &Supports<'_>) -> usize {
    let (nodes, updates) = (parts.nodes.len(), parts.updates.len());
    let all = std::mem::take(&mut parts.updates);
    parts.updates = all.into_iter().filter(|(v, x)| !holds(parts, *x, v)).collect();
    let live = live(parts);
    if live.iter().any(|&l| !l) {
        let mut live = live.into_iter();
        parts.rebuild(|builder, node| match live.next() {
            Some(true) => Placed::At(builder.push(node)),
            _ => Placed::Nowhere,
        });
    }
    (nodes - parts.nodes.len()) + (updates - parts.updates.len()) + trim(parts)
}

/// Gives nodes whose last outputs are not read operations without those; counts them.
fn trim(parts: &mut Parts) -> usize {
    let mut used = vec![0; parts.nodes.len()];
    let inputs = parts.nodes.iter().flat_map(|node| &node.inputs);
    let ends = parts.outputs.iter().chain(parts.updates.iter().map(|(_, value)| value));
    for value in inputs.chain(ends) {
        let used: &mut usize = &mut used[value.node.index()];
        *used = (*used).max(value.output + 1);
    }
    let mut trimmed = 0;
    for index in 0..used.len() {
        let (node, used) = (&parts.nodes[index], used[index]);
        let less = match used < node.types.len() {
            true => node.op.rule().without_last_outputs(used),
            false => None,
        };
        let Some(op) = less else { continue };
        let types: Vec<Type> = node.inputs.iter().map(|&v| parts.ty(v).clone()).collect();
        let Ok(types) = op.rule().infer(&types) else { continue };
        let node = &mut parts.nodes[index];
        (node.op, node.types) = (op, types);
        trimmed += 1;
    }
    trimmed
}

/// Whether the value is what the variable holds already.
fn holds(parts: &Parts, value: ValueId, variable: &Variable) -> bool {
    matches!(&parts.nodes[value.node.index()].op, Op::Read(read) if read.variable == *variable)
}

/// Which nodes are needed; nodes come after those they need, so one sweep from the end is enough.
fn live(parts: &Parts) -> Vec<bool> {
    let mut live = vec![false; parts.nodes.len()];
    let ends = parts.outputs.iter().chain(parts.updates.iter().map(|(_, value)| value));
    for node in ends.map(|value| value.node).chain(parts.inputs.iter().copied()) {
        live[node.index()] = true;
    }
    for index in (0..live.len()).rev() {
        if live[index] {
            for input in &parts.nodes[index].inputs {
                live[input.node.index()] = true;
            }
        }
    }
    live
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use ibex_graph::{Array, DType, Graph, Tensor, Variable};

    use super::super::testing::check_pass;

    #[test]
    fn unused_inputs_stay() {
        let (x, y) = (Tensor::input("x", DType::F32, [2]), Tensor::input("y", DType::F32, [2]));
        let graph = Graph::new(&[x.clone(), y], &[x.tanh()], &[]).unwrap();
        check_pass(
            "dead_code",
            graph,
            expect![[r#"
                %0 = input[x]() : float32 (2,)
                %1 = input[y]() : float32 (2,)
                %2 = tanh(%0) : float32 (2,)
                return %2"#]],
        );
    }

    #[test]
    fn what_another_pass_left_behind_goes() {
        let x = Tensor::input("x", DType::F32, [2]);
        let dead = x.exp();
        let graph = Graph::new(std::slice::from_ref(&x), &[dead, x.tanh()], &[]).unwrap();
        let outputs = graph.outputs()[1..].to_vec();
        let graph =
            Graph::from_parts(graph.nodes().to_vec(), graph.inputs().to_vec(), outputs, Vec::new());
        check_pass(
            "dead_code",
            graph,
            expect![[r#"
                %0 = input[x]() : float32 (2,)
                %1 = tanh(%0) : float32 (2,)
                return %1"#]],
        );
    }

    #[test]
    fn what_only_a_gradient_would_read_is_not_kept() {
        use ibex_graph::ops::recurrent::{Activation, Cell, Recurrence, Sequence};
        let input = |name, shape: &[usize]| Tensor::input(name, DType::F32, shape);
        let (x, kernel) = (input("x", &[2, 1, 8]), input("kernel", &[2, 8]));
        let (h, c) = (input("h", &[1, 2]), input("c", &[1, 2]));
        let lstm = Recurrence::new(Cell::Lstm, Activation::Tanh, Activation::Sigmoid);
        let run = lstm.run(Sequence::Projection(&x), &kernel, None, &[h.clone(), c.clone()], None);
        let graph = Graph::new(&[x, kernel, h, c], &[run.states[0].clone()], &[]).unwrap();
        check_pass(
            "dead_code",
            graph,
            expect![[r#"
                %0 = input[x]() : float32 (2, 1, 8)
                %1 = input[kernel]() : float32 (2, 8)
                %2 = input[h]() : float32 (1, 2)
                %3 = input[c]() : float32 (1, 2)
                %4 = recurrent[lstm, tanh, sigmoid](%0, %1, %2, %3) : float32 (2, 1, 2), float32 (1, 2), float32 (1, 2)
                return %4.1"#]],
        );
    }

    #[test]
    fn an_update_that_changes_nothing_goes() {
        let v = Variable::new("v", Array::zeros(DType::F32, [2]));
        let w = Variable::new("w", Array::zeros(DType::F32, [2]));
        let (old, other) = (Tensor::read(&v), Tensor::read(&w));
        let graph = Graph::new(&[], &[], &[(v, old.clone()), (w, old)]).unwrap();
        drop(other);
        check_pass(
            "dead_code",
            graph,
            expect![[r#"
                %0 = read[v]() : float32 (2,)
                w <- %0
                return "#]],
        );
    }
}
