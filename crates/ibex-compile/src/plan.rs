//! Places of values: one arena, reused as values die, written in place where an input dies.
//!
//! Must not know: kernels.

use std::collections::HashMap;

use ibex_graph::Op;

use crate::fuse::Group;
use crate::lower::unit::{Home, Lowered, Source, UnitKind};
use crate::lower::view::View;
use crate::program::{Memory, Place};

/// Every buffer begins at a multiple of this: a cache line, and the widest vector.
pub(crate) const ALIGN: usize = 64;

/// Where values lie.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The place of each value that reaches memory.
    pub(crate) places: Vec<Option<Place>>,
    pub(crate) arena_bytes: usize,
    pub(crate) memory: Memory,
    /// The last step that reads each value that reaches memory.
    pub(crate) last_use: Vec<Option<usize>>,
    /// The block of each value in the arena.
    pub(crate) block_of: Vec<Option<usize>>,
    pub(crate) blocks: Vec<Block>,
}

/// A part of the arena, for some span of steps (both ends included).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) bytes: usize,
    pub(crate) first: usize,
    pub(crate) last: usize,
}

/// The input and the output of an operation that the backend lets lie in the same place.
pub(crate) type Overwrites<'a> = dyn Fn(&Op) -> Option<(usize, usize)> + 'a;

/// Plans the arena for groups in their final order.
pub(crate) fn plan(lowered: &Lowered, order: &[Group], overwrites: &Overwrites<'_>) -> Plan {
    let mut of_unit = vec![usize::MAX; lowered.units.len()];
    for (step, group) in order.iter().enumerate() {
        group.units.iter().for_each(|&unit| of_unit[unit] = step);
    }
    let last_use = last_uses(lowered, order, &of_unit);
    let mut blocks: Vec<Block> = Vec::new();
    let mut block_of: Vec<Option<usize>> = vec![None; lowered.values.len()];
    let mut plan = Plan { places: vec![None; lowered.values.len()], ..Plan::default() };
    for (step, group) in order.iter().enumerate() {
        let mut dying = dying(lowered, group, step, &last_use, &block_of);
        let over = overwritten(lowered, group, step, &last_use, overwrites);
        for &unit in &group.units {
            for &value in &lowered.units[unit].outputs {
                let Some(last) = last_use[value] else { continue };
                match lowered.values[value].home {
                    Home::Output(index) => plan.places[value] = Some(Place::Output(index)),
                    Home::Variable(index) => plan.places[value] = Some(Place::Variable(index)),
                    Home::Arena => {
                        let ty = &lowered.values[value].ty;
                        let bytes = ty.bytes().next_multiple_of(ALIGN);
                        plan.memory.values = plan.memory.values.saturating_add(bytes);
                        let fits = |&(_, width, size): &(usize, usize, usize)| {
                            width == ty.dtype.size() && size == ty.shape.size()
                        };
                        let stored =
                            lowered.units[unit].shape.iter().product::<usize>() == ty.shape.size();
                        let found = dying.iter().position(fits).filter(|_| stored);
                        let below = over.filter(|&(_, output)| output == value);
                        let below = below.and_then(|(input, _)| block_of[input]);
                        let block = match (below, found) {
                            (Some(block), _) => block,
                            (None, Some(at)) => dying.swap_remove(at).0,
                            (None, None) => {
                                blocks.push(Block { bytes, first: step, last });
                                blocks.len() - 1
                            }
                        };
                        blocks[block].last = last;
                        block_of[value] = Some(block);
                    }
                }
            }
        }
    }
    let (offsets, total) = pack(&blocks);
    for (value, block) in block_of.iter().enumerate() {
        if let Some(block) = block {
            plan.places[value] = Some(Place::Arena(offsets[*block]));
        }
    }
    plan.arena_bytes = total;
    plan.memory.lower_bound = live(&blocks, order.len()).into_iter().max().unwrap_or(0);
    Plan { last_use, block_of, blocks, ..plan }
}

/// The last step that reads each value that must reach memory; the step that computes it if
/// nobody does.
fn last_uses(lowered: &Lowered, order: &[Group], of_unit: &[usize]) -> Vec<Option<usize>> {
    let mut last = vec![None; lowered.values.len()];
    for (step, group) in order.iter().enumerate() {
        for &index in &group.units {
            let unit = &lowered.units[index];
            let pointwise = matches!(unit.kind, UnitKind::Pointwise(_));
            for &value in &unit.outputs {
                if !pointwise || lowered.values[value].home != Home::Arena {
                    last[value] = last[value].max(Some(step));
                }
            }
            for value in unit.inputs.iter().filter_map(Source::value) {
                if of_unit[lowered.values[value].unit] != step {
                    last[value] = last[value].max(Some(step));
                }
            }
        }
    }
    last
}

/// Blocks whose value dies at this step and is read there only element by element, so that an
/// output may overwrite it: (block, bytes of an element, elements).
fn dying(
    lowered: &Lowered,
    group: &Group,
    step: usize,
    last_use: &[Option<usize>],
    block_of: &[Option<usize>],
) -> Vec<(usize, usize, usize)> {
    let whole = |kind: &UnitKind| matches!(kind, UnitKind::Op(_) | UnitKind::Product(_));
    let elementwise = group.units.iter().all(|&u| !whole(&lowered.units[u].kind));
    if !elementwise {
        return Vec::new();
    }
    let size = group.space.iter().product::<usize>();
    let mut found: HashMap<usize, bool> = HashMap::new();
    let mut order = Vec::new();
    for &index in &group.units {
        for source in &lowered.units[index].inputs {
            let Some(value) = source.value() else { continue };
            if last_use[value] != Some(step) || block_of[value].is_none() {
                continue;
            }
            let ty = &lowered.values[value].ty;
            let plain = source.view().is_some_and(View::is_plain)
                && ty.shape.size() == size
                && !lowered.units[index].has_parameters();
            if !found.contains_key(&value) {
                order.push(value);
            }
            *found.entry(value).or_insert(true) &= plain;
        }
    }
    let whole = order.into_iter().filter(|value| found[value]);
    let block = |value: usize| {
        let ty = &lowered.values[value].ty;
        Some((block_of[value]?, ty.dtype.size(), ty.shape.size()))
    };
    whole.filter_map(block).collect()
}

/// The value that an operation may overwrite as it dies, and the value that it puts there.
fn overwritten(
    lowered: &Lowered,
    group: &Group,
    step: usize,
    last_use: &[Option<usize>],
    overwrites: &Overwrites<'_>,
) -> Option<(usize, usize)> {
    let unit = &lowered.units[*group.units.first()?];
    let UnitKind::Op(op) = &unit.kind else { return None };
    let (input, output) = overwrites(op)?;
    let (source, &written) = (unit.inputs.get(input)?, unit.outputs.get(output)?);
    let read = source.value()?;
    let once = unit.inputs.iter().filter(|source| source.value() == Some(read)).count() == 1;
    let whole = source.view().is_some_and(View::is_plain);
    let (from, to) = (&lowered.values[read].ty, &lowered.values[written].ty);
    let fits = from.dtype == to.dtype && from.shape.size() == to.shape.size();
    (once && whole && fits && last_use[read] == Some(step)).then_some((read, written))
}

/// Offsets of the blocks, and the bytes that hold them all: large blocks first, each into the
/// tightest gap among those that live at the same time.
fn pack(blocks: &[Block]) -> (Vec<usize>, usize) {
    let mut by_size: Vec<usize> = (0..blocks.len()).collect();
    by_size.sort_by_key(|&b| (std::cmp::Reverse(blocks[b].bytes), blocks[b].first));
    let mut offsets = vec![0usize; blocks.len()];
    let mut placed: Vec<usize> = Vec::with_capacity(blocks.len());
    let mut total = 0;
    for block in by_size {
        let Block { bytes, first, last } = blocks[block];
        let meets = |&&other: &&usize| blocks[other].first <= last && first <= blocks[other].last;
        let (mut best, mut end) = (None::<(usize, usize)>, 0);
        // `placed` is kept in order of offsets, so gaps show themselves in one walk.
        for &other in placed.iter().filter(meets) {
            let gap = offsets[other].saturating_sub(end);
            if offsets[other] >= end && gap >= bytes && best.is_none_or(|(g, _)| gap < g) {
                best = Some((gap, end));
            }
            end = end.max(offsets[other].saturating_add(blocks[other].bytes));
        }
        offsets[block] = best.map_or(end, |(_, at)| at);
        total = total.max(offsets[block].saturating_add(bytes));
        let at = placed.partition_point(|&other| offsets[other] <= offsets[block]);
        placed.insert(at, block);
    }
    (offsets, total)
}

/// The bytes that are alive at each step.
pub(crate) fn live(blocks: &[Block], steps: usize) -> Vec<usize> {
    let mut change = vec![0isize; steps + 1];
    for block in blocks {
        let bytes = isize::try_from(block.bytes).unwrap_or(isize::MAX);
        change[block.first] = change[block.first].saturating_add(bytes);
        change[block.last + 1] = change[block.last + 1].saturating_sub(bytes);
    }
    change.pop();
    let alive = change.iter().scan(0isize, |sum, &c| {
        *sum = sum.saturating_add(c);
        Some(*sum as usize)
    });
    alive.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_never_meet_share_memory() {
        let block = |bytes, first, last| Block { bytes, first, last };
        let blocks = [block(128, 0, 1), block(64, 1, 2), block(128, 2, 3), block(64, 3, 4)];
        let (offsets, total) = pack(&blocks);
        assert_eq!(total, 192);
        assert_eq!(live(&blocks, 5), [128, 192, 192, 192, 64]);
        for (i, a) in blocks.iter().enumerate() {
            for (j, b) in blocks.iter().enumerate().skip(i + 1) {
                let apart = a.last < b.first || b.last < a.first;
                let beside =
                    offsets[i] + a.bytes <= offsets[j] || offsets[j] + b.bytes <= offsets[i];
                assert!(apart || beside, "{i} and {j}");
            }
        }
    }
}
