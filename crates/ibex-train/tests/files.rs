//! Files of Keras 2 and Keras 1, and small networks of `keras.applications`: opened, predicted
//! with, trained on, saved as `.keras`.

mod common;

use common::{Arrays, EPOCH, Failures, OUTPUT, TRAINED, cases, golden, same_bits};
use ibex_train::{Fit, Mismatch, Model};
use serde_json::Value;

fn load(file: &str) -> ibex_train::Result<Model> {
    Model::load(golden(&format!("legacy/{file}")))
}

/// The cases of both folders, each with the place of its files.
fn all_cases() -> Vec<(String, Value)> {
    let of = |folder: &'static str| {
        let cases = cases(&format!("{folder}/index.json")).into_iter();
        cases.map(move |case| (format!("{folder}/{}", case["name"].as_str().unwrap()), case))
    };
    ["legacy", "applications"].into_iter().flat_map(of).collect()
}

fn open(place: &str, case: &Value) -> ibex_train::Result<Model> {
    let (folder, _) = place.split_once('/').unwrap();
    Model::load(golden(&format!("{folder}/{}", case["file"].as_str().unwrap())))
}

#[test]
fn models_predict_as_in_keras() {
    let (all, mut failures) = (all_cases(), Failures::default());
    for (name, case) in &all {
        let mut arrays = Arrays::open(&format!("{name}.npz"));
        let Some(mut model) = failures.of(name, open(name, case)) else { continue };
        let found = model.predict_all(arrays.numbered("x"), 8);
        let Some(found) = failures.of(name, found) else { continue };
        failures.outputs(name, &found, &arrays.numbered("p"), OUTPUT);
    }
    failures.finish(all.len());
}

#[test]
fn models_train_on_with_the_state_of_their_optimizers() {
    let all: Vec<_> = all_cases().into_iter().filter(|(_, case)| case["trains"] == true).collect();
    let mut failures = Failures::default();
    for (name, case) in &all {
        let mut arrays = Arrays::open(&format!("{name}.npz"));
        let Some(mut model) = failures.of(name, open(name, case)) else { continue };
        let steps = model.optimizer().unwrap().iterations();
        let expected = if name.starts_with("legacy") { 2 } else { 0 };
        if steps != expected {
            failures.add(format!("{name}: the optimizer is at step {steps}, not {expected}"));
        }
        let fit = Fit::new().batch_size(8).shuffle(false).verbose(0);
        let Some(history) = failures.of(name, model.fit_samples(arrays.samples(), fit)) else {
            continue;
        };
        let (loss, keras) = (history.logs[0].get("loss").unwrap(), case["loss"].as_f64().unwrap());
        if loss.is_nan() || (loss - keras).abs() > EPOCH * keras.abs() {
            failures.add(format!("{name}: the loss is {loss}, in Keras {keras}"));
        }
        let found = model.predict_all(arrays.numbered("x"), 8).unwrap();
        failures.outputs(name, &found, &arrays.numbered("q"), TRAINED);
    }
    failures.finish(all.len());
}

#[test]
fn models_are_saved_as_those_of_today() {
    let (all, folder) = (all_cases(), tempfile::tempdir().unwrap());
    for (name, case) in &all {
        let model = open(name, case).unwrap();
        let path = folder.path().join("model.keras");
        model.save(&path).unwrap();
        let back = Model::load(&path).unwrap();
        assert!(same_bits(&model.get_weights(), &back.get_weights()), "{name}");
        assert_eq!(model.to_json(), back.to_json(), "{name}");
    }
}

#[test]
fn weights_alone_go_to_the_layers_in_order_or_by_name() {
    let weights = golden("legacy/convnet_old_adam_after.weights_only.h5");
    let mut arrays = Arrays::open("legacy/convnet_old_adam.npz");
    let (x, expected) = (arrays.numbered("x"), arrays.numbered("q"));
    let mut failures = Failures::default();
    let mut model = load("convnet_adagrad.h5").unwrap();
    model.load_weights(&weights).unwrap();
    failures.outputs("in order", &model.predict_all(x.clone(), 8).unwrap(), &expected, OUTPUT);
    let error = Model::load(&weights).unwrap_err().to_string();
    assert!(error.starts_with("the file holds no whole model"), "{error}");
    let mut model = load("convnet_old_adam.h5").unwrap();
    assert!(model.load_weights_by_name(&weights, Mismatch::Refuse).unwrap().is_empty());
    failures.outputs("by name", &model.predict_all(x, 8).unwrap(), &expected, OUTPUT);
    failures.finish(2);
    let mut other = load("branches.h5").unwrap();
    let before = other.get_weights();
    let error = other.load_weights(&weights).unwrap_err().to_string();
    assert!(error.starts_with("the weight `kernel` of layer `shared` has another"), "{error}");
    let mut shorter = load("scaled.h5").unwrap();
    let error = shorter.load_weights(&weights).unwrap_err().to_string();
    assert!(error.starts_with("the file has another number of layers with weights"), "{error}");
    assert!(same_bits(&before, &other.get_weights()));
    let keras = golden("legacy/convnet_sgd_keras.keras");
    assert!(other.load_weights_by_name(&keras, Mismatch::Refuse).is_err());
}
