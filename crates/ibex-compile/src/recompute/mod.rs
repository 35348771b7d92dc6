//! Fewer bytes at a time: what is large, long-lived and cheap is computed a second time where it
//! is needed again, so that its first result need not be kept in between.
//!
//! This works on groups in their final order: a group that is run again is the same kernel on the
//! same operands, so no bit changes, and neither fusion nor the merging of equal nodes can undo
//! it.
//! Greedy, in rounds: all that is worth recomputing is weighed by the bytes that it frees at the
//! steps that are over the budget, times those steps, for each unit of work; the best are applied,
//! and the memory is planned anew, which is what counts.
//! Read in this order: [`survey`] (what is alive when), [`choice`] (what could be recomputed, and
//! what that is worth), [`round`] (the best of it), [`apply`] (into the order of groups), [`undo`]
//! (what was too much), [`short`] (the error).
//! Must not know: kernels, layers.

mod apply;
mod choice;
mod round;
mod short;
mod survey;
#[cfg(test)]
mod tests;
mod undo;

use ibex_graph::Error;

use crate::fuse::Group;
use crate::lower::unit::Lowered;
use crate::plan::{Overwrites, Plan, plan};
use crate::program::Budget;
use short::Short;
use survey::{Copies, Survey};

/// Most rounds; few models take more than ten.
const ROUNDS: usize = 64;

/// Rounds without a smaller plan after which there will be none.
const PATIENCE: usize = 6;

/// Larger budgets that are tried where one cannot be met, to say how far it is off.
const SEARCH: usize = 5;

/// Plans an arena of at most so many bytes, with groups that are run again where need be.
///
/// # Errors
/// [`Error::Budget`] if no such plan is found.
pub(crate) fn within(
    bytes: usize,
    lowered: &mut Lowered,
    order: &mut Vec<Group>,
    overwrites: &Overwrites<'_>,
) -> Result<Plan, Error> {
    let start = (lowered.clone(), order.clone());
    let budget = Budget { bytes, unbounded: plan(lowered, order, overwrites).arena_bytes };
    let mut smallest = match attempt(bytes, lowered, order, overwrites) {
        Ok(mut found) => {
            found.memory.budget = Some(budget);
            return Ok(found);
        }
        Err(short) => short,
    };
    let (mut low, mut high) = (bytes, smallest.arena_bytes);
    for _ in 0..SEARCH {
        let middle = low + (high - low) / 2;
        let (mut lowered, mut order) = start.clone();
        let short = match attempt(middle, &mut lowered, &mut order, overwrites) {
            Ok(found) => Short::of(&lowered, &order, &found),
            Err(short) => {
                low = middle;
                short
            }
        };
        if short.arena_bytes < smallest.arena_bytes {
            smallest = short;
        }
        high = smallest.arena_bytes.max(low);
    }
    Err(Error::Budget(smallest.text(budget)))
}

/// Plans an arena of at most so many bytes, or says how small it got.
fn attempt(
    bytes: usize,
    lowered: &mut Lowered,
    order: &mut Vec<Group>,
    overwrites: &Overwrites<'_>,
) -> Result<Plan, Short> {
    let mut found = plan(lowered, order, overwrites);
    let mut smallest = Short::of(lowered, order, &found);
    let mut copies = Copies::default();
    let (mut target, mut idle) = (bytes, 0);
    for _ in 0..ROUNDS {
        if found.arena_bytes <= bytes {
            return Ok(spare(bytes, lowered, order, &copies, found, overwrites));
        }
        // Gaps between blocks take part of the budget.
        let gaps = found.arena_bytes - found.memory.lower_bound;
        target = target.min(bytes.saturating_sub(gaps));
        let choices = round::best(Survey::new(lowered, order, &found, &copies), target);
        if choices.is_empty() || idle == PATIENCE {
            break;
        }
        apply::apply(lowered, order, &mut copies, &choices);
        found = plan(lowered, order, overwrites);
        idle += 1;
        if found.arena_bytes < smallest.arena_bytes {
            (smallest, idle) = (Short::of(lowered, order, &found), 0);
        }
    }
    Err(smallest)
}

/// Takes back recomputations as long as the arena stays within the budget.
fn spare(
    bytes: usize,
    lowered: &mut Lowered,
    order: &mut Vec<Group>,
    copies: &Copies,
    mut found: Plan,
    overwrites: &Overwrites<'_>,
) -> Plan {
    for _ in 0..ROUNDS {
        let limit = bytes - (found.arena_bytes - found.memory.lower_bound);
        let renamed = undo::spare(Survey::new(lowered, order, &found, copies), limit);
        if renamed.is_empty() {
            break;
        }
        let before = (lowered.units.clone(), order.clone());
        apply::rename(lowered, order, &renamed);
        apply::drop_unread(lowered, order, copies);
        let after = plan(lowered, order, overwrites);
        if after.arena_bytes > bytes {
            (lowered.units, *order) = before;
            break;
        }
        found = after;
    }
    found
}
