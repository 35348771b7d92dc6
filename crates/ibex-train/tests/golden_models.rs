//! Whole models of real Keras: loaded, trained, gone on with, saved, summarised.

mod common;

use common::{
    Arrays, Bounds, Failures, bounds, cases, fit_of, golden, golden_json, keep_arrays, kept_models,
    same_bits, state,
};
use ibex_nn::losses::Huber;
use ibex_train::compile::PerOutput;
use ibex_train::{Fit, Model};
use serde_json::Value;

const BATCH: usize = 32;

fn names(which: impl Fn(&Value) -> bool) -> Vec<String> {
    let chosen = cases("models/index.json").into_iter().filter(which);
    chosen.map(|case| case["name"].as_str().unwrap().to_string()).collect()
}

fn bounds_of(name: &str) -> Bounds {
    bounds(cases("models/index.json").iter().find(|case| case["name"] == name).unwrap())
}

fn load(name: &str, ending: &str) -> ibex_train::Result<Model> {
    Model::load(golden(&format!("models/{name}{ending}")))
}

#[test]
fn every_model_loads_and_predicts_as_in_keras() {
    let (all, mut failures) = (names(|_| true), Failures::default());
    for name in &all {
        let mut arrays = Arrays::open(&format!("models/{name}.npz"));
        let Some(mut model) = failures.of(name, load(name, ".keras")) else { continue };
        let found = model.predict_all(arrays.numbered("x"), BATCH);
        let Some(found) = failures.of(name, found) else { continue };
        failures.outputs(name, &found, &arrays.numbered("pred_before"), bounds_of(name).output);
    }
    failures.finish(all.len());
}

#[test]
fn every_model_trains_as_in_keras() {
    let all = names(|case| case["trains"].as_bool().unwrap());
    let mut failures = Failures::default();
    for name in &all {
        let (golden, bounds) = (golden_json(&format!("models/{name}.json")), bounds_of(name));
        let mut arrays = Arrays::open(&format!("models/{name}.npz"));
        let Some(mut model) = failures.of(name, load(name, ".keras")) else { continue };
        if name == "sgd_clipnorm_exponential" {
            // Keras trained it with this loss, whose `delta` it does not write to files.
            let mut config = model.compile_config().unwrap().clone();
            config.losses = PerOutput::Each(Huber::new().delta(0.7).into());
            model.compile(config).unwrap();
        }
        let batch = golden["fit"]["batch_size"].as_u64().unwrap() as usize;
        let before = model.evaluate_samples(arrays.samples(), batch);
        if let Some(logs) = failures.of(name, before) {
            let expected = |key: &str| golden["evaluate_before"][key].as_f64().unwrap();
            let case = format!("{name}, evaluated before");
            failures.logs(&case, &logs, bounds.epoch, &golden["evaluate_keys"], expected);
        }
        let history = model.fit_samples(arrays.samples(), fit_of(&golden, None));
        let Some(history) = failures.of(name, history) else { continue };
        for (epoch, logs) in history.logs.iter().enumerate() {
            let expected = |key: &str| golden["history"][key][epoch].as_f64().unwrap();
            failures.logs(
                &format!("{name}, epoch {epoch}"),
                logs,
                bounds.epoch,
                &golden["history_keys"],
                expected,
            );
        }
        let after = model.evaluate_samples(arrays.samples(), batch);
        if let Some(logs) = failures.of(name, after) {
            let expected = |key: &str| golden["evaluate_after"][key].as_f64().unwrap();
            failures.logs(
                &format!("{name}, evaluated after"),
                &logs,
                bounds.epoch,
                &golden["evaluate_keys"],
                expected,
            );
        }
        let found = model.predict_all(arrays.numbered("x"), BATCH).unwrap();
        failures.outputs(name, &found, &arrays.numbered("pred_after"), bounds.trained);
    }
    failures.finish(all.len());
}

#[test]
fn trained_models_go_on_where_keras_stopped() {
    let all = names(|case| case["resumed"].as_bool().unwrap());
    let mut failures = Failures::default();
    for name in &all {
        let (golden, bounds) = (golden_json(&format!("models/{name}.json")), bounds_of(name));
        let mut arrays = Arrays::open(&format!("models/{name}.npz"));
        let Some(mut model) = failures.of(name, load(name, ".trained.keras")) else { continue };
        let found = model.predict_all(arrays.numbered("x"), BATCH).unwrap();
        failures.outputs(name, &found, &arrays.numbered("pred_after"), bounds.output);
        let history = model.fit_samples(arrays.samples(), fit_of(&golden, Some(1)));
        let Some(history) = failures.of(name, history) else { continue };
        let expected = |key: &str| golden["resumed"][key].as_f64().unwrap();
        failures.logs(name, &history.logs[0], bounds.epoch, &golden["history_keys"], expected);
        let found = model.predict_all(arrays.numbered("x"), BATCH).unwrap();
        failures.outputs(name, &found, &arrays.numbered("pred_resumed"), bounds.trained);
    }
    failures.finish(all.len());
}

#[test]
fn models_saved_here_come_back_bit_for_bit_and_train_on() {
    let (all, mut failures) = (names(|_| true), Failures::default());
    let temporary = tempfile::tempdir().unwrap();
    let kept = kept_models();
    let folder = kept.as_deref().unwrap_or(temporary.path());
    for name in &all {
        let mut arrays = Arrays::open(&format!("models/{name}.npz"));
        let Some(mut model) = failures.of(name, load(name, ".keras")) else { continue };
        let samples = arrays.samples();
        let fit = || Fit::new().batch_size(8).shuffle(false).verbose(0);
        if model.compile_config().is_some() {
            failures.of(name, model.fit_samples(samples.clone(), fit()));
        }
        let path = folder.join(format!("{name}.keras"));
        if failures.of(name, model.save(&path)).is_none() {
            continue;
        }
        let Some(mut back) = failures.of(name, Model::load(&path)) else { continue };
        if !same_bits(&state(&model), &state(&back)) {
            failures.add(format!("{name}: the state differs after loading"));
        }
        if back.to_json() != model.to_json() {
            failures.add(format!("{name}: the configuration differs after loading"));
        }
        let found = back.predict_all(samples.x.clone(), BATCH).unwrap();
        if !same_bits(&found, &model.predict_all(samples.x.clone(), BATCH).unwrap()) {
            failures.add(format!("{name}: the predictions differ after loading"));
        }
        if kept.is_some() {
            keep_arrays(&path, &samples.x, &samples.y, &found);
        }
        // Dropout and augmentation draw from a state that files do not have.
        let draws = name.ends_with("dropout") || name == "augmentation";
        if model.compile_config().is_some() && !draws {
            let a = model.fit_samples(samples.clone(), fit()).unwrap();
            let b = back.fit_samples(samples.clone(), fit()).unwrap();
            if a.logs != b.logs || !same_bits(&state(&model), &state(&back)) {
                failures.add(format!("{name}: training on differs after loading"));
            }
        }
    }
    failures.finish(all.len());
}

#[test]
fn weights_files_load_into_a_model_that_is_there() {
    let all = names(|case| case["weights_h5"].as_bool().unwrap());
    let mut failures = Failures::default();
    for name in &all {
        let mut arrays = Arrays::open(&format!("models/{name}.npz"));
        let mut model = load(name, ".trained.keras").unwrap();
        model.load_weights(golden(&format!("models/{name}.weights.h5"))).unwrap();
        let found = model.predict_all(arrays.numbered("x"), BATCH).unwrap();
        failures.outputs(name, &found, &arrays.numbered("pred_before"), bounds_of(name).output);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.weights.h5");
        model.save_weights(&path).unwrap();
        let mut back = load(name, ".trained.keras").unwrap();
        back.load_weights(&path).unwrap();
        assert!(same_bits(&state(&model), &state(&back)), "{name}");
    }
    failures.finish(all.len());
}

#[test]
fn training_gives_the_same_bits_with_any_number_of_threads() {
    let all = names(|_| true);
    let mut failures = Failures::default();
    for name in &all {
        let mut arrays = Arrays::open(&format!("models/{name}.npz"));
        let samples = arrays.samples();
        let mut first = None;
        for threads in 1..=3 {
            let Some(mut model) = failures.of(name, load(name, ".keras")) else { continue };
            model.set_device(ibex_cpu::device(Some(threads)));
            if model.compile_config().is_some() {
                let fit = Fit::new().epochs(2).batch_size(8).verbose(0);
                failures.of(name, model.fit_samples(samples.clone(), fit));
            }
            let mut bits = state(&model);
            bits.extend(model.predict_all(samples.x.clone(), BATCH).unwrap());
            if !same_bits(first.get_or_insert_with(|| bits.clone()), &bits) {
                failures.add(format!("{name}: {threads} threads give other bits than one"));
            }
        }
    }
    failures.finish(all.len());
}

#[test]
fn summaries_are_those_of_keras() {
    let (all, mut failures) = (names(|_| true), Failures::default());
    for name in &all {
        let Some(model) =
            failures.of(name, Model::load_uncompiled(golden(&format!("models/{name}.keras"))))
        else {
            continue;
        };
        let file =
            |kind: &str| std::fs::read_to_string(golden(&format!("models/{name}.{kind}.txt")));
        let mut compare = |kind: &str, found: String| {
            if let Ok(expected) = file(kind)
                && expected.trim_end() != found.trim_end()
            {
                failures.add(format!("{name}.{kind}:\n{found}\nexpected\n{expected}"));
            }
        };
        compare("summary", model.summary());
        let nested = ibex_train::summary::Summary::new().expand_nested().show_trainable();
        compare("nested.summary", nested.of(&model));
        let trained = golden(&format!("models/{name}.trained.keras"));
        let ending = if trained.exists() { ".trained.keras" } else { ".keras" };
        if let Ok(model) = load(name, ending) {
            compare("loaded.summary", model.summary());
        }
    }
    failures.finish(all.len());
}
