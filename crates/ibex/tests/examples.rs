//! Every example runs and keeps its promise, with fewer epochs where it would take long.

// The programs are modules here and crates of their own elsewhere.
#![allow(unreachable_pub)]
// `main` is for the example's own binary.
#![allow(dead_code)]

use ibex::prelude::*;

#[path = "../examples/and_gate.rs"]
mod and_gate;
#[path = "../examples/custom_layer.rs"]
mod custom_layer;
#[path = "../examples/digits.rs"]
mod digits;
#[path = "../examples/gan.rs"]
mod gan;
#[path = "../examples/gradient_check.rs"]
mod gradient_check;
#[path = "../examples/house_prices.rs"]
mod house_prices;
#[path = "../examples/logistic_regression.rs"]
mod logistic_regression;
#[path = "../examples/mnist.rs"]
mod mnist;
#[path = "../examples/multi_output.rs"]
mod multi_output;
#[path = "../examples/tensorboard.rs"]
mod tensorboard;

/// Whether a folder of the larger data sets is there; says so if not.
fn has_data(name: &str) -> bool {
    let folder = std::env::var_os("IBEX_DATA_HOME").map(std::path::PathBuf::from);
    let found = folder.is_some_and(|folder| folder.join(name).is_dir());
    if !found {
        eprintln!("skipped: $IBEX_DATA_HOME has no folder `{name}`");
    }
    found
}

#[test]
fn and_gate_learns_the_truth_table() {
    let folder = tempfile::tempdir().unwrap();
    let curve = folder.path().join("loss.png");
    let (history, answers) = and_gate::and_gate(1000, &curve).unwrap();
    assert!(history.last("loss").unwrap() < 0.04, "{:?}", history.last("loss"));
    let right: Vec<bool> = answers.to_f64_vec().iter().map(|&p| p > 0.5).collect();
    assert_eq!(right, [true, false, false, false]);
    assert!(std::fs::read(&curve).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn logistic_regression_tells_two_classes_apart() {
    let (x, y) = logistic_regression::banknotes().unwrap_or_else(logistic_regression::clouds);
    let accuracy = logistic_regression::logistic_regression(&x, &y, 20).unwrap();
    assert!(accuracy > 0.95, "{accuracy}");
}

#[test]
fn digits_are_read_and_the_saved_model_reads_them_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.keras");
    let accuracy = digits::digits(4, &path).unwrap();
    assert!(accuracy > 0.95, "{accuracy}");
    let test = datasets::digits::load().unwrap().test;
    let mut loaded = Model::load(&path).unwrap();
    let again = loaded.evaluate(&test.x, &test.y).unwrap().get("accuracy").unwrap();
    assert!((again - accuracy).abs() < 1e-6, "{again} {accuracy}");
}

#[test]
fn mnist_is_learned_from_few_images() {
    if !has_data("mnist") {
        return;
    }
    let accuracy = mnist::mnist(2048, 2).unwrap();
    assert!(accuracy > 0.85, "{accuracy}");
}

#[test]
fn house_prices_are_guessed_better_than_by_their_mean() {
    if !has_data("tabular") {
        return;
    }
    let errors = house_prices::house_prices(4, 20).unwrap();
    assert_eq!(errors.len(), 4);
    // The mean of all prices is off by 6.6 on average.
    assert!(errors.iter().all(|&error| error < 5.0), "{errors:?}");
}

#[test]
fn multi_output_answers_three_questions() {
    let (train, test) = (multi_output::posts(1500, 1), multi_output::posts(300, 3));
    let logs = multi_output::multi_output(&train, &test, 12).unwrap();
    // By chance: 15 years, 0.1 and 0.5.
    assert!(logs.get("age_mae").unwrap() < 9.0, "{logs:?}");
    assert!(logs.get("income_accuracy").unwrap() > 0.5, "{logs:?}");
    assert!(logs.get("gender_accuracy").unwrap() > 0.9, "{logs:?}");
}

#[test]
fn the_generator_finds_the_circle() {
    let (radius, deviation, quadrants) =
        gan::judge(&gan::gan(&gan::circle(4096, 1), 3000).unwrap());
    assert!((1.8..2.2).contains(&radius) && deviation < 0.3, "{radius} {deviation}");
    assert!(quadrants.iter().all(|&share| share > 0.1), "{quadrants:?}");
}

#[test]
fn the_gradient_check_tells_right_from_wrong() {
    assert!(gradient_check::model_error().unwrap() < 1e-6);
    assert!(gradient_check::cube_error(3.0).unwrap() < 1e-6);
    // |3 - 2| / (3 + 2) for every element.
    assert!((gradient_check::cube_error(2.0).unwrap() - 0.2).abs() < 1e-6);
}

#[test]
fn a_layer_of_ones_own_is_trained() {
    let (weights, history) = custom_layer::custom_layer().unwrap();
    assert!((weights[0] - 3.0).abs() < 0.3 && (weights[1] - 1.0).abs() < 0.3, "{weights:?}");
    assert!(history.epochs.len() < 50, "the callback ends the training");
    assert!(history.last("close").unwrap() > 0.9);
}

/// Whether TensorBoard shows the records is for `tools/tensorboard/check.py` to say.
#[test]
fn every_kind_of_record_is_written_for_tensorboard() {
    let kept = std::env::var_os("IBEX_KEEP_TENSORBOARD").map(std::path::PathBuf::from);
    let temporary = tempfile::tempdir().unwrap();
    let folder = kept.as_deref().unwrap_or(temporary.path());
    let history = tensorboard::record(folder, 5).unwrap();
    assert!(history.last("val_accuracy").unwrap() > 0.8, "{:?}", history.get("val_accuracy"));
    let train = folder.join("train");
    let read = |name: &str| std::fs::read_to_string(train.join(name)).unwrap();
    assert_eq!(read("words.tsv").lines().count(), 8);
    assert!(read("words.tsv").lines().all(|line| line.split('\t').count() == 4));
    assert!(read("words.labels.tsv").starts_with("bad\ndull\n"));
    let config = read("projector_config.pbtxt");
    assert!(config.contains("tensor_path: \"words.tsv\""), "{config}");
    let profile = std::fs::read(train.join("plugins/profile/batch_5/ibex.xplane.pb")).unwrap();
    let profile = String::from_utf8_lossy(&profile);
    for name in ["train", "compute", "step_num"] {
        assert!(profile.contains(name), "{profile}");
    }
    let events = std::fs::read_dir(&train).unwrap().flatten().map(|entry| entry.path());
    let mut events = events.filter(|path| path.to_string_lossy().contains("tfevents"));
    let records = std::fs::read(events.next().unwrap()).unwrap();
    let records = String::from_utf8_lossy(&records);
    for tag in ["batch_loss", "batch_steps_per_second", "epoch_steps_per_second", "/image"] {
        assert!(records.contains(tag), "{tag}");
    }
}
