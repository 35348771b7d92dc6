//! Arrays by name, in groups: those of one layer together, in the order of the model.
//!
//! It must not know the target.

use std::cmp::Ordering;
use std::collections::HashMap;

use ibex_format::{NamedArrays, RawArray};

use super::roles::IGNORED;

/// The arrays of one layer.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// The name without the role: `layer1.0.conv1`.
    pub(super) name: String,
    /// Roles (`weight`, `kernel`) and arrays, in the order of the file.
    pub(super) arrays: Vec<(String, &'a RawArray)>,
}

impl Group<'_> {
    /// The array of a role.
    pub(super) fn get(&self, role: &str) -> Option<&RawArray> {
        self.arrays.iter().find(|(own, _)| own == role).map(|(_, array)| *array)
    }
}

/// All arrays of a file, in groups.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) groups: Vec<Group<'a>>,
    /// Whether the file was sorted by name, so that its order is not that of the model.
    pub(super) is_sorted: bool,
}

impl<'a> Source<'a> {
    pub(super) fn of(content: &'a NamedArrays) -> Source<'a> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (name, array) in &content.arrays {
            let (group, role) = split(name);
            if IGNORED.contains(&role.as_str()) {
                continue;
            }
            let place = *places.entry(group.clone()).or_insert_with(|| {
                groups.push(Group { name: group, arrays: Vec::new() });
                groups.len() - 1
            });
            groups[place].arrays.push((role, array));
        }
        let is_sorted = groups.is_sorted_by(|a, b| a.name <= b.name);
        // Numbers in names are counted, not spelled: layer 10 comes after layer 9.
        if is_sorted {
            groups.sort_by(|a, b| by_number(&a.name, &b.name));
        }
        Source { groups, is_sorted }
    }
}

/// A name as group and role; the layers of a recurrent module become groups of their own.
fn split(name: &str) -> (String, String) {
    // Keras 2 numbered the tensors of its old backend.
    let name = name.strip_suffix(":0").unwrap_or(name);
    let at = name.rfind(['.', '/']);
    let (group, role) = match at {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => ("", name),
    };
    for kind in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] {
        if let Some(layer) = role.strip_prefix(kind).and_then(|rest| rest.strip_prefix("_l")) {
            return (format!("{group}.l{layer}"), kind.to_string());
        }
    }
    let role = if role == "depthwise_kernel" { "kernel" } else { role };
    (group.to_string(), role.to_string())
}

/// The order of names in which runs of digits count as numbers.
fn by_number(left: &str, right: &str) -> Ordering {
    let (left, right) = (parts(left), parts(right));
    left.cmp(&right)
}

/// A name as texts and numbers, in turn; a number is a length and digits.
fn parts(name: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let length = match digits {
            0 => rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()),
            _ => digits,
        };
        let (part, after) = rest.split_at(length);
        parts.push((digits, if digits > 0 { part.trim_start_matches('0') } else { part }));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_layers_and_roles() {
        let cases = [
            ("layer1.0.conv1.weight", "layer1.0.conv1", "weight"),
            ("fire2/squeeze1x1.bias", "fire2/squeeze1x1", "bias"),
            ("00_conv/kernel", "00_conv", "kernel"),
            ("dense_1/kernel:0", "dense_1", "kernel"),
            ("rnn.weight_ih_l0", "rnn.l0", "weight_ih"),
            ("rnn.bias_hh_l1_reverse", "rnn.l1_reverse", "bias_hh"),
            ("weight", "", "weight"),
        ];
        for (name, group, role) in cases {
            assert_eq!(split(name), (group.to_string(), role.to_string()));
        }
    }

    #[test]
    fn files_sorted_by_name_are_put_into_the_order_of_numbers() {
        let one = RawArray::scalar(1.0f32);
        let names = ["features.0.weight", "features.10.weight", "features.2.weight"];
        let arrays = names.iter().map(|name| (name.to_string(), one.clone())).collect();
        let content = NamedArrays::new(arrays).unwrap();
        let source = Source::of(&content);
        let names: Vec<&str> = source.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["features.0", "features.2", "features.10"]);
        assert!(source.is_sorted);
    }
}
