//! Regularizers and constraints against real Keras.

mod common;

use common::{assert_close, goldens, name};
use ibex_graph::{Graph, Tensor, gradients, interpreter};
use ibex_nn::constraints::{Constraint, NonNeg};
use ibex_nn::regularizers::{L2, Regularizer};

#[test]
fn penalties_are_those_of_keras() {
    let goldens = goldens("regularizers");
    for case in &goldens.cases {
        let name = name(case);
        let regularizer = Regularizer::from_value(&case["object"]).unwrap();
        let value = goldens.get(&format!("{name}.x"));
        let x = Tensor::input("x", value.dtype(), value.shape());
        let penalty = regularizer.penalty(&x);
        let gradient = gradients(&penalty, std::slice::from_ref(&x)).unwrap().remove(0);
        let gradient = gradient.unwrap_or_else(|| x.zeros_like());
        let graph = Graph::new(&[x], &[penalty, gradient], &[]).unwrap();
        let found = interpreter::run(&graph, &[value]).unwrap().outputs;
        // `float32` sums there.
        assert_close(name, &found[0], &goldens.get(&format!("{name}.value")), 1e-5);
        assert_close(name, &found[1], &goldens.get(&format!("{name}.grad")), 1e-5);
    }
}

#[test]
fn projections_are_those_of_keras() {
    let goldens = goldens("constraints");
    for case in &goldens.cases {
        let name = name(case);
        let constraint = Constraint::from_value(&case["object"]).unwrap();
        let value = goldens.get(&format!("{name}.x"));
        let x = Tensor::input("x", value.dtype(), value.shape());
        let graph = Graph::new(std::slice::from_ref(&x), &[constraint.project(&x)], &[]).unwrap();
        let found = interpreter::run(&graph, &[value]).unwrap().outputs;
        assert_close(name, &found[0], &goldens.get(&format!("{name}.y")), 1e-5);
    }
}

#[test]
fn a_negative_factor_is_an_error_of_the_layer() {
    use ibex_nn::LayerExt;
    use ibex_nn::layers::{Dense, Input};
    let x = Input::new([4]).tensor();
    let y = Dense::new(2).kernel_regularizer(L2::new(-1.0)).kernel_constraint(NonNeg {}).call(&x);
    let error = ibex_nn::models::Functional::new(vec![x], vec![y]).unwrap_err().to_string();
    assert!(error.contains("`l2` of a regularizer does not make sense"), "{error}");
}
