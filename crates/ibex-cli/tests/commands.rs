//! Every command from end to end, against what real Keras computes from the same files.

mod support;

use std::process::{Child, Stdio};
use std::time::Duration;

use ibex::graph::Array;
use ibex::nn::Instance;
use ibex::prelude::*;
use serde_json::Value;
use support::{Folder, classifier, golden_json, goldens, integers, noise};

/// The golden models, with what was recorded about them.
fn cases() -> Vec<(String, Value)> {
    let index = golden_json("index");
    let names = index["cases"].as_array().unwrap().iter();
    let names = names.map(|case| case["name"].as_str().unwrap().to_string());
    names.map(|name| (name.clone(), golden_json(&name))).collect()
}

/// The bound of a model: that of the contract, or four roundings of half precision under a policy
/// that has it.
fn bound_of(name: &str, contract: f64) -> f64 {
    let index = golden_json("index");
    let case = index["cases"].as_array().unwrap().iter().find(|case| case["name"] == name);
    match case.unwrap()["policy"].as_str() {
        Some("mixed_float16") => contract.max(4.0 * 2f64.powi(-11)),
        _ => contract,
    }
}

/// The model whose losses cannot be compared: Keras does not write the `delta` of its Huber loss.
const LOSS_NOT_IN_FILE: &str = "sgd_clipnorm_exponential";

/// The flags of a recorded `fit`; `None` if the command line has none for what it used.
fn flags(fit: &Value) -> Option<String> {
    let fit = fit.as_object()?;
    let mut flags = "--no-shuffle".to_string();
    for (key, value) in fit {
        match key.as_str() {
            "epochs" => {}
            "batch_size" => flags += &format!(" --batch-size {value}"),
            "shuffle" => assert_eq!(value, false),
            "validation_split" => flags += &format!(" --validation-split {value}"),
            _ => return None,
        }
    }
    Some(flags)
}

/// What keeps two numbers from being the same up to `bound`, relative to `scale`.
fn differs(what: &str, got: f64, want: f64, scale: f64, bound: f64) -> Option<String> {
    let close = (got - want).abs() <= bound * scale.abs().max(1e-6);
    (!close).then(|| format!("{what}: {got} in place of {want}"))
}

/// Differences of an `.npz` of outputs from the golden arrays `prefix0, prefix1, …`.
fn outputs_differ(folder: &Folder, name: &str, prefix: &str, contract: f64) -> Vec<String> {
    let bound = bound_of(name, contract);
    let golden = folder.arrays(&format!("{name}.npz"));
    let mut found = Vec::new();
    let outputs = folder.arrays("out.npz");
    let count = golden.iter().filter(|(key, _)| key.starts_with(prefix)).count();
    if outputs.len() != count {
        found.push(format!("{name}: {} outputs in place of {count}", outputs.len()));
    }
    for (i, (key, got)) in outputs.iter().enumerate() {
        assert_eq!(*key, format!("y{i}"));
        let wanted = format!("{prefix}{i}");
        let want = &golden.iter().find(|(key, _)| *key == wanted).unwrap().1;
        assert_eq!(got.shape(), want.shape(), "{name} {wanted}");
        let want = want.to_f64_vec();
        let scale = want.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
        let pairs = got.to_f64_vec().into_iter().zip(want).enumerate();
        let what = |at: usize| format!("{name} {wanted}[{at}]");
        let wrong = pairs.filter_map(|(at, (g, w))| differs(&what(at), g, w, scale, bound));
        found.extend(wrong.take(1));
    }
    found
}

/// Differences of numbers by name from golden ones.
fn numbers_differ(name: &str, got: &Value, want: &Value, contract: f64) -> Vec<String> {
    let bound = bound_of(name, contract);
    let want = want.as_object().unwrap();
    let mut found = Vec::new();
    for (key, want) in want {
        let list = |value: &Value| match value {
            Value::Array(list) => list.iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect(),
            one => vec![one.as_f64().unwrap_or(f64::NAN)],
        };
        let (got, want) = (list(&got[key]), list(want));
        assert_eq!(got.len(), want.len(), "{name} {key}");
        let pairs = got.iter().zip(&want).enumerate();
        let what = |epoch: usize| format!("{name} {key}[{epoch}]");
        found.extend(pairs.filter_map(|(i, (g, w))| differs(&what(i), *g, *w, *w, bound)));
    }
    found
}

/// The bounds are those of the contract: 1e-4 for losses and metrics of each epoch, 1e-3 for
/// outputs after training.
#[test]
fn training_gives_the_history_that_keras_gives() {
    let (mut found, mut trained) = (Vec::new(), 0);
    for (name, golden) in cases() {
        let Some(flags) = flags(&golden["fit"]) else { continue };
        if name == LOSS_NOT_IN_FILE {
            continue;
        }
        let folder = Folder::new();
        folder.golden(&name);
        let epochs = &golden["fit"]["epochs"];
        folder.done(&format!(
            "train {name}.keras --data {name}.npz --epochs {epochs} {flags} --out after.keras \
             --history history.json --verbose 0"
        ));
        let history = folder.json("history.json");
        let keys: Vec<&String> = history.as_object().unwrap().keys().collect();
        assert_eq!(keys.first().unwrap(), &"epoch");
        assert_eq!(keys[keys.len() - 2..], ["seconds", "step_seconds_median"]);
        assert_eq!(keys.len(), 3 + golden["history_keys"].as_array().unwrap().len(), "{keys:?}");
        found.extend(numbers_differ(&name, &history, &golden["history"], 1e-4));
        folder.done(&format!("predict after.keras --data {name}.npz --out out.npz"));
        found.extend(outputs_differ(&folder, &name, "pred_after", 1e-3));
        trained += 1;
    }
    assert!(trained > 20, "{trained}");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// 1e-5 for outputs, as the contract has it for layers; 1e-4 for losses and metrics.
#[test]
fn prediction_and_evaluation_give_what_keras_gives() {
    let mut found = Vec::new();
    for (name, golden) in cases() {
        let folder = Folder::new();
        folder.golden(&name);
        folder.done(&format!("predict {name}.keras --data {name}.npz --out out.npz"));
        found.extend(outputs_differ(&folder, &name, "pred_before", 1e-5));
        if golden["evaluate_before"].is_object() && name != LOSS_NOT_IN_FILE {
            let size = &golden["fit"]["batch_size"];
            let size =
                if size.is_number() { format!("--batch-size {size}") } else { String::new() };
            let line = format!("evaluate {name}.keras --data {name}.npz {size}");
            let outcome = folder.done(&format!("{line} --json"));
            let got: Value = serde_json::from_str(&outcome.stdout).unwrap();
            let keys: Vec<&String> = got.as_object().unwrap().keys().collect();
            assert_eq!(serde_json::json!(keys), golden["evaluate_keys"], "{name}");
            found.extend(numbers_differ(&name, &got, &golden["evaluate_before"], 1e-4));
            let lines = folder.done(&line).stdout;
            let names: Vec<&str> = lines.lines().map(|l| l.split(": ").next().unwrap()).collect();
            assert_eq!(names, keys, "{name}");
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_prediction_is_told_as_json() {
    let folder = Folder::new();
    folder.golden("convnet_digits");
    let line = "predict convnet_digits.keras --data convnet_digits.npz --out out.npz --json";
    let outcome = folder.done(line);
    let got: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let outputs = got["outputs"].as_object().unwrap();
    assert_eq!(outputs.keys().collect::<Vec<_>>(), ["y0"]);
    assert_eq!(got["outputs"]["y0"]["shape"], serde_json::json!([20, 5]), "{got}");
    let (all, one) = (got["seconds"].as_f64().unwrap(), got["step_seconds_median"].as_f64());
    assert!(one.is_some_and(|one| one > 0.0 && one <= all), "{got}");
}

#[test]
fn training_goes_on_from_the_state_in_the_file() {
    let (mut found, mut resumed) = (Vec::new(), 0);
    for (name, golden) in cases() {
        if !golden["resumed"].is_object() {
            continue;
        }
        let Some(flags) = flags(&golden["fit"]) else { continue };
        let folder = Folder::new();
        folder.golden(&name);
        let file = goldens().join(format!("{name}.trained.keras"));
        // A model may be trained in place.
        std::fs::copy(file, folder.path("m.keras")).unwrap();
        folder.done(&format!(
            "train m.keras --data {name}.npz {flags} --out m.keras --history h.json --verbose 0"
        ));
        found.extend(numbers_differ(&name, &folder.json("h.json"), &golden["resumed"], 1e-4));
        folder.done(&format!("predict m.keras --data {name}.npz --out out.npz"));
        found.extend(outputs_differ(&folder, &name, "pred_resumed", 1e-3));
        resumed += 1;
    }
    assert!(resumed > 2, "{resumed}");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn summaries_are_those_of_keras() {
    let mut found = Vec::new();
    for (name, _) in cases() {
        let trained = goldens().join(format!("{name}.trained.keras"));
        let plain = goldens().join(format!("{name}.keras"));
        let file = if trained.exists() { trained } else { plain };
        let folder = Folder::new();
        std::fs::copy(file, folder.path("m.keras")).unwrap();
        let got = folder.done("summary m.keras").stdout;
        let want = goldens().join(format!("{name}.loaded.summary.txt"));
        let want = std::fs::read_to_string(want).unwrap();
        if got.trim_end() != want.trim_end() {
            found.push(format!("{name}\n{got}{want}"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn plans_are_explained_for_training_and_for_prediction() {
    let folder = Folder::new();
    folder.golden("convnet_digits");
    folder.golden("not_compiled");
    let training = folder.done("explain-plan convnet_digits.keras --batch-size 8").stdout;
    let prediction = folder.done("explain-plan convnet_digits.keras --predict").stdout;
    assert!(training.contains("arena"), "{training}");
    assert!(training.lines().count() > 2 * prediction.lines().count(), "{prediction}");
    let outcome = folder.done("explain-plan not_compiled.keras");
    assert_eq!(outcome.stderr, "the model is not compiled: this is the plan of prediction\n");
    // The memory of a plan need not be there.
    folder.done("explain-plan convnet_digits.keras --batch-size 4294967295");
}

/// 0.97 is what the project promises of its first command.
#[test]
fn without_arguments_the_digits_are_learned() {
    let folder = Folder::new();
    let outcome = folder.done("train --verbose 2 --history h.json");
    assert!(outcome.stderr.starts_with("Model: \"digits\"\n"), "{}", outcome.stderr);
    let training = "Training on 1438 bundled digits (8×8 images), validating on 359 others.\n";
    assert!(outcome.stderr.contains(training), "{}", outcome.stderr);
    let history = folder.json("h.json");
    let epochs = history["epoch"].as_array().unwrap().len();
    let last = format!("\nEpoch {epochs}/{epochs}\n");
    assert!(epochs > 1 && outcome.stderr.contains(&last), "{}", outcome.stderr);
    let accuracy = history["val_accuracy"].as_array().unwrap().last().unwrap().as_f64().unwrap();
    assert!(accuracy >= 0.97, "{accuracy}");
    let mut lines = outcome.stdout.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with(&format!("validation accuracy {accuracy:.4} after ")), "{first}");
    let rest: Vec<&str> = lines.collect();
    assert_eq!(
        rest,
        [
            "saved digits.keras (opens in Keras too: keras.models.load_model)",
            "try next:",
            "  ibex summary digits.keras",
            "  ibex explain-plan digits.keras",
            "  ibex train digits.keras --data FILE.npz --epochs 5",
        ]
    );
    folder.done("summary digits.keras");
}

#[test]
fn a_profile_names_every_operation_and_changes_no_number() {
    let folder = Folder::new();
    folder.golden("convnet_digits");
    let train = "train convnet_digits.keras --data convnet_digits.npz --epochs 2 --verbose 0";
    folder.done(&format!("{train} --out plain.keras"));
    let outcome = folder.done(&format!("{train} --out profiled.keras --profile trace.json"));
    folder.done("diff plain.keras profiled.keras");
    let table = &outcome.stderr;
    assert!(table.starts_with("training, batch of 20: "), "{table}");
    for part in ["share", "GFLOP/s", "convolution", "# optimizer", "kernel "] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let trace = folder.json("trace.json");
    let events = trace["traceEvents"].as_array().unwrap();
    let time = |event: &Value, key: &str| event[key].as_f64().unwrap();
    let programs = events.iter().filter(|event| event["cat"] == "program");
    let mut end = 0.0;
    for program in programs {
        assert!(time(program, "ts") >= end, "runs overlap: {program}");
        end = time(program, "ts") + time(program, "dur");
    }
    assert!(end > 0.0);
    let inside = |event: &&Value| event["cat"] != "program";
    assert!(events.iter().filter(inside).all(|event| time(event, "ts") < end));
    // 8 x 8 places, 4 channels out, 3 x 3 taps of 1 channel in; a multiplication and an addition.
    let forward = |event: &&Value| {
        let layer = event["args"]["layer"].as_str().unwrap_or_default();
        layer.ends_with("/conv2d") && event["name"].as_str().unwrap().starts_with("convolution[")
    };
    let first = events.iter().find(forward).unwrap();
    assert_eq!(first["args"]["flops"], 20 * 8 * 8 * 4 * 9 * 2);
}

#[test]
fn a_memory_budget_changes_no_number() {
    let folder = Folder::new();
    folder.golden("convnet_digits");
    let explain = "explain-plan convnet_digits.keras --batch-size 20";
    let whole = folder.done(explain).stdout;
    assert!(!whole.contains("recomputed"), "{whole}");
    let within = folder.done(&format!("{explain} --memory-budget 48KiB")).stdout;
    assert!(within.contains("recomputed, "), "{within}");
    assert!(within.contains("\nbudget      48.0 KiB; "), "{within}");
    let train = "train convnet_digits.keras --data convnet_digits.npz --epochs 2 --verbose 0";
    folder.done(&format!("{train} --batch-size 20 --out plain.keras"));
    folder.done(&format!("{train} --batch-size 20 --memory-budget 48KiB --out within.keras"));
    folder.done("diff plain.keras within.keras");
}

/// A folder with a small problem of 48 samples.
fn problem() -> Folder {
    let folder = Folder::new();
    classifier().save(folder.path("m.keras")).unwrap();
    let labels: Vec<i32> = (0..48).map(|i| i % 3).collect();
    folder.npz("d.npz", &[("x", noise(&[48, 4])), ("y", integers(&[48], &labels))]);
    folder
}

/// The bits of everything that training changes.
fn bits(folder: &Folder, name: &str) -> Vec<Vec<u8>> {
    let model = Model::load(folder.path(name)).unwrap();
    let mut all = model.variables();
    all.extend(model.optimizer().unwrap().variables());
    all.iter().map(|variable| variable.get().bytes().to_vec()).collect()
}

#[test]
fn flags_change_what_they_say_and_nothing_else() {
    let folder = problem();
    folder.done("train m.keras --data d.npz --epochs 2 --out a.keras --verbose 0");
    folder.done("train a.keras --data d.npz --out plain.keras --verbose 0");
    // The same learning rate and other metrics: the optimizer goes on as it would have.
    let flags = "--learning-rate 0.01 --metrics sparse_categorical_crossentropy,acc";
    folder.done(&format!("train a.keras --data d.npz {flags} --out b.keras --verbose 0"));
    assert_eq!(bits(&folder, "b.keras"), bits(&folder, "plain.keras"));
    let outcome = folder.done("evaluate b.keras --data d.npz --json");
    let got: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let keys: Vec<&String> = got.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["acc", "loss", "sparse_categorical_crossentropy"]);

    folder.done("train a.keras --data d.npz --learning-rate 0.5 --out c.keras --verbose 0");
    let model = Model::load(folder.path("c.keras")).unwrap();
    assert_eq!(model.optimizer().unwrap().learning_rate(), 0.5);
    assert_eq!(model.optimizer().unwrap().iterations(), 6);

    folder.done("train a.keras --data d.npz --optimizer sgd --out e.keras --verbose 0");
    let model = Model::load(folder.path("e.keras")).unwrap();
    assert_eq!(model.optimizer().unwrap().optimizer().class_name(), "SGD");
    assert_eq!(model.optimizer().unwrap().iterations(), 2);
}

#[test]
fn frozen_layers_stay_as_they_are() {
    let folder = problem();
    folder.done("train m.keras --data d.npz --out a.keras --verbose 0");
    let before = Model::load(folder.path("a.keras")).unwrap();
    let frozen_by = |flag: &str, file: &str| -> Vec<bool> {
        folder.done(&format!("train {file} --data d.npz --out b.keras --verbose 0 {flag}"));
        let after = Model::load(folder.path("b.keras")).unwrap();
        let state = after.optimizer().unwrap();
        // Steps, learning rate, and two moments of Adam for each weight that is trained.
        assert_eq!(state.variables().len(), 2 + 2 * after.trainable_variables().len());
        assert_eq!(state.iterations(), 2);
        let pairs = before.layers().iter().zip(after.layers());
        let pairs = pairs.filter(|(layer, _)| !layer.all_weights().is_empty());
        pairs
            .map(|(before, after)| {
                let values = |layer: &Instance| -> Vec<Array> {
                    let variables = layer.all_weights().into_iter().filter_map(|w| w.variable());
                    variables.map(|variable| variable.get()).collect()
                };
                assert_eq!(values(before) == values(after), !after.is_trainable());
                !after.is_trainable()
            })
            .collect()
    };
    assert_eq!(frozen_by("--freeze dense", "a.keras"), [true, false]);
    assert_eq!(frozen_by("--freeze dense_*", "a.keras"), [false, true]);
    // The file says what is frozen, so that no flag is wanted the next time.
    std::fs::copy(folder.path("b.keras"), folder.path("c.keras")).unwrap();
    folder.done("train c.keras --data d.npz --out d.keras --verbose 0");
    let [c, d] = ["c.keras", "d.keras"].map(|file| Model::load(folder.path(file)).unwrap());
    let kernels = |model: &Model| model.get_weights().into_iter().step_by(2).collect::<Vec<_>>();
    assert_ne!(kernels(&c)[0], kernels(&d)[0]);
    assert_eq!(kernels(&c)[1], kernels(&d)[1]);
}

#[test]
fn a_learning_rate_takes_the_place_of_a_schedule() {
    let folder = Folder::new();
    folder.golden("adamw_cosine");
    let file = goldens().join("adamw_cosine.trained.keras");
    std::fs::copy(file, folder.path("m.keras")).unwrap();
    let before = Model::load(folder.path("m.keras")).unwrap();
    let line = "train m.keras --data adamw_cosine.npz --learning-rate 0.25 --out n.keras";
    let outcome = folder.done(&format!("{line} --batch-size 8 --verbose 0"));
    let note = "the learning rate 0.25 takes the place of the file's schedule `CosineDecay`\n";
    assert_eq!(outcome.stderr, note);
    let after = Model::load(folder.path("n.keras")).unwrap();
    let (before, after) = (before.optimizer().unwrap(), after.optimizer().unwrap());
    assert_eq!(after.learning_rate(), 0.25);
    assert!(after.iterations() > before.iterations());
}

#[test]
fn seeds_threads_and_order_change_the_bits_or_do_not() {
    let folder = problem();
    let train = |out: &str, flags: &str| {
        folder.done(&format!(
            "train m.keras --data d.npz --epochs 3 --batch-size 7 --verbose 0 --out {out} {flags}"
        ));
        bits(&folder, out)
    };
    let plain = train("a.keras", "--threads 1");
    assert_eq!(plain, train("b.keras", "--threads 2 --seed 0"));
    assert_eq!(plain, train("c.keras", "--threads 3"));
    assert_ne!(plain, train("d.keras", "--seed 1"));
    let in_order = train("e.keras", "--no-shuffle");
    assert_ne!(plain, in_order);
    assert_eq!(in_order, train("f.keras", "--no-shuffle --seed 1"));
}

/// Kills a process at once, as `kill -9` does; `None` if it had ended before.
fn kill(mut child: Child) -> Option<()> {
    let ended = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    ended.is_none().then_some(())
}

#[test]
fn a_run_that_was_killed_goes_on_with_the_same_bits() {
    let folder = Folder::new();
    let dropout = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(32).activation(Relu))
        .add(Dropout::new(0.3))
        .add(Dense::new(3).activation(Softmax));
    let mut model = dropout.build().unwrap();
    let optimizer = Adam::new(0.01).use_ema(true);
    model.compile(Compile::new(optimizer, SparseCategoricalCrossentropy::new())).unwrap();
    model.save(folder.path("m.keras")).unwrap();
    let labels: Vec<i32> = (0..600).map(|i| i % 3).collect();
    folder.npz("d.npz", &[("x", noise(&[600, 4])), ("y", integers(&[600], &labels))]);
    let line = "train m.keras --data d.npz --epochs 60 --batch-size 8 --seed 5 --verbose 0";
    folder.done(&format!("{line} --out whole.keras --history whole.json"));

    let resumed =
        format!("{line} --out killed.keras --history killed.json --checkpoint-dir kept --resume");
    let mut kills = 0;
    // Delays that are no multiple of anything: loading, steps and checkpoints are all hit.
    for delay in [3, 47, 61, 83, 109, 131] {
        let child = folder.command(&resumed).stderr(Stdio::null()).stdout(Stdio::null()).spawn();
        std::thread::sleep(Duration::from_millis(delay));
        kills += kill(child.unwrap()).iter().count();
        assert!(!folder.path("killed.keras").exists() || kills < 6);
    }
    assert!(kills >= 2, "the training is too short to be killed: {kills}");
    folder.done(&resumed);
    assert_eq!(bits(&folder, "killed.keras"), bits(&folder, "whole.keras"));
    let (whole, killed) = (folder.json("whole.json"), folder.json("killed.json"));
    assert_eq!(whole["loss"], killed["loss"]);
    assert_eq!(whole["epoch"], killed["epoch"]);
    // Once more: nothing is left to do, and the end of the training is the same.
    folder.done(&resumed);
    assert_eq!(bits(&folder, "killed.keras"), bits(&folder, "whole.keras"));
}

#[test]
fn results_go_to_stdout_and_progress_to_stderr() {
    let folder = problem();
    let outcome = folder.done("train m.keras --data d.npz --out m.keras --verbose 0");
    assert_eq!(outcome.stderr, "");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines[0].starts_with("accuracy: ") && lines[1].starts_with("loss: "), "{lines:?}");
    assert_eq!(lines[2..], ["saved m.keras"]);
    let outcome = folder.done("train m.keras --data d.npz --epochs 2");
    let notice = "the trained model will not be kept: there is no `--out FILE.keras`";
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!((lines[0], lines[1], lines[3]), (notice, "Epoch 1/2", "Epoch 2/2"));
    assert!(lines[2].starts_with("2/2 ━━━━━━━━━━━━━━━━━━━━ "), "{}", lines[2]);
    let outcome = folder.done("predict m.keras --data d.npz --out y.npz");
    assert_eq!(outcome.stdout, "");
    assert_eq!(outcome.stderr, "y0 `dense_1` (48, 3) -> y.npz\n");
}

#[test]
fn readers_that_go_away_do_no_harm() {
    let folder = problem();
    let line = "train m.keras --data d.npz --epochs 3 --out n.keras";
    let mut child =
        folder.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert!(child.wait().unwrap().success());
    folder.done("summary n.keras");
}
