//! What could be computed a second time, what that costs, and what it is worth.
//!
//! Must not know: what else is chosen.

use super::survey::Survey;
use crate::flops;
use crate::lower::unit::{Home, Source, UnitKind};
use crate::lower::view::Root;
use crate::plan::ALIGN;

/// Values before the one that is wanted that may be recomputed on the way, one after the other.
const DEPTH: usize = 24;

/// Groups that may be run again for one value.
const GROUPS: usize = 48;

/// An operand this many times smaller than what it is needed for is kept rather than recomputed.
const SMALL: usize = 32;

/// Variables up to here may be written at the end, from a copy, so that their old value can be
/// read again: the state of random numbers.
const COPIED: usize = 1 << 12;

/// FLOPs in the time of reading or writing a byte: on processors between five and fifteen.
const FLOPS_PER_BYTE: u64 = 8;

/// A value that is recomputed, after the values that it needs.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    /// What is computed again before step `at`, each after what it needs; the last is what is
    /// wanted there.
    pub(super) parts: Vec<Part>,
    /// The step that reads the last value again.
    pub(super) at: usize,
    /// The last step before it that touches this value.
    before: usize,
    /// Operands, and the values with their numbers that are read: alive at `at` anyway.
    pub(super) alive: Vec<(usize, usize)>,
    /// The same of those that would have died before: they live until `at`.
    pub(super) kept: Vec<(usize, usize)>,
    /// Variables whose new value is written at the end: the value and the variable.
    pub(super) late: Vec<(usize, usize)>,
    /// What choices are compared by: FLOPs, and bytes of memory as so many FLOPs.
    pub(super) work: u64,
    /// Bytes of recomputed values while each part is computed.
    peaks: Vec<usize>,
}

/// The units that compute one value.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) value: usize,
    /// Ascending, all of one group.
    pub(super) units: Vec<usize>,
    pub(super) flops: u64,
}

impl Part {
    /// What it puts into memory.
    pub(super) fn outputs<'a>(&self, survey: &'a Survey<'_>) -> &'a [usize] {
        let unit = survey.lowered.values[self.value].unit;
        &survey.lowered.units[unit].outputs
    }
}

impl Choice {
    /// The value that is recomputed for the sake of its memory.
    pub(super) fn value(&self) -> usize {
        self.parts[self.parts.len() - 1].value
    }

    /// Every way to recompute a value between two steps that touch it, from the shortest chain on.
    pub(super) fn ways(survey: &Survey<'_>, value: usize, gap: (usize, usize)) -> Vec<Choice> {
        let (before, at) = gap;
        let mut ways: Vec<Choice> = Vec::new();
        for depth in 0..DEPTH {
            let mut choice = Choice { before, at, ..Choice::default() };
            if !choice.add(survey, value, depth)
                || ways.last().is_some_and(|last| last.parts.len() == choice.parts.len())
            {
                break;
            }
            choice.find_peaks(survey);
            ways.push(choice);
        }
        ways
    }

    /// Adds what computes `value`; false, and nothing is added, if it cannot be computed again.
    fn add(&mut self, survey: &Survey<'_>, value: usize, depth: usize) -> bool {
        let lengths = (self.parts.len(), self.alive.len(), self.kept.len(), self.late.len());
        let work = self.work;
        if self.extend(survey, value, depth) {
            return true;
        }
        self.parts.truncate(lengths.0);
        self.alive.truncate(lengths.1);
        self.kept.truncate(lengths.2);
        self.late.truncate(lengths.3);
        self.work = work;
        false
    }

    fn extend(&mut self, survey: &Survey<'_>, value: usize, depth: usize) -> bool {
        let units = units(survey, value, self.at);
        let mut traffic = survey.bytes(value);
        for source in units.iter().flat_map(|&unit| &survey.lowered.units[unit].inputs) {
            let Some(view) = source.view() else { continue };
            match view.root {
                Root::Variable(variable) if !self.may_read(survey, variable) => return false,
                Root::Value(operand) => {
                    if units.contains(&survey.lowered.values[operand].unit) {
                        continue;
                    }
                    traffic = traffic.saturating_add(survey.bytes(operand));
                    self.provide(survey, operand, survey.bytes(value) / SMALL, depth);
                }
                Root::Input(_) | Root::Constant(_) | Root::Variable(_) => {
                    let bytes = view.shape.iter().product::<usize>() * source.dtype().size();
                    traffic = traffic.saturating_add(bytes);
                }
            }
        }
        let work = units.iter().map(|&u| flops::of_unit(survey.lowered, &survey.lowered.units[u]));
        let flops = work.fold(0, u64::saturating_add);
        let memory = FLOPS_PER_BYTE.saturating_mul(traffic as u64);
        self.work = self.work.saturating_add(flops).saturating_add(memory);
        self.parts.push(Part { value, units, flops });
        self.parts.len() <= GROUPS
    }

    /// Whether the old value of a variable can be read at `at`.
    fn may_read(&mut self, survey: &Survey<'_>, variable: usize) -> bool {
        let Some((step, value)) = survey.written[variable] else { return true };
        if step >= self.at {
            return true;
        }
        if !self.late.contains(&(value, variable)) {
            self.late.push((value, variable));
        }
        survey.bytes(value) <= COPIED
    }

    /// Sees to it that an operand is there: it is, or it is recomputed too, or it is kept.
    fn provide(&mut self, survey: &Survey<'_>, operand: usize, least: usize, depth: usize) {
        let known = |pairs: &[(usize, usize)]| pairs.iter().any(|&(of, _)| of == operand);
        let made = self.parts.iter().any(|part| part.outputs(survey).contains(&operand));
        if made || known(&self.alive) || known(&self.kept) {
            return;
        }
        if let Some(there) = survey.stand_in(operand, self.at) {
            self.alive.push((operand, there));
            return;
        }
        let worth = survey.bytes(operand) > least && depth > 0;
        let again = worth && can_recompute(survey, operand);
        if !(again && self.add(survey, operand, depth - 1)) {
            self.kept.push((operand, survey.latest(operand, self.at)));
        }
    }

    /// Finds how much memory the parts take on their way.
    fn find_peaks(&mut self, survey: &Survey<'_>) {
        let mut last: Vec<usize> = (0..self.parts.len()).collect();
        for (now, part) in self.parts.iter().enumerate() {
            for source in part.units.iter().flat_map(|&unit| &survey.lowered.units[unit].inputs) {
                let Some(value) = source.value() else { continue };
                let made = |part: &Part| part.outputs(survey).contains(&value);
                if let Some(maker) = self.parts[..now].iter().position(made) {
                    last[maker] = now;
                }
            }
        }
        let bytes = |part: &Part| part.outputs(survey).iter().map(|&v| survey.bytes(v)).sum();
        let bytes: Vec<usize> = self.parts.iter().map(bytes).collect();
        let held = |now: usize| {
            let held = (0..=now).filter(|&part| last[part] >= now);
            held.map(|part| bytes[part]).fold(0, usize::saturating_add)
        };
        self.peaks = (0..self.parts.len()).map(held).collect();
    }

    /// The bytes above `target` that it takes away, summed over the steps; negative if it adds
    /// more than that.
    pub(super) fn gain(&self, survey: &Survey<'_>, target: usize) -> i128 {
        let over = |bytes: usize| bytes.saturating_sub(target) as i128;
        let bytes = survey.bytes(self.value());
        let first = self.kept.iter().map(|&(_, v)| survey.free_from[v]).min().unwrap_or(self.at);
        let mut gain = 0;
        for step in first.min(self.before + 1)..self.at {
            let live = survey.live[step];
            let freed = if step > self.before { bytes } else { 0 };
            let after = live.saturating_add(self.kept_at(survey, step)).saturating_sub(freed);
            gain += over(live) - over(after);
        }
        let there = survey.across[self.at].saturating_add(self.kept_at(survey, self.at));
        let there = there.saturating_sub(bytes);
        gain - self.peaks.iter().map(|own| over(there.saturating_add(*own))).sum::<i128>()
    }

    /// Bytes of what lives longer than before and is alive at a step.
    fn kept_at(&self, survey: &Survey<'_>, step: usize) -> usize {
        let longer = self.kept.iter().filter(|&&(_, value)| survey.free_from[value] <= step);
        longer.map(|&(_, value)| survey.bytes(value)).fold(0, usize::saturating_add)
    }

    /// Takes what it changes into account, for choices that are weighed after it.
    pub(super) fn enter(&self, survey: &mut Survey<'_>) {
        for &(_, value) in &self.kept {
            survey.lengthen(value, self.at);
        }
        let bytes = survey.bytes(self.value());
        for step in self.before + 1..self.at {
            survey.live[step] = survey.live[step].saturating_sub(bytes);
            survey.across[step] = survey.across[step].saturating_sub(bytes);
        }
    }
}

/// Whether a value can be computed a second time with the same bits.
///
/// The order of a sum depends on what else its loop computes; what is summed is small anyway.
pub(super) fn can_recompute(survey: &Survey<'_>, value: usize) -> bool {
    let unit = &survey.lowered.units[survey.lowered.values[value].unit];
    let kind = match &unit.kind {
        UnitKind::Pointwise(_) | UnitKind::Product(_) => true,
        // Results that are variables or outputs of the program are written once.
        UnitKind::Op(_) => {
            unit.outputs.iter().all(|&v| survey.lowered.values[v].home == Home::Arena)
        }
        UnitKind::Reduce(..) => false,
    };
    kind && survey.step(value) != usize::MAX && survey.bytes(value) > ALIGN
}

/// The units that compute a value from what its group reads, or from what is there at step `at`.
fn units(survey: &Survey<'_>, value: usize, at: usize) -> Vec<usize> {
    let lowered = survey.lowered;
    let group = &survey.order[survey.step(value)];
    let mut pending = vec![lowered.values[value].unit];
    let mut units = Vec::new();
    while let Some(unit) = pending.pop() {
        if units.contains(&unit) {
            continue;
        }
        units.push(unit);
        for operand in lowered.units[unit].inputs.iter().filter_map(Source::value) {
            let inside = group.units.binary_search(&lowered.values[operand].unit).is_ok();
            if inside && survey.stand_in(operand, at).is_none() {
                pending.push(lowered.values[operand].unit);
            }
        }
    }
    units.sort_unstable();
    units
}
