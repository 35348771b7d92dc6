//! What is on the page as `yes` was compared with real Keras: every row has golden cases, every
//! layer with weights a training, every optimizer each of its options over at least ten steps.

use std::collections::{BTreeMap, BTreeSet};

use ibex::nn::constraints::Constraint;
use ibex::nn::initializers::Initializer;
use ibex::nn::optimizers::Optimizer;
use ibex::nn::regularizers::Regularizer;
use ibex::nn::schedules::Schedule;
use ibex::train::Model;
use serde_json::{Value, json};

use super::{families, golden_cases, goldens, line_of, read};

/// Functions of Keras that are no nodes of models, and so have no case of their own.
const NO_NODES: [&str; 6] = [
    // Other names of `absolute` and `conjugate`, which have cases.
    "keras.ops.abs",
    "keras.ops.conj",
    // Constants by the time a model is made.
    "keras.ops.arange",
    "keras.ops.full",
    "keras.ops.ndim",
    "keras.ops.size",
];

/// Twelve steps show a moving average, a schedule and an accumulation.
const STEPS: u64 = 10;

#[test]
fn every_row_has_golden_cases_from_keras() {
    let names = read(&goldens().join("names.json"));
    let (cases, families) = (golden_cases(), families());
    let (mut rows, mut without) = (0, Vec::new());
    for module in names["cases"].as_array().unwrap() {
        let family = families.iter().find(|family| module["name"] == family.module);
        for entry in family.iter().flat_map(|_| module["names"].as_array().unwrap()) {
            let line = line_of(family.unwrap(), entry, &cases);
            rows += usize::from(line.state == "yes");
            if line.state == "yes" && line.cases == 0 && !NO_NODES.contains(&line.name.as_str()) {
                without.push(line.name);
            }
        }
    }
    assert!(rows > 600, "{rows}");
    assert!(without.is_empty(), "no golden case:\n{}", without.join("\n"));
    println!("{rows} names with golden cases");
}

/// The classes of layers that have weights to train in some golden case, and those of which a
/// case was trained.
fn layers_with_weights() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut weighted, mut trained) = (BTreeSet::new(), BTreeSet::new());
    for family in std::fs::read_dir(goldens().join("layers")).unwrap() {
        let folder = family.unwrap().path();
        for case in read(&folder.join("index.json"))["cases"].as_array().unwrap() {
            let class = case["layer"].as_str().unwrap();
            let path = folder.join(format!("{}.keras", case["name"].as_str().unwrap()));
            // Functions of users are not known here; they have no weights.
            let Ok(model) = Model::load_uncompiled(path) else { continue };
            let has_weights = |layer: &ibex::nn::Instance| {
                layer.layer().class_name() == class && !layer.trainable_weights().is_empty()
            };
            if model.layers().iter().any(|layer| has_weights(layer)) {
                weighted.insert(class.to_string());
                if case["trained"] == true {
                    trained.insert(class.to_string());
                }
            }
        }
    }
    (weighted, trained)
}

#[test]
fn every_layer_with_weights_was_trained_by_keras() {
    let (weighted, trained) = layers_with_weights();
    assert!(weighted.len() > 35, "{weighted:?}");
    let missing: Vec<&String> = weighted.difference(&trained).collect();
    assert!(missing.is_empty(), "never trained: {missing:?}");
    println!("{} layers with weights, each trained", weighted.len());
}

/// The golden cases of objects by their class.
fn objects(folder: &str) -> BTreeMap<String, Vec<Value>> {
    let path = goldens().join(folder);
    let files = match path.is_dir() {
        true => std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect(),
        false => vec![path.with_extension("json")],
    };
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "json")) {
        for case in read(file)["cases"].as_array().unwrap() {
            let class = case["object"]["class_name"].as_str().unwrap().to_string();
            found.entry(class).or_default().push(case.clone());
        }
    }
    found
}

/// The options of an object's class that no case gives another value than the default.
fn untried(class: &str, defaults: &Value, cases: &[Value]) -> Vec<String> {
    let differs = |key: &str, default: &Value| {
        cases.iter().filter_map(|case| case["object"]["config"].get(key)).any(|v| v != default)
    };
    // Keras's random numbers are not those of Ibex: a seed cannot be compared.
    let options = defaults.as_object().unwrap().iter();
    let options = options.filter(|(key, _)| !["name", "seed"].contains(&key.as_str()));
    options
        .filter(|(key, default)| !differs(key, default))
        .map(|(key, _)| format!("{class}.{key}"))
        .collect()
}

#[test]
fn every_option_was_tried_in_keras() {
    macro_rules! rows {
        ($handle:ident, $folder:literal) => {{
            let cases = objects($folder);
            // The options of `STFT` are those of the layer `STFTSpectrogram`, which has cases.
            let rows = $handle::ROWS.iter().filter(|row| row.class_name != "STFT").map(|row| {
                let made = $handle::from_value(&json!(row.class_name)).unwrap();
                let own = cases.get(row.class_name).map_or(&[][..], |cases| cases.as_slice());
                untried(row.class_name, &made.config(), own)
            });
            rows.flatten().collect::<Vec<String>>()
        }};
    }
    let found = [
        rows!(Optimizer, "optimizers"),
        rows!(Schedule, "schedules"),
        rows!(Initializer, "initializers"),
        rows!(Regularizer, "regularizers"),
        rows!(Constraint, "constraints"),
    ]
    .concat();
    assert!(found.is_empty(), "options that no case has:\n{}", found.join("\n"));
    let steps = objects("optimizers").into_values().flatten().map(|case| case["steps"].as_u64());
    assert!(steps.flatten().all(|steps| steps >= STEPS));
}
