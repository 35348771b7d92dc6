//! Groups units that are computed in one pass over memory.
//!
//! Two units may share a pass when one consumes the other element by element; the edges between
//! such units are contracted greedily, nearest units first, as long as no other group would have
//! to run between the two.
//! Nearest first keeps what the backward pass derives from a forward value with the backward
//! pass, although it could be computed, and would have to be kept, much earlier.
//! Must not know: places, kernels.

use std::collections::HashMap;

use crate::lower::unit::{Lowered, Source, Unit, UnitKind};
use crate::lower::view::{Root, parts, refine};

/// More units would spill registers of a tile out of the first cache.
const MAX_UNITS: usize = 64;
/// More operands would need more streams than processors prefetch.
const MAX_OPERANDS: usize = 24;
/// Operands of at least so many elements are worth being read once instead of twice.
const LARGE: usize = 1 << 12;
/// Groups visited in search of a cycle before fusion is given up.
const SEARCH: usize = 400;

/// Units that run as one step.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// The units, ascending.
    pub(crate) units: Vec<usize>,
    /// A shape whose axes split those of every unit; empty extents are kept as they are.
    pub(crate) space: Vec<usize>,
    /// Which axes of the space are reduced, if the group holds reductions.
    pub(crate) reduced: Option<Vec<bool>>,
    /// What it costs to run it a second time, in FLOPs, if that is what it does.
    pub(crate) recomputed: Option<u64>,
}

impl Group {
    fn of(index: usize, unit: &Unit) -> Group {
        let space: Vec<usize> = unit.shape.iter().copied().filter(|&d| d != 1).collect();
        let reduced = match &unit.kind {
            UnitKind::Reduce(_, axes) => Some(mask(axes, &unit.shape, &space)),
            UnitKind::Pointwise(_) | UnitKind::Op(_) | UnitKind::Product(_) => None,
        };
        Group { units: vec![index], space, reduced, recomputed: None }
    }

    /// Whether reductions make the loop visit elements in another order than they lie.
    fn permutes(&self) -> bool {
        let axes = self.reduced.as_deref().unwrap_or(&[]);
        let first = axes.iter().position(|&reduced| reduced).unwrap_or(axes.len());
        let last = axes.iter().rposition(|&reduced| reduced).map_or(first, |at| at + 1);
        axes[first..last].contains(&false)
    }

    fn first(&self) -> usize {
        self.units[0]
    }

    fn last(&self) -> usize {
        self.units[self.units.len() - 1]
    }
}

/// Which axes of `space`, which splits `shape`, lie in `axes` of it.
fn mask(axes: &[usize], shape: &[usize], space: &[usize]) -> Vec<bool> {
    if shape.contains(&0) {
        let kept = shape.iter().enumerate().filter(|&(_, &d)| d != 1);
        return kept.map(|(axis, _)| axes.contains(&axis)).collect();
    }
    parts(space, shape).iter().map(|axis| axes.contains(axis)).collect()
}

/// The groups of all units, with the group of each unit.
pub(crate) struct Groups {
    pub(crate) of_unit: Vec<usize>,
    /// Indexed by group; those merged into others are `None`.
    pub(crate) groups: Vec<Option<Group>>,
}

/// Groups the units.
pub(crate) fn fuse(lowered: &Lowered) -> Groups {
    let units = &lowered.units;
    let all = units.iter().enumerate().map(|(index, unit)| Some(Group::of(index, unit)));
    let groups = Groups { of_unit: (0..units.len()).collect(), groups: all.collect() };
    let mut fusion = Fusion { lowered, groups, visited: vec![0; units.len()], search: 0 };
    let mut edges = Vec::new();
    for (consumer, unit) in units.iter().enumerate() {
        for source in &unit.inputs {
            if let Some(producer) = flows(lowered, source, unit) {
                edges.push((consumer - producer, producer, consumer));
            }
        }
    }
    edges.sort_unstable();
    for (_, producer, consumer) in edges {
        fusion.merge(producer, consumer);
    }
    fusion.merge_readers();
    fusion.groups
}

/// The unit that computes `source`, if `unit` could read it from a register of the same pass.
pub(crate) fn flows(lowered: &Lowered, source: &Source, unit: &Unit) -> Option<usize> {
    let producer = lowered.values[source.value()?].unit;
    let pointwise = |unit: &Unit| matches!(unit.kind, UnitKind::Pointwise(_));
    let fusable = !unit.has_parameters();
    let from = &lowered.units[producer];
    let whole = source.view()?.is_plain()
        && source.shape().iter().product::<usize>() == from.shape.iter().product();
    let empty = unit.shape.contains(&0);
    (fusable && pointwise(from) && whole && !empty).then_some(producer)
}

struct Fusion<'a> {
    lowered: &'a Lowered,
    groups: Groups,
    visited: Vec<usize>,
    search: usize,
}

impl Fusion<'_> {
    fn group(&self, index: usize) -> Option<&Group> {
        self.groups.groups[index].as_ref()
    }

    fn merge(&mut self, producer: usize, consumer: usize) {
        let (a, b) = (self.groups.of_unit[producer], self.groups.of_unit[consumer]);
        if a == b {
            return;
        }
        let Some(merged) = self.merged(a, b) else { return };
        if self.reaches(b, a) || self.reaches(a, b) {
            return;
        }
        for &unit in &merged.units {
            self.groups.of_unit[unit] = a;
        }
        self.groups.groups[a] = Some(merged);
        self.groups.groups[b] = None;
    }

    /// Lets groups that read the same large operand over the same space read it together.
    fn merge_readers(&mut self) {
        let mut readers: HashMap<Root, usize> = HashMap::new();
        for (index, unit) in self.lowered.units.iter().enumerate() {
            let size = unit.shape.iter().product::<usize>();
            if unit.has_parameters() || size < LARGE {
                continue;
            }
            for view in unit.inputs.iter().filter_map(Source::view) {
                if !view.is_plain() || view.shape.iter().product::<usize>() != size {
                    continue;
                }
                let Some(before) = readers.insert(view.root, index) else { continue };
                let of = |unit: usize| self.group(self.groups.of_unit[unit]).map(|g| &g.space);
                // Outputs that are only summed up cost nothing to compute earlier or later.
                if of(before) == of(index) && (self.reduces(before) || self.reduces(index)) {
                    self.merge(before, index);
                }
            }
        }
    }

    /// Whether the group of a unit reduces.
    fn reduces(&self, unit: usize) -> bool {
        self.group(self.groups.of_unit[unit]).is_some_and(|group| group.reduced.is_some())
    }

    /// Both groups as one, if its shape, size and reductions allow.
    fn merged(&self, a: usize, b: usize) -> Option<Group> {
        let (left, right) = (self.group(a)?, self.group(b)?);
        if left.units.len() + right.units.len() > MAX_UNITS {
            return None;
        }
        let space = refine(&left.space, &right.space)?;
        let spread = |group: &Group| {
            let reduced = group.reduced.as_ref()?;
            Some(parts(&space, &group.space).iter().map(|&axis| reduced[axis]).collect::<Vec<_>>())
        };
        let reduced = match (spread(left), spread(right)) {
            (Some(x), Some(y)) if x != y => return None,
            (x, y) => x.or(y),
        };
        let mut units = [left.units.as_slice(), &right.units].concat();
        units.sort_unstable();
        let group = Group { units, space, reduced, recomputed: None };
        if group.permutes() && group.units.iter().any(|&u| self.lowered.units[u].is_positional()) {
            return None;
        }
        (self.connected_in_registers(&group, a, b) && self.operands(&group) <= MAX_OPERANDS)
            .then_some(group)
    }

    /// Whether everything that one half takes from the other can stay in a register.
    fn connected_in_registers(&self, group: &Group, a: usize, b: usize) -> bool {
        group.units.iter().all(|&index| {
            let unit = &self.lowered.units[index];
            unit.inputs.iter().all(|source| {
                let Some(value) = source.value() else { return true };
                let producer = self.lowered.values[value].unit;
                let of = self.groups.of_unit[producer];
                (of != a && of != b) || flows(self.lowered, source, unit).is_some()
            })
        })
    }

    /// How many different roots the group reads, and values it writes at most.
    fn operands(&self, group: &Group) -> usize {
        let mut roots = Vec::new();
        for &index in &group.units {
            for view in self.lowered.units[index].inputs.iter().filter_map(Source::view) {
                let inside = matches!(view.root, Root::Value(v)
                    if group.units.binary_search(&self.lowered.values[v].unit).is_ok());
                if !inside && !roots.contains(&view.root) {
                    roots.push(view.root);
                }
            }
        }
        roots.len()
    }

    /// Whether group `from` needs `target` by way of a third group (or the search was given up).
    fn reaches(&mut self, from: usize, target: usize) -> bool {
        self.search += 1;
        let (mark, mut pending, mut steps) = (self.search, vec![from], 0);
        let Some(floor) = self.group(target).map(Group::first) else { return true };
        while let Some(at) = pending.pop() {
            let Some(group) = self.groups.groups[at].as_ref() else { continue };
            steps += 1;
            if steps > SEARCH {
                return true;
            }
            for &index in &group.units {
                for value in self.lowered.units[index].inputs.iter().filter_map(Source::value) {
                    let next = self.groups.of_unit[self.lowered.values[value].unit];
                    if next == target {
                        if at != from {
                            return true;
                        }
                        continue;
                    }
                    let late = self.groups.groups[next].as_ref().is_some_and(|g| g.last() > floor);
                    if next != at && late && self.visited[next] != mark && next != from {
                        self.visited[next] = mark;
                        pending.push(next);
                    }
                }
            }
        }
        false
    }
}
