//! Which models get advice, and what it says; sound models get none.

use expect_test::{Expect, expect};
use ibex_graph::{Array, DType};
use ibex_nn::layers::{Activation, Dense, Input, Rescaling};
use ibex_nn::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, LossChoice, MeanSquaredError,
    SparseCategoricalCrossentropy,
};
use ibex_nn::models::Sequential;
use ibex_nn::optimizers::SGD;

use super::*;
use crate::{BuildModel, Compile};

fn floats(shape: &[usize], values: &[f64]) -> Array {
    Array::from_f64_slice(DType::F32, shape, values)
}

fn labels(values: &[f64]) -> Array {
    Array::from_f64_slice(DType::I32, [values.len()], values)
}

fn three_classes() -> Array {
    labels(&[0., 1., 2., 2., 1., 0.])
}

fn one_hot() -> Array {
    floats(&[6, 3], &[1., 0., 0., 0., 1., 0., 0., 0., 1., 0., 0., 1., 0., 1., 0., 1., 0., 0.])
}

fn bits() -> Array {
    floats(&[6, 1], &[0., 1., 1., 0., 1., 0.])
}

/// The advice on a model of one dense layer.
fn advice(units: usize, activation: &str, loss: impl Into<LossChoice>, y: &Array) -> String {
    advice_on(Dense::new(units).activation(activation.parse::<Act>().unwrap()), loss, y, 1.0)
}

type Act = ibex_nn::activations::Activation;

fn advice_on(last: Dense, loss: impl Into<LossChoice>, y: &Array, scale: f64) -> String {
    let model = Sequential::new().add(Input::new([2])).add(last.name("answer")).build();
    told(model.unwrap(), loss, y, scale)
}

fn told(mut model: Model, loss: impl Into<LossChoice>, y: &Array, scale: f64) -> String {
    model.compile(Compile::new(SGD::new(0.1), loss.into())).unwrap();
    let x: Vec<f64> = (0..12).map(|i| f64::from(i) / 11.0 * scale).collect();
    let told = model.advice(floats(&[6, 2], &x), y).unwrap();
    told.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn check(told: String, expected: Expect) {
    expected.assert_eq(&told);
}

#[test]
fn targets_say_what_problem_they_pose() {
    let of = |targets: &Array| Problem::of(targets);
    assert_eq!(of(&bits()), Problem::Binary);
    assert_eq!(of(&labels(&[1., 0., 1.])), Problem::Binary);
    assert_eq!(of(&three_classes()), Problem::Classes { classes: 3 });
    assert_eq!(of(&one_hot()), Problem::OneHot { classes: 3 });
    assert_eq!(of(&floats(&[2, 3], &[1., 1., 0., 0., 0., 0.])), Problem::MultiLabel { labels: 3 });
    assert_eq!(of(&floats(&[2, 2], &[0.25, 0.75, 0.5, 0.5])), Problem::OneHot { classes: 2 });
    assert_eq!(of(&floats(&[3, 1], &[0.5, 2., 7.])), Problem::Regression { outputs: 1 });
    assert_eq!(of(&floats(&[2, 2], &[0.5, 2., 7., 1.])), Problem::Regression { outputs: 2 });
    // Quantities in whole numbers are far apart.
    assert_eq!(
        of(&labels(&[130, 250, 90, 410].map(f64::from))),
        Problem::Regression { outputs: 1 }
    );
    let steps = Array::from_f64_slice(DType::I32, [3, 2], &[0., 1., 2., 2., 1., 3.]);
    assert_eq!(of(&steps), Problem::Classes { classes: 4 });
}

#[test]
fn what_fits_gives_no_advice() {
    for targets in [bits(), three_classes(), one_hot(), floats(&[6], &[0.5, 2., 7., 1., 3., 4.5])] {
        let problem = Problem::of(&targets);
        let last = Dense::new(problem.units()).activation(problem.activation());
        assert_eq!(advice_on(last, problem.loss(), &targets, 1.0), "", "{problem}");
    }
    let logits = SparseCategoricalCrossentropy::new().from_logits(true);
    assert_eq!(advice(3, "linear", logits, &three_classes()), "");
    assert_eq!(advice(1, "linear", BinaryCrossentropy::new().from_logits(true), &bits()), "");
    assert_eq!(advice(1, "sigmoid", MeanSquaredError::new(), &bits()), "");
    assert_eq!(advice(3, "softmax", "crossentropy", &one_hot()), "");
    let model = Sequential::new().add(Input::new([2])).add(Rescaling::new(1.0 / 255.0));
    let model = model.add(Dense::new(1)).build().unwrap();
    let numbers = floats(&[6], &[0.5, 2., 7., 1., 3., 4.5]);
    assert_eq!(told(model, "mse", &numbers, 255.0), "");
    let model = Sequential::new().add(Input::new([2])).add(Dense::new(3));
    let model = model.add(Activation::new(Act::Softmax)).build().unwrap();
    assert_eq!(told(model, "sparse_categorical_crossentropy", &three_classes(), 1.0), "");
}

#[test]
fn softmax_with_one_unit() {
    check(
        advice(1, "softmax", BinaryCrossentropy::new(), &bits()),
        expect![[r#"
        the output `answer` is always 1: it has one unit and softmax makes it sum to 1
          expected  sigmoid for one unit, or one unit for each class
          received  1 unit, softmax
          help: the targets look like two classes: a last layer of 1 unit with `sigmoid`, and the loss `BinaryCrossentropy`"#]],
    );
}

#[test]
fn sigmoid_or_nothing_with_a_loss_for_classes() {
    check(
        advice(3, "sigmoid", CategoricalCrossentropy::new(), &one_hot()),
        expect![[r#"
        the output `answer` gives no probabilities for `CategoricalCrossentropy`
          expected  `softmax`, or `from_logits` and a linear last layer
          received  `sigmoid`
          help: the targets look like 3 classes as one-hot vectors: a last layer of 3 units with `softmax`, and the loss `CategoricalCrossentropy`"#]],
    );
    check(
        advice(3, "linear", SparseCategoricalCrossentropy::new(), &three_classes()),
        expect![[r#"
            the output `answer` gives no probabilities for `SparseCategoricalCrossentropy`
              expected  `softmax`, or `from_logits` and a linear last layer
              received  `linear`
              help: the targets look like 3 classes as indices: a last layer of 3 units with `softmax`, and the loss `SparseCategoricalCrossentropy`"#]],
    );
    check(
        advice(1, "relu", BinaryCrossentropy::new(), &bits()),
        expect![[r#"
        the output `answer` gives no probabilities for `BinaryCrossentropy`
          expected  `sigmoid`, or `from_logits` and a linear last layer
          received  `relu`
          help: the targets look like two classes: a last layer of 1 unit with `sigmoid`, and the loss `BinaryCrossentropy`"#]],
    );
}

#[test]
fn probabilities_taken_for_logits() {
    let loss = CategoricalCrossentropy::new().from_logits(true);
    check(
        advice(3, "softmax", loss, &one_hot()),
        expect![[r#"
        the output `answer` goes through `softmax` twice
          expected  a linear last layer for `from_logits`
          received  `softmax`, `CategoricalCrossentropy` from logits
          help: leave out one of the two"#]],
    );
}

#[test]
fn squared_errors_of_class_indices() {
    check(
        advice(1, "linear", MeanSquaredError::new(), &three_classes()),
        expect![[r#"
        the output `answer` is compared with class indices as if they were quantities
          expected  a cross-entropy for classes
          received  the loss `MeanSquaredError`, targets from 0 to 2
          help: the targets look like 3 classes as indices: a last layer of 3 units with `softmax`, and the loss `SparseCategoricalCrossentropy`"#]],
    );
    check(
        advice(3, "softmax", "mae", &three_classes()),
        expect![[r#"
        the output `answer` is compared with class indices as if they were quantities
          expected  a cross-entropy for classes
          received  the loss `MeanAbsoluteError`, targets from 0 to 2
          help: the targets look like 3 classes as indices: a last layer of 3 units with `softmax`, and the loss `SparseCategoricalCrossentropy`"#]],
    );
}

#[test]
fn targets_that_the_activation_cannot_reach() {
    let targets = floats(&[6], &[0.5, 2., 7., 1., 3., 4.5]);
    check(
        advice(1, "sigmoid", MeanSquaredError::new(), &targets),
        expect![[r#"
        the output `answer` cannot reach its targets through `sigmoid`
          expected  targets from 0 to 1
          received  2
          help: the targets look like 1 quantity: a last layer of 1 unit with `linear`, and the loss `MeanSquaredError`"#]],
    );
}

#[test]
fn inputs_that_are_not_normalised() {
    check(
        advice_on(Dense::new(1), "mse", &floats(&[6], &[0.5, 2., 7., 1., 3., 4.5]), 255.0),
        expect![[r#"
            the input `input_layer` is not normalised
              expected  numbers of about 1, such as pixels divided by 255
              received  numbers up to 255
              help: divide, subtract mean and divide by deviation, or begin with a `Rescaling` or `Normalization` layer"#]],
    );
}

#[test]
fn one_hot_targets_for_a_sparse_loss_are_refused() {
    let model = Sequential::new().add(Input::new([2])).add(Dense::new(3).activation(Act::Softmax));
    let mut model = model.build().unwrap();
    model.compile(Compile::new(SGD::new(0.1), SparseCategoricalCrossentropy::new())).unwrap();
    let error = model.advice(floats(&[6, 2], &[0.5; 12]), one_hot()).unwrap_err();
    check(
        error.to_string(),
        expect![[r#"
        the targets of the loss `sparse_categorical_crossentropy` are no integers
          expected  class indices of an integer type, such as int32
          received  targets of type float32
          help: convert them, as with `y.astype("int32")`; for probabilities use `CategoricalCrossentropy`, for numbers a regression loss"#]],
    );
}
