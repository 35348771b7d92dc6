//! Every `keras.ops` function as a node of a functional model, against real Keras: configuration
//! both ways, outputs and gradients.

mod common;
mod operation_files;

use std::collections::BTreeSet;

use common::same_json;
use ibex_graph::interpreter;
use ibex_nn::layers::operation::operations;
use ibex_nn::saving::{model_config, model_from_config};
use operation_files::{Case, parts};

/// What is wrong with a case, if anything.
fn failures_of(case: &Case) -> Result<(), String> {
    let config = case.model();
    if let Some(class) = case.refused() {
        let error = model_from_config(&config).err().ok_or("it is not refused")?.to_string();
        return match error.contains(class) {
            true => Ok(()),
            false => Err(format!("the error does not name `{class}`: {error}")),
        };
    }
    let model = model_from_config(&config).map_err(|e| e.to_string())?;
    let written = model_config(&model);
    let layers = written["config"]["layers"].as_array().ok_or("no layers")?;
    for expected in &case.layers {
        let found = layers.iter().find(|layer| layer["name"] == expected["name"]);
        let found = found.ok_or("a layer is not written")?;
        if !same_json(found, expected) {
            return Err(format!("written as {found}\n     instead of {expected}"));
        }
    }
    let graph = case.graph(&model)?;
    let found = interpreter::run(&graph, &case.values()).map_err(|e| e.to_string())?;
    case.compare(&found.outputs)
}

#[test]
fn operations_are_those_of_keras() {
    let mut seen = BTreeSet::new();
    let (mut count, mut failures) = (0, Vec::new());
    for (part, cases) in parts() {
        for case in &cases {
            count += 1;
            if let Err(text) = failures_of(case) {
                failures.push(format!("{part}: {}\n     {text}", case.name));
            }
            for layer in &case.layers {
                let class = layer["class_name"].as_str().unwrap_or_default();
                seen.insert((
                    layer["module"].as_str().unwrap_or_default().to_string(),
                    class.to_string(),
                ));
            }
        }
    }
    println!("{count} cases, {} operations", seen.len());
    let unseen: Vec<String> = operations()
        .filter(|row| row.refused.is_none())
        .map(|row| (row.module.to_string(), row.class_name.to_string()))
        .filter(|row| !seen.contains(row))
        .map(|(module, class)| format!("{module}.{class}"))
        .collect();
    println!("without a golden: {}", unseen.join(" "));
    assert!(failures.is_empty(), "{} of {count}\n{}", failures.len(), failures.join("\n"));
}

/// The model of one operation on `x (None, 3)`, or what is wrong with it.
fn model_of(class: &str, options: serde_json::Value, arguments: usize) -> Result<(), String> {
    let tensor = serde_json::json!({
        "class_name": "__keras_tensor__",
        "config": {"shape": [null, 3], "dtype": "float32", "keras_history": ["x", 0, 0]},
    });
    let layer = serde_json::json!({
        "module": "keras.src.ops.numpy", "class_name": class, "config": options,
        "registered_name": class, "name": "op",
        "inbound_nodes": [{"args": vec![tensor; arguments], "kwargs": {}}],
    });
    let input = serde_json::json!({
        "module": "keras.layers", "class_name": "InputLayer", "registered_name": null,
        "config": {"batch_shape": [null, 3], "dtype": "float32", "name": "x"},
        "name": "x", "inbound_nodes": [],
    });
    let config = serde_json::json!({
        "module": "keras.src.models.functional", "class_name": "Functional",
        "config": {"name": "m", "trainable": true, "layers": [input, layer],
                   "input_layers": [["x", 0, 0]], "output_layers": [["op", 0, 0]]},
    });
    model_from_config(&config).map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn wrong_operations_are_refused_by_name() {
    use serde_json::json;
    let error = |class, options, arguments| model_of(class, options, arguments).unwrap_err();
    assert_eq!(model_of("Sum", json!({"name": "op", "axis": 1}), 1), Ok(()));
    let unknown = error("Summ", json!({"name": "op"}), 1);
    assert!(unknown.contains("layer `op`") && unknown.contains("did you mean `Sum`?"), "{unknown}");
    let option = error("Sum", json!({"name": "op", "axes": 1}), 1);
    assert!(option.contains("`Sum` has no option `axes`"), "{option}");
    let many = error("Exp", json!({"name": "op"}), 2);
    assert!(many.contains("`Exp` is called with too many arguments"), "{many}");
    let axis = error("Sum", json!({"name": "op", "axis": 5}), 1);
    assert!(axis.contains("`axis` does not fit") && axis.contains("an axis of 2"), "{axis}");
    let refused = error("Nonzero", json!({"name": "op"}), 1);
    assert!(refused.contains("`Nonzero`") && refused.contains("depends on values"), "{refused}");
}

#[test]
fn functions_of_symbolic_tensors_are_written_as_keras_writes_them() {
    use ibex_nn::layers::Input;
    use ibex_nn::models::Functional;
    use ibex_nn::ops;
    let x = Input::new([6, 4]).name("x").tensor();
    let scores = ops::softmax(&x).axis(1).tensor();
    let joined = ops::concatenate([&x, &scores]).axis(-1).tensor();
    let y = ops::where_(ops::greater(&joined, 0.0), &joined, -1.0);
    let model = Functional::new(vec![x], vec![y]).unwrap();
    let written = model_config(&model);
    let layers = written["config"]["layers"].as_array().unwrap();
    let names: Vec<_> = layers.iter().map(|layer| layer["class_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["InputLayer", "Softmax", "Concatenate", "Greater", "Where"]);
    assert_eq!(layers[1]["config"], serde_json::json!({"name": "softmax", "axis": 1}));
    assert_eq!(model_config(&model_from_config(&written).unwrap()), written);
    let wrong = ops::exp(ops::sum(Input::new([3]).tensor()).decimals(2));
    assert!(wrong.is_poisoned());
}
