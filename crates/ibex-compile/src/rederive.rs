//! What takes one cheap instruction is computed from its operand by every group that needs it,
//! where that keeps fewer bytes than handing it on: `x / 2` and `x · c` are two values as large as
//! `x`, which the backward pass makes from `x` while it reads it.
//!
//! The same instruction on the same operand: no bit of a value changes.
//! Must not know: the order of groups, memory, kernels.

use std::collections::BTreeMap;

use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::unary::Unary;

use crate::fuse::{Groups, flows};
use crate::lower::unit::{Home, Lowered, Pointwise, Source, Unit, UnitKind, Value};

/// Smaller values stay in the cache anyway.
const LARGE: usize = 1 << 12;

/// Computes values again where that keeps fewer bytes.
pub(crate) fn rederive(lowered: &mut Lowered, groups: &mut Groups) {
    // A copy may read what can be derived in its turn: each pass goes one step back.
    while pass(lowered, groups) {}
}

/// One step back from the groups that read; false if there was nothing to do.
fn pass(lowered: &mut Lowered, groups: &mut Groups) -> bool {
    let readers = readers(lowered);
    let mut from: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    // Values that products took in have no unit any more.
    for &value in lowered.units.iter().flat_map(|unit| &unit.outputs) {
        if let Some(operands) = derivable(lowered, groups, &readers, value) {
            from.entry(operands).or_default().push(value);
        }
    }
    let mut copies = Vec::new();
    for (operands, values) in from {
        let last = values.iter().filter_map(|&value| readers[value].last()).max();
        let kept = |&operand: &usize| match kept_until(lowered, groups, &readers, operand) {
            Some(until) if Some(&until) >= last => 0,
            _ => lowered.values[operand].ty.bytes(),
        };
        let cost = operands.iter().map(kept).sum();
        if values.iter().map(|&value| lowered.values[value].ty.bytes()).sum::<usize>() > cost {
            for value in values {
                copy_to_readers(lowered, groups, &readers[value], value, &mut copies);
            }
        }
    }
    let found = !copies.is_empty();
    insert(lowered, groups, copies);
    found
}

/// For each value the units that read it, ascending.
fn readers(lowered: &Lowered) -> Vec<Vec<usize>> {
    let mut readers = vec![Vec::new(); lowered.values.len()];
    for (index, unit) in lowered.units.iter().enumerate() {
        for value in unit.inputs.iter().filter_map(Source::value) {
            if readers[value].last() != Some(&index) {
                readers[value].push(index);
            }
        }
    }
    readers
}

/// The values that a cheap instruction makes this one of, if all who read it elsewhere read it
/// element by element: one as large, or the windows of a pooling.
fn derivable(
    lowered: &Lowered,
    groups: &Groups,
    readers: &[Vec<usize>],
    value: usize,
) -> Option<Vec<usize>> {
    let Value { home: Home::Arena, unit, ty } = &lowered.values[value] else { return None };
    let (index, unit) = (*unit, &lowered.units[*unit]);
    let cheap = match unit.kind {
        UnitKind::Pointwise(Pointwise::Unpool(_)) => true,
        UnitKind::Pointwise(Pointwise::Unary(f)) => {
            matches!(f, Unary::Negative | Unary::Abs | Unary::Square | Unary::Relu)
        }
        UnitKind::Pointwise(Pointwise::Binary(f)) => matches!(
            f,
            Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Maximum | Binary::Minimum
        ),
        _ => false,
    };
    if !cheap || ty.shape.size() < LARGE {
        return None;
    }
    if !unit.has_parameters() {
        let mut operands = unit.inputs.iter().filter(|source| source.view().is_some());
        let first = operands.next()?;
        let whole =
            first.view()?.is_plain() && first.shape().iter().product::<usize>() == ty.shape.size();
        if !whole || operands.any(|other| other != first) {
            return None;
        }
    }
    let elsewhere = |&&reader: &&usize| groups.of_unit[reader] != groups.of_unit[index];
    let in_registers = |&reader: &usize| {
        let unit = &lowered.units[reader];
        let mut sources = unit.inputs.iter().filter(|source| source.value() == Some(value));
        sources.all(|source| flows(lowered, source, unit).is_some())
    };
    let mut others = readers[value].iter().filter(elsewhere).peekable();
    let derivable = others.peek().is_some() && others.all(in_registers);
    let views = unit.inputs.iter().filter(|source| source.view().is_some());
    let mut operands = views.map(Source::value).collect::<Option<Vec<usize>>>()?;
    operands.dedup();
    derivable.then_some(operands)
}

/// The last unit until which a value is in memory anyway, if it is.
fn kept_until(
    lowered: &Lowered,
    groups: &Groups,
    readers: &[Vec<usize>],
    value: usize,
) -> Option<usize> {
    let Value { home, unit, .. } = lowered.values[value];
    let elsewhere = |&reader: &usize| groups.of_unit[reader] != groups.of_unit[unit];
    match home {
        Home::Output(_) | Home::Variable(_) => Some(usize::MAX),
        Home::Arena => readers[value].iter().copied().rfind(elsewhere),
    }
}

/// A unit that is put before another one, into its group.
struct Inserted {
    before: usize,
    group: usize,
    /// The unit that it repeats, and the value that it computes.
    unit: usize,
    value: usize,
}

/// Lets each other group that reads a value read a value of its own instead.
fn copy_to_readers(
    lowered: &mut Lowered,
    groups: &Groups,
    readers: &[usize],
    value: usize,
    copies: &mut Vec<Inserted>,
) {
    let unit = lowered.values[value].unit;
    let mut own: BTreeMap<usize, usize> = BTreeMap::new();
    for &reader in readers {
        let group = groups.of_unit[reader];
        if group == groups.of_unit[unit] {
            continue;
        }
        let next = lowered.values.len();
        let copy = *own.entry(group).or_insert(next);
        if copy == next {
            lowered.values.push(lowered.values[value].clone());
            copies.push(Inserted { before: reader, group, unit, value: copy });
        }
        let inputs = lowered.units[reader].inputs.iter_mut();
        for read in inputs.filter_map(Source::value_mut).filter(|read| **read == value) {
            *read = copy;
        }
    }
}

/// Puts units where they belong; the others keep their order.
fn insert(lowered: &mut Lowered, groups: &mut Groups, mut copies: Vec<Inserted>) {
    copies.sort_by_key(|copy| copy.before);
    let (mut units, mut of_unit) = (Vec::new(), Vec::new());
    let mut copies = copies.into_iter().peekable();
    for (index, unit) in lowered.units.iter().enumerate() {
        while let Some(copy) = copies.next_if(|copy| copy.before == index) {
            let outputs = vec![copy.value];
            units.push(Unit { outputs, ..lowered.units[copy.unit].clone() });
            of_unit.push(copy.group);
        }
        units.push(unit.clone());
        of_unit.push(groups.of_unit[index]);
    }
    for (index, unit) in units.iter().enumerate() {
        for &value in &unit.outputs {
            lowered.values[value].unit = index;
        }
    }
    groups.groups.iter_mut().flatten().for_each(|group| group.units.clear());
    for (index, &group) in of_unit.iter().enumerate() {
        if let Some(group) = &mut groups.groups[group] {
            group.units.push(index);
        }
    }
    lowered.units = units;
    groups.of_unit = of_unit;
}

#[cfg(test)]
mod tests {
    use ibex_graph::{Array, DType, Graph, Tensor, Variable, gradients};

    use super::*;
    use crate::lower::unit::units;
    use crate::plan::{Plan, plan};
    use crate::schedule::schedule;
    use crate::terms::{Terms, terms};

    const ROWS: usize = 128;

    /// A training step of two layers with an activation between them.
    fn step(activation: impl Fn(&Tensor) -> Tensor) -> Graph {
        let x = Tensor::input("x", DType::F32, [ROWS, 64]);
        let weights =
            ["a", "b"].map(|name| Variable::new(name, Array::zeros(DType::F32, [64, 64])));
        let reads = [0, 1].map(|index: usize| Tensor::read(&weights[index]));
        let h = activation(&x.matmul(&reads[0]));
        let loss = h.matmul(&reads[1]).square().sum_all();
        let found = gradients(&loss, &reads).unwrap();
        let updated = |(read, gradient): (&Tensor, Option<Tensor>)| read - gradient.unwrap() * 0.1;
        let updates: Vec<(Variable, Tensor)> =
            weights.into_iter().zip(reads.iter().zip(found).map(updated)).collect();
        Graph::new(&[x], &[loss], &updates).unwrap()
    }

    /// The plan of a graph and what it leaves, with or without the pass.
    fn planned(graph: &Graph, derive: bool) -> (Plan, Terms) {
        let graph = crate::passes::optimise(graph.clone(), &|_, _| true);
        let mut lowered = units(&graph);
        let mut groups = crate::fuse::fuse(&lowered);
        if derive {
            rederive(&mut lowered, &mut groups);
        }
        let order = schedule(&mut lowered, groups);
        let plan = plan(&lowered, &order, &|_| None);
        let left = terms(&lowered, &order, &plan);
        (plan, left)
    }

    /// Values of a layer's size that are not kept any more.
    fn saved(graph: &Graph) -> usize {
        let (before, expected) = planned(graph, false);
        let (after, left) = planned(graph, true);
        assert_eq!(left, expected);
        (before.memory.values - after.memory.values) / (ROWS * 64 * 4)
    }

    #[test]
    fn several_cheap_values_of_one_operand_are_not_kept() {
        // The gradient reads x / 2, x · 0.7 and 1 + erf(x · 0.7): the first two are x.
        let gelu = |x: &Tensor| (x * 0.5) * ((x * 0.7).erf() + 1.0);
        assert_eq!(saved(&step(gelu)), 2);
    }

    #[test]
    fn chains_are_derived_step_by_step() {
        let chain = |x: &Tensor| {
            let y = x * 0.5;
            let z = &y + 1.0;
            (x * 0.7).erf() * y.erf() * z.erf() * x.erf()
        };
        assert!(saved(&step(chain)) >= 3);
    }

    #[test]
    fn one_value_is_kept_instead_of_an_operand_as_large() {
        // The sine needs the cosine of its operand, and nobody needs x.
        assert_eq!(saved(&step(|x| (x * 0.5).sin())), 0);
    }

    #[test]
    fn what_costs_work_is_kept() {
        assert_eq!(saved(&step(|x| x.exp() * x.sin())), 0);
    }
}
