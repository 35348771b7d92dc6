//! The best of what could be recomputed, as much as the budget asks for.
//!
//! Must not know: how it is done.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};

use super::choice::{Choice, can_recompute};
use super::survey::Survey;
use crate::lower::unit::Home;

/// Values of less than this part of what is over the budget are not worth a look.
const SHARE: usize = 512;

/// A choice with the bytes that it frees for each unit of work.
struct Weighed {
    worth: f64,
    choice: Choice,
}

impl Weighed {
    /// The choice, if it frees anything.
    fn new(choice: Choice, survey: &Survey<'_>, target: usize) -> Option<Weighed> {
        let gain = choice.gain(survey, target);
        (gain > 0).then(|| Weighed { worth: gain as f64 / choice.work.max(1) as f64, choice })
    }
}

impl PartialEq for Weighed {
    fn eq(&self, other: &Weighed) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Weighed {}

impl PartialOrd for Weighed {
    fn partial_cmp(&self, other: &Weighed) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Weighed {
    fn cmp(&self, other: &Weighed) -> Ordering {
        let later = || other.choice.value().cmp(&self.choice.value());
        self.worth.total_cmp(&other.worth).then_with(later)
    }
}

/// What is chosen in a round: no choice takes away what another one reads.
pub(super) fn best(mut survey: Survey<'_>, target: usize) -> Vec<Choice> {
    let mut heap = candidates(&survey, target);
    let (mut moved, mut read) = (HashSet::new(), HashSet::new());
    let mut chosen: Vec<Choice> = Vec::new();
    while let Some(Weighed { choice, .. }) = heap.pop() {
        if survey.live.iter().all(|&bytes| bytes <= target) {
            break;
        }
        let made = choice.parts.iter().flat_map(|part| part.outputs(&survey)).copied();
        let made: Vec<usize> = made.collect();
        let reads = choice.alive.iter().chain(&choice.kept).map(|&(_, value)| value);
        let reads: Vec<usize> = reads.collect();
        if made.iter().any(|v| moved.contains(v) || read.contains(v))
            || reads.iter().any(|v| moved.contains(v))
        {
            continue;
        }
        let Some(weighed) = Weighed::new(choice, &survey, target) else { continue };
        // What was chosen before may have made it worth less than the next.
        if heap.peek().is_some_and(|next| *next > weighed) {
            heap.push(weighed);
            continue;
        }
        weighed.choice.enter(&mut survey);
        moved.extend(made);
        read.extend(reads);
        chosen.push(weighed.choice);
    }
    chosen
}

/// Every value that could be recomputed, in the best way.
fn candidates(survey: &Survey<'_>, target: usize) -> BinaryHeap<Weighed> {
    let peak = survey.live.iter().copied().max().unwrap_or(0);
    let least = peak.saturating_sub(target) / SHARE;
    // How many steps up to each are over the target.
    let mut over = vec![0];
    for &bytes in &survey.live {
        over.push(over[over.len() - 1] + usize::from(bytes > target));
    }
    let mut heap = BinaryHeap::new();
    for (value, uses) in survey.uses.iter().enumerate() {
        let large = survey.bytes(value) > least;
        if !large
            || survey.lowered.values[value].home != Home::Arena
            || survey.last_use[value].is_none()
            || !can_recompute(survey, value)
        {
            continue;
        }
        let mut before = survey.step(value);
        for &at in uses {
            if over[at] > over[before + 1] {
                let ways = Choice::ways(survey, value, (before, at)).into_iter();
                heap.extend(ways.filter_map(|way| Weighed::new(way, survey, target)).max());
            }
            before = at;
        }
    }
    heap
}
