//! Callbacks do what those of Keras do: the expectations are what Keras 3.15.1 gives for the same
//! model, data and sequence of monitored numbers.

use std::cell::RefCell;
use std::rc::Rc;

use ibex::prelude::*;

/// What the monitored number is after each epoch.
const SCORES: [f64; 12] = [5.0, 4.0, 4.5, 3.0, 3.5, 2.99995, 3.2, 3.1, 3.3, 1.0, 2.0, 2.5];

/// What a training left behind.
struct Ran {
    epochs: Vec<usize>,
    /// The weight at the end.
    weight: f64,
    /// The weight after each epoch.
    weights: Vec<f64>,
    /// The learning rate after each epoch.
    rates: Vec<f64>,
    history: History,
}

/// Trains `y = w · x` towards ever larger `w`: each epoch adds the learning rate to `w`.
fn run(fit: Fit, epochs: usize) -> Ran {
    run_on(1.0, fit, epochs)
}

fn scored() -> Fit {
    Fit::new().callback(LambdaCallback::new().on_epoch_end(|event| {
        event.logs.set("score", SCORES[event.epoch]);
        Ok(())
    }))
}

fn run_on(x: f64, fit: Fit, epochs: usize) -> Ran {
    let mut model = Sequential::new()
        .add(Input::new([1]))
        .add(Dense::new(1).use_bias(false).kernel_initializer(Zeros))
        .build()
        .unwrap();
    let loss = custom_loss("larger", |_, p| -p.mean(&[1], false));
    model.compile(Compile::new(SGD::new(1.0), loss)).unwrap();
    let seen = Rc::new(RefCell::new((Vec::new(), Vec::new())));
    let record = {
        let seen = seen.clone();
        LambdaCallback::new().on_epoch_end(move |event| {
            let mut seen = seen.borrow_mut();
            seen.0.push(event.model.get_weights()[0].to_f64_vec()[0]);
            seen.1.push(event.model.optimizer()?.learning_rate());
            Ok(())
        })
    };
    let fit = fit.epochs(epochs).batch_size(4).shuffle(false).verbose(0).callback(record);
    let history =
        model.fit(&Array2::from_elem((4, 1), x), &Array2::<f64>::zeros((4, 1)), fit).unwrap();
    let weight = model.get_weights()[0].to_f64_vec()[0];
    let (weights, rates) = seen.take();
    Ran { epochs: history.epochs.clone(), weight, weights, rates, history }
}

#[test]
fn early_stopping_ends_after_the_patience_and_restores_the_best() {
    let ran =
        run(scored().callback(EarlyStopping::new("score").patience(3).restore_best_weights()), 12);
    assert_eq!(ran.epochs, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(ran.weight, 6.0);
    assert_eq!(ran.weights, [1., 2., 3., 4., 5., 6., 7., 8., 9.]);
}

#[test]
fn early_stopping_heeds_the_least_change_and_the_first_epoch() {
    let stopping = EarlyStopping::new("score").patience(1).min_delta(0.1).start_from_epoch(3);
    let ran = run(scored().callback(stopping.restore_best_weights()), 12);
    assert_eq!((ran.epochs.len(), ran.weight), (5, 4.0));
}

#[test]
fn early_stopping_needs_the_baseline() {
    let stopping = EarlyStopping::new("score").patience(2).baseline(3.0).restore_best_weights();
    let ran = run(scored().callback(stopping), 12);
    assert_eq!((ran.epochs.len(), ran.weight), (3, 2.0));
}

#[test]
fn early_stopping_restores_the_best_when_it_never_stopped() {
    let ran =
        run(scored().callback(EarlyStopping::new("score").patience(20).restore_best_weights()), 12);
    assert_eq!((ran.epochs.len(), ran.weight), (12, 10.0));
}

#[test]
fn early_stopping_without_patience_keeps_the_last_weights() {
    let ran = run(scored().callback(EarlyStopping::new("score")), 12);
    assert_eq!((ran.epochs.len(), ran.weight), (3, 3.0));
}

#[test]
fn the_learning_rate_falls_on_a_plateau() {
    let ran = run(scored().callback(ReduceLROnPlateau::new("score").factor(0.5).patience(1)), 12);
    let (a, b) = (1.0, 0.5);
    let after =
        [a, a, b, b, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.015625, 0.0078125, 0.00390625];
    assert_eq!(ran.rates, after);
    // The logs have the rate that the epoch was trained with.
    let logged = ran.history.get("learning_rate");
    assert_eq!(logged[0], 1.0);
    assert_eq!(logged[1..], after[..11]);
}

#[test]
fn the_learning_rate_rests_after_a_fall_and_has_a_floor() {
    let plateau = ReduceLROnPlateau::new("score").factor(0.5).patience(1).cooldown(2).min_lr(0.3);
    let ran = run(scored().callback(plateau), 12);
    // The floor as `float32` holds it.
    let floor = f64::from(0.3f32);
    let mut expected = vec![1.0, 1.0, 0.5, 0.5];
    expected.resize(12, floor);
    assert_eq!(ran.rates, expected);
}

#[test]
fn a_schedule_sets_the_rate_of_each_epoch() {
    let halve = LearningRateScheduler::new(|epoch, rate| if epoch > 1 { rate * 0.5 } else { rate });
    let ran = run(scored().callback(halve), 4);
    assert_eq!(ran.rates, [1.0, 1.0, 0.5, 0.25]);
    assert_eq!(ran.history.get("learning_rate"), [1.0, 1.0, 0.5, 0.25]);
    assert_eq!(ran.weights, [1.0, 2.0, 2.5, 2.75]);
    assert_eq!(ran.history.names(), ["loss", "score", "learning_rate"]);
}

#[test]
fn a_checkpoint_is_written_when_the_number_got_better() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("{epoch:02d}-{score:.1f}.weights.h5");
    let checkpoint = ModelCheckpoint::new(path.display().to_string(), "score");
    run(scored().callback(checkpoint.save_best_only().save_weights_only()), 12);
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let written = ["01-5.0", "02-4.0", "04-3.0", "06-3.0", "10-1.0"];
    assert_eq!(names, written.map(|name| format!("{name}.weights.h5")));
}

#[test]
fn the_csv_log_has_a_line_for_each_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    run(scored().callback(CSVLogger::new(&path)), 3);
    let text = std::fs::read_to_string(&path).unwrap();
    // Keras ends lines with `\r\n` and writes whole numbers as `5.0`.
    let expected =
        ["epoch,loss,score,val_loss,val_score", "0,0,5,NA,NA", "1,-1,4,NA,NA", "2,-2,4.5,NA,NA"];
    // The first loss is 0 times -1.
    assert_eq!(text.replace(",-0,", ",0,").lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_loss_that_is_no_number_ends_the_training() {
    let ran = run_on(f64::NAN, Fit::new().callback(TerminateOnNaN::new()), 12);
    assert_eq!(ran.epochs, [0]);
    assert!(ran.history.get("loss")[0].is_nan());
}

#[test]
fn functions_are_called_for_their_events() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let note = |what: &'static str| {
        let seen = seen.clone();
        move |event: &mut ibex::train::Event<'_>| {
            seen.borrow_mut().push(format!("{what} {}.{}", event.epoch, event.batch));
            Ok(())
        }
    };
    let callback = LambdaCallback::new()
        .on_train_begin(note("train"))
        .on_epoch_begin(note("epoch"))
        .on_train_batch_begin(note("batch"))
        .on_train_batch_end(note("batch end"))
        .on_epoch_end(note("epoch end"))
        .on_train_end(note("train end"));
    run(Fit::new().callback(callback), 2);
    let events = seen.take();
    let expected = [
        "train 0.0",
        "epoch 0.0",
        "batch 0.0",
        "batch end 0.0",
        "epoch end 0.0",
        "epoch 1.0",
        "batch 1.0",
        "batch end 1.0",
        "epoch end 1.0",
        "train end 1.0",
    ];
    assert_eq!(events, expected);
}

#[test]
fn a_number_that_nobody_logs_is_an_error() {
    let mut model = Sequential::new().add(Input::new([1])).add(Dense::new(1)).build().unwrap();
    model.compile(Compile::new(SGD::new(1.0), MeanSquaredError::new())).unwrap();
    let (x, fit) = (array![[1.0]], Fit::new().verbose(0));
    let error = model.fit(&x, &x, fit.callback(EarlyStopping::new("val_loss"))).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`EarlyStopping`") && text.contains("no `val_loss`"), "{text}");
    assert!(text.contains("expected  one of loss") && text.contains("validation data"), "{text}");
}
