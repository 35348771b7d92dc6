//! Sums of parts of a tensor, each padded with zeros to the whole, become the parts one after
//! another.
//!
//! The gradient of a loop that reads a tensor part by part is such a sum.
//! With a pad and an addition as large as the tensor for each part, its cost grows with the square
//! of their number.
//!
//! Parts that overlap stay apart, those in the same place are added up before they are padded, and
//! gaps become zeros; terms that are no padded parts are added up first.
//! A zero added to a number changes at most the sign of another zero.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::broadcast::Broadcast;
use ibex_graph::ops::concatenate::Concatenate;
use ibex_graph::ops::pad::Pad;
use ibex_graph::ops::reshape::Reshape;
use ibex_graph::ops::slice::Slice;
use ibex_graph::{Array, Node, Op, Origin, Shape, ValueId};

use super::Supports;
use super::parts::{Builder, Parts, Placed};

/// Joins the parts in every sum; counts the sums that have fewer terms.
pub(super) fn run(parts: &mut Parts, _: &Supports<'_>) -> usize {
    if !parts.nodes.iter().any(|node| matches!(node.op, Op::Pad(_))) {
        return 0;
    }
    let mut inner = within_sums(parts).into_iter();
    let mut sums = HashSet::new();
    let mut joined = 0;
    parts.rebuild(|builder, node| {
        if inner.next() == Some(true) {
            let value = builder.push(node);
            sums.insert(value);
            return Placed::At(value);
        }
        let fewer = is_sum(&node).then(|| {
            let terms = terms(builder, &sums, &node);
            Joiner { builder, origin: &node.origin }.join(terms)
        });
        match fewer.flatten() {
            Some(value) => {
                joined += 1;
                Placed::At(value)
            }
            None => Placed::At(builder.push(node)),
        }
    });
    joined
}

fn is_sum(node: &Node) -> bool {
    matches!(node.op, Op::Binary(Binary::Add))
}

/// Which nodes are sums that only another sum needs.
fn within_sums(parts: &Parts) -> Vec<bool> {
    let mut uses = vec![0; parts.nodes.len()];
    let mut summed = vec![false; parts.nodes.len()];
    for node in &parts.nodes {
        for input in &node.inputs {
            uses[input.node.index()] += 1;
            summed[input.node.index()] |= is_sum(node);
        }
    }
    for value in parts.outputs.iter().chain(parts.updates.iter().map(|(_, value)| value)) {
        uses[value.node.index()] += 1;
    }
    let nodes = parts.nodes.iter().enumerate();
    nodes.map(|(at, node)| is_sum(node) && uses[at] == 1 && summed[at]).collect()
}

/// What a sum adds up, from left to right, through the sums within it.
fn terms(builder: &Builder, sums: &HashSet<ValueId>, node: &Node) -> Vec<ValueId> {
    let mut pending: Vec<ValueId> = node.inputs.iter().rev().copied().collect();
    let mut terms = Vec::new();
    while let Some(value) = pending.pop() {
        match sums.contains(&value) {
            true => pending.extend(builder.node(value).inputs.iter().rev()),
            false => terms.push(value),
        }
    }
    terms
}

/// A tensor and its place among zeros.
struct Part {
    pad: Pad,
    value: ValueId,
    /// The term that it is, unless it was made of several.
    term: Option<ValueId>,
}

impl Part {
    /// From one position to the next along an axis.
    fn step(&self, axis: usize) -> usize {
        self.pad.interior[axis] + 1
    }
}

/// What follows the pad of a term, last first: operations that move elements and do nothing else;
/// with the shape that they begin with.
type Moves = (Vec<Op>, Shape);

/// The part that a term is, if it is one.
fn padded(builder: &Builder, term: ValueId) -> Option<(Moves, Part)> {
    let mut moves = Vec::new();
    let mut value = term;
    loop {
        let node = builder.node(value);
        match &node.op {
            Op::Reshape(_) | Op::Transpose(_) | Op::Reverse(_) => moves.push(node.op.clone()),
            Op::Pad(pad) if pad.value.value() == 0.0 => {
                let (mut pad, shape) = (pad.clone(), builder.shape(node.inputs[0]));
                for axis in (0..shape.rank()).filter(|&axis| shape[axis] == 1) {
                    pad.interior[axis] = 0;
                }
                let part = Part { pad, value: node.inputs[0], term: Some(term) };
                return (shape.size() > 0).then(|| ((moves, node.types[0].shape.clone()), part));
            }
            _ => return None,
        }
        value = node.inputs[0];
    }
}

/// The items of each key, keys and items in their order.
fn grouped<K: Hash + Eq + Clone, T>(items: impl IntoIterator<Item = (K, T)>) -> Vec<(K, Vec<T>)> {
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    let mut index = HashMap::new();
    for (key, item) in items {
        let at = *index.entry(key.clone()).or_insert(groups.len());
        if at == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[at].1.push(item);
    }
    groups
}

/// What a sum is rewritten with.
struct Joiner<'a> {
    builder: &'a mut Builder,
    origin: &'a Origin,
}

impl Joiner<'_> {
    /// The sum of the terms, if fewer will do.
    fn join(&mut self, terms: Vec<ValueId>) -> Option<ValueId> {
        let (mut fewer, mut found) = (Vec::new(), Vec::new());
        let count = terms.len();
        for term in terms {
            match padded(self.builder, term) {
                Some(part) => found.push(part),
                None => fewer.push(term),
            }
        }
        for ((moves, whole), mut parts) in grouped(found) {
            parts = self.add_alike(parts)?;
            for axis in 0..whole.rank() {
                parts = self.join_along(axis, parts)?;
            }
            for part in parts {
                fewer.push(self.term(part, &moves)?);
            }
        }
        if fewer.len() == count {
            return None;
        }
        self.sum(fewer)
    }

    fn apply(&mut self, op: impl Into<Op>, inputs: &[ValueId]) -> Option<ValueId> {
        let node = self.builder.infer(op.into(), inputs, self.origin)?;
        Some(self.builder.push(node))
    }

    fn sum(&mut self, values: Vec<ValueId>) -> Option<ValueId> {
        let mut values = values.into_iter();
        let first = values.next()?;
        values.try_fold(first, |sum, value| self.apply(Binary::Add, &[sum, value]))
    }

    /// The part as a term.
    fn term(&mut self, part: Part, moves: &[Op]) -> Option<ValueId> {
        if let Some(term) = part.term {
            return Some(term);
        }
        let padded = self.apply(part.pad, &[part.value])?;
        moves.iter().rev().try_fold(padded, |value, op| self.apply(op.clone(), &[value]))
    }

    /// Adds up the parts that have the same place.
    fn add_alike(&mut self, parts: Vec<Part>) -> Option<Vec<Part>> {
        let groups = grouped(parts.into_iter().map(|part| (part.pad.clone(), part)));
        let sums = groups.into_iter().map(|(pad, parts)| {
            let term = parts[0].term.filter(|_| parts.len() == 1);
            let value = self.sum(parts.into_iter().map(|part| part.value).collect())?;
            Some(Part { pad, value, term })
        });
        sums.collect()
    }

    /// Joins the parts that have the same place along all other axes.
    fn join_along(&mut self, axis: usize, parts: Vec<Part>) -> Option<Vec<Part>> {
        let elsewhere = |part: Part| {
            let mut pad = part.pad.clone();
            (pad.low[axis], pad.high[axis]) = (0, 0);
            (pad, part)
        };
        let mut joined = Vec::new();
        for (pad, parts) in grouped(parts.into_iter().map(elsewhere)) {
            let rows = self.rows(axis, parts).into_iter();
            let rows = rows.map(|row| self.concatenate(axis, row)).collect::<Option<Vec<_>>>()?;
            match pad.interior[axis] {
                0 => joined.extend(rows),
                _ => joined.extend(self.interleave(axis, rows)?),
            }
        }
        Some(joined)
    }

    /// The parts in as few rows as it takes to keep those apart that overlap.
    fn rows(&self, axis: usize, mut parts: Vec<Part>) -> Vec<Vec<Part>> {
        parts.sort_by_key(|part| part.pad.low[axis]);
        let mut rows: Vec<Vec<Part>> = Vec::new();
        // Where the next part of each row may begin.
        let mut ends: Vec<usize> = Vec::new();
        for part in parts {
            let (low, step) = (part.pad.low[axis], part.step(axis));
            let end = low + self.builder.shape(part.value)[axis] * step;
            let fits = |&end: &usize| low >= end && (low - end).is_multiple_of(step);
            match ends.iter().position(fits) {
                Some(row) => {
                    ends[row] = end;
                    rows[row].push(part);
                }
                None => {
                    ends.push(end);
                    rows.push(vec![part]);
                }
            }
        }
        rows
    }

    /// One part after another, with zeros between them.
    fn concatenate(&mut self, axis: usize, mut parts: Vec<Part>) -> Option<Part> {
        if parts.len() == 1 {
            return parts.pop();
        }
        let (step, mut pad) = (parts[0].step(axis), parts[0].pad.clone());
        let (mut pieces, mut at) = (Vec::with_capacity(parts.len()), pad.low[axis]);
        for part in parts {
            let low = part.pad.low[axis];
            if low > at {
                pieces.push(self.zeros(part.value, axis, (low - at) / step)?);
            }
            pieces.push(part.value);
            at = low + self.builder.shape(part.value)[axis] * step;
            pad.high[axis] = part.pad.high[axis];
        }
        let value = self.apply(Concatenate { axis }, &pieces)?;
        Some(Part { pad, value, term: None })
    }

    /// Joins parts whose elements lie between one another's.
    fn interleave(&mut self, axis: usize, parts: Vec<Part>) -> Option<Vec<Part>> {
        let mut bundles: Vec<Vec<Part>> = Vec::new();
        for part in parts {
            let (low, step) = (part.pad.low[axis], part.step(axis));
            let between = |bundle: &&mut Vec<Part>| {
                let lows = |part: &Part| part.pad.low[axis];
                bundle.last().is_some_and(|last| low > lows(last)) && low - lows(&bundle[0]) < step
            };
            match bundles.last_mut().filter(between) {
                Some(bundle) => bundle.push(part),
                None => bundles.push(vec![part]),
            }
        }
        bundles.into_iter().map(|bundle| self.stack(axis, bundle)).collect()
    }

    /// The first elements of all parts, then the second ones, and so on.
    fn stack(&mut self, axis: usize, mut parts: Vec<Part>) -> Option<Part> {
        if parts.len() == 1 {
            return parts.pop();
        }
        let (step, mut pad) = (parts[0].step(axis), parts[0].pad.clone());
        let first = pad.low[axis];
        let extents: Vec<usize> =
            parts.iter().map(|part| self.builder.shape(part.value)[axis]).collect();
        let count = extents.iter().copied().max()?;
        let (mut pieces, mut at, mut end) = (Vec::new(), 0, 0);
        for (part, extent) in parts.into_iter().zip(extents) {
            let offset = part.pad.low[axis] - first;
            let value = self.lengthened(part.value, axis, count)?;
            let mut split = self.builder.shape(value).to_vec();
            split.insert(axis + 1, 1);
            let value = self.apply(Reshape { shape: split.into() }, &[value])?;
            if offset > at {
                pieces.push(self.zeros(value, axis + 1, offset - at)?);
            }
            pieces.push(value);
            at = offset + 1;
            // The part that ends last says how much of the whole comes after it.
            let last = offset + (extent - 1) * step + 1;
            if last > end {
                (end, pad.high[axis]) = (last, part.pad.high[axis]);
            }
        }
        if at < step {
            pieces.push(self.zeros(pieces[0], axis + 1, step - at)?);
        }
        let value = self.apply(Concatenate { axis: axis + 1 }, &pieces)?;
        let mut merged = self.builder.shape(value).to_vec();
        merged[axis] *= merged.remove(axis + 1);
        let value = self.apply(Reshape { shape: merged.into() }, &[value])?;
        let mut used = Slice::whole(self.builder.shape(value));
        used.stop[axis] = end;
        let value = self.apply(used, &[value])?;
        pad.interior[axis] = 0;
        Some(Part { pad, value, term: None })
    }

    /// The value with zeros after it, `extent` elements in all along an axis.
    fn lengthened(&mut self, value: ValueId, axis: usize, extent: usize) -> Option<ValueId> {
        match extent - self.builder.shape(value)[axis] {
            0 => Some(value),
            missing => {
                let zeros = self.zeros(value, axis, missing)?;
                self.apply(Concatenate { axis }, &[value, zeros])
            }
        }
    }

    /// Zeros of the type of a value, but for the extent along an axis.
    fn zeros(&mut self, like: ValueId, axis: usize, extent: usize) -> Option<ValueId> {
        let ty = self.builder.ty(like).clone();
        let mut shape = ty.shape.to_vec();
        shape[axis] = extent;
        let zero = Array::full(ty.dtype, Shape::scalar(), 0.0);
        let zero = self.builder.push_constant(zero, self.origin);
        self.apply(Broadcast { shape: shape.into() }, &[zero])
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use ibex_graph::grad::gradients_from;
    use ibex_graph::rng::Draw;
    use ibex_graph::{DType, Graph, Tensor, gradients};

    use super::super::optimise;
    use super::super::testing::{check_pass, check_same};

    fn x(shape: &[usize]) -> Tensor {
        Tensor::input("x", DType::F32, shape)
    }

    /// The graph of the gradient of what `read` makes of a tensor.
    fn gradient(shape: &[usize], read: impl Fn(&Tensor) -> Vec<Tensor>) -> Graph {
        let x = x(shape);
        let outputs: Vec<(Tensor, Tensor)> = read(&x)
            .iter()
            .enumerate()
            .map(|(at, part)| {
                let name = format!("g{at}");
                (part.clone(), Tensor::input(&name, DType::F32, part.shape().clone()))
            })
            .collect();
        let found = gradients_from(&outputs, std::slice::from_ref(&x)).unwrap();
        let inputs: Vec<Tensor> = outputs.into_iter().map(|(_, g)| g).collect();
        Graph::new(&inputs, &[found[0].clone().unwrap()], &[]).unwrap()
    }

    /// What all passes make of a graph, without its inputs.
    fn check(graph: Graph, expected: Expect) {
        let after = optimise(graph.clone(), &|_, _| true);
        check_same(&graph, &after);
        let text = after.to_string();
        let lines = text.lines().filter(|line| !line.contains("= input["));
        expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
    }

    fn rows(x: &Tensor, parts: &[(isize, isize)]) -> Vec<Tensor> {
        parts.iter().map(|&(from, to)| x.slice_axis(0, from..to)).collect()
    }

    #[test]
    fn the_gradient_of_reading_part_by_part_is_the_parts() {
        let graph = gradient(&[3, 2], |x| rows(x, &[(0, 1), (1, 2), (2, 3)]));
        check(
            graph,
            expect![[r#"
            %3 = concatenate[0](%0, %1, %2) : float32 (3, 2)
            return %3"#]],
        );
    }

    #[test]
    fn gaps_are_zeros() {
        let graph = gradient(&[9, 2], |x| rows(x, &[(6, 7), (1, 2), (2, 4)]));
        check(
            graph,
            expect![[r#"
            %3 = constant[0]() : float32 ()
            %4 = broadcast[(2, 2)](%3) : float32 (2, 2)
            %5 = concatenate[0](%1, %2, %4, %0) : float32 (6, 2)
            %6 = pad[1_2, 0_0](%5) : float32 (9, 2)
            return %6"#]],
        );
    }

    #[test]
    fn parts_that_overlap_stay_apart() {
        let graph = gradient(&[4], |x| rows(x, &[(0, 3), (1, 4)]));
        check_pass(
            "join_pads",
            graph,
            expect![[r#"
            %0 = input[g0]() : float32 (3,)
            %1 = input[g1]() : float32 (3,)
            %2 = pad[1_0](%1) : float32 (4,)
            %3 = pad[0_1](%0) : float32 (4,)
            %4 = add(%2, %3) : float32 (4,)
            return %4"#]],
        );
        let graph = gradient(&[8], |x| rows(x, &[(0, 4), (2, 6), (4, 8)]));
        check(
            graph,
            expect![[r#"
            %3 = pad[2_2](%1) : float32 (8,)
            %4 = concatenate[0](%0, %2) : float32 (8,)
            %5 = add(%4, %3) : float32 (8,)
            return %5"#]],
        );
    }

    #[test]
    fn parts_in_the_same_place_are_added_up_first() {
        let graph = gradient(&[4], |x| rows(x, &[(0, 2), (2, 4), (0, 2)]));
        check(
            graph,
            expect![[r#"
            %3 = add(%2, %0) : float32 (2,)
            %4 = concatenate[0](%3, %1) : float32 (4,)
            return %4"#]],
        );
    }

    #[test]
    fn other_terms_are_added() {
        let graph = gradient(&[4], |x| {
            let mut all = rows(x, &[(0, 2), (2, 4)]);
            all.insert(1, x.clone());
            all.push(x.flip(&[0]));
            all
        });
        check(
            graph,
            expect![[r#"
            %4 = reverse[[0]](%3) : float32 (4,)
            %5 = add(%1, %4) : float32 (4,)
            %6 = concatenate[0](%0, %2) : float32 (4,)
            %7 = add(%5, %6) : float32 (4,)
            return %7"#]],
        );
    }

    #[test]
    fn every_axis_counts() {
        let halves = |x: &Tensor| x.split(2, 1);
        check(
            gradient(&[2, 4], halves),
            expect![[r#"
            %2 = concatenate[1](%0, %1) : float32 (2, 4)
            return %2"#]],
        );
        let blocks =
            |x: &Tensor| x.split(2, 0).iter().flat_map(|half| half.split(2, 1)).collect::<Vec<_>>();
        check(
            gradient(&[2, 4], blocks),
            expect![[r#"
            %4 = concatenate[1](%2, %3) : float32 (1, 4)
            %5 = concatenate[1](%0, %1) : float32 (1, 4)
            %6 = concatenate[0](%5, %4) : float32 (2, 4)
            return %6"#]],
        );
        // Along different axes, the parts meet in a corner.
        let cross = |x: &Tensor| vec![x.slice_axis(0, 1..), x.slice_axis(1, 1..)];
        check_pass(
            "join_pads",
            gradient(&[2, 2], cross),
            expect![[r#"
            %0 = input[g0]() : float32 (1, 2)
            %1 = input[g1]() : float32 (2, 1)
            %2 = pad[0_0, 1_0](%1) : float32 (2, 2)
            %3 = pad[1_0, 0_0](%0) : float32 (2, 2)
            %4 = add(%2, %3) : float32 (2, 2)
            return %4"#]],
        );
    }

    #[test]
    fn elements_between_one_anothers_are_interleaved() {
        let pairs = |x: &Tensor| vec![x.slice_axis_by(0, 1.., 2), x.slice_axis_by(0, .., 2)];
        check(
            gradient(&[6], pairs),
            expect![[r#"
            %2 = reshape[(3, 1)](%1) : float32 (3, 1)
            %3 = reshape[(3, 1)](%0) : float32 (3, 1)
            %4 = concatenate[1](%2, %3) : float32 (3, 2)
            %5 = reshape[(6,)](%4) : float32 (6,)
            return %5"#]],
        );
        // Those at the ends of a gap, and one more of the first than of the second.
        let some = |x: &Tensor| vec![x.slice_axis_by(0, 1.., 3), x.slice_axis_by(0, 3.., 3)];
        check(
            gradient(&[8], some),
            expect![[r#"
            %2 = reshape[(3, 1)](%0) : float32 (3, 1)
            %3 = constant[0]() : float32 ()
            %4 = constant[[0]]() : float32 (1,)
            %5 = concatenate[0](%1, %4) : float32 (3,)
            %6 = reshape[(3, 1)](%5) : float32 (3, 1)
            %7 = broadcast[(3, 1)](%3) : float32 (3, 1)
            %8 = concatenate[1](%2, %7, %6) : float32 (3, 3)
            %9 = reshape[(9,)](%8) : float32 (9,)
            %10 = slice[0:7](%9) : float32 (7,)
            %11 = pad[1_0](%10) : float32 (8,)
            return %11"#]],
        );
    }

    #[test]
    fn what_moves_elements_may_lie_between() {
        let moved = |x: &Tensor| {
            let turned = |at: isize| {
                let columns = x.reshape([3, 4]).transpose(&[1, 0]).flip(&[0]);
                columns.slice_axis(0, at..at + 1).squeeze(0)
            };
            (0..4).map(turned).collect()
        };
        check(
            gradient(&[12], moved),
            expect![[r#"
            %4 = reshape[(1, 3)](%3) : float32 (1, 3)
            %5 = reshape[(1, 3)](%2) : float32 (1, 3)
            %6 = reshape[(1, 3)](%1) : float32 (1, 3)
            %7 = reshape[(1, 3)](%0) : float32 (1, 3)
            %8 = concatenate[0](%7, %6, %5, %4) : float32 (4, 3)
            %9 = reverse[[0]](%8) : float32 (4, 3)
            %10 = transpose[[1, 0]](%9) : float32 (3, 4)
            %11 = reshape[(12,)](%10) : float32 (12,)
            return %11"#]],
        );
    }

    #[test]
    fn sums_that_share_terms_are_joined_each() {
        let g = ["a", "b", "c"].map(|name| Tensor::input(name, DType::F32, [1]));
        let parts: Vec<Tensor> = (0..3).map(|at| g[at].pad(&[(at, 2 - at)], 0.0)).collect();
        let first = &parts[0] + &parts[1];
        let outputs = [&first + &parts[2], &parts[2] + &parts[1], first];
        check(
            Graph::new(&g, &outputs, &[]).unwrap(),
            expect![[r#"
            %3 = concatenate[0](%0, %1) : float32 (2,)
            %4 = pad[0_1](%3) : float32 (3,)
            %5 = concatenate[0](%3, %2) : float32 (3,)
            %6 = concatenate[0](%1, %2) : float32 (2,)
            %7 = pad[1_0](%6) : float32 (3,)
            return %5, %7, %4"#]],
        );
    }

    #[test]
    fn only_zeros_are_joined() {
        let g = ["a", "b"].map(|name| Tensor::input(name, DType::F32, [1]));
        let sum = g[0].pad(&[(0, 1)], 1.0) + g[1].pad(&[(1, 0)], 0.0);
        check_pass(
            "join_pads",
            Graph::new(&g, &[sum], &[]).unwrap(),
            expect![[r#"
            %0 = input[a]() : float32 (1,)
            %1 = input[b]() : float32 (1,)
            %2 = pad[0_1, value 1](%0) : float32 (2,)
            %3 = pad[1_0](%1) : float32 (2,)
            %4 = add(%2, %3) : float32 (2,)
            return %4"#]],
        );
    }

    #[test]
    fn gradients_of_gradients_are_joined_too() {
        let x = x(&[4, 3]);
        let steps = (0..4).map(|at| x.slice_axis(0, at..at + 1).squeeze(0));
        let loss = steps.reduce(|state, step| (state * step).tanh()).unwrap().sum_all();
        let dx = gradients(&loss, std::slice::from_ref(&x)).unwrap().remove(0).unwrap();
        let again = gradients(&dx.square().sum_all(), std::slice::from_ref(&x)).unwrap();
        let graph = Graph::new(&[x], &[dx, again[0].clone().unwrap()], &[]).unwrap();
        let after = optimise(graph.clone(), &|_, _| true);
        check_same(&graph, &after);
        assert!(!after.to_string().contains("pad["), "{after}");
    }

    #[test]
    fn any_slices_give_the_same_sum() {
        for case in 0..300 {
            let (draw, mut next) = (Draw::new(7, case, 0), 0);
            let mut below = |count: usize| {
                next += 1;
                draw.word(next) as usize % count
            };
            let shape = [4, 6];
            let mut parts = vec![[[0, 1, 1], [0, 1, 1]]; 2 + below(5)];
            for part in &mut parts {
                for (range, extent) in part.iter_mut().zip(shape) {
                    *range = match below(3) {
                        0 => [0, extent, 1],
                        _ => {
                            let start = below(extent);
                            [start, start + 1 + below(extent - start), 1 + below(3)]
                        }
                    };
                }
            }
            let graph = gradient(&shape, |x| {
                let read = |part: &[[usize; 3]; 2]| {
                    let field = |at: usize| [part[0][at], part[1][at]];
                    x.strided_slice(&field(0), &field(1), &field(2))
                };
                parts.iter().map(read).collect()
            });
            check_same(&graph, &optimise(graph.clone(), &|_, _| true));
        }
    }
}
