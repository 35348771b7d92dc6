//! What a plan computes, without computing it: for tests of what moves, repeats or merges work.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::fuse::Group;
use crate::lower::unit::{Home, Lowered, Pointwise, UnitKind};
use crate::lower::view::{Root, View};
use crate::plan::Plan;
use crate::program::Place;

/// What a program leaves in each result and variable, as a term over its operands.
pub(crate) type Terms = BTreeMap<String, u64>;

/// Runs an order of groups on terms instead of numbers, and finds each operand where it was put.
pub(crate) fn terms(lowered: &Lowered, order: &[Group], plan: &Plan) -> Terms {
    let mut term: HashMap<usize, u64> = HashMap::new();
    // What lies in the arena: begin, end and value.
    let mut arena: Vec<(usize, usize, usize)> = Vec::new();
    let mut results = Terms::new();
    for group in order {
        let inside = |value: usize| group.units.contains(&lowered.values[value].unit);
        for &index in &group.units {
            let unit = &lowered.units[index];
            let mut hash = DefaultHasher::new();
            let mut operands = Vec::new();
            for source in &unit.inputs {
                if let Some(view) = source.view()
                    && let Root::Variable(variable) = view.root
                {
                    let written = format!("{:?}", Home::Variable(variable));
                    assert!(!results.contains_key(&written), "{variable} was overwritten");
                }
                let Some(value) = source.value() else {
                    format!("{source:?}").hash(&mut hash);
                    continue;
                };
                if let (false, Some(Place::Arena(at))) = (inside(value), plan.places[value]) {
                    let there = arena.iter().any(|&(begin, _, v)| begin == at && v == value);
                    assert!(there, "value {value} is not where it was put");
                }
                let View { shape, strides, offset, .. } = source.view().unwrap();
                (shape, strides, offset, term[&value]).hash(&mut hash);
                operands.push(term[&value]);
            }
            (format!("{:?}", unit.kind), &unit.shape).hash(&mut hash);
            let copies = unit.kind == UnitKind::Pointwise(Pointwise::Copy);
            for (output, &value) in unit.outputs.iter().enumerate() {
                let own = (hash.finish(), output);
                let mut hash = DefaultHasher::new();
                own.hash(&mut hash);
                let late = copies && matches!(lowered.values[value].home, Home::Variable(_));
                let own = if late { operands[0] } else { hash.finish() };
                term.insert(value, own);
            }
        }
        for &value in group.units.iter().flat_map(|&unit| &lowered.units[unit].outputs) {
            match plan.places[value] {
                Some(Place::Arena(at)) => {
                    let end = at + lowered.values[value].ty.bytes();
                    arena.retain(|&(b, e, _)| e <= at || end <= b);
                    arena.push((at, end, value));
                }
                Some(_) => {
                    results.insert(format!("{:?}", lowered.values[value].home), term[&value]);
                }
                None => {}
            }
        }
    }
    results
}
