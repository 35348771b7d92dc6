//! Datasets: the same items for any number of workers, and the same training as from arrays.

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::golden;
use ibex_graph::{Array, DType};
use ibex_nn::ConfigError;
use ibex_nn::layers::{Dense, Input};
use ibex_nn::losses::MeanSquaredError;
use ibex_nn::models::Sequential;
use ibex_nn::optimizers::Adam;
use ibex_train::data::{Dataset, Items, Pass, Streamed};
use ibex_train::{BuildModel, Compile, Error, Fit, History, Model, Result, Samples};

fn model() -> Model {
    let layers = Sequential::new().add(Input::new([3])).add(Dense::new(4)).add(Dense::new(1));
    let mut model = layers.build().unwrap();
    model.compile(Compile::new(Adam::new(0.01), MeanSquaredError::new()).metric("mae")).unwrap();
    model
}

/// One sample, made from its number.
fn sample(number: usize) -> Samples {
    let value = |i: usize| ((number * 7 + i * 3) % 11) as f32 / 11.0;
    let x = Array::from_slice([1, 3], &[value(0), value(1), value(2)]).unwrap();
    let y = Array::from_slice([1, 1], &[value(0) - value(2)]).unwrap();
    Samples { x: vec![x], y: vec![y], weights: Vec::new() }
}

fn arrays(count: usize) -> Samples {
    let all = Items::new((0..count).collect()).map(|i| Ok(sample(i))).batch(count);
    all.pass(Pass::default()).next().unwrap().unwrap()
}

fn collected<D: Dataset>(data: &D, epoch: u64) -> Vec<D::Item> {
    data.pass(Pass { seed: 5, epoch }).collect::<Result<Vec<_>>>().unwrap()
}

fn weights_after(train: impl FnOnce(&mut Model) -> Result<History>) -> (Vec<Array>, History) {
    let mut model = model();
    let mut history = train(&mut model).unwrap();
    (history.seconds, history.step_seconds_median) = (Vec::new(), Vec::new());
    (model.get_weights(), history)
}

#[test]
fn training_on_a_dataset_has_the_bits_of_training_on_its_arrays() {
    let fit = || Fit::new().epochs(3).batch_size(8).verbose(0);
    let expected = weights_after(|model| model.fit_samples(arrays(30), fit()));
    let batches = arrays(30).batches(8, true).unwrap();
    let found = weights_after(|model| model.fit_dataset(&batches, fit()));
    assert_eq!(found.0, expected.0);
    assert_eq!(format!("{:?}", found.1), format!("{:?}", expected.1));
    for workers in [0, 1, 2, 3] {
        let data = Items::new((0..30).collect()).shuffle().map(|i| Ok(sample(i))).workers(workers);
        let data = data.batch(8).prefetch(2);
        assert_eq!(data.count(), Some(4));
        let found = weights_after(|model| model.fit_dataset(&data, fit()));
        assert_eq!(found.0, expected.0, "{workers} workers");
    }
}

#[test]
fn validation_evaluation_and_prediction_take_datasets() {
    let (train, held) = (arrays(30), arrays(13));
    let fit = || Fit::new().epochs(2).batch_size(10).verbose(0);
    let (_, expected) = weights_after(|model| {
        model.fit_samples(train.clone(), fit().validation_samples(held.clone()))
    });
    let data = held.clone().batches(10, false).unwrap();
    let (_, found) = weights_after(|model| {
        model.fit_samples(train.clone(), fit().validation_dataset(data.clone()))
    });
    assert_eq!(found.get("val_loss"), expected.get("val_loss"));
    assert_eq!(found.get("val_mae").len(), 2);
    let mut model = model();
    let expected = model.evaluate_samples(held.clone(), 10).unwrap();
    let found = model.evaluate_dataset(&data).unwrap();
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    let expected = model.predict_all(held.x.clone(), 10).unwrap();
    assert_eq!(model.predict_dataset(&data).unwrap(), expected);
}

#[test]
fn weights_of_classes_are_those_of_arrays() {
    let mut train = arrays(20);
    train.y = vec![Array::from_f64_slice(DType::F32, [20, 1], &[0.0, 1.0].repeat(10))];
    let fit = || Fit::new().epochs(2).batch_size(4).verbose(0).class_weight([(1, 3.0)]);
    let expected = weights_after(|model| model.fit_samples(train.clone(), fit()));
    let data = train.clone().batches(4, true).unwrap();
    let found = weights_after(|model| model.fit_dataset(&data, fit()));
    assert_eq!(found.0, expected.0);
}

#[test]
fn steps_of_an_endless_dataset_go_on_over_epochs() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    let endless = Streamed::new(move |_| {
        let seen = counter.clone();
        (0..).map(move |i| {
            seen.fetch_max(i, Ordering::Relaxed);
            Ok(sample(i))
        })
    });
    let data = endless.batch(4);
    assert_eq!(data.count(), None);
    let fit = |epochs| Fit::new().epochs(epochs).steps_per_epoch(5).verbose(0);
    let (whole, history) = weights_after(|model| model.fit_dataset(&data, fit(4)));
    assert_eq!(history.get("loss").len(), 4);
    // Four epochs of five batches of four, and what was made ahead.
    assert!((79..100).contains(&seen.load(Ordering::Relaxed)), "{seen:?}");
    let (parts, _) = weights_after(|model| {
        model.fit_dataset(&data, fit(2))?;
        model.fit_dataset(&data, fit(4).initial_epoch(2))
    });
    assert_eq!(parts, whole);
    let finite = Items::new((0..12).collect()).map(|i| Ok(sample(i))).batch(4);
    let (_, history) = weights_after(|model| model.fit_dataset(&finite, fit(2)));
    assert_eq!(history.get("loss").len(), 2);
}

#[test]
fn shuffling_changes_with_the_epoch_and_keeps_every_item() {
    let numbers = Items::new((0..100).collect::<Vec<usize>>());
    for data in [numbers.clone().shuffle(), numbers.clone().shuffle_within(16)] {
        let (first, second) = (collected(&data, 0), collected(&data, 1));
        assert_ne!(first, second);
        assert_eq!(first, collected(&data, 0));
        assert_ne!(first, collected(&numbers, 0));
        assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 100);
    }
    let window = collected(&numbers.clone().shuffle_within(16), 0);
    assert!(window.iter().enumerate().all(|(i, &n)| n < i + 16), "{window:?}");
    let fixed = collected(&numbers.clone().shuffle().seed(1), 0);
    assert_ne!(fixed, collected(&numbers.clone().shuffle().seed(2), 0));
}

#[test]
fn parts_of_passes() {
    let numbers = Items::new((0..5).collect::<Vec<usize>>());
    assert_eq!(collected(&numbers.clone().skip(1).take(3), 0), [1, 2, 3]);
    assert_eq!(numbers.clone().skip(9).count(), Some(0));
    let twice = numbers.clone().shuffle().repeat(Some(2));
    let (whole, shuffled) = (collected(&twice, 0), numbers.clone().shuffle());
    assert_eq!(twice.count(), Some(10));
    assert_eq!(whole, [collected(&shuffled, 0), collected(&shuffled, 1)].concat());
    let endless = numbers.clone().repeat(None);
    assert_eq!((endless.count(), collected(&endless.take(12), 0).len()), (None, 12));
    assert!(collected(&Items::<usize>::new(Vec::new()).repeat(None), 0).is_empty());
}

#[test]
fn random_numbers_follow_from_the_place_alone() {
    let draws = |workers: usize, epoch: u64| {
        let numbers = Items::new((0..40).collect::<Vec<usize>>()).shuffle();
        let data = numbers.map_at(|_, place| Ok(place.draw(3).word(0))).workers(workers);
        collected(&data, epoch)
    };
    let first = draws(0, 0);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 40);
    for workers in [1, 2, 3] {
        assert_eq!(draws(workers, 0), first);
    }
    assert_ne!(draws(0, 1), first);
}

#[test]
fn what_is_kept_is_made_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let data = Items::new((0..10).collect::<Vec<usize>>()).map(move |i| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(i * i)
    });
    let data = data.workers(2).cache();
    // A pass that is given up is not kept.
    assert!(data.pass(Pass::default()).nth(2).is_some());
    let made = calls.load(Ordering::Relaxed);
    let first = collected(&data, 0);
    assert_eq!((collected(&data, 1), collected(&data, 2)), (first.clone(), first));
    assert_eq!(calls.load(Ordering::Relaxed), made + 10);
}

#[test]
fn broken_items_are_left_out_and_reported_once() {
    let data = Items::new((0..20).collect()).map(|i: usize| match i % 7 {
        6 => Err(Error::Data(ConfigError::new(format!("sample {i} is broken")))),
        _ => Ok(sample(i)),
    });
    let data = data.workers(2).skip_broken();
    let batches = data.clone().batch(6);
    let (first, _) =
        weights_after(|model| model.fit_dataset(&batches, Fit::new().epochs(2).verbose(0)));
    assert_eq!(data.broken(), ["sample 6 is broken", "sample 13 is broken"]);
    let whole = Items::new((0..20).filter(|i| i % 7 != 6).collect()).map(|i| Ok(sample(i)));
    let (second, _) =
        weights_after(|model| model.fit_dataset(&whole.batch(6), Fit::new().epochs(2).verbose(0)));
    assert_eq!(first, second);
    let strict = Items::new(vec![1])
        .map(|_: usize| -> Result<Samples> { Err(Error::Data(ConfigError::new("no such file"))) });
    let error = model().fit_dataset(&strict.batch(1), Fit::new().verbose(0)).unwrap_err();
    assert_eq!(error.to_string(), "no such file");
}

#[test]
fn batches_of_samples_of_several_extents() {
    let row = |count: usize| {
        let values: Vec<f32> = (1..=count).map(|v| v as f32).collect();
        let x = vec![Array::from_slice([1, count], &values).unwrap()];
        Ok(Samples { x, ..Samples::default() })
    };
    let data = Items::new(vec![1, 3, 2]).map(row);
    let error = data.clone().batch(2).pass(Pass::default()).next().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "samples of a batch differ in `x0`\n  expected  float32 (1,)\n  received  float32 \
         (3,)\n  help: resize or pad the samples, or use batches of 1"
    );
    let padded = collected(&data.clone().batch(2).padded(), 0);
    assert_eq!(padded[0].x[0].to_f64_vec(), [1., 0., 0., 1., 2., 3.]);
    assert_eq!(padded[1].x[0].to_f64_vec(), [1., 2.]);
    assert_eq!(collected(&data.batch(2).padded().drop_remainder(), 0).len(), 1);
    // Batches of batches are cut anew.
    let again = collected(&arrays(10).batches(4, false).unwrap().batch(3), 0);
    assert_eq!(again.iter().map(Samples::count).collect::<Vec<_>>(), [3, 3, 3, 1]);
    let x: Vec<Array> = again.iter().map(|batch| batch.x[0].clone()).collect();
    let values: Vec<f64> = x.iter().flat_map(Array::to_f64_vec).collect();
    assert_eq!(values, arrays(10).x[0].to_f64_vec());
}

#[test]
fn wrong_datasets_have_their_texts() {
    let fit = || Fit::new().verbose(0);
    let empty = Items::<usize>::new(Vec::new()).map(|i| Ok(sample(i))).batch(2);
    let text = |result: Result<History>| result.unwrap_err().to_string();
    let found = text(model().fit_dataset(&empty, fit()));
    assert!(found.starts_with("the dataset gave no batch"), "{found}");
    let data = Items::new(vec![0, 1]).map(|i| Ok(sample(i))).batch(1);
    let found = text(model().fit_dataset(&data, fit().validation_split(0.5)));
    assert!(found.contains("`validation_dataset`"), "{found}");
    let changing = Items::new(vec![0usize, 1]).map(|i| {
        let mut sample = sample(i);
        if i == 1 {
            sample.y[0] = sample.y[0].cast(DType::I32);
        }
        Ok(sample)
    });
    let found = text(model().fit_dataset(&changing, fit()));
    assert!(found.contains("batch 2 of the dataset has other targets"), "{found}");
    let wide = Items::new(vec![0usize]).map(|i| {
        let mut sample = sample(i);
        sample.x[0] = Array::zeros(DType::F32, [1, 5]);
        Ok(sample)
    });
    let found = text(model().fit_dataset(&wide, fit()));
    assert!(found.contains("has the wrong shape"), "{found}");
}

#[test]
fn a_golden_model_trains_alike_from_arrays_and_from_a_dataset() {
    let x = Array::from_f64_slice(DType::F32, [24, 10, 10, 1], &[0.25; 2400]);
    let y = Array::from_f64_slice(DType::I32, [24], &[0.0, 1.0, 2.0, 3.0].repeat(6));
    let samples = Samples { x: vec![x], y: vec![y], weights: Vec::new() };
    let run = |train: &dyn Fn(&mut Model) -> Result<History>| {
        let mut model = Model::load(golden("models/convnet_digits.keras")).unwrap();
        train(&mut model).unwrap();
        model.get_weights()
    };
    let fit = || Fit::new().epochs(2).batch_size(5).verbose(0);
    let expected = run(&|model| model.fit_samples(samples.clone(), fit()));
    let data = samples.clone().batches(5, true).unwrap();
    assert_eq!(run(&|model| model.fit_dataset(&data, fit())), expected);
}
