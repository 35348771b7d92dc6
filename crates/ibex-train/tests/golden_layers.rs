//! Single layers of real Keras on the processor: loaded, called, trained.

mod common;

use common::{Arrays, EPOCH, Failures, OUTPUT, TRAINED, cases, golden};
use ibex_train::{Fit, Model, Samples};

const BATCH: usize = 32;

#[test]
fn every_layer_predicts_and_trains_as_in_keras() {
    let all = cases("layers/index.json");
    let mut failures = Failures::default();
    for case in &all {
        let name = case["name"].as_str().unwrap();
        let mut arrays = Arrays::open(&format!("layers/{name}.npz"));
        let path = golden(&format!("layers/{name}.keras"));
        let Some(mut model) = failures.of(name, Model::load(path)) else { continue };
        let x = arrays.numbered("x");
        let found = model.predict_all(x.clone(), BATCH);
        let Some(found) = failures.of(name, found) else { continue };
        failures.outputs(name, &found, &[arrays.get("y0").unwrap()], OUTPUT);
        if !case["trained"].as_bool().unwrap() {
            continue;
        }
        let batch = case["batch_size"].as_u64().unwrap() as usize;
        let y = vec![arrays.get("t0").unwrap()];
        let fit = Fit::new().epochs(3).batch_size(batch).shuffle(false).verbose(0);
        let samples = Samples { x: x.clone(), y, weights: Vec::new() };
        let Some(history) = failures.of(name, model.fit_samples(samples, fit)) else { continue };
        let losses = arrays.get("loss").unwrap().to_f64_vec();
        for (epoch, (logs, keras)) in history.logs.iter().zip(losses).enumerate() {
            let loss = logs.get("loss").unwrap();
            if loss.is_nan() || (loss - keras).abs() > EPOCH * keras.abs() {
                failures.add(format!("{name}: loss {loss} in epoch {epoch}, in Keras {keras}"));
            }
        }
        let found = model.predict_all(x, BATCH).unwrap();
        failures.outputs(name, &found, &[arrays.get("y0_after").unwrap()], TRAINED);
    }
    failures.finish(all.len());
}
