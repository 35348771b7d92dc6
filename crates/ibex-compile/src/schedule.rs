//! The order of the groups: each after what it needs, and a variable is overwritten only after
//! everybody has read its old value.
//!
//! Groups run in the order in which the graph was written, but those that only feed variables and
//! results run as soon as they can: they free memory and find their operands still in the cache.
//! Must not know: places, kernels.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use ibex_graph::Type;

use crate::fuse::{Group, Groups};
use crate::lower::unit::{Home, Lowered, Pointwise, Source, Unit, UnitKind, Value};
use crate::lower::view::{Root, View};

/// Groups of at most so many elements run early: their results take no memory to speak of, and
/// larger groups that wait for them can then run as soon as their large operands are there.
const SMALL: usize = 256;

/// Puts the groups in order.
///
/// Updates that cannot be written in place, since somebody who runs later reads the old value,
/// go to the arena and are copied at the end.
pub(crate) fn schedule(lowered: &mut Lowered, groups: Groups) -> Vec<Group> {
    let mut late = own_hazards(lowered, &groups);
    let mut order = Vec::new();
    let mut ready = Ready::new(lowered, &groups);
    loop {
        while let Some(index) = ready.pop() {
            order.extend(groups.groups[index].clone());
        }
        let Some(stuck) = ready.stuck() else { break };
        let Some(group) = &groups.groups[stuck] else { break };
        for value in written(lowered, group) {
            if let Home::Variable(variable) = lowered.values[value].home {
                late.push((value, variable));
                lowered.values[value].home = Home::Arena;
            }
        }
        ready.release(stuck);
    }
    for (value, variable) in late {
        order.push(copy_at_end(lowered, value, variable));
    }
    order
}

fn written(lowered: &Lowered, group: &Group) -> Vec<usize> {
    group.units.iter().flat_map(|&unit| lowered.units[unit].outputs.iter().copied()).collect()
}

/// Takes home from variables the values whose own group reads the old value out of step.
fn own_hazards(lowered: &mut Lowered, groups: &Groups) -> Vec<(usize, usize)> {
    let mut late = Vec::new();
    for value in 0..lowered.values.len() {
        let Home::Variable(variable) = lowered.values[value].home else { continue };
        let Some(group) = &groups.groups[groups.of_unit[lowered.values[value].unit]] else {
            continue;
        };
        let hazard = group.units.iter().map(|&unit| &lowered.units[unit]).any(|unit| {
            let pointwise = matches!(unit.kind, UnitKind::Pointwise(_));
            let size = unit.shape.iter().product::<usize>();
            let in_step = |view: &View| {
                pointwise && view.is_plain() && size == lowered.values[value].ty.shape.size()
            };
            let mut views = unit.inputs.iter().filter_map(Source::view);
            views.any(|view| view.root == Root::Variable(variable) && !in_step(view))
        });
        if hazard {
            late.push((value, variable));
            lowered.values[value].home = Home::Arena;
        }
    }
    late
}

/// The group that writes a value into its variable when everybody has read the old one.
pub(crate) fn copy_at_end(lowered: &mut Lowered, value: usize, variable: usize) -> Group {
    let Value { ty, unit, .. } = lowered.values[value].clone();
    let Type { dtype, shape } = ty.clone();
    let source = Source::View(dtype, View::whole(Root::Value(value), &shape));
    let copy = lowered.units.len();
    let to = lowered.values.len();
    lowered.values.push(Value { ty, unit: copy, home: Home::Variable(variable) });
    lowered.units.push(Unit {
        kind: UnitKind::Pointwise(Pointwise::Copy),
        inputs: vec![source],
        outputs: vec![to],
        shape: shape.to_vec(),
        origin: lowered.units[unit].origin.clone(),
    });
    let space = shape.iter().copied().filter(|&d| d != 1).collect();
    Group { units: vec![copy], space, reduced: None, recomputed: None }
}

/// The groups whose predecessors have all run, most urgent first.
struct Ready {
    /// For each group: how many it needs for its inputs, and how many read what it overwrites.
    needs: Vec<usize>,
    readers: Vec<usize>,
    feeds: Vec<Vec<usize>>,
    frees: Vec<Vec<usize>>,
    key: Vec<(bool, usize)>,
    waiting: BTreeSet<usize>,
    heap: BinaryHeap<Reverse<((bool, usize), usize)>>,
}

impl Ready {
    fn new(lowered: &Lowered, groups: &Groups) -> Ready {
        let count = groups.groups.len();
        let mut ready = Ready {
            needs: vec![0; count],
            readers: vec![0; count],
            feeds: vec![Vec::new(); count],
            frees: vec![Vec::new(); count],
            key: vec![(true, 0); count],
            waiting: BTreeSet::new(),
            heap: BinaryHeap::new(),
        };
        let mut writers: HashMap<usize, Vec<usize>> = HashMap::new();
        for value in &lowered.values {
            if let Home::Variable(variable) = value.home {
                writers.entry(variable).or_default().push(groups.of_unit[value.unit]);
            }
        }
        for (index, group) in groups.groups.iter().enumerate() {
            let Some(group) = group else { continue };
            ready.waiting.insert(index);
            ready.add_edges(lowered, groups, (index, group), &writers);
        }
        for (index, group) in groups.groups.iter().enumerate() {
            let Some(group) = group else { continue };
            let small = group.space.iter().product::<usize>() <= SMALL;
            let last = group.units.last().copied().unwrap_or(0);
            ready.key[index] = (!(small || ready.feeds[index].is_empty()), last);
            ready.offer(index);
        }
        ready
    }

    fn add_edges(
        &mut self,
        lowered: &Lowered,
        groups: &Groups,
        (index, group): (usize, &Group),
        writers: &HashMap<usize, Vec<usize>>,
    ) {
        let mut from = BTreeSet::new();
        let mut overwritten = BTreeSet::new();
        let inputs = group.units.iter().flat_map(|&unit| &lowered.units[unit].inputs);
        for view in inputs.filter_map(Source::view) {
            match view.root {
                Root::Value(value) => {
                    from.insert(groups.of_unit[lowered.values[value].unit]);
                }
                Root::Variable(variable) => {
                    overwritten.extend(writers.get(&variable).into_iter().flatten());
                }
                Root::Input(_) | Root::Constant(_) => {}
            }
        }
        for source in from.into_iter().filter(|&g| g != index) {
            self.needs[index] += 1;
            self.feeds[source].push(index);
        }
        for writer in overwritten.into_iter().filter(|&g| g != index) {
            self.readers[writer] += 1;
            self.frees[index].push(writer);
        }
    }

    fn offer(&mut self, index: usize) {
        if self.needs[index] == 0 && self.readers[index] == 0 {
            self.heap.push(Reverse((self.key[index], index)));
        }
    }

    fn pop(&mut self) -> Option<usize> {
        let Reverse((_, index)) = self.heap.pop()?;
        self.waiting.remove(&index);
        for next in std::mem::take(&mut self.feeds[index]) {
            self.needs[next] -= 1;
            self.offer(next);
        }
        for writer in std::mem::take(&mut self.frees[index]) {
            self.readers[writer] = self.readers[writer].saturating_sub(1);
            // One that was released does not wait for readers any more.
            if self.waiting.contains(&writer) && self.readers[writer] == 0 {
                self.offer(writer);
            }
        }
        Some(index)
    }

    /// A group that waits only for readers of what it overwrites, when nothing else can run.
    fn stuck(&self) -> Option<usize> {
        self.waiting.iter().copied().find(|&index| self.needs[index] == 0)
    }

    /// Lets a group run before the readers of what it was going to overwrite.
    fn release(&mut self, index: usize) {
        self.readers[index] = 0;
        self.offer(index);
    }
}
