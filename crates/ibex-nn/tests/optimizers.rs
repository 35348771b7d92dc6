//! Every optimizer and option against real Keras, step by step.

mod common;

use common::{assert_close, assert_serializes, goldens, name, names, same_json};
use ibex_graph::{Array, DType, Graph, Tensor, Variable, interpreter};
use ibex_nn::Trace;
use ibex_nn::constraints::Constraint;
use ibex_nn::optimizers::{
    Adagrad, Adam, AdamW, Adamax, Ftrl, Lion, Optimizer, OptimizerState, Options, RMSprop, SGD,
};
use ibex_nn::schedules::ExponentialDecay;
use serde_json::Value;

/// Keras computes in `float32`, the interpreter in `float64` with states rounded once per step:
/// Adam's `1 - beta_2^t` alone loses 1e-5 of a step of 0.05 in `float32`.
const TOLERANCE: f64 = 5e-6;

/// The weight decay exclusions are not part of a configuration.
fn optimizer(case: &Value) -> Optimizer {
    let exclude: Vec<String> = serde_json::from_value(case["exclude"].clone()).unwrap();
    if exclude.is_empty() {
        return Optimizer::from_value(&case["object"]).unwrap();
    }
    let config = &case["object"]["config"];
    let (rate, decay) =
        (config["learning_rate"].as_f64().unwrap(), config["weight_decay"].as_f64().unwrap());
    match case["object"]["class_name"].as_str().unwrap() {
        "SGD" => SGD::new(rate).weight_decay(decay).exclude_from_weight_decay(exclude).into(),
        "AdamW" => AdamW::new(rate).weight_decay(decay).exclude_from_weight_decay(exclude).into(),
        other => panic!("no exclusions expected for {other}"),
    }
}

/// Runs one step and assigns what it updates.
fn step(state: &OptimizerState, gradients: &[Array]) {
    let inputs: Vec<Tensor> =
        gradients.iter().map(|g| Tensor::input("gradient", g.dtype(), g.shape())).collect();
    let mut trace = Trace::new(true);
    state.apply(&mut trace, &inputs);
    let graph = Graph::new(&inputs, &[], &trace.updates()).unwrap();
    for (variable, value) in interpreter::run(&graph, gradients).unwrap().updates {
        variable.set(&value.to_array()).unwrap();
    }
}

fn row(all: &Array, at: usize) -> Array {
    let shape = all.shape()[1..].to_vec();
    all.rows(at, at + 1).reshape(shape).unwrap()
}

#[test]
fn twelve_steps_are_those_of_keras() {
    let mut count = 0;
    for file in names("optimizers") {
        let goldens = goldens(&file);
        for case in &goldens.cases {
            let label = name(case);
            let optimizer = optimizer(case);
            optimizer.check().unwrap();
            assert!(
                same_json(&optimizer.to_value(), &case["object"]),
                "{label}: {} is not {}",
                optimizer.to_value(),
                case["object"]
            );
            let constraint = match &case["constraint"] {
                Value::Null => None,
                value => Some(Constraint::from_value(value).unwrap()),
            };
            let kernel = Variable::new("kernel", goldens.get("initial.kernel"));
            let bias = Variable::new("bias", goldens.get("initial.bias"));
            let weights = [(kernel.clone(), constraint), (bias.clone(), None)];
            let state = OptimizerState::new(&optimizer, &weights);
            let paths: Vec<String> = state.variables().iter().map(|v| v.name().into()).collect();
            let slots = case["slots"].as_array().unwrap();
            let prefix = &optimizer.options().name;
            let expected: Vec<String> =
                slots.iter().map(|s| format!("{prefix}/{}", s.as_str().unwrap())).collect();
            assert_eq!(paths, expected, "{label}");

            let steps = case["steps"].as_u64().unwrap() as usize;
            let (kernels, biases) =
                (goldens.get("gradients.kernel"), goldens.get("gradients.bias"));
            for at in 0..steps {
                step(&state, &[row(&kernels, at), row(&biases, at)]);
                for (part, variable) in [("kernel", &kernel), ("bias", &bias)] {
                    let expected = row(&goldens.get(&format!("{label}.{part}")), at);
                    let what = format!("{label} {part} after step {at}");
                    assert_close(&what, &variable.get(), &expected, TOLERANCE);
                }
            }
            for (at, variable) in state.variables().iter().enumerate() {
                let expected = goldens.get(&format!("{label}.slot{at}"));
                assert_eq!(variable.dtype(), expected.dtype(), "{label} {}", variable.name());
                let what = format!("{label} {}", variable.name());
                assert_close(&what, &variable.get(), &expected, 1e-5);
            }
            state.finalize_ema();
            for (part, variable) in [("kernel", &kernel), ("bias", &bias)] {
                let expected = goldens.get(&format!("{label}.final_{part}"));
                assert_close(
                    &format!("{label} final {part}"),
                    &variable.get(),
                    &expected,
                    TOLERANCE,
                );
            }
            count += 1;
        }
    }
    assert!(count >= 95, "only {count} cases");
}

#[test]
fn the_learning_rate_is_a_variable_unless_it_is_a_schedule() {
    let weight = Variable::new("dense/kernel", Array::scalar(1f32));
    let state = OptimizerState::new(&SGD::new(0.5).into(), &[(weight.clone(), None)]);
    step(&state, &[Array::scalar(1f32)]);
    state.set_learning_rate(0.25).unwrap();
    step(&state, &[Array::scalar(1f32)]);
    assert_eq!(weight.get().to_f64_vec(), [0.25]);
    assert_eq!((state.learning_rate(), state.iterations()), (0.25, 2));
    assert_eq!(state.to_value()["config"]["learning_rate"], 0.25);

    let schedule = ExponentialDecay::new(0.5, 1, 0.5);
    let state = OptimizerState::new(&Adam::new(schedule).into(), &[(weight, None)]);
    step(&state, &[Array::scalar(1f32)]);
    assert_eq!(state.learning_rate(), 0.25);
    assert_eq!(state.variables().len(), 3);
    let error = state.set_learning_rate(0.1).unwrap_err().to_string();
    assert_eq!(
        error,
        "the learning rate follows a schedule\n  expected  a constant learning rate\n  received  \
         ExponentialDecay\n  help: compile with a number as learning rate to change it during \
         training"
    );
}

#[test]
fn a_name_gives_the_defaults_of_its_optimizer() {
    let sgd: Optimizer = "sgd".parse().unwrap();
    assert_eq!(sgd.config()["learning_rate"], f64::from(0.01f32));
    let adamw: Optimizer = "adamw".parse().unwrap();
    assert_eq!(adamw.config()["weight_decay"], 0.004);
    let error = "adm".parse::<Optimizer>().unwrap_err().to_string();
    assert_eq!(error, "unknown optimizer `adm`\n  help: did you mean `Adam`?");
}

#[test]
fn every_row_round_trips() {
    for row in Optimizer::ROWS {
        let made: Optimizer = row.class_name.parse().unwrap();
        let again = Optimizer::from_value(&made.to_value()).unwrap();
        assert_eq!(made.to_value(), again.to_value(), "{}", row.class_name);
    }
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    let check = |optimizer: Optimizer| optimizer.check().unwrap_err().to_string();
    assert_eq!(
        check(Adagrad::new(0.1).clipnorm(1.0).clipvalue(0.5).into()),
        "the optimizer `Adagrad` has several ways of clipping\n  expected  at most one\n  \
         received  clipnorm = 1, clipvalue = 0.5"
    );
    assert_eq!(
        check(RMSprop::new(0.1).gradient_accumulation_steps(1).into()),
        "the optimizer `RMSprop` has too few steps to accumulate\n  expected  at least 2\n  \
         received  gradient_accumulation_steps = 1"
    );
}

#[test]
fn weights_of_other_dtypes_keep_them() {
    let weight = Variable::new("kernel", Array::full(DType::F64, [2], 1.0));
    let state = OptimizerState::new(&Adam::new(0.1).into(), &[(weight.clone(), None)]);
    step(&state, &[Array::full(DType::F64, [2], 3.0)]);
    let value = weight.get().to_f64_vec();
    // The first step of Adam is one learning rate long; `float32` holds the rate.
    assert!((value[0] - 0.9).abs() < 1e-6, "{value:?}");
    assert_eq!(Options::default().ema_momentum, 0.99);
}

/// What Keras gives after three steps, for optimizers without golden files.
#[test]
fn the_rest_of_the_catalogue_is_that_of_keras() {
    let ftrl = Ftrl::new(0.05)
        .beta(0.1)
        .l1_regularization_strength(0.01)
        .l2_regularization_strength(0.02)
        .l2_shrinkage_regularization_strength(0.03);
    let cases: [(Optimizer, [f64; 3], &[&str]); 4] = [
        (
            Adamax::new(0.05).weight_decay(0.01).into(),
            [0.91469121, -2.03056097, 0.53974009],
            &["momentum", "norm"],
        ),
        (
            Lion::new(0.05).weight_decay(0.01).into(),
            [0.94857568, -2.04697657, 0.44922531],
            &["momentum"],
        ),
        (
            Ftrl::new(0.05).weight_decay(0.01).into(),
            [0.01164117, -0.31779942, 0.12822311],
            &["accumulator", "linear"],
        ),
        (ftrl.into(), [-0.00079073, -0.23331541, 0.09796261], &["accumulator", "linear"]),
    ];
    for (optimizer, expected, slots) in cases {
        let start = Array::from_slice([3], &[1f32, -2.0, 0.5]).unwrap();
        let weight = Variable::new("kernel", start);
        let state = OptimizerState::new(&optimizer, &[(weight.clone(), None)]);
        for gradient in [[0.1f32, 0.2, -0.3], [1.0, -0.5, 0.25], [-0.7, 0.3, 0.2]] {
            step(&state, &[Array::from_slice([3], &gradient).unwrap()]);
        }
        let expected = Array::from_f64_slice(DType::F32, [3], &expected);
        assert_close(optimizer.class_name(), &weight.get(), &expected, TOLERANCE);
        let prefix = optimizer.class_name().to_lowercase();
        let names: Vec<String> = state.variables().iter().map(|v| v.name().into()).collect();
        let own = slots.iter().map(|slot| format!("{prefix}/kernel_{slot}"));
        let start = ["iteration", "learning_rate"].map(|name| format!("{prefix}/{name}"));
        assert_eq!(names, start.into_iter().chain(own).collect::<Vec<_>>());
    }
}

#[test]
fn defaults_and_options_serialize_as_in_keras() {
    assert_serializes("optimizer", |object| Optimizer::from_value(object).unwrap().to_value());
}

#[test]
fn compiled_models_name_optimizers_that_load() {
    let mut count = 0;
    for case in common::cases("serialization/models") {
        let Some(saved) = case["compile_config"].get("optimizer") else { continue };
        let optimizer = Optimizer::from_value(saved).unwrap();
        if saved.is_object() {
            assert!(same_json(&optimizer.to_value(), saved), "{} {saved}", optimizer.to_value());
        }
        count += 1;
    }
    assert!(count >= 20, "only {count} models");
}
