//! What is alive when, and who reads it.
//!
//! Must not know: what is worth recomputing.

use std::collections::HashMap;

use crate::fuse::Group;
use crate::lower::unit::{Home, Lowered, Source};
use crate::plan::{ALIGN, Plan, live};

/// Which values are the same number by number, because one is the other computed again.
#[derive(Debug, Default)]
pub(super) struct Copies {
    original: HashMap<usize, usize>,
}

impl Copies {
    pub(super) fn add(&mut self, copy: usize, of: usize) {
        self.original.insert(copy, self.original(of));
    }

    /// The value that was computed first.
    pub(super) fn original(&self, value: usize) -> usize {
        self.original.get(&value).copied().unwrap_or(value)
    }
}

/// The lives of values in a planned order.
pub(super) struct Survey<'a> {
    pub(super) lowered: &'a Lowered,
    pub(super) order: &'a [Group],
    /// The step of each unit; `usize::MAX` for units that are not run.
    pub(super) step_of: Vec<usize>,
    /// The steps after its own that read each value, ascending.
    pub(super) uses: Vec<Vec<usize>>,
    /// The last step that reads each value that reaches memory.
    pub(super) last_use: &'a [Option<usize>],
    /// Bytes alive at each step.
    pub(super) live: Vec<usize>,
    /// Bytes alive before each step that are so after it began: results of the steps before.
    pub(super) across: Vec<usize>,
    /// The first step at which a longer life of each value takes more memory.
    pub(super) free_from: Vec<usize>,
    /// Where each variable is written: step and value.
    pub(super) written: Vec<Option<(usize, usize)>>,
    copies: &'a Copies,
    /// For each value that was computed again: all that have its numbers, in order of steps.
    same: HashMap<usize, Vec<usize>>,
}

impl<'a> Survey<'a> {
    pub(super) fn new(
        lowered: &'a Lowered,
        order: &'a [Group],
        plan: &'a Plan,
        copies: &'a Copies,
    ) -> Survey<'a> {
        let mut step_of = vec![usize::MAX; lowered.units.len()];
        for (step, group) in order.iter().enumerate() {
            group.units.iter().for_each(|&unit| step_of[unit] = step);
        }
        let live = live(&plan.blocks, order.len());
        let mut across = live.clone();
        for block in &plan.blocks {
            across[block.first] = across[block.first].saturating_sub(block.bytes);
        }
        let mut survey = Survey {
            lowered,
            order,
            step_of,
            uses: vec![Vec::new(); lowered.values.len()],
            last_use: &plan.last_use,
            live,
            across,
            free_from: vec![0; lowered.values.len()],
            written: vec![None; lowered.variables.len()],
            copies,
            same: HashMap::new(),
        };
        for (value, last) in plan.last_use.iter().enumerate() {
            let (Some(last), Some(block)) = (last, plan.block_of[value]) else { continue };
            // What takes its place as it dies would need a place of its own.
            survey.free_from[value] = match plan.blocks[block].last > *last {
                true => *last,
                false => last + 1,
            };
        }
        survey.read();
        survey.find_copies();
        survey
    }

    fn find_copies(&mut self) {
        for (&copy, &original) in &self.copies.original {
            let same = self.same.entry(original).or_insert_with(|| vec![original]);
            same.push(copy);
        }
        let mut same = std::mem::take(&mut self.same);
        for values in same.values_mut() {
            values.retain(|&v| self.step(v) != usize::MAX && self.last_use[v].is_some());
            values.sort_unstable_by_key(|&v| (self.step(v), v));
        }
        self.same = same;
    }

    /// All values with the numbers of this one, itself among them.
    pub(super) fn same(&self, value: usize) -> Vec<usize> {
        self.same.get(&self.copies.original(value)).cloned().unwrap_or_else(|| vec![value])
    }

    /// The nearest value with these numbers that was computed before this one.
    pub(super) fn earlier(&self, value: usize) -> Option<usize> {
        let before = |&v: &usize| self.step(v) < self.step(value);
        self.same(value).into_iter().rfind(before)
    }

    /// A value with these numbers that is there when step `at` begins.
    pub(super) fn stand_in(&self, value: usize, at: usize) -> Option<usize> {
        if self.step(value) < at && self.lives_until(value, at) {
            return Some(value);
        }
        let there = |&v: &usize| self.step(v) < at && self.lives_until(v, at);
        self.same(value).into_iter().find(there)
    }

    /// Of the values with these numbers that were computed before step `at`, the one that lives
    /// longest.
    pub(super) fn latest(&self, value: usize, at: usize) -> usize {
        let before = self.same(value).into_iter().filter(|&v| self.step(v) < at);
        before.max_by_key(|&v| self.last_use[v]).unwrap_or(value)
    }

    fn read(&mut self) {
        for (step, group) in self.order.iter().enumerate() {
            for &index in &group.units {
                let unit = &self.lowered.units[index];
                for value in unit.inputs.iter().filter_map(Source::value) {
                    let own = self.step_of[self.lowered.values[value].unit] == step;
                    if !own && self.uses[value].last() != Some(&step) {
                        self.uses[value].push(step);
                    }
                }
                for &value in &unit.outputs {
                    if let Home::Variable(variable) = self.lowered.values[value].home {
                        self.written[variable] = Some((step, value));
                    }
                }
            }
        }
    }

    /// The step that computes a value.
    pub(super) fn step(&self, value: usize) -> usize {
        self.step_of[self.lowered.values[value].unit]
    }

    /// The bytes of a value in the arena.
    pub(super) fn bytes(&self, value: usize) -> usize {
        self.lowered.values[value].ty.bytes().next_multiple_of(ALIGN)
    }

    /// Whether a value is still there when step `at` begins.
    pub(super) fn lives_until(&self, value: usize, at: usize) -> bool {
        self.lowered.values[value].home != Home::Arena
            || self.last_use[value].is_some_and(|last| last >= at)
    }

    /// Takes a longer life of a value into account.
    pub(super) fn lengthen(&mut self, value: usize, until: usize) {
        let bytes = self.bytes(value);
        for step in self.free_from[value]..until {
            self.live[step] = self.live[step].saturating_add(bytes);
            self.across[step] = self.across[step].saturating_add(bytes);
        }
        self.free_from[value] = self.free_from[value].max(until);
    }
}
