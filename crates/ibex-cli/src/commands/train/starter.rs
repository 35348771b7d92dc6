//! What `ibex train` does without arguments: a small convnet on the bundled digits.

use std::path::Path;

use ibex::graph::ops::window::Padding;
use ibex::graph::{Array, DType};
use ibex::nn::activations::{Relu, Softmax};
use ibex::prelude::{
    Adam, BuildModel, Compile, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D, Model,
    Rescaling, Sequential, SparseCategoricalCrossentropy,
};
use ibex::train::datasets::{Split, digits};
use ibex::train::{Error, History, Samples};

use crate::output::print;

/// How long the built-in model trains.
pub(super) const EPOCHS: usize = 40;
/// Where it goes.
pub(super) const OUT: &str = "digits.keras";

/// The digits, cut for training and validation.
pub(super) struct Digits {
    pub(super) train: Samples,
    pub(super) test: Samples,
}

/// The bundled digits as images of one channel.
pub(super) fn data() -> Result<Digits, Error> {
    let digits = digits::load()?;
    let samples = |split: Split| {
        let mut dims = split.x.shape().to_vec();
        dims.push(1);
        let x = split.x.reshape(dims).unwrap_or_else(|_| Array::zeros(DType::U8, [0]));
        Samples { x: vec![x], y: vec![split.y], weights: Vec::new() }
    };
    Ok(Digits { train: samples(digits.train), test: samples(digits.test) })
}

/// Two convolutions and two dense layers: about 40,000 weights.
pub(super) fn model() -> Result<Model, Error> {
    let mut model = Sequential::new()
        .name("digits")
        .add(Input::new([8, 8, 1]))
        .add(Rescaling::new(1.0 / 16.0))
        .add(Conv2D::new(32, [3, 3]).padding(Padding::Same).activation(Relu))
        .add(MaxPooling2D::new([2, 2]))
        .add(Conv2D::new(64, [3, 3]).activation(Relu))
        .add(Flatten::new())
        .add(Dense::new(64).activation(Relu))
        .add(Dropout::new(0.3))
        .add(Dense::new(10).activation(Softmax))
        .build()?;
    let loss = SparseCategoricalCrossentropy::new();
    model.compile(Compile::new(Adam::new(0.001), loss).metric("accuracy"))?;
    Ok(model)
}

/// Says what was done and what to try next.
pub(super) fn tell(history: &History, out: &Path) {
    let accuracy = history.last("val_accuracy").unwrap_or(f64::NAN);
    let seconds: f64 = history.seconds.iter().sum();
    let out = out.display();
    print(&format!("validation accuracy {accuracy:.4} after {seconds:.1} s of training"));
    print(&format!("saved {out} (opens in Keras too: keras.models.load_model)"));
    print(&format!(
        "try next:\n  ibex summary {out}\n  ibex explain-plan {out}\n  ibex train {out} --data \
         FILE.npz --epochs 5"
    ));
}
