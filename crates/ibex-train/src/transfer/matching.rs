//! Which group of arrays belongs to which layer: by name first, then by order and shape.

use std::collections::HashSet;

use ibex_format::RawArray;

use super::report::Reason;
use super::source::Source;
use super::units::Unit;

/// A layer and the group that it takes its weights from.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) unit: usize,
    pub(super) group: usize,
    pub(super) reason: Reason,
    /// The values of the weights, in the layer's order.
    pub(super) arrays: Vec<RawArray>,
}

/// What training scripts and wrappers put before the names of a model.
const PREFIXES: &[&str] = &["", "module.", "model.", "_orig_mod.", "net.", "backbone.", "encoder."];

/// Classes whose arrays look alike: they are found by the layer that they follow.
const FOLLOWERS: &[&str] = &[
    "BatchNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "RMSNormalization",
    "PReLU",
];

/// Pairs layers and groups; in the order of the layers.
pub(super) fn pair(units: &[Unit], source: &Source) -> Vec<Pair> {
    let mut matching = Matching {
        units,
        source,
        pairs: Vec::new(),
        unit_done: vec![false; units.len()],
        group_done: vec![false; source.groups.len()],
    };
    matching.by_name();
    matching.by_order(|unit| !FOLLOWERS.contains(&unit.class.as_str()));
    matching.by_order(|_| true);
    matching.pairs.sort_by_key(|pair| pair.unit);
    matching.pairs
}

struct Matching<'a> {
    units: &'a [Unit],
    source: &'a Source<'a>,
    pairs: Vec<Pair>,
    unit_done: Vec<bool>,
    group_done: Vec<bool>,
}

impl Matching<'_> {
    fn by_name(&mut self) {
        let paths: HashSet<String> = self.units.iter().map(|unit| plain(&unit.path)).collect();
        let named = |prefix: &&&str| {
            let names = self.source.groups.iter().filter_map(|g| g.name.strip_prefix(**prefix));
            names.filter(|name| paths.contains(&plain(name))).count()
        };
        // The first of the best: no prefix, if it is as good as another.
        let Some(prefix) = PREFIXES.iter().rev().max_by_key(named) else { return };
        for unit in 0..self.units.len() {
            let path = plain(&self.units[unit].path);
            let group = self.source.groups.iter().position(|group| {
                group.name.strip_prefix(prefix).is_some_and(|name| plain(name) == path)
            });
            if let Some(group) = group.filter(|&group| !self.group_done[group])
                && let Some(arrays) = self.units[unit].values_in(&self.source.groups[group])
            {
                self.take(unit, group, Reason::Name, arrays);
            }
        }
    }

    fn by_order(&mut self, wanted: impl Fn(&Unit) -> bool) {
        for unit in 0..self.units.len() {
            if self.unit_done[unit] || !wanted(&self.units[unit]) {
                continue;
            }
            let fitting: Vec<usize> = (0..self.source.groups.len())
                .filter(|&group| !self.group_done[group])
                .filter(|&group| self.units[unit].values_in(&self.source.groups[group]).is_some())
                .collect();
            let Some(group) = self.nearest(unit, &fitting) else { continue };
            let arrays = self.units[unit].values_in(&self.source.groups[group]);
            let reason = Reason::Order { of: fitting.len() };
            self.take(unit, group, reason, arrays.unwrap_or_default());
        }
    }

    /// Of the groups that fit, the first one; of a layer that follows another, the first one
    /// behind the group of that, if the order of the file is that of the model.
    fn nearest(&self, unit: usize, fitting: &[usize]) -> Option<usize> {
        let follows = FOLLOWERS.contains(&self.units[unit].class.as_str());
        let producer = self.units[unit].producer.filter(|_| follows && !self.source.is_sorted);
        let pair = producer.and_then(|p| self.pairs.iter().find(|pair| pair.unit == p));
        let behind = pair.and_then(|pair| fitting.iter().find(|&&group| group > pair.group));
        behind.or_else(|| fitting.first()).copied()
    }

    fn take(&mut self, unit: usize, group: usize, reason: Reason, arrays: Vec<RawArray>) {
        self.unit_done[unit] = true;
        self.group_done[group] = true;
        self.pairs.push(Pair { unit, group, reason, arrays });
    }
}

/// A name in which every separator is the same: Keras has no dots, PyTorch no slashes.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
}
