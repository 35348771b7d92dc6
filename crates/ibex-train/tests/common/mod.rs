//! The goldens of real Keras: where they are, how they are read and compared.
#![allow(dead_code)] // Each test binary uses another part.

use std::path::{Path, PathBuf};

use ibex_format::{Compression, NpzReader, RawArray, RawDType, json, npz};
use ibex_graph::{Array, DType};
use ibex_nn::layers::lambda::Function;
use ibex_train::{Fit, Logs, Model, Samples};
use serde_json::Value;

/// The bound of a layer's and of a loaded model's outputs, as in the Keras contract.
pub(crate) const OUTPUT: f64 = 1e-5;
/// The bound of losses and metrics of an epoch.
pub(crate) const EPOCH: f64 = 1e-4;
/// The bound of outputs after a short training.
pub(crate) const TRAINED: f64 = 1e-3;

/// What may differ in a case.
pub(crate) struct Bounds {
    pub(crate) output: f64,
    pub(crate) epoch: f64,
    pub(crate) trained: f64,
}

/// The bounds of a case: those of the contract, and under a policy with half precision a few
/// roundings of its dtype (`bfloat16` has 8 significant bits, `float16` 11).
pub(crate) fn bounds(case: &Value) -> Bounds {
    let rounding = match case["policy"].as_str().unwrap_or_default() {
        policy if policy.ends_with("bfloat16") => 2f64.powi(-8),
        policy if policy.ends_with("float16") => 2f64.powi(-11),
        _ => return Bounds { output: OUTPUT, epoch: EPOCH, trained: TRAINED },
    };
    Bounds { output: 2.0 * rounding, epoch: 2.0 * rounding, trained: 4.0 * rounding }
}

/// A file of the goldens.
pub(crate) fn golden(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens").join(path)
}

/// The JSON of a golden file.
pub(crate) fn golden_json(path: &str) -> Value {
    json::parse(&std::fs::read(golden(path)).unwrap()).unwrap()
}

/// The cases of an index.
pub(crate) fn cases(path: &str) -> Vec<Value> {
    golden_json(path)["cases"].as_array().unwrap().clone()
}

/// The cases of all families of layers, each with its place: `layers/pooling/max_pooling2d`.
///
/// The function that their `Lambda` layers name is known from here on.
pub(crate) fn layer_cases() -> Vec<(String, Value)> {
    Function::register(Function::new("Golden>scaled_sum", |inputs, arguments| {
        let factor = arguments.get("factor").and_then(Value::as_f64).unwrap_or(2.0);
        (&inputs[0] + &inputs[1]) * factor
    }));
    let families = std::fs::read_dir(golden("layers")).unwrap();
    let mut families: Vec<String> =
        families.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    families.sort();
    let of = |family: &String| {
        let place = format!("layers/{family}");
        let cases = cases(&format!("{place}/index.json")).into_iter();
        cases.map(move |case| (format!("{place}/{}", case["name"].as_str().unwrap()), case))
    };
    families.iter().flat_map(of).collect()
}

/// The arrays of an archive.
pub(crate) struct Arrays {
    reader: NpzReader,
}

impl Arrays {
    pub(crate) fn open(path: &str) -> Arrays {
        Arrays { reader: NpzReader::open(golden(path)).unwrap() }
    }

    pub(crate) fn get(&mut self, name: &str) -> Option<Array> {
        if !self.reader.names().contains(&name) {
            return None;
        }
        let raw = self.reader.read(name).unwrap();
        let dtype = match raw.dtype() {
            RawDType::F32 => DType::F32,
            RawDType::F64 => DType::F64,
            RawDType::I32 => DType::I32,
            RawDType::I64 => DType::I64,
            RawDType::U8 => DType::U8,
            RawDType::Bool => DType::Bool,
            other => panic!("{name} is {other}"),
        };
        Some(Array::from_bytes(dtype, raw.shape(), raw.data()).unwrap())
    }

    /// `prefix0`, `prefix1`, ….
    pub(crate) fn numbered(&mut self, prefix: &str) -> Vec<Array> {
        (0..).map_while(|i| self.get(&format!("{prefix}{i}"))).collect()
    }

    /// Inputs, targets and weights.
    pub(crate) fn samples(&mut self) -> Samples {
        // One for all outputs, or one for each.
        let one = self.get("sample_weight").map(|weight| vec![weight]);
        let weights = one.unwrap_or_else(|| self.numbered("sample_weight"));
        Samples { x: self.numbered("x"), y: self.numbered("y"), weights }
    }
}

/// How `fit` was called.
pub(crate) fn fit_of(golden: &Value, epochs: Option<u64>) -> Fit {
    let given = &golden["fit"];
    let number = |key: &str| given[key].as_u64().unwrap_or_else(|| panic!("no {key}"));
    let mut fit = Fit::new()
        .epochs(epochs.unwrap_or_else(|| number("epochs")) as usize)
        .batch_size(number("batch_size") as usize)
        .shuffle(given["shuffle"].as_bool().unwrap())
        .verbose(0);
    if let Some(fraction) = given["validation_split"].as_f64() {
        fit = fit.validation_split(fraction);
    }
    if let Some(weights) = given["class_weight"].as_object() {
        let pairs = weights.iter().map(|(k, w)| (k.parse().unwrap(), w.as_f64().unwrap()));
        fit = fit.class_weight(pairs);
    }
    fit
}

/// What went wrong in many cases, reported together.
#[derive(Default)]
pub(crate) struct Failures(pub(crate) Vec<String>);

impl Failures {
    pub(crate) fn add(&mut self, text: impl Into<String>) {
        self.0.push(text.into());
    }

    /// The value, or a failure.
    pub(crate) fn of<T, E: std::fmt::Display>(
        &mut self,
        case: &str,
        what: Result<T, E>,
    ) -> Option<T> {
        what.map_err(|e| self.add(format!("{case}: {e}"))).ok()
    }

    /// Outputs against those of Keras, relative to the largest absolute value.
    pub(crate) fn outputs(&mut self, case: &str, found: &[Array], expected: &[Array], bound: f64) {
        if found.len() != expected.len() {
            return self.add(format!("{case}: {} outputs, not {}", found.len(), expected.len()));
        }
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            if found.shape() != expected.shape() {
                self.add(format!("{case}[{i}]: {} not {}", found.shape(), expected.shape()));
                continue;
            }
            let error = relative_error(found, expected);
            if error.is_nan() || error > bound {
                self.add(format!("{case}[{i}]: outputs differ by {error:.1e}, bound {bound:.0e}"));
            }
        }
    }

    /// Logs of an epoch against Keras's: names, order, values to a relative `bound`.
    pub(crate) fn logs(
        &mut self,
        case: &str,
        found: &Logs,
        bound: f64,
        names: &Value,
        expected: impl Fn(&str) -> f64,
    ) {
        let names: Vec<&str> = names.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        if found.names() != names {
            self.add(format!("{case}: logs {:?}, not {names:?}", found.names()));
        }
        for (name, value) in found.iter().filter(|(name, _)| names.contains(name)) {
            let keras = expected(name);
            // The second term is for numbers such as an accuracy of 0.
            if value.is_nan() || (value - keras).abs() > bound * keras.abs() + 1e-7 {
                self.add(format!("{case}: {name} is {value}, in Keras {keras}"));
            }
        }
    }

    /// Fails with everything that was added.
    pub(crate) fn finish(self, cases: usize) {
        let Failures(failures) = self;
        assert!(cases > 0);
        let count = failures.len();
        assert!(failures.is_empty(), "{count} failures:\n{}", failures.join("\n"));
    }
}

/// The largest difference relative to the largest absolute value.
pub(crate) fn relative_error(found: &Array, expected: &Array) -> f64 {
    let (found, expected) = (found.to_f64_vec(), expected.to_f64_vec());
    let largest = expected.iter().fold(1e-30f64, |m, v| m.max(v.abs()));
    let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    // Not `f64::max`, which passes over NaN.
    differences.fold(0.0, |m, d| if d.is_nan() || d > m { d } else { m }) / largest
}

/// Whether two lists of arrays hold the same bits.
pub(crate) fn same_bits(a: &[Array], b: &[Array]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.bytes() == b.bytes())
}

/// The weights, then the optimizer's variables.
pub(crate) fn state(model: &Model) -> Vec<Array> {
    let mut all = model.get_weights();
    if let Ok(optimizer) = model.optimizer() {
        all.extend(optimizer.variables().iter().map(|v| v.get()));
    }
    all
}

/// The folder in which saved models are to be left for `tools/goldens/verify_saved.py`, which opens
/// them with real Keras: `IBEX_KEEP_SAVED_MODELS`, if it is set.
pub(crate) fn kept_models() -> Option<PathBuf> {
    std::env::var_os("IBEX_KEEP_SAVED_MODELS").map(PathBuf::from)
}

/// Writes inputs `x…`, own predictions `y…` and targets `t…` beside a saved model.
pub(crate) fn keep_arrays(path: &Path, x: &[Array], t: &[Array], y: &[Array]) {
    let raw = |a: &Array| {
        // NumPy has no such type; Keras's own outputs are widened in the same way.
        let a = &if a.dtype() == DType::BF16 { a.cast(DType::F32) } else { a.clone() };
        let dtype = RawDType::ALL.into_iter().find(|d| d.name() == a.dtype().name()).unwrap();
        RawArray::new(dtype, a.shape().to_vec(), a.bytes().to_vec()).unwrap()
    };
    let named = |letter: &'static str, arrays: &[Array]| -> Vec<(String, RawArray)> {
        arrays.iter().enumerate().map(|(i, a)| (format!("{letter}{i}"), raw(a))).collect()
    };
    let all: Vec<_> = [named("x", x), named("t", t), named("y", y)].concat();
    let members = all.iter().map(|(name, array)| (name.as_str(), array));
    npz::write(path.with_extension("npz"), members, Compression::Stored).unwrap();
}
