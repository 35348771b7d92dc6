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
    let kept = folder.path().join("kept");
    let path = kept.join("{epoch:02d}-{score:.1f}.weights.h5");
    let checkpoint = ModelCheckpoint::new(path.display().to_string(), "score");
    run(scored().callback(checkpoint.save_best_only().save_weights_only()), 12);
    let entries = std::fs::read_dir(kept).unwrap();
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

/// Notes an event in the form of the golden ones: name, batch, loss, first output of the batch.
fn noting(
    name: &'static str,
    last: Option<u64>,
    seen: &Rc<RefCell<Vec<serde_json::Value>>>,
) -> impl FnMut(&mut ibex::train::Event<'_>) -> ibex::train::Result<()> + 'static {
    let seen = seen.clone();
    move |event| {
        let batch = name.contains("batch").then_some(event.batch);
        let output = event.outputs.first().map(|output| output.to_f64_vec()[0]);
        let (loss, ended) = (event.logs.get("loss"), name.ends_with("batch_end"));
        seen.borrow_mut().push(serde_json::json!([name, batch, loss, output]));
        *event.stop |= ended && last == Some(event.batch as u64);
        Ok(())
    }
}

/// What callbacks of `evaluate` and `predict` see is what those of Keras see.
#[test]
fn evaluations_and_predictions_call() {
    let golden = include_str!("../../../tests/goldens/callbacks_passes.json");
    let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
    let model = Sequential::new().add(Input::new([1])).add(Dense::new(1).use_bias(false));
    let mut model = model.build().unwrap();
    model.compile(Compile::new(SGD::new(0.1), MeanSquaredError::new())).unwrap();
    model.set_weights(&[Array::from_slice([1, 1], &[2f32]).unwrap()]).unwrap();
    let x = Array::from_slice([5, 1], &[0f32, 1.0, 2.0, 3.0, 4.0]).unwrap();
    let y = Array::from_slice([5, 1], &[1f32, 2.0, 3.0, 4.0, 5.0]).unwrap();
    let samples = Samples { x: vec![x.clone()], y: vec![y], weights: Vec::new() };
    for case in golden["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let events = case["events"].as_array().unwrap();
        // The last batch of a case that is stopped is the one before its end.
        let stopped = name.ends_with("stopped");
        let last = stopped.then(|| events[events.len() - 2][1].as_u64().unwrap());
        let seen = Rc::default();
        let note = |name| noting(name, last, &seen);
        let callback = LambdaCallback::new()
            .on_test_begin(note("on_test_begin"))
            .on_test_batch_begin(note("on_test_batch_begin"))
            .on_test_batch_end(note("on_test_batch_end"))
            .on_test_end(note("on_test_end"))
            .on_predict_begin(note("on_predict_begin"))
            .on_predict_batch_begin(note("on_predict_batch_begin"))
            .on_predict_batch_end(note("on_predict_batch_end"))
            .on_predict_end(note("on_predict_end"));
        let way = InBatches::of(2).callback(callback);
        let result = match name.starts_with("predict") {
            true => model.predict_with(&x, way).unwrap()[0].to_f64_vec(),
            false => vec![model.evaluate_with(samples.clone(), way).unwrap().get("loss").unwrap()],
        };
        assert_eq!(&seen.take(), events, "{name}");
        assert_eq!(serde_json::json!(result), case["result"], "{name}");
    }
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

/// The callbacks of a golden case, in Keras's arguments.
fn golden_callbacks(name: &str) -> Fit {
    let stopping = || EarlyStopping::new("score");
    let plateau = || ReduceLROnPlateau::new("score").factor(0.5).patience(1);
    let fit = scored();
    match name {
        "none" => fit,
        "early_stopping" => fit.callback(stopping().patience(3).restore_best_weights()),
        "early_stopping_max" => {
            let stopping = stopping().mode(Direction::Max, 0.0).patience(2);
            fit.callback(stopping.restore_best_weights())
        }
        "early_stopping_delta" => {
            fit.callback(stopping().patience(1).min_delta(0.1).start_from_epoch(3))
        }
        "early_stopping_max_delta" => {
            fit.callback(stopping().mode(Direction::Max, 0.0).min_delta(0.2).patience(4))
        }
        "early_stopping_baseline" => {
            fit.callback(stopping().patience(2).baseline(3.0).restore_best_weights())
        }
        "plateau" => fit.callback(plateau()),
        "plateau_cooldown" => fit.callback(plateau().cooldown(2).min_lr(0.125)),
        "plateau_max" => {
            let plateau = plateau().factor(0.25).patience(2);
            fit.callback(plateau.mode(Direction::Max, 0.5))
        }
        "scheduler" => {
            fit.callback(LearningRateScheduler::new(
                |epoch, rate| {
                    if epoch > 1 { rate * 0.5 } else { rate }
                },
            ))
        }
        "swap_ema" => fit.callback(SwapEMAWeights::new()),
        "swap_ema_on_epoch" => fit.callback(SwapEMAWeights::new().swap_on_epoch()),
        other => panic!("the golden case {other} has no callbacks here"),
    }
}

/// A callback that notes every event with what is done at each.
fn noted(seen: &Rc<RefCell<Vec<String>>>) -> LambdaCallback {
    let note = |name: &'static str| {
        let seen = seen.clone();
        move |_: &mut ibex::train::Event<'_>| {
            seen.borrow_mut().push(name.to_string());
            Ok(())
        }
    };
    LambdaCallback::new()
        .on_train_begin(note("on_train_begin"))
        .on_epoch_begin(note("on_epoch_begin"))
        .on_train_batch_begin(note("on_train_batch_begin"))
        .on_train_batch_end(note("on_train_batch_end"))
        .on_test_begin(note("on_test_begin"))
        .on_test_batch_begin(note("on_test_batch_begin"))
        .on_test_batch_end(note("on_test_batch_end"))
        .on_test_end(note("on_test_end"))
        .on_epoch_end(note("on_epoch_end"))
        .on_train_end(note("on_train_end"))
}

fn close(got: f64, want: f64) -> bool {
    (got - want).abs() <= 1e-6 * want.abs().max(1.0)
}

/// The bound is a rounding of `float32`: a dozen additions.
#[test]
fn every_callback_does_what_that_of_keras_does() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/goldens/callbacks.json");
    let text = std::fs::read_to_string(folder).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut failed = Vec::new();
    for case in golden["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let mut model = Sequential::new()
            .add(Input::new([1]))
            .add(Dense::new(1).use_bias(false).kernel_initializer(Zeros))
            .build()
            .unwrap();
        let loss = custom_loss("larger", |_, p| -p.mean(&[1], false));
        let optimizer = SGD::new(1.0).use_ema(name.contains("ema")).ema_momentum(0.75);
        model.compile(Compile::new(optimizer, loss)).unwrap();
        let (events, seen) = (Rc::default(), Rc::new(RefCell::new((Vec::new(), Vec::new()))));
        let record = {
            let seen = seen.clone();
            LambdaCallback::new().on_epoch_end(move |event| {
                let mut seen = seen.borrow_mut();
                seen.0.push(event.model.get_weights()[0].to_f64_vec()[0]);
                seen.1.push(event.model.optimizer()?.learning_rate());
                Ok(())
            })
        };
        let (x, y) = (Array2::from_elem((4, 1), 1.0), Array2::<f64>::zeros((4, 1)));
        let half = (x.slice(s![..2, ..]).to_owned(), y.slice(s![..2, ..]).to_owned());
        let fit = golden_callbacks(name).epochs(12).batch_size(2).shuffle(false).verbose(0);
        let fit = fit.validation_data(&half.0, &half.1).callback(record).callback(noted(&events));
        let history = model.fit(&x, &y, fit).unwrap();
        let (weights, rates) = seen.take();
        let mut check = |what: &str, got: &[f64], want: &serde_json::Value| {
            let want: Vec<f64> =
                want.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let same = got.len() == want.len() && got.iter().zip(&want).all(|(g, w)| close(*g, *w));
            if !same {
                failed.push(format!("{name} {what}: {got:?} in place of {want:?}"));
            }
        };
        for (key, want) in case["history"].as_object().unwrap() {
            check(key, &history.get(key), want);
        }
        check("weights", &weights, &case["weights"]);
        check("rates", &rates, &case["rates"]);
        let last = model.get_weights()[0].to_f64_vec();
        check("last", &last, &serde_json::json!([case["last"]]));
        let events = events.take();
        let first = events.iter().position(|name| name == "on_epoch_end").unwrap();
        let mut short = events[..=first].to_vec();
        short.extend_from_slice(&events[events.len() - 2..]);
        assert_eq!(serde_json::json!(short), case["events"], "{name}");
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The model of [`run`], with data for it.
fn climber() -> (Model, Array2<f64>) {
    let mut model = Sequential::new()
        .add(Input::new([1]))
        .add(Dense::new(1).use_bias(false).kernel_initializer(Zeros))
        .build()
        .unwrap();
    let loss = custom_loss("larger", |_, p| -p.mean(&[1], false));
    model.compile(Compile::new(SGD::new(1.0), loss)).unwrap();
    (model, Array2::from_elem((4, 1), 1.0))
}

#[test]
fn a_training_that_failed_goes_on_from_its_backup() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("backup");
    let backup = || BackupAndRestore::new(&place).save_freq(1);
    let (mut model, x) = climber();
    let failing = LambdaCallback::new().on_train_batch_begin(|event| {
        let reason = "the power is gone".to_string();
        match (event.epoch, event.batch) {
            (2, 3) => Err(Error::Callback { name: "test".to_string(), reason }),
            _ => Ok(()),
        }
    });
    let fit = || Fit::new().epochs(4).batch_size(1).verbose(0);
    let error = model.fit(&x, &x, fit().callback(backup()).callback(failing)).unwrap_err();
    assert!(error.to_string().contains("the power is gone"), "{error}");
    assert!(place.exists());
    let (mut model, x) = climber();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let note = seen.clone();
    let note = LambdaCallback::new().on_train_batch_begin(move |event| {
        note.borrow_mut().push((event.epoch, event.batch));
        Ok(())
    });
    let history = model.fit(&x, &x, fit().callback(backup()).callback(note)).unwrap();
    assert_eq!(seen.take(), [(2, 3), (3, 0), (3, 1), (3, 2), (3, 3)]);
    assert_eq!(history.epochs, [0, 1, 2, 3]);
    assert_eq!(model.get_weights()[0].to_f64_vec(), [16.0]);
    assert!(!place.exists(), "the backup of a training that is done goes");
}

#[test]
fn the_loop_is_shown_with_its_callbacks_in_their_order() {
    let fit = Fit::new()
        .callback(LambdaCallback::new())
        .callback(TerminateOnNaN::new())
        .callback(EarlyStopping::new("loss"));
    let text = fit.show_training_loop();
    let expected = "\
fit
  on_train_begin                LambdaCallback, ProgbarLogger
  for each epoch
    on_epoch_begin              LambdaCallback, ProgbarLogger
    for each batch
      on_train_batch_begin      LambdaCallback
      step                      forward, loss, gradients, optimizer and metrics, as one program
      on_train_batch_end        LambdaCallback, TerminateOnNaN, ProgbarLogger
    validation, if there is data for it
      on_test_begin             LambdaCallback
      for each batch
        on_test_batch_begin     LambdaCallback
        step                    forward, loss and metrics, as one program
        on_test_batch_end       LambdaCallback
      on_test_end               LambdaCallback
    on_epoch_end                LambdaCallback, EarlyStopping, ProgbarLogger
    checkpoint, if there is a folder for it
  on_train_end                  LambdaCallback, EarlyStopping
";
    assert_eq!(text, expected);
}

#[test]
fn averages_are_needed_to_be_swapped() {
    let (mut model, x) = climber();
    let fit = Fit::new().verbose(0).validation_data(&x, &x).callback(SwapEMAWeights::new());
    let error = model.fit(&x, &x, fit).unwrap_err().to_string();
    let expected = "callback `SwapEMAWeights` failed: the optimizer keeps no moving averages\n  \
                    help: make it with `use_ema(true)`";
    assert_eq!(error, expected);
}

/// Takes one request and answers it; gives what was sent.
fn listen(listener: std::net::TcpListener) -> std::thread::JoinHandle<String> {
    use std::io::{Read, Write};
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        let whole = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).to_lowercase();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            length.is_some_and(|length| body.len() >= length.parse().unwrap())
        };
        while !whole(&bytes) {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&buffer[..count]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8(bytes).unwrap()
    })
}

#[test]
fn the_logs_go_to_a_server_as_a_form_or_as_json() {
    for (json, body) in [
        (true, r#"{"epoch":0,"loss":-1.0}"#),
        (false, "logs=%7B%22epoch%22%3A0%2C%22loss%22%3A-1.0%7D"),
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let received = listen(listener);
        let mut monitor = RemoteMonitor::new(root).path("/logs").field("logs").header("x-run", "7");
        if json {
            monitor = monitor.send_as_json();
        }
        let (mut model, x) = climber();
        model.set_weights(&[Array::full(Float32, [1, 1], 1.0)]).unwrap();
        model.fit(&x, &x, Fit::new().verbose(0).callback(monitor)).unwrap();
        let request = received.join().unwrap();
        assert!(request.starts_with("POST /logs HTTP/1.1\r\n"), "{request}");
        assert!(request.to_lowercase().contains("x-run: 7\r\n"), "{request}");
        assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
    }
}

#[test]
fn a_server_that_is_not_there_does_not_end_the_training() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (mut model, x) = climber();
    let history =
        model.fit(&x, &x, Fit::new().epochs(2).verbose(0).callback(RemoteMonitor::new(root)));
    assert_eq!(history.unwrap().epochs, [0, 1]);
}

#[test]
fn a_loss_that_is_no_number_can_be_an_error() {
    let (mut model, _) = climber();
    let x = Array2::from_elem((4, 1), f64::NAN);
    let fit = Fit::new().verbose(0).callback(TerminateOnNaN::new().raise_error());
    let error = model.fit(&x, &x, fit).unwrap_err().to_string();
    assert!(error.starts_with("the loss became NaN in epoch 1\n"), "{error}");
}
