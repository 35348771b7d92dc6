//! Single layers of real Keras on the processor: loaded, called, trained.

mod common;

use common::{Arrays, Failures, bounds, golden, keep_arrays, kept_models, layer_cases};
use ibex_train::{Fit, Model, Samples};

const BATCH: usize = 32;

#[test]
fn every_layer_predicts_and_trains_as_in_keras() {
    let all = layer_cases();
    let mut failures = Failures::default();
    for (name, case) in &all {
        let bounds = bounds(case);
        let mut arrays = Arrays::open(&format!("{name}.npz"));
        let path = golden(&format!("{name}.keras"));
        let Some(mut model) = failures.of(name, Model::load(path)) else { continue };
        let x = arrays.numbered("x");
        let found = model.predict_all(x.clone(), BATCH);
        let Some(found) = failures.of(name, found) else { continue };
        failures.outputs(name, &found, &arrays.numbered("y"), bounds.output);
        if let Some(folder) = kept_models() {
            let path = folder.join(format!("{}.keras", name.replace('/', "_")));
            failures.of(name, model.save(&path));
            keep_arrays(&path, &x, &arrays.numbered("t"), &found);
        }
        if !case["trained"].as_bool().unwrap() {
            continue;
        }
        let batch = case["batch_size"].as_u64().unwrap() as usize;
        let y = arrays.numbered("t");
        let fit = Fit::new().epochs(3).batch_size(batch).shuffle(false).verbose(0);
        let samples = Samples { x: x.clone(), y, weights: Vec::new() };
        let Some(history) = failures.of(name, model.fit_samples(samples, fit)) else { continue };
        let losses = arrays.get("loss").unwrap().to_f64_vec();
        for (epoch, (logs, keras)) in history.logs.iter().zip(losses).enumerate() {
            let loss = logs.get("loss").unwrap();
            if loss.is_nan() || (loss - keras).abs() > bounds.epoch * keras.abs() {
                failures.add(format!("{name}: loss {loss} in epoch {epoch}, in Keras {keras}"));
            }
        }
        let found = model.predict_all(x, BATCH).unwrap();
        let after: Vec<_> =
            (0..).map_while(|output| arrays.get(&format!("y{output}_after"))).collect();
        failures.outputs(name, &found, &after, bounds.trained);
    }
    failures.finish(all.len());
}
