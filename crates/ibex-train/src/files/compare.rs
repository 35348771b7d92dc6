//! What two files have in common, and what not: names, shapes, element types, numbers.
//!
//! It must not know kinds of files.

use std::collections::{HashMap, HashSet};

use ibex_format::{NamedArrays, RawArray, RawDType};
use serde_json::Value;

/// How two arrays of one name differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The name.
    pub name: String,
    /// Shapes or element types, if they differ: both as texts.
    pub kinds: Option<[String; 2]>,
    /// The largest absolute difference of two elements; infinite where one alone is no number.
    pub absolute: f64,
    /// The same relative to the largest absolute value of both.
    pub relative: f64,
}

/// What two files do not have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// The number of arrays of one name and one kind in both.
    pub compared: usize,
    /// Names in the first file alone.
    pub only_first: Vec<String>,
    /// Names in the second file alone.
    pub only_second: Vec<String>,
    /// Arrays that differ at all, in the order of the first file.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Whether both hold the same up to a relative tolerance.
    pub fn is_same(&self, tolerance: f64) -> bool {
        let alone = self.only_first.len() + self.only_second.len();
        alone == 0 && !self.differences.iter().any(|d| d.exceeds(tolerance))
    }
}

impl Difference {
    /// Whether it is more than a relative tolerance allows.
    pub fn exceeds(&self, tolerance: f64) -> bool {
        self.kinds.is_some() || self.relative > tolerance
    }
}

/// Compares arrays by name.
///
/// ```
/// use ibex_format::{NamedArrays, RawArray};
/// use ibex_train::files::compare::arrays;
///
/// let file = |value: f32| NamedArrays::new(vec![("a".into(), RawArray::scalar(value))]);
/// let found = arrays(&file(2.0)?, &file(1.0)?);
/// assert_eq!(found.differences[0].relative, 0.5);
/// assert!(found.is_same(0.5) && !found.is_same(0.4));
/// # Ok::<(), ibex_format::FormatError>(())
/// ```
pub fn arrays(first: &NamedArrays, second: &NamedArrays) -> Comparison {
    let others: HashMap<&str, &RawArray> =
        second.arrays.iter().map(|(name, array)| (name.as_str(), array)).collect();
    let names: HashSet<&str> = first.arrays.iter().map(|(name, _)| name.as_str()).collect();
    let mut comparison = Comparison::default();
    for (name, array) in &first.arrays {
        let Some(other) = others.get(name.as_str()) else {
            comparison.only_first.push(name.clone());
            continue;
        };
        comparison.compared += 1;
        comparison.differences.extend(difference(name, array, other));
    }
    let alone = second.arrays.iter().filter(|(name, _)| !names.contains(name.as_str()));
    comparison.only_second = alone.map(|(name, _)| name.clone()).collect();
    comparison
}

fn difference(name: &str, first: &RawArray, second: &RawArray) -> Option<Difference> {
    if first == second {
        return None;
    }
    let kind = |array: &RawArray| format!("{} {:?}", array.dtype(), array.shape());
    let mut found =
        Difference { name: name.to_string(), kinds: None, absolute: 0.0, relative: 0.0 };
    if first.shape() != second.shape() || first.dtype() != second.dtype() {
        found.kinds = Some([kind(first), kind(second)]);
    }
    if first.shape() == second.shape() {
        (found.absolute, found.relative) = distance(first, second);
    }
    // Bits that differ and numbers that do not: 0 and -0, or two kinds of NaN.
    Some(found)
}

/// The largest difference, absolute and relative to the largest value.
fn distance(first: &RawArray, second: &RawArray) -> (f64, f64) {
    let is_exact = |array: &RawArray| matches!(array.dtype(), RawDType::I64 | RawDType::U64);
    let (mut most, mut largest) = (0f64, 0f64);
    if is_exact(first)
        && is_exact(second)
        && let (Ok(left), Ok(right)) = (first.to_i64_vec(), second.to_i64_vec())
    {
        for (a, b) in left.into_iter().zip(right) {
            most = most.max(a.abs_diff(b) as f64);
            largest = largest.max(a.unsigned_abs().max(b.unsigned_abs()) as f64);
        }
    } else {
        for (a, b) in first.to_f64_vec().into_iter().zip(second.to_f64_vec()) {
            let same = a == b || a.is_nan() && b.is_nan();
            let apart = if same { 0.0 } else { (a - b).abs() };
            most = most.max(if apart.is_nan() { f64::INFINITY } else { apart });
            let finite = |value: f64| if value.is_finite() { value.abs() } else { 0.0 };
            largest = largest.max(finite(a)).max(finite(b));
        }
    }
    let relative = if most == 0.0 { 0.0 } else { most / largest.max(f64::MIN_POSITIVE) };
    (most, relative)
}

/// The places at which two configurations differ, each with both values; at most `most`.
pub fn configurations(first: &Value, second: &Value, most: usize) -> Vec<String> {
    let mut found = Vec::new();
    walk(first, second, &mut String::new(), most, &mut found);
    found
}

fn walk(first: &Value, second: &Value, path: &mut String, most: usize, found: &mut Vec<String>) {
    if first == second || found.len() >= most {
        return;
    }
    let length = path.len();
    match (first, second) {
        (Value::Object(left), Value::Object(right)) => {
            let more = right.keys().filter(|key| !left.contains_key(*key));
            for key in left.keys().chain(more) {
                path.push('.');
                path.push_str(key);
                let of = |map: &serde_json::Map<String, Value>| {
                    map.get(key).cloned().unwrap_or(Value::Null)
                };
                walk(&of(left), &of(right), path, most, found);
                path.truncate(length);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (a, b)) in left.iter().zip(right).enumerate() {
                path.push_str(&format!("[{index}]"));
                walk(a, b, path, most, found);
                path.truncate(length);
            }
        }
        _ => {
            let short = |value: &Value| ibex_nn::object::shortened(value);
            let place = path.trim_start_matches('.');
            found.push(format!("{place}: {} | {}", short(first), short(second)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file(arrays: &[(&str, RawArray)]) -> NamedArrays {
        let arrays = arrays.iter().map(|(name, array)| (name.to_string(), array.clone()));
        NamedArrays::new(arrays.collect()).unwrap()
    }

    #[test]
    fn names_kinds_and_numbers() {
        let vector = |values: &[f32]| RawArray::from_slice(&[values.len()], values).unwrap();
        let first = file(&[
            ("same", vector(&[1.0, f32::NAN])),
            ("close", vector(&[4.0, 2.0])),
            ("short", vector(&[1.0])),
            ("mine", vector(&[1.0])),
            ("broken", vector(&[1.0])),
        ]);
        let second = file(&[
            ("same", vector(&[1.0, f32::NAN])),
            ("close", vector(&[4.0, 2.5])),
            ("short", vector(&[1.0, 2.0])),
            ("yours", vector(&[1.0])),
            ("broken", vector(&[f32::NAN])),
        ]);
        let found = arrays(&first, &second);
        assert_eq!(
            (found.only_first, found.only_second),
            (vec!["mine".into()], vec!["yours".to_string()])
        );
        let names: Vec<&str> = found.differences.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["close", "short", "broken"]);
        assert_eq!((found.differences[0].absolute, found.differences[0].relative), (0.5, 0.125));
        assert!(!found.differences[0].exceeds(0.125) && found.differences[0].exceeds(0.1));
        assert!(found.differences[1].exceeds(f64::MAX));
        assert_eq!(found.differences[2].absolute, f64::INFINITY);
    }

    #[test]
    fn configurations_are_compared_place_by_place() {
        let first = json!({"layers": [{"units": 3}, {"units": 4}], "name": "a"});
        let second = json!({"layers": [{"units": 3}, {"units": 5}], "name": "a", "new": 1});
        let found = configurations(&first, &second, 10);
        assert_eq!(found, ["layers[1].units: 4 | 5", "new: null | 1"]);
    }
}
