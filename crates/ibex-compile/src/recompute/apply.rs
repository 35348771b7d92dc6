//! Puts what was chosen into the order of groups.
//!
//! Must not know: why it was chosen.

use std::collections::{HashMap, HashSet};

use super::choice::{Choice, Part};
use super::survey::Copies;
use crate::fuse::Group;
use crate::lower::unit::{Home, Lowered, Source, Value};
use crate::schedule::copy_at_end;

/// For values: from which step on which other one is read instead.
pub(super) type Renamed = HashMap<usize, (usize, usize)>;

/// Runs groups again where the choices say so.
pub(super) fn apply(
    lowered: &mut Lowered,
    order: &mut Vec<Group>,
    copies: &mut Copies,
    choices: &[Choice],
) {
    let mut renamed = Renamed::new();
    let mut before: HashMap<usize, Vec<Group>> = HashMap::new();
    for choice in choices {
        let groups = again(lowered, order, copies, choice, &mut renamed);
        before.entry(choice.at).or_default().extend(groups);
    }
    rename(lowered, order, &renamed);
    let groups = std::mem::take(order);
    for (step, group) in groups.into_iter().enumerate() {
        order.extend(before.remove(&step).into_iter().flatten());
        order.push(group);
    }
    for &(value, variable) in choices.iter().flat_map(|choice| &choice.late) {
        if lowered.values[value].home == Home::Variable(variable) {
            lowered.values[value].home = Home::Arena;
            order.push(copy_at_end(lowered, value, variable));
        }
    }
    drop_unread(lowered, order, copies);
}

/// The groups that compute the parts of a choice again.
fn again(
    lowered: &mut Lowered,
    order: &[Group],
    copies: &mut Copies,
    choice: &Choice,
    renamed: &mut Renamed,
) -> Vec<Group> {
    let mut instead: HashMap<usize, usize> =
        choice.alive.iter().chain(&choice.kept).copied().collect();
    let mut groups = Vec::with_capacity(choice.parts.len());
    for part in &choice.parts {
        let old = lowered.units[lowered.values[part.value].unit].outputs.clone();
        let (group, new) = clone(lowered, order, copies, part, &instead);
        groups.push(group);
        for (old, new) in old.into_iter().zip(new) {
            // What is there anyway is read rather than what is computed beside what was wanted.
            instead.entry(old).or_insert(new);
            let wanted = part.value == choice.value();
            if wanted && lowered.values[old].home == Home::Arena {
                renamed.insert(old, (choice.at, new));
            }
        }
    }
    groups
}

/// A group that computes a part from other operands, with the values of its last unit.
fn clone(
    lowered: &mut Lowered,
    order: &[Group],
    copies: &mut Copies,
    part: &Part,
    instead: &HashMap<usize, usize>,
) -> (Group, Vec<usize>) {
    let first = lowered.units.len();
    let mut inside: HashMap<usize, usize> = HashMap::new();
    let mut outputs = Vec::new();
    for &index in &part.units {
        let mut unit = lowered.units[index].clone();
        for value in unit.inputs.iter_mut().filter_map(Source::value_mut) {
            *value = *inside.get(value).or_else(|| instead.get(value)).unwrap_or(value);
        }
        let copy = |&old: &usize| {
            let value = lowered.values.len();
            let ty = lowered.values[old].ty.clone();
            lowered.values.push(Value { ty, unit: lowered.units.len(), home: Home::Arena });
            copies.add(value, old);
            inside.insert(old, value);
            value
        };
        outputs = unit.outputs.iter().map(copy).collect::<Vec<usize>>();
        unit.outputs.clone_from(&outputs);
        lowered.units.push(unit);
    }
    let old = part.units[0];
    let group = order.iter().find(|group| group.units.binary_search(&old).is_ok());
    let space = group.map_or(Vec::new(), |group| group.space.clone());
    let units = (first..lowered.units.len()).collect();
    (Group { units, space, reduced: None, recomputed: Some(part.flops) }, outputs)
}

/// Lets the groups from some step on read other values.
pub(super) fn rename(lowered: &mut Lowered, order: &[Group], renamed: &Renamed) {
    for (step, group) in order.iter().enumerate() {
        for &unit in &group.units {
            for value in lowered.units[unit].inputs.iter_mut().filter_map(Source::value_mut) {
                if let Some(&(from, new)) = renamed.get(value)
                    && step >= from
                {
                    *value = new;
                }
            }
        }
    }
}

/// Takes out the groups whose results nobody reads any more, and what was only there for them;
/// what is left of a value then is no second computation.
pub(super) fn drop_unread(lowered: &Lowered, order: &mut Vec<Group>, copies: &Copies) {
    let mut read: HashSet<usize> = HashSet::new();
    let mut needed = vec![false; order.len()];
    for (step, group) in order.iter().enumerate().rev() {
        let units = group.units.iter().map(|&unit| &lowered.units[unit]);
        needed[step] = units.clone().any(|unit| {
            let kept = |&v: &usize| lowered.values[v].home != Home::Arena || read.contains(&v);
            unit.outputs.iter().any(kept)
        });
        if needed[step] {
            let own = |v: &usize| group.units.binary_search(&lowered.values[*v].unit).is_ok();
            let inputs = units.flat_map(|unit| &unit.inputs).filter_map(Source::value);
            read.extend(inputs.filter(|v| !own(v)));
        }
    }
    let mut step = 0;
    order.retain(|_| {
        step += 1;
        needed[step - 1]
    });
    let mut computed: HashSet<usize> = HashSet::new();
    for group in order.iter_mut() {
        let values = group.units.iter().flat_map(|&unit| &lowered.units[unit].outputs);
        let originals: Vec<usize> = values.map(|&value| copies.original(value)).collect();
        if group.recomputed.is_some() && originals.iter().any(|v| !computed.contains(v)) {
            group.recomputed = None;
        }
        computed.extend(originals);
    }
}
