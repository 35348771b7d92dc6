//! Every activation against real Keras: values, and gradients where the function is smooth.

mod common;

use common::{assert_close, goldens, name};
use ibex_graph::{Array, Graph, Tensor, gradients, interpreter};
use ibex_nn::activations::{self, Activation};
use serde_json::Value;

/// Values come from `float32` there and `f64` here.
const TOLERANCE: f64 = 1e-5;

/// The activation of a case, with its arguments.
fn activation(case: &Value) -> Activation {
    let class = case["activation"].as_str().unwrap();
    let number = |key: &str| case["arguments"].get(key).and_then(Value::as_f64);
    let arguments = case["arguments"].as_object().unwrap();
    if arguments.is_empty() || arguments.get("axis").is_some_and(|axis| axis == -1) {
        return class.parse().unwrap();
    }
    let (alpha, b) = (number("alpha").unwrap_or(1.0), number("b").unwrap_or(4.0));
    let threshold = number("threshold");
    let slope = number("negative_slope");
    match class {
        "celu" => Activation::custom("own", move |x| activations::celu::celu_with(x, alpha)),
        "elu" => Activation::custom("own", move |x| activations::elu::elu_with(x, alpha)),
        "gelu" => Activation::custom("own", activations::gelu::gelu_approximate),
        "hard_shrink" => Activation::custom("own", move |x| {
            activations::hard_shrink::hard_shrink_with(x, threshold.unwrap())
        }),
        "soft_shrink" => Activation::custom("own", move |x| {
            activations::soft_shrink::soft_shrink_with(x, threshold.unwrap())
        }),
        "squareplus" => {
            Activation::custom("own", move |x| activations::squareplus::squareplus_with(x, b))
        }
        "leaky_relu" => Activation::custom("own", move |x| {
            activations::leaky_relu::leaky_relu_with(x, slope.unwrap())
        }),
        "relu" => {
            let (limit, threshold) = (number("max_value"), threshold.unwrap_or(0.0));
            let slope = slope.unwrap_or(0.0);
            Activation::custom("own", move |x| {
                activations::relu::relu_with(x, slope, limit, threshold)
            })
        }
        "threshold" => {
            let (threshold, value) = (threshold.unwrap(), number("default_value").unwrap());
            Activation::custom("own", move |x| {
                activations::threshold::threshold(x, threshold, value)
            })
        }
        "softmax" => {
            let axis = number("axis").unwrap() as isize;
            Activation::custom("own", move |x| x.softmax(axis))
        }
        "log_softmax" => {
            let axis = number("axis").unwrap() as isize;
            Activation::custom("own", move |x| x.log_softmax(axis))
        }
        "sparsemax" => {
            let axis = number("axis").unwrap() as isize;
            Activation::custom("own", move |x| activations::sparsemax::sparsemax_along(x, axis))
        }
        other => panic!("{other} has no parameters here: {case}"),
    }
}

fn run(x: &Tensor, y: &Tensor, value: &Array) -> Array {
    let graph = Graph::new(std::slice::from_ref(x), std::slice::from_ref(y), &[]).unwrap();
    interpreter::run(&graph, std::slice::from_ref(value)).unwrap().outputs.remove(0)
}

#[test]
fn values_and_gradients_are_those_of_keras() {
    let goldens = goldens("activations");
    let mut seen = std::collections::BTreeSet::new();
    for case in &goldens.cases {
        let (name, input) = (name(case), case["x"].as_str().unwrap());
        let value = goldens.get(input);
        let x = Tensor::input("x", value.dtype(), value.shape());
        let function = activation(case);
        let y = function.apply(&x);
        assert_close(name, &run(&x, &y, &value), &goldens.get(&format!("{name}.y")), TOLERANCE);
        let Some(expected) = goldens.find(&format!("{name}.grad")) else { continue };
        if case["kinks"] == true {
            continue;
        }
        let own = goldens.find(&format!("{name}.w"));
        let weights = own.unwrap_or_else(|| goldens.get(&format!("{input}.w")));
        let loss = (y * Tensor::constant(weights)).sum_all();
        let gradient = gradients(&loss, std::slice::from_ref(&x)).unwrap().remove(0).unwrap();
        assert_close(name, &run(&x, &gradient, &value), &expected, TOLERANCE);
        seen.insert(case["activation"].as_str().unwrap().to_string());
    }
    // Every row of the table has a case.
    for (name, _) in Activation::ALL {
        assert!(seen.contains(*name), "no golden for {name}");
    }
}

#[test]
fn names_are_those_of_keras() {
    let swish: Activation = "swish".parse().unwrap();
    assert_eq!(swish.name(), "silu");
    let error = "sigmiod".parse::<Activation>().unwrap_err();
    assert_eq!(error.to_string(), "unknown activation `sigmiod`\n  help: did you mean `sigmoid`?");
}

#[test]
fn a_registered_activation_comes_back_from_a_file() {
    Activation::register(Activation::custom("shop>double", |x| x * 2.0));
    let custom = Activation::custom("shop>double", |x| x * 2.0);
    let back = Activation::from_value(&serde_json::to_value(&custom).unwrap()).unwrap();
    assert_eq!(back.name(), "shop>double");
}
