//! ONNX: what is written, what is read, and that both belong together.

mod common;

use std::collections::BTreeMap;

use common::{Arrays, Failures, bounds, golden, layer_cases};
use ibex_train::{Model, OnnxOptions};

const BATCH: usize = 32;

/// The model, written as ONNX and read again.
fn round_trip(model: &Model, arrays: &mut Arrays) -> Result<Model, String> {
    let shapes: Vec<Vec<usize>> =
        arrays.numbered("x").iter().map(|array| array.shape().to_vec()).collect();
    let options = OnnxOptions::new().input_shapes(shapes);
    let bytes = model.to_onnx(&options).map_err(|error| format!("export: {error}"))?;
    Model::from_onnx_bytes(&bytes).map_err(|error| format!("import: {error}"))
}

#[test]
fn every_layer_comes_back_from_onnx() {
    let all = layer_cases();
    let mut failures = Failures::default();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for (name, case) in &all {
        let mut arrays = Arrays::open(&format!("{name}.npz"));
        let model = Model::load_uncompiled(golden(&format!("{name}.keras")));
        let Some(model) = failures.of(name, model) else { continue };
        let mut back = match round_trip(&model, &mut arrays) {
            Ok(back) => back,
            Err(error) => {
                eprintln!("{name}: {error}");
                *reasons.entry(error).or_default() += 1;
                continue;
            }
        };
        let found = back.predict_all(arrays.numbered("x"), BATCH);
        let Some(found) = failures.of(name, found) else { continue };
        failures.outputs(name, &found, &arrays.numbered("y"), bounds(case).output);
    }
    eprintln!("{} not imported", reasons.values().sum::<usize>());
    failures.finish(all.len());
}
