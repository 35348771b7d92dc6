//! Configurations of layers and models, both ways, against those that real Keras writes.

mod common;
mod model_files;

use std::collections::BTreeSet;

use common::{assert_close, cases, coarseness, goldens_of, layer_cases, name};
use ibex_format::KerasArchive;
use ibex_graph::{Array, Graph, Tensor, interpreter};
use ibex_nn::constraints::Constraint;
use ibex_nn::initializers::Initializer;
use ibex_nn::layers::{Dense, Input, LAYERS, add, layer_loader};
use ibex_nn::models::{Functional, Sequential, SymbolicTensor};
use ibex_nn::regularizers::Regularizer;
use ibex_nn::saving::{layer_config, layer_from_config, model_config, model_from_config};
use ibex_nn::{Instance, Layer, LayerExt, Trace};
use serde_json::{Map, Value, json};

/// Keys that Keras writes and Ibex does not, when they have these values.
///
/// - `quantization_config`: Ibex has no quantized layers; null says so.
/// - `activity_regularizer`: Keras's base class leaves it out when there is none, convolutions and
///   embeddings write null.
/// - `mask`, `training`: Keras notes arguments of a call that it fills in by itself.
/// - `compile_config`: not this crate's; `{}` for models inside models.
fn is_left_out(key: &str, value: &Value) -> bool {
    match key {
        "quantization_config" | "activity_regularizer" | "mask" => value.is_null(),
        "training" => value == false,
        "compile_config" => true,
        // The address of an object in that Python process.
        "shared_object_id" => true,
        _ => false,
    }
}

/// Where two values differ, but for what is left out of the second; numbers by value.
fn differences(ours: &Value, keras: &Value, path: &str, found: &mut Vec<String>) {
    match (ours, keras) {
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{path}[{i}]"), found);
            }
        }
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let path = format!("{path}.{key}");
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => differences(a, b, &path, found),
                    (None, Some(b)) if is_left_out(key, b) => {}
                    (a, b) => found.push(format!("{path}: {a:?}, not {b:?}")),
                }
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: {a}, not {b}")),
    }
}

#[track_caller]
fn assert_same(what: &str, ours: &Value, keras: &Value) {
    let mut found = Vec::new();
    differences(ours, keras, "", &mut found);
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn layers_come_back_as_keras_writes_them() {
    let mut seen = BTreeSet::new();
    for case in cases("serialization/layer") {
        let (name, object) = (name(&case).to_string(), &case["object"]);
        let layer = layer_from_config(object).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_same(&name, &layer_config(layer.as_ref()), object);
        seen.insert(object["class_name"].as_str().unwrap().to_string());
    }
    assert!(seen.len() > 20, "{seen:?}");
}

#[test]
fn defaults_are_those_of_keras() {
    let is_default = |case: &Value| name(case).ends_with("_default_layer");
    for case in cases("serialization/layer").into_iter().filter(is_default) {
        let class = case["object"]["class_name"].as_str().unwrap();
        if class == "InputLayer" {
            continue;
        }
        let load = layer_loader(class, None).unwrap();
        let layer = load(&case["arguments"]).unwrap_or_else(|e| panic!("{class}: {e}"));
        assert_same(class, &layer_config(layer.as_ref()), &case["object"]);
    }
}

#[test]
fn every_row_of_the_table_survives_a_round_trip() {
    for row in LAYERS {
        let layer = (row.load)(&json!({})).unwrap_or_else(|e| panic!("{}: {e}", row.class_name));
        assert_eq!(layer.class_name(), row.class_name);
        let config = layer_config(layer.as_ref());
        let back = layer_from_config(&config).unwrap_or_else(|e| panic!("{config}: {e}"));
        assert_eq!(layer_config(back.as_ref()), config);
        let wrong = json!({"class_name": row.class_name, "config": {"no_such_option": 3}});
        let error = layer_from_config(&wrong).unwrap_err().to_string();
        assert!(error.contains("has no option `no_such_option`"), "{error}");
    }
}

#[test]
fn initializers_regularizers_and_constraints_are_written_as_keras_writes_them() {
    let bare = |case: &Value| {
        let class = &case["object"]["class_name"];
        json!({"class_name": class, "config": case["arguments"]})
    };
    for case in cases("serialization/initializer") {
        let keras = &case["object"];
        let found = Initializer::from_value(keras).unwrap();
        assert_same(name(&case), &found.to_value(), keras);
        // Keras forgets the gain of `Identity` when it writes it.
        if case["arguments"].get("gain").is_none() || keras["class_name"] != "Identity" {
            let found = Initializer::from_value(&bare(&case)).unwrap();
            assert_same(name(&case), &found.to_value(), keras);
        }
        let by_name: Initializer = keras["class_name"].as_str().unwrap().parse().unwrap();
        assert_eq!(by_name.class_name(), keras["class_name"]);
    }
    for case in cases("serialization/regularizer") {
        let found = Regularizer::from_value(&case["object"]).unwrap();
        assert_same(name(&case), &found.to_value(), &case["object"]);
        let found = Regularizer::from_value(&bare(&case)).unwrap();
        assert_same(name(&case), &found.to_value(), &case["object"]);
    }
    for case in cases("serialization/constraint") {
        let found = Constraint::from_value(&case["object"]).unwrap();
        assert_same(name(&case), &found.to_value(), &case["object"]);
        let found = Constraint::from_value(&bare(&case)).unwrap();
        assert_same(name(&case), &found.to_value(), &case["object"]);
    }
}

#[test]
fn models_are_written_as_keras_writes_them() {
    let models = cases("models/index").into_iter().map(|c| format!("models/{}", name(&c)));
    let layers = layer_cases().into_iter().map(|(name, _)| name);
    for name in models.chain(layers) {
        let path = model_files::path(&format!("{name}.keras"));
        let keras = KerasArchive::read_config(path).unwrap();
        let model = model_from_config(&keras).unwrap_or_else(|e| panic!("{name}: {e}"));
        let ours = model_config(&model);
        assert_same(&name, &ours, &keras);
        // What is written can be read, and says the same.
        let again = model_from_config(&ours).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(model_config(&again), ours, "{name}");
    }
}

#[test]
fn models_predict_what_they_predict_in_keras() {
    for case in cases("models/index") {
        let name = name(&case);
        let (model, _) = model_files::load(&format!("models/{name}.keras"));
        let goldens = goldens_of(&format!("models/{name}"));
        let types: Vec<_> = model.inputs().iter().map(SymbolicTensor::ty).collect();
        let given = types.iter().enumerate().map(|(i, ty)| (goldens.get(&format!("x{i}")), ty));
        let values: Vec<Array> = given.map(|(value, ty)| value.cast(ty.dtype)).collect();
        let x: Vec<Tensor> =
            values.iter().map(|value| Tensor::input("x", value.dtype(), value.shape())).collect();
        let layer: std::sync::Arc<dyn Layer> = model.clone();
        let y = Instance::of(&layer, &types).unwrap().call(&mut Trace::new(false), &x);
        let graph = Graph::new(&x, &y, &[]).unwrap();
        let found = interpreter::run(&graph, &values).unwrap().outputs;
        for (i, found) in found.iter().enumerate() {
            // One forward pass of a small network in `float32` there.
            let bound = 1e-5 * coarseness(&case);
            assert_close(name, found, &goldens.get(&format!("pred_before{i}")), bound);
        }
    }
}

#[test]
fn frozen_layers_stay_frozen() {
    let (model, _) = model_files::load("models/frozen_part.keras");
    let frozen = |name: &str| {
        let layer = model.layers().iter().find(|layer| layer.name() == name).unwrap();
        layer.trainable_weights().is_empty()
    };
    assert!(frozen("base") && frozen("still"));
    assert!(!frozen("free_norm") && !frozen("dense"));
}

#[test]
fn operators_are_operations_as_in_keras() {
    let x = Input::new([4]).name("x").tensor();
    let y = Dense::new(4).call(&x);
    let z = -(&(&x + &y) * 0.5 - 1.0);
    let sum = add([&z, &x]);
    let model = Functional::new(vec![x], vec![sum]).unwrap();
    let names: Vec<&str> = model.layers().iter().map(|layer| layer.name()).collect();
    assert_eq!(names, ["x", "dense", "add", "multiply", "subtract", "negative", "add_1"]);
    let config = model_config(&model);
    let multiply = &config["config"]["layers"][3];
    assert_eq!(multiply["module"], "keras.src.ops.numpy");
    assert_eq!(multiply["registered_name"], "Multiply");
    assert_eq!(multiply["inbound_nodes"][0]["args"][1], 0.5);
    assert_eq!(config["config"]["layers"][6]["module"], "keras.layers");
    assert_eq!(model_config(&model_from_config(&config).unwrap()), config);
}

#[test]
fn a_model_used_twice_inside_another_keeps_its_places() {
    let inner_x = Input::new([3]).tensor();
    let inner = Functional::new(vec![inner_x.clone()], vec![Dense::new(2).call(&inner_x)]).unwrap();
    let inner = inner.name("inner");
    let (a, b) = (Input::new([3]).tensor(), Input::new([3]).tensor());
    let outputs = vec![inner.call(&a), inner.call(&b)];
    let outer = Functional::new(vec![a, b], outputs).unwrap();
    let config = model_config(&outer);
    // As Keras writes it: calls of a functional model count from one among the outputs.
    let places = json!([["inner", 1, 0], ["inner", 2, 0]]);
    assert_eq!(config["config"]["output_layers"], places);
    assert_eq!(model_config(&model_from_config(&config).unwrap()), config);
}

#[test]
fn a_chain_may_have_only_the_shape_for_which_it_was_built() {
    let layer = layer_config(&Dense::new(2));
    let config = json!({
        "class_name": "Sequential",
        "config": {"name": "chain", "layers": [layer], "build_input_shape": [null, 3]},
    });
    let model = model_from_config(&config).unwrap();
    assert_eq!(model.inputs()[0].shape().to_string(), "(None, 3)");
    let config = json!({
        "class_name": "Sequential",
        "config": {"name": "chain", "layers": [layer_config(&Dense::new(2))]},
    });
    let error = model_from_config(&config).unwrap_err().to_string();
    assert!(error.starts_with("a sequential model does not know its input yet"), "{error}");
}

/// A functional configuration of one input and one layer.
fn with_layer(class: &str, config: Value) -> Value {
    let mut config = config;
    config["name"] = json!("middle");
    let tensor = json!({
        "class_name": "__keras_tensor__",
        "config": {"shape": [null, 4], "dtype": "float32", "keras_history": ["x", 0, 0]},
    });
    json!({"class_name": "Functional", "config": {
        "name": "model",
        "layers": [
            {"class_name": "InputLayer", "name": "x", "inbound_nodes": [],
             "config": {"batch_shape": [null, 4], "dtype": "float32", "name": "x"}},
            {"class_name": class, "config": config, "name": "middle",
             "inbound_nodes": [{"args": [tensor], "kwargs": {}}]},
        ],
        "input_layers": ["x", 0, 0],
        "output_layers": ["middle", 0, 0],
    }})
}

#[test]
fn what_is_wrong_with_a_configuration_is_named() {
    let text = |config: &Value| model_from_config(config).unwrap_err().to_string();
    assert_eq!(
        text(&with_layer("Dens", json!({"units": 2}))),
        "layer `middle`: unknown layer class `Dens`\n  help: did you mean `Dense`? Call \
         `register_layer(\"Dens\", …)` before loading, if it is your own"
    );
    assert_eq!(
        text(&with_layer("Dense", json!({"units": 2, "use_bia": true}))),
        "layer `middle`: `Dense` has no option `use_bia`\n  received  use_bia = true\n  help: did \
         you mean `use_bias`?"
    );
    assert_eq!(
        text(&with_layer("Lambda", json!({"function": {"class_name": "__lambda__"}}))),
        "layer `middle`: the option `function` of `Lambda` does not fit: a `Lambda` layer holds \
         Python code, which is never run\n  help: write it as a layer in Rust and call \
         `register_layer(\"Lambda\", …)`"
    );
    let shape = text(&with_layer("Reshape", json!({"target_shape": [3]})));
    assert!(shape.contains("layer `middle` cannot be applied to `x`"), "{shape}");
    let mut loop_ = with_layer("Dense", json!({"units": 4}));
    let tensor = &mut loop_["config"]["layers"][1]["inbound_nodes"][0]["args"][0];
    tensor["config"]["keras_history"] = json!(["middle", 0, 0]);
    assert_eq!(
        text(&loop_),
        "the layers of the model cannot be connected\n  expected  calls without loops, on outputs \
         of layers that are there\n  received  no inputs for `middle`"
    );
    for broken in [json!(null), json!([]), json!({"class_name": "Functional", "config": {}})] {
        assert!(model_from_config(&broken).is_err());
    }
}

#[test]
fn deep_nesting_is_refused() {
    let mut model = json!({"class_name": "Sequential", "config": {"name": "m", "layers": []}});
    for _ in 0..100 {
        model = json!({"class_name": "Sequential", "config": {"name": "m", "layers": [model]}});
    }
    let error = model_from_config(&model).unwrap_err().to_string();
    assert!(error.contains("nested too deeply"), "{error}");
}

#[test]
fn no_damaged_configuration_makes_it_panic() {
    /// Every value with one part replaced, down to some depth.
    fn damaged(value: &Value, with: &Value, depth: usize, each: &mut dyn FnMut(Value)) {
        each(with.clone());
        if depth == 0 {
            return;
        }
        match value {
            Value::Object(object) => {
                for (key, item) in object {
                    damaged(item, with, depth - 1, &mut |new| {
                        let mut copy: Map<String, Value> = object.clone();
                        copy.insert(key.clone(), new);
                        each(Value::Object(copy));
                    });
                }
            }
            Value::Array(list) => {
                for (i, item) in list.iter().enumerate() {
                    damaged(item, with, depth - 1, &mut |new| {
                        let mut copy = list.clone();
                        copy[i] = new;
                        each(Value::Array(copy));
                    });
                }
            }
            _ => {}
        }
    }
    let model = Sequential::new().add(Input::new([4])).add(Dense::new(2)).to_functional().unwrap();
    let functional = with_layer("Dense", json!({"units": 2}));
    let mut count = 0;
    for config in [model_config(&model), functional] {
        for with in [json!(null), json!(-1), json!([[[]]]), json!({"a": 1}), json!("text")] {
            damaged(&config, &with, 9, &mut |broken| {
                let _ = model_from_config(&broken);
                count += 1;
            });
        }
    }
    assert!(count > 500, "{count}");
}
