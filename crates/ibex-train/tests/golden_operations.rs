//! Every `keras.ops` function in a model on the processor: outputs and gradients of real Keras.

#[path = "../../ibex-nn/tests/common/mod.rs"]
mod common;
#[path = "../../ibex-nn/tests/operation_files/mod.rs"]
mod operation_files;

use ibex_compile::Device;
use ibex_nn::saving::model_from_config;
use operation_files::{Case, parts};

fn failures_of(device: &Device, case: &Case) -> Result<(), String> {
    let model = model_from_config(&case.model()).map_err(|e| e.to_string())?;
    let graph = case.graph(&model)?;
    let mut executable = device.compile(graph).map_err(|e| e.to_string())?;
    let values = case.values();
    let inputs: Vec<_> = values.iter().collect();
    executable.run(&inputs).map_err(|e| e.to_string())?;
    case.compare(executable.outputs())
}

#[test]
fn operations_are_those_of_keras() {
    let device = ibex_cpu::device(Some(2));
    let (mut count, mut failures) = (0, Vec::new());
    for (part, cases) in parts() {
        for case in cases.iter().filter(|case| case.refused().is_none()) {
            count += 1;
            if let Err(text) = failures_of(&device, case) {
                failures.push(format!("{part}: {}\n     {text}", case.name));
            }
        }
    }
    println!("{count} cases");
    assert!(failures.is_empty(), "{} of {count}\n{}", failures.len(), failures.join("\n"));
}
