//! How the panels of a product are cut into tasks, and in which order they are packed.
//!
//! Must not know: what a panel holds.

use std::ops::Range;

/// Panels cut into tasks: as many for each thread, which differ by one panel at most.
#[derive(Clone, Copy)]
pub(super) struct Tasks {
    panels: usize,
    pub(super) count: usize,
}

impl Tasks {
    /// At least four tasks for each thread, of at most `most` panels; fewer, where there are not so
    /// many panels.
    pub(super) fn new(panels: usize, most: usize, threads: usize) -> Self {
        let count = panels.div_ceil(most).next_multiple_of(threads).max(4 * threads);
        Self { panels, count: count.min(panels) }
    }

    /// The panels of a task.
    pub(super) fn panels(self, task: usize) -> Range<usize> {
        let first = |task: usize| task * self.panels / self.count;
        first(task)..first(task + 1)
    }
}

/// The panels and the block that a task packs after a block: the same panels over the next block,
/// or, after the last, as many panels of the task that comes next.
pub(super) fn next_panels(
    panels: &Range<usize>,
    count: usize,
    block: usize,
    blocks: &Range<usize>,
) -> (Range<usize>, usize) {
    match block + 1 < blocks.end {
        true => (panels.clone(), block + 1),
        false => (panels.end..count.min(panels.end + panels.len()), blocks.start),
    }
}

#[cfg(test)]
mod tests {
    use super::Tasks;

    #[test]
    fn tasks_have_every_panel_once_and_threads_as_many_panels() {
        for (panels, most, threads) in [(28, 4, 2), (74, 8, 2), (1, 4, 8), (64, 4, 3), (9, 8, 1)] {
            let tasks = Tasks::new(panels, most, threads);
            let all: Vec<usize> = (0..tasks.count).flat_map(|task| tasks.panels(task)).collect();
            assert_eq!(all, (0..panels).collect::<Vec<_>>());
            assert!((0..tasks.count).all(|task| (1..=most).contains(&tasks.panels(task).len())));
            assert!(tasks.count.is_multiple_of(threads) || tasks.count == panels);
        }
    }
}
