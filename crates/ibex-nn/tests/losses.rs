//! Every loss against real Keras: values, gradients, configurations, and what it refuses.

mod common;

use common::{assert_close, goldens, name, names, same_json};
use ibex_graph::{Array, Graph, Tensor, gradients, interpreter};
use ibex_nn::losses::{CosineSimilarity, Huber, Loss, SparseCategoricalCrossentropy};
use serde_json::Value;

/// Keras computes in `float32`: sums of a dozen terms round to about 1e-6.
const TOLERANCE: f64 = 2e-6;

/// The options that Keras does not write are told by the names of the cases.
fn loss(case: &Value) -> Loss {
    let mut object = case["object"].clone();
    let config = object["config"].as_object_mut().unwrap();
    match name(case).trim_end_matches("_weighted") {
        "huber_delta_0p3" => drop(config.insert("delta".into(), 0.3.into())),
        "huber_delta_2p5" => drop(config.insert("delta".into(), 2.5.into())),
        _ => {}
    }
    Loss::from_value(&object).unwrap()
}

#[test]
fn values_and_gradients_are_those_of_keras() {
    let mut count = 0;
    for file in names("losses") {
        let goldens = goldens(&file);
        for case in &goldens.cases {
            let label = name(case);
            let array = |part: &str| goldens.get(&format!("{label}.{part}"));
            let loss = loss(case);
            let (y_true, y_pred) = (array("y_true"), array("y_pred"));
            let prediction = Tensor::input("y_pred", y_pred.dtype(), y_pred.shape());
            let weight = goldens.find(&format!("{label}.sample_weight")).map(Tensor::constant);
            assert_eq!(weight.is_some(), case["sample_weight"].as_bool().unwrap(), "{label}");
            let value = loss.value(&Tensor::constant(y_true), &prediction, weight.as_ref(), None);
            let gradient = gradients(&value.sum_all(), &[prediction.clone()]).unwrap().remove(0);
            let gradient = gradient.unwrap_or_else(|| prediction.zeros_like());
            let graph = Graph::new(&[prediction], &[value, gradient], &[]).unwrap();
            let found = interpreter::run(&graph, &[y_pred]).unwrap().outputs;
            // Extreme logarithms and quotients of clipped probabilities lose more digits.
            let tolerance = if label.contains("extreme") { 1e-5 } else { TOLERANCE };
            assert_close(label, &found[0], &array("value"), tolerance);
            let what = format!("gradient of {label}");
            assert_close(&what, &found[1], &array("grad"), 5.0 * tolerance);
            count += 1;
        }
    }
    assert!(count >= 190, "only {count} cases");
}

#[test]
fn configurations_are_those_of_keras() {
    for file in names("losses") {
        for case in common::cases(&file) {
            let loss = Loss::from_value(&case["object"]).unwrap();
            assert!(same_json(&loss.to_value(), &case["object"]), "{}", loss.to_value());
        }
    }
    let written = Loss::from(Huber::new().delta(0.5)).config();
    assert_eq!(written["delta"], 0.5, "an option is written when it is not the default");
    let axis = Loss::from(CosineSimilarity::new().axis(0)).config();
    assert_eq!(axis["axis"], 0);
    let sparse = Loss::from(SparseCategoricalCrossentropy::new().ignore_class(-1)).config();
    assert_eq!(sparse["ignore_class"], -1);
}

#[test]
fn every_row_round_trips() {
    for row in Loss::ROWS {
        let made: Loss = row.class_name.parse().unwrap();
        let again = Loss::from_value(&made.to_value()).unwrap();
        assert_eq!(made.to_value(), again.to_value(), "{}", row.class_name);
    }
}
