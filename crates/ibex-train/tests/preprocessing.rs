//! Layers that were adapted to data: loaded from files of real Keras, saved, applied to data.

mod common;

use common::{Arrays, Failures, OUTPUT, golden};
use ibex_format::KerasArchive;
use ibex_graph::{Array, DType};
use ibex_nn::layers::{
    CategoryEncoding, Discretization, Input, IntegerLookup, Normalization, StringLookup,
    TextVectorization,
};
use ibex_nn::text::Strings;
use ibex_nn::{Layer, LayerExt};
use ibex_train::{ApplyLayer, Model};
use serde_json::{Value, json};

const BATCH: usize = 32;

#[test]
fn adapted_layers_of_keras_are_loaded_and_saved_as_keras_has_them() {
    let path = golden("preprocessing/adapted.keras");
    let mut arrays = Arrays::open("preprocessing/adapted.npz");
    let (x, y) = (arrays.numbered("x"), arrays.get("y0").unwrap());
    let mut failures = Failures::default();
    let mut model = Model::load(&path).unwrap();
    let found = model.predict_all(x.clone(), BATCH).unwrap();
    failures.outputs("loaded", &found, std::slice::from_ref(&y), OUTPUT);
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved.keras");
    model.save(&saved).unwrap();
    // Set it to look at the file with real Keras.
    if let Some(kept) = std::env::var_os("IBEX_KEEP_SAVED_MODELS") {
        model.save(std::path::Path::new(&kept).join("adapted.keras")).unwrap();
    }
    let (ours, keras) = (KerasArchive::read(&saved).unwrap(), KerasArchive::read(&path).unwrap());
    assert_eq!(ours.assets, keras.assets);
    let place = "layers/integer_lookup_1/vars/idf_weights";
    assert_eq!(ours.weights.array(place).unwrap(), keras.weights.array(place).unwrap());
    let found = Model::load(&saved).unwrap().predict_all(x, BATCH).unwrap();
    failures.outputs("saved", &found, &[y], OUTPUT);
    failures.finish(2);
}

#[test]
fn models_that_begin_with_strings_are_cut_behind_the_layers_that_read_them() {
    let case = &common::cases("preprocessing/text.json")[0];
    let strings = |name: &str| {
        let rows = case[name].as_array().unwrap().iter();
        let values: Vec<String> = rows.map(|row| row[0].as_str().unwrap().to_string()).collect();
        Strings::new([values.len(), 1], values).unwrap()
    };
    let floats = |name: &str| {
        let rows: Vec<Vec<f64>> = serde_json::from_value(case[name].clone()).unwrap();
        Array::from_f64_slice(DType::F32, [rows.len(), rows[0].len()], &rows.concat())
    };
    let path = golden("preprocessing/text.keras");
    let (text, mut model) = Model::load_text(&path).unwrap();
    let [tag, words] = text.as_slice() else { panic!("{} layers", text.len()) };
    let indices = words.apply(strings("text")).unwrap();
    assert_eq!(indices.to_f64_vec(), floats("indices").to_f64_vec());
    let x = vec![tag.apply(strings("tag")).unwrap(), floats("number"), indices];
    let found = model.predict_all(x, BATCH).unwrap();
    let mut failures = Failures::default();
    failures.outputs("text", &found, &[floats("y")], OUTPUT);
    failures.finish(1);
    let error = Model::load(&path).unwrap_err().to_string();
    assert!(error.contains("load_text"), "{error}");
    let error = Model::load_text(golden("preprocessing/adapted.keras")).unwrap_err().to_string();
    assert!(error.contains("no input of the model is of strings"), "{error}");
}

#[test]
fn a_damaged_vocabulary_is_refused() {
    let mut archive = KerasArchive::read(golden("preprocessing/adapted.keras")).unwrap();
    let text =
        |archive: &KerasArchive| Model::from_archive(archive, false).unwrap_err().to_string();
    let file = "layers/integer_lookup/vocabulary.txt";
    archive.assets.insert(file.to_string(), b"-1\n7\nseven".to_vec());
    let error = text(&archive);
    assert!(error.contains("not of integers") && error.contains("seven"), "{error}");
    assert!(error.contains(file), "{error}");
    archive.assets.insert(file.to_string(), vec![0xff, 0xfe]);
    assert!(text(&archive).contains("UTF-8"), "{}", text(&archive));
    archive.assets.insert(file.to_string(), b"-1\n7\n7".to_vec());
    assert!(text(&archive).contains("twice"), "{}", text(&archive));
}

#[test]
fn models_adapted_here_are_saved_with_what_was_found() {
    let data = Array::from_f64_slice(DType::F32, [4, 2], &[1., 5., 2., 5., 3., 9., 4., 9.]);
    let keys = Array::from_slice([4], &[7i64, 7, 9, 7]).unwrap();
    let mut normalization = Normalization::new();
    normalization.adapt(&data).unwrap();
    let mut lookup = IntegerLookup::new();
    lookup.adapt(&keys).unwrap();
    let (x, key) = (Input::new([2]).tensor(), Input::new([1]).dtype(DType::I64).tensor());
    let outputs = [normalization.call(&x), lookup.call(&key)];
    let mut model = Model::new([x, key], outputs).unwrap();
    let keys = keys.reshape([4, 1]).unwrap();
    let before = model.predict_all(vec![data.clone(), keys.clone()], BATCH).unwrap();
    // By hand: means 2.5 and 7, variances 1.25 and 4.
    let expected = [(1.0 - 2.5) / 1.25f64.sqrt(), -1.0];
    for (found, expected) in before[0].to_f64_vec().iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }
    assert_eq!(before[1].to_f64_vec(), [1., 1., 2., 1.]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    model.save(&path).unwrap();
    let archive = KerasArchive::read(&path).unwrap();
    assert_eq!(archive.assets["layers/integer_lookup/vocabulary.txt"], b"-1\n7\n9");
    let layer = |name: &str| {
        let layers = archive.config["config"]["layers"].as_array().unwrap();
        layers.iter().find(|layer| layer["class_name"] == name).unwrap()["config"].clone()
    };
    assert_eq!(layer("IntegerLookup")["vocabulary"], Value::Null);
    assert_eq!(layer("IntegerLookup")["vocabulary_size"], 3);
    let after = Model::load(&path).unwrap().predict_all(vec![data, keys], BATCH).unwrap();
    assert_eq!(after, before);
    // A layer in a model can be adapted again.
    let other = Array::from_f64_slice(DType::F32, [2, 2], &[0., 0., 2., 4.]);
    normalization.adapt(&other).unwrap();
    let weights = normalization.apply(&other).unwrap();
    assert_eq!(weights.to_f64_vec(), [-1., -1., 1., 1.]);
    let wider = Array::zeros(DType::F32, [2, 3]);
    let error = normalization.adapt(&wider).unwrap_err().to_string();
    assert!(error.contains("other extents"), "{error}");
}

#[test]
fn layers_are_applied_to_data_without_a_model() {
    let x = Array::from_slice([2, 3], &[0i32, 2, 2, 1, 1, 1]).unwrap();
    let counts = CategoryEncoding::new(3).output_mode(ibex_nn::layers::OutputMode::Count);
    assert_eq!(counts.apply(&x).unwrap().to_f64_vec(), [1., 0., 2., 0., 3., 0.]);
    let bins = Discretization::between([0.5, 1.5]).apply(&x).unwrap();
    assert_eq!(bins.to_f64_vec(), [0., 2., 2., 1., 1., 1.]);
    let error = Discretization::new(3).apply(&x).unwrap_err().to_string();
    assert!(error.contains("adapt"), "{error}");
}

/// Wrong configurations, each with a part of what must be said; all are refused by Keras, too.
#[test]
fn wrong_configurations_are_refused() {
    let x = Input::new([4]).dtype(DType::I64).tensor();
    let signal = Input::new([100, 1]).tensor();
    let image = Input::new([8, 8, 3]).tensor();
    let rows: Vec<(&str, Value, &str)> = vec![
        ("Normalization", json!({"mean": 1.0}), "together"),
        ("Normalization", json!({"variance": [1.0, 2.0]}), "together"),
        ("Normalization", json!({"mean": [1.0, 2.0], "variance": 1.0}), "same shape"),
        ("Normalization", json!({"mean": [[1.0]], "variance": [[1.0]]}), "more axes"),
        ("Normalization", json!({"axis": 3}), "no axis 3"),
        ("Normalization", json!({"mean": [1.0, 2.0, 3.0], "variance": [1.0, 2.0, 3.0]}), "fit"),
        ("Discretization", json!({}), "missing"),
        ("Discretization", json!({"num_bins": 3}), "not known yet"),
        ("Discretization", json!({"bin_boundaries": [1.0], "output_mode": "tf_idf"}), "no such"),
        ("Discretization", json!({"bin_boundaries": [1.0], "sparse": true}), "sparse"),
        ("CategoryEncoding", json!({}), "num_tokens"),
        ("CategoryEncoding", json!({"num_tokens": 3, "output_mode": "int"}), "no such"),
        ("Hashing", json!({"num_bins": 0, "dtype": "int64"}), "num_bins"),
        ("Hashing", json!({"num_bins": 2, "output_mode": "tf_idf"}), "no such"),
        ("Hashing", json!({"num_bins": 2, "dtype": "float32"}), "integers"),
        (
            "Hashing",
            json!({"num_bins": 2, "dtype": "int64", "mask_value": "a"}),
            "cannot be part of a model",
        ),
        ("IntegerLookup", json!({}), "no vocabulary"),
        ("IntegerLookup", json!({"max_tokens": 1}), "max_tokens"),
        ("IntegerLookup", json!({"pad_to_max_tokens": true}), "pad to"),
        ("IntegerLookup", json!({"vocabulary": [1], "salt": 3}), "salt"),
        ("IntegerLookup", json!({"vocabulary": [1], "vocabulary_dtype": "int32"}), "int64"),
        ("IntegerLookup", json!({"vocabulary": []}), "empty"),
        ("IntegerLookup", json!({"vocabulary": [1, 2, 1]}), "twice"),
        ("IntegerLookup", json!({"vocabulary": [1, 2], "mask_token": 2}), "special token"),
        ("IntegerLookup", json!({"vocabulary": [1, 2, -1], "invert": true}), "special token"),
        ("IntegerLookup", json!({"vocabulary": [1, 2, 3], "max_tokens": 3}), "larger"),
        (
            "IntegerLookup",
            json!({"vocabulary": [1], "invert": true, "output_mode": "count"}),
            "inverted",
        ),
        ("IntegerLookup", json!({"vocabulary": [1], "output_mode": "tf_idf"}), "missing"),
        ("IntegerLookup", json!({"vocabulary": [1], "idf_weights": [1.0]}), "weighted counts"),
        (
            "IntegerLookup",
            json!({"vocabulary": [1], "output_mode": "tf_idf", "idf_weights": [1.0, 2.0]}),
            "one weight",
        ),
        (
            "IntegerLookup",
            json!({"vocabulary": [1], "output_mode": "one_hot", "sparse": true}),
            "sparse",
        ),
        ("StringLookup", json!({"vocabulary": ["a"], "encoding": "latin-1"}), "UTF-8"),
        ("StringLookup", json!({"vocabulary": ["a"]}), "cannot be part of a model"),
        ("TextVectorization", json!({"ragged": true}), "ragged"),
        (
            "TextVectorization",
            json!({"output_mode": "count", "output_sequence_length": 3}),
            "sequence length",
        ),
        ("TextVectorization", json!({"ngrams": 0, "vocabulary": ["a"]}), "cannot be part"),
        ("STFTSpectrogram", json!({"frame_length": 8, "frame_step": 9}), "gaps"),
        ("STFTSpectrogram", json!({"frame_length": 8, "fft_length": 4}), "fit into"),
        ("STFTSpectrogram", json!({"frame_length": 8, "window": "hat"}), "unknown window"),
        ("STFTSpectrogram", json!({"frame_length": 8, "window": [1.0, 2.0]}), "another length"),
        ("STFTSpectrogram", json!({"frame_length": 8, "padding": "causal"}), "causal"),
        ("MelSpectrogram", json!({"fft_length": 8, "sequence_length": 16}), "fit into"),
        ("MelSpectrogram", json!({"fft_length": 8, "window": "hat"}), "unknown window"),
        ("Resizing", json!({"height": 2, "width": 2, "fill_mode": "reflect"}), "one value"),
        (
            "Resizing",
            json!({"crop_to_aspect_ratio": true, "pad_to_aspect_ratio": true}),
            "not both",
        ),
    ];
    let mut failures = Failures::default();
    for (class, config, part) in &rows {
        let object = json!({"class_name": class, "config": config});
        let input = match *class {
            "STFTSpectrogram" | "MelSpectrogram" => &signal,
            "Resizing" => &image,
            _ => &x,
        };
        let error = match ibex_nn::saving::layer_from_config(&object) {
            Err(error) => error.to_string(),
            Ok(layer) => {
                let layer: &dyn Layer = layer.as_ref();
                match Model::new([input.clone()], [layer.call(input)]) {
                    Ok(_) => "nothing".to_string(),
                    Err(error) => error.to_string(),
                }
            }
        };
        if !error.contains(part) {
            failures.add(format!("{class} {config}: {error}"));
        }
    }
    failures.finish(rows.len());
}

#[test]
fn wrong_data_are_refused() {
    let mut lookup = StringLookup::of(["a", "b"]);
    assert!(lookup.adapt(["c"]).unwrap_err().to_string().contains("given"));
    let strict = StringLookup::of(["a"]).num_oov_indices(0);
    assert!(strict.apply(["a", "z"]).unwrap_err().to_string().contains('z'));
    assert!(StringLookup::new().apply(["a"]).unwrap_err().to_string().contains("no vocabulary"));
    let indices = Array::from_slice([1], &[1i64]).unwrap();
    assert!(strict.apply_inverse(&indices).is_err());
    assert!(StringLookup::new().adapt(Vec::<String>::new()).is_err());
    let texts = TextVectorization::of(["a"]);
    assert!(texts.apply([["a", "b"]]).unwrap_err().to_string().contains("one text"));
    let mut given = Normalization::new().mean(1.0).variance(1.0);
    let data = Array::zeros(DType::F32, [2, 2]);
    assert!(given.adapt(&data).unwrap_err().to_string().contains("given"));
    assert!(Normalization::new().adapt_batches([]).is_err());
    assert!(Discretization::between([1.0]).adapt(&data).is_err());
}
