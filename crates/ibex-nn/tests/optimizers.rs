//! Every optimizer and option against real Keras, step by step.

mod common;

use common::{assert_close, assert_serializes, goldens, name, names, same_json};
use ibex_graph::{Array, DType, Graph, Tensor, Variable, interpreter};
use ibex_nn::Trace;
use ibex_nn::constraints::Constraint;
use ibex_nn::optimizers::{
    Adagrad, Adam, AdamW, LossScaleOptimizer, Muon, Optimizer, OptimizerState, Options, RMSprop,
    SGD, ScheduleFreeAdamW,
};
use ibex_nn::schedules::ExponentialDecay;
use serde_json::{Value, json};

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
        "Muon" => Muon::new(rate).weight_decay(decay).exclude_from_weight_decay(exclude).into(),
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
            let own_name = |v: &Variable| v.name().rsplit('/').next().unwrap().to_string();
            let names: Vec<String> = state.variables().iter().map(own_name).collect();
            assert_eq!(json!(names), case["slots"], "{label}");

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
    assert!(count >= 187, "only {count} cases");
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
fn options_of_single_optimizers_are_checked() {
    let muon = Muon::new(0.1).exclude_layers(["out.*".to_string()]);
    let expected = "`exclude_layers` of `Muon` holds a pattern\n  expected  words of paths: \
                    letters, digits, `_`, `-`, `/`\n  received  out.*\n  help: name the layers one by one";
    assert_eq!(Optimizer::from(muon.clone()).check().unwrap_err().to_string(), expected);
    let scaled: Optimizer = LossScaleOptimizer::new(muon).into();
    assert_eq!(scaled.check().unwrap_err().to_string(), expected);
}

#[test]
fn embeddings_are_left_to_adam() {
    let values = Array::full(DType::F32, [2, 3], 1.0);
    let names = |path: &str, optimizer: Muon| {
        let weight = Variable::new(path, values.clone());
        OptimizerState::new(&optimizer.into(), &[(weight, None)]).variables().len()
    };
    // Iteration and learning rate, then momentum and for Adam velocity.
    assert_eq!(names("dense/kernel", Muon::new(0.1)), 3);
    assert_eq!(names("Embedding_1/embeddings", Muon::new(0.1)), 4);
    assert_eq!(names("embedding/embeddings", Muon::new(0.1).exclude_embeddings(false)), 3);
}

#[test]
fn a_loss_scale_multiplies_the_loss_and_follows_the_gradients() {
    let weight = Variable::new("kernel", Array::scalar(1f32));
    let optimizer = LossScaleOptimizer::new(SGD::new(0.5)).initial_scale(8.0);
    let state = OptimizerState::new(&optimizer.clone().into(), &[(weight.clone(), None)]);
    let mut trace = Trace::new(true);
    let scaled = state.scale_loss(&mut trace, &Tensor::scalar(DType::F32, 2.0));
    assert_eq!(interpreter::evaluate(&scaled).unwrap().to_f64_vec(), [16.0]);
    step(&state, &[Array::scalar(8f32)]);
    assert_eq!((weight.get().to_f64_vec(), state.iterations()), (vec![0.5], 1));
    step(&state, &[Array::scalar(f32::INFINITY)]);
    assert_eq!((weight.get().to_f64_vec(), state.iterations()), (vec![0.5], 1), "skipped");
    assert_eq!(state.variables()[3].get().to_f64_vec(), [4.0], "halved");
    assert_eq!(state.name(), "loss_scale_optimizer");
    let faster = Optimizer::from(optimizer).with_learning_rate(2.0).unwrap();
    assert_eq!(faster.config()["inner_optimizer"]["config"]["learning_rate"], 2.0);
}

#[test]
fn copies_of_weights_follow_them_until_training_begins() {
    let weight = Variable::new("kernel", Array::scalar(1f32));
    let state = OptimizerState::new(&ScheduleFreeAdamW::new(0.5).into(), &[(weight.clone(), None)]);
    weight.set(&Array::scalar(3f32)).unwrap();
    let momentum = |state: &OptimizerState| state.variables()[2].get().to_f64_vec()[0];
    assert_eq!(momentum(&state), 3.0);
    weight.set(&Array::scalar(5f32)).unwrap();
    step(&state, &[Array::scalar(1f32)]);
    // The first step of Adam is one learning rate long, but for the rounding of `1 - beta_2`.
    assert!((momentum(&state) - 4.5).abs() < 1e-4);
    assert!((weight.get().to_f64_vec()[0] - 4.5).abs() < 1e-4);
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
