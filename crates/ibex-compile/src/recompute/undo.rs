//! Takes back what the budget does not need after all: a value lives on until its copy would be
//! computed, where there is room for it at every step between.
//!
//! Must not know: how copies are made.

use std::collections::HashSet;

use super::apply::Renamed;
use super::survey::Survey;
use crate::flops;

/// A group that need not run again.
struct Spared {
    step: usize,
    /// What it computes, and the earlier value that is read instead.
    pairs: Vec<(usize, usize)>,
    /// FLOPs that it saves for each byte and step that it takes.
    worth: f64,
}

/// The copies that need not be made if there are `limit` bytes.
pub(super) fn spare(mut survey: Survey<'_>, limit: usize) -> Renamed {
    let mut all: Vec<Spared> =
        (0..survey.order.len()).filter_map(|step| spared(&survey, step)).collect();
    all.sort_by(|a, b| b.worth.total_cmp(&a.worth).then(a.step.cmp(&b.step)));
    let (mut renamed, mut touched) = (Renamed::new(), HashSet::new());
    for Spared { step, pairs, .. } in all {
        let mut values = pairs.iter().flat_map(|&(copy, earlier)| [copy, earlier]);
        if values.any(|value| touched.contains(&value)) || !fits(&survey, step, &pairs, limit) {
            continue;
        }
        for &(copy, earlier) in &pairs {
            survey.lengthen(earlier, step);
            touched.extend([copy, earlier]);
            renamed.insert(copy, (0, earlier));
        }
    }
    renamed
}

/// The group at a step, if it is run a second time.
fn spared(survey: &Survey<'_>, step: usize) -> Option<Spared> {
    let group = &survey.order[step];
    group.recomputed?;
    let units = group.units.iter().map(|&unit| &survey.lowered.units[unit]);
    let outputs = units.clone().flat_map(|unit| &unit.outputs);
    let read = outputs.copied().filter(|&value| !survey.uses[value].is_empty());
    let pairs = read.map(|copy| Some((copy, survey.earlier(copy)?)));
    let pairs: Vec<(usize, usize)> = pairs.collect::<Option<_>>()?;
    let flops: u64 = units.map(|unit| flops::of_unit(survey.lowered, unit)).sum();
    let area = |&(_, earlier): &(usize, usize)| {
        let steps = step.saturating_sub(survey.free_from[earlier]);
        survey.bytes(earlier) as f64 * steps as f64
    };
    let bytes: usize = pairs.iter().map(|&(copy, _)| survey.bytes(copy)).sum();
    let work = flops as f64 + bytes as f64;
    Some(Spared { step, worth: work / pairs.iter().map(area).sum::<f64>().max(1.0), pairs })
}

/// Whether the earlier values can live until the step.
fn fits(survey: &Survey<'_>, step: usize, pairs: &[(usize, usize)], limit: usize) -> bool {
    let first = pairs.iter().map(|&(_, earlier)| survey.free_from[earlier]).min().unwrap_or(step);
    (first..step).all(|at| {
        let longer = pairs.iter().filter(|&&(_, earlier)| survey.free_from[earlier] <= at);
        let more = longer.map(|&(_, earlier)| survey.bytes(earlier)).sum::<usize>();
        survey.live[at].saturating_add(more) <= limit
    })
}
