//! The error of a budget that cannot be met: how far the plan got, and what stands in the way.

use crate::explain::{Bytes, name_of};
use crate::fuse::Group;
use crate::lower::unit::Lowered;
use crate::plan::Plan;
use crate::program::Budget;

/// The largest values that are named.
const NAMED: usize = 4;

/// The smallest plan that was found.
pub(super) struct Short {
    pub(super) arena_bytes: usize,
    /// The largest values at the step that needs most.
    largest: Vec<String>,
    /// What is not counted.
    others: String,
}

impl Short {
    pub(super) fn of(lowered: &Lowered, order: &[Group], plan: &Plan) -> Short {
        let live = crate::plan::live(&plan.blocks, order.len());
        let worst = (0..live.len()).rev().max_by_key(|&step| live[step]).unwrap_or(0);
        let mut largest: Vec<(usize, usize)> = Vec::new();
        for (index, block) in plan.blocks.iter().enumerate() {
            if !(block.first..=block.last).contains(&worst) {
                continue;
            }
            // Of those that lie in one place one after the other, the last that is there.
            let values = plan.block_of.iter().enumerate().filter(|&(_, of)| *of == Some(index));
            let values = values.map(|(value, _)| value);
            largest.extend(values.max().map(|value| (block.bytes, value)));
        }
        largest.sort_unstable_by(|a, b| b.cmp(a));
        largest.truncate(NAMED);
        let line = |(bytes, value): (usize, usize)| {
            let found = &lowered.values[value];
            let unit = &lowered.units[found.unit];
            let layer = unit.origin.path().map_or(String::new(), |path| format!(" of `{path}`"));
            format!("{}  {} {}{layer}", Bytes(bytes), name_of(&unit.kind), found.ty)
        };
        let variables = lowered.variables.iter().map(|v| v.ty().bytes()).sum();
        let inputs = lowered.inputs.iter().map(|input| input.ty.bytes()).sum();
        Short {
            arena_bytes: plan.arena_bytes,
            largest: largest.into_iter().map(line).collect(),
            others: format!(
                "{} of weights and optimizer state, {} of the batch",
                Bytes(variables),
                Bytes(inputs)
            ),
        }
    }

    pub(super) fn text(&self, budget: Budget) -> String {
        format!(
            "the intermediate values of the step do not fit into the memory budget\n  \
             expected  at most {}\n  received  {} in the smallest plan that was found, {} in the \
             fastest\n  largest   {}\n  note: not counted: {}\n  help: use a smaller batch",
            Bytes(budget.bytes),
            Bytes(self.arena_bytes),
            Bytes(budget.unbounded),
            self.largest.join("\n            "),
            self.others
        )
    }
}
