//! Models as users write them: names, shapes, sharing, and mistakes.

use ibex_nn::layers::{Dense, Input};
use ibex_nn::models::{Functional, Sequential};
use ibex_nn::{LayerExt, initializers::Seeds};

#[test]
fn a_chain_gets_keras_names_and_shapes() {
    let model = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(3))
        .add(Dense::new(2))
        .to_functional()
        .unwrap();
    let names: Vec<&str> = model.layers().iter().map(|l| l.name()).collect();
    assert_eq!(names, ["input_layer", "dense", "dense_1"]);
    assert_eq!(model.outputs()[0].shape().to_string(), "(None, 2)");
}

#[test]
fn a_layer_called_twice_shares_its_weights() {
    let (a, b) = (Input::new([4]).tensor(), Input::new([4]).tensor());
    let shared = Dense::new(3);
    let model = Functional::new(vec![a.clone(), b.clone()], vec![shared.call(&a), shared.call(&b)])
        .unwrap();
    assert_eq!(model.layers().len(), 3);
    let dense = model.layers().iter().find(|l| l.name() == "dense").unwrap();
    dense.materialize("dense", &mut Seeds::new(1));
    assert_eq!(dense.all_weights().len(), 2);
}

#[test]
fn two_mistakes_in_one_model_are_both_reported() {
    let x = Input::new([4]).tensor();
    let first = Dense::new(0).call(&x);
    let second = Dense::new(0).name("head").call(&first);
    let error = Functional::new(vec![x], vec![second]).unwrap_err().to_string();
    assert!(error.contains("layer `dense` cannot be applied to `input_layer`"), "{error}");
    assert!(error.contains("layer `head`"), "{error}");
    assert!(error.contains("tests/models.rs:"), "{error}");
}
