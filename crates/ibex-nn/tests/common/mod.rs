//! Goldens for tests: cases and their arrays, and comparisons with a stated tolerance.

#![allow(dead_code, unreachable_pub)] // each test file uses its part

use std::collections::BTreeMap;
use std::path::PathBuf;

use ibex_format::RawArray;
use ibex_graph::{Array, DType};
use ibex_nn::layers::lambda::Function;
use serde_json::Value;

/// The cases of one golden file and the arrays beside it.
pub struct Goldens {
    pub cases: Vec<Value>,
    arrays: BTreeMap<String, RawArray>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens")
}

/// Reads `NAME.json` and `NAME.npz`.
pub fn goldens(name: &str) -> Goldens {
    let arrays = ibex_format::npz::read(folder().join(format!("{name}.npz"))).unwrap();
    Goldens { cases: cases(name), arrays: arrays.into_iter().collect() }
}

/// Reads `NAME.npz` alone.
pub fn goldens_of(name: &str) -> Goldens {
    let arrays = ibex_format::npz::read(folder().join(format!("{name}.npz"))).unwrap();
    Goldens { cases: Vec::new(), arrays: arrays.into_iter().collect() }
}

/// Reads `NAME.json` alone.
pub fn cases(name: &str) -> Vec<Value> {
    let text = std::fs::read(folder().join(format!("{name}.json"))).unwrap();
    let value: Value = serde_json::from_slice(&text).unwrap();
    value["cases"].as_array().unwrap().clone()
}

/// The cases of all families of layers, each with its place: `layers/pooling/max_pooling2d`.
///
/// The function that their `Lambda` layers name is known from here on.
pub fn layer_cases() -> Vec<(String, Value)> {
    Function::register(Function::new("Golden>scaled_sum", |inputs, arguments| {
        let factor = arguments.get("factor").and_then(Value::as_f64).unwrap_or(2.0);
        (&inputs[0] + &inputs[1]) * factor
    }));
    let families = std::fs::read_dir(folder().join("layers")).unwrap();
    let mut families: Vec<String> =
        families.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    families.sort();
    let of = |family: &String| {
        let place = format!("layers/{family}");
        let cases = cases(&format!("{place}/index")).into_iter();
        cases.map(move |case| (format!("{place}/{}", name(&case)), case))
    };
    families.iter().flat_map(of).collect()
}

/// How many times coarser than the bound for `float32` a case under its policy may be.
///
/// The interpreter rounds after every operation where Keras fuses some: up to four steps of the
/// dtype (product, bias, two in an activation).
pub fn coarseness(case: &Value) -> f64 {
    match case["policy"].as_str().unwrap_or_default() {
        policy if policy.ends_with("bfloat16") => 4.0 * 2f64.powi(-8) / 1e-5,
        policy if policy.ends_with("float16") => 4.0 * 2f64.powi(-11) / 1e-5,
        _ => 1.0,
    }
}

/// The names of the golden files in a folder, sorted.
pub fn names(of: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder().join(of)).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        files.filter_map(|file| Some(format!("{of}/{}", file.strip_suffix(".json")?))).collect();
    names.sort();
    assert!(!names.is_empty(), "no goldens in {of}");
    names
}

impl Goldens {
    /// The array of that name, if there is one.
    pub fn find(&self, name: &str) -> Option<Array> {
        self.arrays.get(name).map(array)
    }

    /// The arrays `CASE.name` of a case, by their names, sorted.
    pub fn of_case(&self, case: &str) -> Vec<(String, Array)> {
        let own = self.arrays.iter().filter_map(|(name, raw)| {
            let (of, name) = name.rsplit_once('.')?;
            (of == case).then(|| (name.to_string(), array(raw)))
        });
        own.collect()
    }

    /// The array of that name.
    pub fn get(&self, name: &str) -> Array {
        self.find(name).unwrap_or_else(|| panic!("no array {name}"))
    }
}

fn array(raw: &RawArray) -> Array {
    let dtype: DType = raw.dtype().to_string().parse().unwrap();
    Array::from_bytes(dtype, raw.shape().to_vec(), raw.data()).unwrap()
}

/// The name of a case.
pub fn name(case: &Value) -> &str {
    case["name"].as_str().unwrap()
}

/// Whether two arrays agree up to `tolerance` times the largest expected absolute value.
#[track_caller]
pub fn assert_close(what: &str, found: &Array, expected: &Array, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape(), "shape of {what}");
    let (found, expected) = (found.to_f64_vec(), expected.to_f64_vec());
    let scale = expected.iter().fold(0.0f64, |scale, v| scale.max(v.abs())).max(1e-30);
    for (at, (a, b)) in found.iter().zip(&expected).enumerate() {
        let off = (a - b).abs() / scale;
        assert!(off <= tolerance, "{what}[{at}]: {a} is not {b}, off by {off:.1e} of {scale}");
    }
}

/// Whether two JSON values are the same, numbers by value.
pub fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(key, a)| b.get(key).is_some_and(|b| same_json(a, b));
            a.len() == b.len() && a.iter().all(same)
        }
        _ => a == b,
    }
}

/// Whether objects made from a class name and arguments serialize as Keras's do.
pub(crate) fn assert_serializes(kind: &str, serialized: impl Fn(&Value) -> Value) {
    let cases = cases(&format!("serialization/{kind}"));
    assert!(!cases.is_empty());
    for case in cases {
        let mut object = case["object"].clone();
        object["config"] = case["arguments"].clone();
        let (found, mut expected) = (serialized(&object), case["object"].clone());
        if let ("huber_other", Some(delta)) = (name(&case), case["arguments"].get("delta")) {
            // Keras forgets it.
            expected["config"]["delta"] = delta.clone();
        }
        assert!(same_json(&found, &expected), "{}: {found} is not {expected}", name(&case));
    }
}
