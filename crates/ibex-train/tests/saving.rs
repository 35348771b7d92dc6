//! Files that do not fit, what is said about them, and compile configurations both ways.

mod common;

use common::{cases, golden, same_bits, state};
use expect_test::{Expect, expect};
use ibex_format::{Hdf5Group, Hdf5Node, KerasArchive, RawArray};
use ibex_nn::layers::{Dense, Input};
use ibex_nn::losses::MeanSquaredError;
use ibex_nn::models::Sequential;
use ibex_nn::optimizers::SGD;
use ibex_train::{BuildModel, Compile, Mismatch, Model};
use serde_json::{Value, json};

fn small() -> Model {
    let chain = Sequential::new()
        .add(Input::new([2]))
        .add(Dense::new(3).name("hidden"))
        .add(Dense::new(1).name("last"));
    let mut model = chain.build().unwrap();
    model.compile(Compile::new(SGD::new(0.1), MeanSquaredError::new())).unwrap();
    model
}

fn remove(tree: &mut Hdf5Group, path: &str) -> Hdf5Node {
    let (parent, name) = path.rsplit_once('/').unwrap();
    tree.group_mut(parent).unwrap().children.remove(name).unwrap()
}

fn check_weights(change: impl FnOnce(&mut Hdf5Group), expected: Expect) {
    let mut archive = small().to_archive().unwrap();
    change(&mut archive.weights);
    let error = Model::from_archive(&archive, true).unwrap_err();
    expected.assert_eq(&error.to_string());
}

fn check_config(change: impl FnOnce(&mut Value), expected: Expect) {
    let mut config = small().to_json();
    change(&mut config);
    expected.assert_eq(&Model::from_json(&config, true).unwrap_err().to_string());
}

#[test]
fn a_weight_of_another_shape_is_named_with_both_shapes() {
    check_weights(
        |tree| {
            remove(tree, "layers/dense/vars/0");
            let array = RawArray::from_slice(&[3, 2], &[0f32; 6]).unwrap();
            tree.insert("layers/dense/vars/0", array).unwrap();
        },
        expect![[r#"
            the weight `kernel` of layer `hidden` has another shape in the file
              expected  (2, 3)
              received  (3, 2)
              at model.weights.h5: layers/dense/vars/0
              help: save it again from the model it belongs to; `load_weights_with` and `Mismatch::Skip` take from it what fits"#]],
    );
}

#[test]
fn a_weight_or_a_layer_that_is_missing_is_named() {
    check_weights(
        |tree| _ = remove(tree, "layers/dense_1/vars/1"),
        expect![[r#"
        the file has no weight `bias` for layer `last`
          expected  float32 of shape (1,)
          received  a layer with 1 of its weights
          at model.weights.h5: layers/dense_1/vars/1
          help: save it again from the model it belongs to; `load_weights_with` and `Mismatch::Skip` take from it what fits"#]],
    );
    check_weights(
        |tree| _ = remove(tree, "layers/dense_1"),
        expect![[r#"
        the file has no weight `kernel` for layer `last`
          expected  float32 of shape (3, 1)
          received  no layer there; only `dense`
          at model.weights.h5: layers/dense_1/vars/0
          help: save it again from the model it belongs to; `load_weights_with` and `Mismatch::Skip` take from it what fits"#]],
    );
    check_weights(
        |tree| *tree = Hdf5Group::new(),
        expect![[r#"
        the file has no weight `kernel` for layer `hidden`
          expected  float32 of shape (2, 3)
          received  no layer there; the file has no layers
          at model.weights.h5: layers/dense/vars/0
          help: save it again from the model it belongs to; `load_weights_with` and `Mismatch::Skip` take from it what fits"#]],
    );
}

#[test]
fn a_layer_with_more_weights_in_the_file_is_named() {
    check_weights(
        |tree| tree.insert("layers/dense/vars/2", RawArray::scalar(1f32)).unwrap(),
        expect![[r#"
            the file has more weights for layer `hidden`
              expected  2 (kernel, bias)
              received  3
              at model.weights.h5: layers/dense/vars
              help: save it again from the model it belongs to; `load_weights_with` and `Mismatch::Skip` take from it what fits"#]],
    );
}

#[test]
fn what_is_not_known_is_named_with_what_to_do() {
    check_config(
        |c| c["config"]["layers"][1]["class_name"] = json!("Dens"),
        expect![[r#"
        layer `hidden`: unknown layer class `Dens`
          at config.json
          help: did you mean `Dense`? Call `register_layer("Dens", …)` before loading, if it is your own"#]],
    );
    check_config(
        |c| {
            let layer = &mut c["config"]["layers"][1];
            layer["class_name"] = json!("Mine");
            layer["module"] = Value::Null;
            layer["registered_name"] = json!("mine>Mine");
        },
        expect![[r#"
            layer `hidden`: unknown layer class `mine>Mine`
              at config.json
              help: call `register_layer("mine>Mine", …)` before loading, if it is your own"#]],
    );
    check_config(
        |c| c["compile_config"]["loss"] = json!("mean_square"),
        expect![[r#"
        unknown loss `mean_square`
          expected  one of BinaryCrossentropy, BinaryFocalCrossentropy, CTC, CategoricalCrossentropy, CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy, CategoricalHinge, Circle, CosineSimilarity, Dice, Hinge, Huber, KLDivergence, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson, SparseCategoricalCrossentropy, SquaredHinge, Tversky
          at config.json: compile_config
          help: register your own under this name before loading"#]],
    );
    check_config(
        |c| c["compile_config"]["optimizer"]["class_name"] = json!("Adamm"),
        expect![[r#"
            unknown optimizer `Adamm`
              at config.json: compile_config
              help: did you mean `Adam`?"#]],
    );
    check_config(
        |c| c["compile_config"]["metrics"] = json!([{"class_name": "Mine", "config": {}}]),
        expect![[r#"
            unknown metric `Mine`
              at config.json: compile_config
              help: did you mean `Hinge`?"#]],
    );
    check_config(
        |c| c["compile_config"]["loss_weights"] = json!("all"),
        expect![[r#"
        a loss weight has another form
          expected  a number
          received  "all"
          at config.json: compile_config
          help: `Model::load_uncompiled` loads the model without it"#]],
    );
    check_config(
        |c| *c = json!({}),
        expect![[r#"
        this is not the configuration of a model
          expected  an object with `class_name` and `config`
          received  {}
          at config.json"#]],
    );
}

#[test]
fn files_that_are_missing_or_misnamed_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |error: ibex_train::Error| {
        error.to_string().replace(&folder.path().display().to_string(), "FOLDER")
    };
    let mut model = small();
    let load = Model::load(folder.path().join("no.keras")).unwrap_err();
    expect![[r#"
        cannot read `FOLDER/no.keras`: No such file or directory (os error 2)
          help: check the path"#]]
    .assert_eq(&shown(load));
    let ending = model.save(folder.path().join("model.h5")).unwrap_err();
    expect![[r#"
        the name of the file must end in `.keras`
          received  FOLDER/model.h5
          help: add the ending; `save_weights` writes the other kind of file"#]]
    .assert_eq(&shown(ending));
    let ending = model.save_weights(folder.path().join("model.keras")).unwrap_err();
    expect![[r#"
        the name of the file must end in `.weights.h5`
          received  FOLDER/model.keras
          help: add the ending; `save` writes the other kind of file"#]]
    .assert_eq(&shown(ending));
    let place = model.save(folder.path().join("no/model.keras")).unwrap_err();
    expect![[r#"
        cannot write `FOLDER/no/model.keras`: No such file or directory (os error 2)
          help: the folder `FOLDER/no` does not exist; create it"#]]
    .assert_eq(&shown(place));
    std::fs::write(folder.path().join("bad.keras"), b"no zip").unwrap();
    let bad = Model::load(folder.path().join("bad.keras")).unwrap_err();
    expect![[r#"
        the file is no sound zip archive
          received  invalid Zip archive: Could not find EOCD
          at FOLDER/bad.keras
          help: it may be of another format, or cut short while it was copied"#]]
    .assert_eq(&shown(bad));
    let mut archive = model.to_archive().unwrap();
    remove(&mut archive.weights, "layers/dense");
    archive.write(folder.path().join("part.keras")).unwrap();
    let part = model.load_weights(folder.path().join("part.keras")).unwrap_err();
    expect![[r#"
        the file has no weight `kernel` for layer `hidden`
          expected  float32 of shape (2, 3)
          received  no layer there; only `dense_1`
          at FOLDER/part.keras: model.weights.h5: layers/dense/vars/0
          help: save it again from the model it belongs to; `load_weights_with` and `Mismatch::Skip` take from it what fits"#]]
    .assert_eq(&shown(part));
}

#[test]
fn weights_that_do_not_fit_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = small().to_archive().unwrap();
    let bias = RawArray::from_slice(&[3], &[1f32, 2.0, 3.0]).unwrap();
    remove(&mut archive.weights, "layers/dense/vars/1");
    archive.weights.insert("layers/dense/vars/1", bias).unwrap();
    remove(&mut archive.weights, "layers/dense_1/vars/1");
    let path = folder.path().join("part.keras");
    archive.write(&path).unwrap();
    let mut model = small();
    let before = state(&model);
    assert!(model.load_weights(&path).is_err());
    assert!(same_bits(&before, &state(&model)));
    assert_eq!(model.load_weights_with(&path, Mismatch::Skip).unwrap(), ["last"]);
    let after = model.get_weights();
    assert_eq!(after[1].to_f64_vec(), [1.0, 2.0, 3.0]);
    assert!(same_bits(&before[2..4], &after[2..4]));
}

#[test]
fn weights_of_other_dtypes_are_converted() {
    let mut archive = small().to_archive().unwrap();
    remove(&mut archive.weights, "layers/dense/vars/1");
    let bias = RawArray::from_slice(&[3], &[0.5f64, -2.0, 3.0]).unwrap();
    archive.weights.insert("layers/dense/vars/1", bias).unwrap();
    let model = Model::from_archive(&archive, true).unwrap();
    let bias = model.layer("hidden").unwrap().weight("bias").unwrap().variable().unwrap().get();
    assert_eq!((bias.dtype(), bias.to_f64_vec()), (ibex_graph::DType::F32, vec![0.5, -2.0, 3.0]));
}

#[test]
fn a_learning_rate_that_was_changed_is_saved() {
    let model = small();
    model.optimizer().unwrap().set_learning_rate(0.025).unwrap();
    let back = Model::from_archive(&model.to_archive().unwrap(), true).unwrap();
    assert_eq!(back.optimizer().unwrap().learning_rate(), f64::from(0.025f32));
    let config = model.to_json();
    let rate = &config["compile_config"]["optimizer"]["config"]["learning_rate"];
    assert_eq!(rate.as_f64(), Some(f64::from(0.025f32)));
}

#[test]
fn files_hold_what_keras_puts_there() {
    let archive = KerasArchive::read(golden("models/nested_model.trained.keras")).unwrap();
    let own = Model::from_archive(&archive, true).unwrap().to_archive().unwrap();
    let places = |tree: &Hdf5Group| {
        let arrays = tree.arrays();
        arrays.iter().map(|(path, a)| format!("{path} {a:?}")).collect::<Vec<_>>()
    };
    assert_eq!(places(&own.weights), places(&archive.weights));
    assert_eq!(own.weights, archive.weights, "groups or names of layers differ");
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&own.metadata), ["keras_version", "date_saved"]);
    assert_eq!(own.metadata["keras_version"], archive.metadata["keras_version"]);
    let date = own.metadata["date_saved"].as_str().unwrap();
    assert_eq!(date.len(), "2026-01-01@00:00:00".len());
}

#[test]
fn compile_configurations_are_those_of_keras() {
    for case in cases("serialization/models.json") {
        let name = case["name"].as_str().unwrap();
        let keras = case["compile_config"].clone();
        if keras.is_null() {
            continue;
        }
        let file = golden(&format!("models/{}", case["loaded_from"].as_str().unwrap()));
        let own = Model::load(file).unwrap().to_json()["compile_config"].clone();
        let (own, keras) = (flattened(by_name(&plain(&own))), flattened(by_name(&plain(&keras))));
        assert_eq!(own, keras, "{name}");
    }
}

/// Losses and their factors in one list: Keras takes them in the arrangement of the outputs or flat
/// and writes what it was given; both mean the same.
fn flattened(mut config: Value) -> Value {
    fn leaves(value: Value, found: &mut Vec<Value>) {
        match value {
            Value::Array(items) => items.into_iter().for_each(|item| leaves(item, found)),
            Value::Object(items) if !items.contains_key("class_name") => {
                let mut items: Vec<(String, Value)> = items.into_iter().collect();
                items.sort_by(|a, b| a.0.cmp(&b.0));
                items.into_iter().for_each(|(_, item)| leaves(item, found));
            }
            leaf => found.push(leaf),
        }
    }
    for key in ["loss", "loss_weights"] {
        let mut found = Vec::new();
        leaves(config[key].take(), &mut found);
        config[key] = found.into();
    }
    config
}

/// With the names of Keras's functions in their place: both mean the same.
fn by_name(value: &Value) -> Value {
    match value {
        Value::Object(object) if object.get("class_name") == Some(&json!("function")) => {
            object["config"].clone()
        }
        Value::Object(pairs) => {
            Value::Object(pairs.iter().map(|(key, v)| (key.clone(), by_name(v))).collect())
        }
        Value::Array(list) => list.iter().map(by_name).collect(),
        other => other.clone(),
    }
}

/// With numbers as `f64`, and the keys of an object in alphabetic order.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.clone(), plain(v))).collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(pairs.into_iter().collect())
        }
        other => other.clone(),
    }
}
