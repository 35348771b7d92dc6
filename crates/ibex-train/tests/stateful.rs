//! Stateful layers in models that carry their states: what a batch leaves is what the next one
//! begins with, in every loop.

use ibex_graph::Array;
use ibex_nn::PartialShape;
use ibex_nn::layers::{Dense, Input, LSTM};
use ibex_nn::losses::MeanSquaredError;
use ibex_nn::models::Sequential;
use ibex_nn::optimizers::SGD;
use ibex_train::{BuildModel, Compile, Fit, Model};

/// A model of sequences of that many steps, in batches of 2.
fn model(time: usize, stateful: bool) -> Model {
    ibex_train::set_random_seed(7);
    let shape = PartialShape(vec![Some(2), Some(time), Some(3)]);
    let chain = Sequential::new()
        .add(Input::with_batch_shape(shape))
        .add(LSTM::new(4).stateful(stateful))
        .add(Dense::new(1));
    let mut model = chain.build().unwrap();
    model.compile(Compile::new(SGD::new(0.1), MeanSquaredError::new())).unwrap();
    model.set_carries_states(true);
    model
}

/// Two sequences of six steps, those from `steps` on.
fn sequences(steps: std::ops::Range<usize>) -> Array {
    let value = |row: usize, step: usize, i: usize| ((row * 31 + step * 7 + i) as f32).sin();
    let numbers: Vec<f32> = (0..2)
        .flat_map(|row| steps.clone().map(move |step| (row, step)))
        .flat_map(|(row, step)| (0..3).map(move |i| value(row, step, i)))
        .collect();
    Array::from_slice([2, steps.len(), 3], &numbers).unwrap()
}

/// Whether two results are the same but for the order of additions.
fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < 1e-6, "{found:?} is not {expected:?}");
    }
}

#[test]
fn a_sequence_in_two_batches_is_one_sequence() {
    let whole = model(6, false).predict(sequences(0..6)).unwrap();
    let mut parts = model(3, true);
    let first = parts.predict(sequences(0..3)).unwrap();
    let second = parts.predict(sequences(3..6)).unwrap();
    assert_close(&second.to_f64_vec(), &whole.to_f64_vec());
    parts.reset_states();
    assert_eq!(parts.predict(sequences(0..3)).unwrap().to_f64_vec(), first.to_f64_vec());
    // Both batches in one call.
    parts.reset_states();
    let rows = [sequences(0..3), sequences(3..6)].map(|batch| batch.to_f64_vec()).concat();
    let rows: Vec<f32> = rows.into_iter().map(|value| value as f32).collect();
    let both = Array::from_slice([4, 3, 3], &rows).unwrap();
    let found = parts.predict_all(&both, 2).unwrap()[0].to_f64_vec();
    assert_eq!(found, [first.to_f64_vec(), second.to_f64_vec()].concat());
}

#[test]
fn training_and_evaluation_go_on_from_the_states() {
    let targets = Array::from_slice([2, 1], &[0.5f32, -0.5]).unwrap();
    let fit = || Fit::new().epochs(1).batch_size(2).shuffle(false).verbose(0);
    let mut trained = model(3, true);
    trained.fit(sequences(0..3), &targets, fit()).unwrap();
    let states = |model: &Model| -> Vec<f64> {
        model.states().iter().flat_map(|state| state.get().to_f64_vec()).collect()
    };
    let after = states(&trained);
    assert_eq!(after.len(), 16);
    assert!(after.iter().all(|&value| value != 0.0), "{after:?}");
    trained.evaluate(sequences(3..6), &targets).unwrap();
    assert_ne!(states(&trained), after);
    assert_eq!(trained.weights().len(), 5, "states are no weights");
}

#[test]
fn a_smaller_batch_is_refused() {
    let error = model(3, true).predict(sequences(0..3).rows(0, 1)).unwrap_err().to_string();
    assert!(
        error.contains("the states of the layer are those of another number of sequences"),
        "{error}"
    );
    assert!(error.contains("received  a batch of 1"), "{error}");
}

#[test]
fn each_batch_begins_anew_unless_asked() {
    let mut model = model(3, true);
    model.set_carries_states(false);
    let first = model.predict(sequences(0..3)).unwrap();
    assert_eq!(model.predict(sequences(0..3)).unwrap().to_f64_vec(), first.to_f64_vec());
}
