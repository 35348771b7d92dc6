//! Wrong configurations that Keras refuses are refused here, each with a text of our own.
//!
//! The table and what Keras says come from real Keras (`tests/goldens/mistakes.json`); the texts
//! are in `mistakes.txt` beside this file, to be read by people.
//! `UPDATE_EXPECT=1 cargo test -p ibex-nn --test mistakes` writes them again.

mod common;

use std::fmt::Write;

use common::{cases, name};
use expect_test::expect_file;
use ibex_graph::{DType, Tensor};
use ibex_nn::initializers::Initializer;
use ibex_nn::layers::Input;
use ibex_nn::losses::Loss;
use ibex_nn::metrics::Metric;
use ibex_nn::models::Functional;
use ibex_nn::optimizers::Optimizer;
use ibex_nn::regularizers::Regularizer;
use ibex_nn::saving::layer_from_config;
use ibex_nn::schedules::Schedule;
use ibex_nn::{ConfigError, LayerExt, PartialShape, PartialType};
use serde_json::{Value, json};

/// What is said about a layer of this configuration, called on inputs of these shapes.
fn refused_layer(object: &Value, shapes: &[Value], dtype: DType) -> Option<String> {
    let layer = match layer_from_config(object) {
        Ok(layer) => layer,
        Err(error) => return Some(error.to_string()),
    };
    if let Some(mistake) = layer.check().into_iter().next() {
        return Some(mistake.to_string());
    }
    let inputs: Vec<_> = shapes
        .iter()
        .map(|shape| {
            let sample: PartialShape = serde_json::from_value(shape.clone()).unwrap();
            let batch = [None].into_iter().chain(sample.0).collect();
            Input::with_batch_shape(PartialShape(batch)).dtype(dtype).tensor()
        })
        .collect();
    if inputs.is_empty() {
        return None;
    }
    let outputs = layer.call_all(inputs.clone());
    // The line of this file says nothing about the mistake.
    let error = Functional::new(inputs, outputs).err()?;
    Some(error.mistakes.iter().map(|m| m.error.to_string()).collect::<Vec<_>>().join("\n"))
}

/// What is said about an object of another family.
fn refused_object(module: &str, object: &Value) -> Option<String> {
    fn said<T>(made: Result<T, ConfigError>) -> Option<String> {
        made.err().map(|error| error.to_string())
    }
    match module {
        "losses" => said(Loss::from_value(object)),
        // A metric looks at its options when it sees the types of targets and predictions.
        "metrics" => said(Metric::from_value(object).and_then(|metric| {
            let scores = PartialType::new(DType::F32, PartialShape(vec![None, Some(3)]));
            metric.states(&scores, &scores)
        })),
        "optimizers" => said(Optimizer::from_value(object).and_then(|optimizer| optimizer.check())),
        "optimizers.schedules" => {
            let rate =
                Schedule::from_value(object).map(|s| s.value(&Tensor::scalar(DType::F32, 1.0)));
            match rate {
                Ok(rate) => {
                    ibex_graph::tensor::errors(&[rate]).first().map(|error| error.to_string())
                }
                Err(error) => Some(error.to_string()),
            }
        }
        "initializers" => said(
            Initializer::from_value(object)
                .and_then(|initializer| initializer.check(&[4, 3].into())),
        ),
        "regularizers" => {
            said(Regularizer::from_value(object).and_then(|regularizer| regularizer.check()))
        }
        other => panic!("no family {other}"),
    }
}

#[test]
fn what_keras_refuses_is_refused_with_a_text_that_helps() {
    let (mut texts, mut accepted) = (String::new(), Vec::new());
    let cases = cases("mistakes");
    for case in &cases {
        let (module, class) = (case["module"].as_str().unwrap(), &case["class"]);
        let object = json!({
            "module": format!("keras.{module}"),
            "class_name": class,
            "config": case["arguments"],
            "registered_name": null,
        });
        let said = match module {
            "layers" => refused_layer(&object, case["inputs"].as_array().unwrap(), DType::F32),
            _ => refused_object(module, &object),
        };
        match said {
            Some(said)
                if said.starts_with("unknown")
                    && !case["keras"].to_string().contains("nterpret") =>
            {
                accepted.push(format!("{}: {said}", name(case)));
            }
            Some(said) => {
                let arguments = &case["arguments"];
                writeln!(texts, "{}: {class} {arguments}", name(case)).unwrap();
                writeln!(texts, "{}\n", said.replace('\n', "\n  ")).unwrap();
            }
            None => accepted.push(format!("{} ({})", name(case), case["keras"])),
        }
    }
    assert!(accepted.is_empty(), "accepted:\n{}", accepted.join("\n"));
    assert!(cases.len() >= 200, "{} cases", cases.len());
    expect_file!["mistakes.txt"].assert_eq(&texts);
}

/// Words of Rust and of `serde`, which say nothing to those who write models.
const FOREIGN: [&str; 7] =
    ["usize", "isize", "f64", "u64", "untagged", "unknown variant", "invalid type"];

#[test]
fn a_wrong_value_of_any_option_of_any_layer_is_refused() {
    let (mut accepted, mut unclear) = (Vec::new(), Vec::new());
    let cases = cases("mistakes_drawn");
    for case in &cases {
        let object = json!({
            "module": "keras.layers",
            "class_name": case["class"],
            "config": case["arguments"],
            "registered_name": null,
        });
        let dtype = case["dtype"].as_str().unwrap().parse().unwrap();
        let (_, option) = name(case).split_once(' ').unwrap();
        let wrong = format!("{}: {option} = {}", case["class"], case["arguments"][option]);
        match refused_layer(&object, case["inputs"].as_array().unwrap(), dtype) {
            None => accepted.push(format!("{wrong} ({})", case["keras"])),
            Some(said) if FOREIGN.iter().any(|word| said.contains(word)) => {
                unclear.push(format!("{wrong}: {said}"));
            }
            Some(_) => {}
        }
    }
    assert!(accepted.is_empty(), "accepted:\n{}", accepted.join("\n"));
    assert!(unclear.is_empty(), "in words of Rust:\n{}", unclear.join("\n"));
    assert!(cases.len() >= 500, "{} cases", cases.len());
}
