//! Every schedule against real Keras, step by step.

mod common;

use common::{assert_close, assert_serializes, goldens, name, same_json};
use ibex_graph::{Array, DType, Tensor, interpreter};
use ibex_nn::schedules::{CosineDecay, PiecewiseConstantDecay, Schedule};

fn value(schedule: &Schedule, step: f64) -> Result<f64, ibex_graph::Error> {
    let value = interpreter::evaluate(&schedule.value(&Tensor::scalar(DType::F32, step)))?;
    Ok(value.to_f64_vec()[0])
}

#[test]
fn values_and_configurations_are_those_of_keras() {
    let goldens = goldens("schedules");
    for case in &goldens.cases {
        let label = name(case);
        let schedule = Schedule::from_value(&case["object"]).unwrap();
        assert!(same_json(&schedule.to_value(), &case["object"]), "{}", schedule.to_value());
        let steps = goldens.get(&format!("{label}.steps")).to_f64_vec();
        let expected = goldens.get(&format!("{label}.values"));
        let values: Vec<f64> = steps.iter().map(|&s| value(&schedule, s).unwrap()).collect();
        let values = Array::from_f64_slice(DType::F32, expected.shape(), &values);
        // Keras computes the cosine in float32.
        assert_close(label, &values, &expected, 2e-6);
    }
    assert!(goldens.cases.len() >= 12);
}

#[test]
fn options_that_make_no_sense_are_errors() {
    let text = |schedule: Schedule| value(&schedule, 0.0).unwrap_err().to_string();
    let never = text(CosineDecay::new(0.1, 0).into());
    assert!(
        never.contains("`decay_steps` of the schedule `CosineDecay` is out of range"),
        "{never}"
    );
    let uneven = text(PiecewiseConstantDecay::new([5, 9], [0.1, 0.2]).into());
    assert!(uneven.contains("expected  3 values"), "{uneven}");
}

#[test]
fn unknown_names_suggest_the_nearest() {
    let error = "CosineDecy".parse::<Schedule>().unwrap_err().to_string();
    assert_eq!(error, "unknown schedule `CosineDecy`\n  help: did you mean `CosineDecay`?");
}

#[test]
fn defaults_and_options_serialize_as_in_keras() {
    assert_serializes("schedule", |object| Schedule::from_value(object).unwrap().to_value());
}
