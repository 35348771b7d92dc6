//! Files of Keras 2 and Keras 1, and small networks of `keras.applications`: opened, predicted
//! with, trained on, saved as `.keras`.

mod common;

use common::{Arrays, EPOCH, Failures, OUTPUT, TRAINED, cases, golden, same_bits};
use ibex_format::{Attribute, hdf5};
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

fn small() -> Model {
    load("convnet_adam.h5").unwrap()
}

#[test]
fn a_model_is_the_same_bytes_in_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let path = folder.path().join(name);
        small().save(&path).unwrap();
        std::fs::read(path).unwrap()
    };
    assert_eq!(bytes("one.keras"), bytes("other.keras"));
}

#[test]
fn weights_in_several_files_and_configurations_alone_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let model = small();
    model.save_weights_sharded(place("m.weights.json"), 400).unwrap();
    assert!(place("m_00001.weights.h5").is_file());
    std::fs::write(place("config.json"), model.to_json().to_string()).unwrap();
    let mut fresh = Model::load(place("config.json")).unwrap();
    assert!(!same_bits(&model.get_weights(), &fresh.get_weights()));
    fresh.load_weights(place("m.weights.json")).unwrap();
    assert!(same_bits(&model.get_weights(), &fresh.get_weights()));
    let variables = |model: &Model| -> Vec<_> {
        model.optimizer().unwrap().variables().iter().map(|variable| variable.get()).collect()
    };
    assert!(same_bits(&variables(&model), &variables(&fresh)));
    let error = Model::load(place("m.weights.json")).unwrap_err().to_string();
    assert!(error.starts_with("the file holds no whole model"), "{error}");
    let error = fresh.load_weights(place("config.json")).unwrap_err().to_string();
    assert!(error.starts_with("the file holds no weights"), "{error}");
    // `json.dump(model.to_json(), file)` makes a text of the text.
    let quoted = Value::String(model.to_json().to_string()).to_string();
    std::fs::write(place("quoted.json"), quoted).unwrap();
    assert_eq!(Model::load(place("quoted.json")).unwrap().to_json(), model.to_json());
    // The folder that Keras writes with `zipped=False`.
    model.save_weights(place("model.weights.h5")).unwrap();
    let back = Model::load(folder.path()).unwrap();
    assert!(same_bits(&model.get_weights(), &back.get_weights()));
    assert!(same_bits(&variables(&model), &variables(&back)));
}

#[test]
fn names_that_are_cut_into_pieces_and_layers_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.h5");
    let mut tree = hdf5::read(golden("legacy/convnet_adam.h5")).unwrap();
    let Some(Attribute::Texts(names)) =
        tree.group_mut("model_weights").unwrap().attributes.remove("layer_names")
    else {
        panic!("no names of layers")
    };
    let (first, last) = names.split_at(3);
    let group = tree.group_mut("model_weights").unwrap();
    group.attributes.insert("layer_names0".into(), Attribute::Texts(first.to_vec()));
    group.attributes.insert("layer_names1".into(), Attribute::Texts(last.to_vec()));
    hdf5::write(&path, tree.clone()).unwrap();
    let back = Model::load(&path).unwrap();
    assert!(same_bits(&small().get_weights(), &back.get_weights()));
    let group = tree.group_mut("model_weights").unwrap();
    group.children.remove(&last[0]);
    hdf5::write(&path, tree).unwrap();
    let error = Model::load(&path).unwrap_err().to_string();
    assert!(error.starts_with("the file lists a layer `"), "{error}");
}
