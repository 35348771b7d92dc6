//! Every `keras.ops` function as a node of a functional model, against real Keras: configuration
//! both ways, outputs and gradients.

mod common;
mod operation_files;

use std::collections::BTreeSet;

use common::same_json;
use ibex_graph::{Array, DType, Graph, Tensor, gradients, interpreter};
use ibex_nn::layers::operation::operations;
use ibex_nn::models::SymbolicTensor;
use ibex_nn::saving::{model_config, model_from_config};
use ibex_nn::{Instance, Layer, Trace};
use operation_files::{Case, difference, parts};

/// Keras computes in `float32`: the bound of the contract.
const OUTPUT: f64 = 1e-5;

/// The weights of the sum of all elements whose gradients are compared, as in the generator.
fn weights(y: &Tensor) -> Tensor {
    let values: Vec<f64> = (0..y.shape().size()).map(|i| (i as f64 * 0.7).cos()).collect();
    Tensor::constant(Array::from_f64_slice(y.dtype(), y.shape(), &values))
}

/// What is wrong with a case, if anything.
fn failures_of(case: &Case) -> Result<(), String> {
    let config = case.model();
    if let Some(class) = case.refused() {
        let error = model_from_config(&config).err().ok_or("it is not refused")?.to_string();
        return match error.contains(class) {
            true => Ok(()),
            false => Err(format!("the error does not name `{class}`: {error}")),
        };
    }
    let model = model_from_config(&config).map_err(|e| e.to_string())?;
    let written = model_config(&model);
    let layers = written["config"]["layers"].as_array().ok_or("no layers")?;
    for expected in &case.layers {
        let found = layers.iter().find(|layer| layer["name"] == expected["name"]);
        let found = found.ok_or("a layer is not written")?;
        if !same_json(found, expected) {
            return Err(format!("written as {found}\n     instead of {expected}"));
        }
    }
    let x: Vec<Tensor> = model
        .inputs()
        .iter()
        .zip(&case.inputs)
        .map(|(input, (_, value))| {
            let _: &SymbolicTensor = input;
            Tensor::input("x", input.dtype(), value.shape())
        })
        .collect();
    let layer: std::sync::Arc<dyn Layer> = model.clone();
    let types: Vec<_> = model.inputs().iter().map(SymbolicTensor::ty).collect();
    let instance = Instance::of(&layer, &types).map_err(|e| e.to_string())?;
    let y = instance.call(&mut Trace::new(false), &x);
    let mut total = Tensor::scalar(DType::F32, 0.0);
    for output in y.iter().filter(|output| output.dtype().is_float()) {
        total = total + (output * weights(output)).cast(DType::F32).sum_all();
    }
    let wrt: Vec<(usize, Tensor)> = x
        .iter()
        .enumerate()
        .filter(|(i, _)| case.gradients.contains_key(&case.inputs[*i].0))
        .map(|(i, x)| (i, x.clone()))
        .collect();
    let by: Vec<Tensor> = wrt.iter().map(|(_, x)| x.clone()).collect();
    let found = gradients(&total, &by).map_err(|e| e.to_string())?;
    let found = found.into_iter().zip(&by).map(|(g, x)| g.unwrap_or_else(|| x.zeros_like()));
    let all: Vec<Tensor> = y.iter().cloned().chain(found).collect();
    let graph = Graph::new(&x, &all, &[]).map_err(|e| e.to_string())?;
    let values: Vec<Array> = case.inputs.iter().map(|(_, value)| value.clone()).collect();
    let found = interpreter::run(&graph, &values).map_err(|e| e.to_string())?.outputs;
    if y.len() != case.outputs.len() {
        return Err(format!("{} outputs, not {}", y.len(), case.outputs.len()));
    }
    for (at, (found, expected)) in found.iter().zip(&case.outputs).enumerate() {
        if found.dtype().name() != case.dtypes[at] {
            return Err(format!("output {at} is {}, not {}", found.dtype(), case.dtypes[at]));
        }
        // Half-precision results are stored as `float32`; their last digit may differ.
        let tolerance = if found.dtype().size() == 2 { 1e-2 } else { OUTPUT };
        difference(found, expected, tolerance).map_err(|text| format!("output {at}: {text}"))?;
    }
    for (found, (i, _)) in found[y.len()..].iter().zip(&wrt) {
        let name = &case.inputs[*i].0;
        let text = difference(found, &case.gradients[name], OUTPUT);
        text.map_err(|text| format!("gradient by {name}: {text}"))?;
    }
    Ok(())
}

#[test]
fn operations_are_those_of_keras() {
    let mut seen = BTreeSet::new();
    let (mut count, mut failures) = (0, Vec::new());
    for (part, cases) in parts() {
        for case in &cases {
            count += 1;
            if let Err(text) = failures_of(case) {
                failures.push(format!("{part}: {}\n     {text}", case.name));
            }
            for layer in &case.layers {
                let class = layer["class_name"].as_str().unwrap_or_default();
                seen.insert((
                    layer["module"].as_str().unwrap_or_default().to_string(),
                    class.to_string(),
                ));
            }
        }
    }
    println!("{count} cases, {} operations", seen.len());
    let unseen: Vec<String> = operations()
        .filter(|row| !row.refused)
        .map(|row| (row.module.to_string(), row.class_name.to_string()))
        .filter(|row| !seen.contains(row))
        .map(|(module, class)| format!("{module}.{class}"))
        .collect();
    println!("without a golden: {}", unseen.join(" "));
    assert!(failures.is_empty(), "{} of {count}\n{}", failures.len(), failures.join("\n"));
}
