//! Which element of a kernel or window meets which input at which position, listed at load.
//!
//! The slow paths of convolution and pooling walk these lists; vector kernels do not need them.

use ibex_graph::ops::window::{Window, for_each_tap};

/// One meeting of a position, a tap and a source element, each a flat index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meeting {
    pub(super) position: usize,
    pub(super) tap: usize,
    pub(super) source: usize,
}

/// Meetings grouped by one of the three.
#[derive(Debug, Clone)]
pub(super) struct Taps {
    meetings: Vec<Meeting>,
    /// Where the meetings of each key begin.
    starts: Vec<usize>,
}

impl Taps {
    /// All meetings, grouped by `key`, of which there are `count`; in order within a group.
    pub(super) fn new(
        windows: &[Window],
        extents: &[usize],
        count: usize,
        key: impl Fn(&Meeting) -> usize,
    ) -> Taps {
        let mut meetings = Vec::new();
        for_each_tap(windows, extents, |position, tap, source| {
            meetings.push(Meeting { position, tap, source });
        });
        meetings.sort_by_key(&key);
        let mut starts = vec![0; count + 1];
        meetings.iter().for_each(|meeting| starts[key(meeting) + 1] += 1);
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        Taps { meetings, starts }
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The meetings of a key.
    pub(super) fn of(&self, key: usize) -> &[Meeting] {
        &self.meetings[self.starts[key]..self.starts[key + 1]]
    }
}
