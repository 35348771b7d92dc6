//! Every layer and option against real Keras: outputs, gradients, and training for three epochs.
//!
//! The models run through the reference interpreter, so that what is tested is the layers alone.

mod common;
mod model_files;

use std::collections::HashMap;
use std::sync::Arc;

use common::{assert_close, coarseness, goldens_of, layer_cases};
use ibex_graph::interpreter::{self, Values};
use ibex_graph::{Array, DType, Graph, Tensor, Variable, gradients};
use ibex_nn::models::Functional;
use ibex_nn::models::SymbolicTensor;
use ibex_nn::{Instance, Layer, Trace, Weight};
use serde_json::Value;

/// Keras computes in `float32`: the bounds of the contract.
const OUTPUT: f64 = 1e-5;
const LOSS: f64 = 1e-4;
const TRAINED: f64 = 1e-3;

/// The inputs of a case as graph inputs, for a batch of `size`.
fn inputs(model: &Functional, size: usize) -> Vec<Tensor> {
    let types = model.inputs().iter().map(SymbolicTensor::ty);
    types.map(|ty| Tensor::input("x", ty.dtype, ty.shape.filled(size))).collect()
}

fn call(model: &Arc<Functional>, trace: &mut Trace, inputs: &[Tensor]) -> Vec<Tensor> {
    let layer: Arc<dyn Layer> = model.clone();
    let types: Vec<ibex_nn::PartialType> = model.inputs().iter().map(|t| t.ty()).collect();
    Instance::of(&layer, &types).unwrap().call(trace, inputs)
}

#[test]
fn outputs_and_gradients_are_those_of_keras() {
    let cases = layer_cases();
    for (name, case) in &cases {
        let bound = OUTPUT * coarseness(case);
        // A gradient passes through the layer twice, and is rounded on both ways.
        let gradient_bound = if bound > OUTPUT { 2.0 * bound } else { OUTPUT };
        let (model, _) = model_files::load(&format!("{name}.keras"));
        let goldens = goldens_of(name);
        let values: Vec<Array> =
            (0..model.inputs().len()).map(|i| goldens.get(&format!("x{i}"))).collect();
        let x = inputs(&model, values[0].shape()[0]);
        let y = call(&model, &mut Trace::new(false), &x);
        let weighted = |(i, y): (usize, &Tensor)| {
            let w = Tensor::constant(goldens.get(&format!("w{i}")));
            (y.cast(w.dtype()) * w).sum_all()
        };
        let parts = y.iter().enumerate().filter(|(_, y)| y.dtype().is_float()).map(weighted);
        let loss = parts.reduce(|a, b| a + b).unwrap_or_else(|| Tensor::scalar(DType::F32, 0.0));
        let float: Vec<usize> =
            (0..x.len()).filter(|i| goldens.find(&format!("grad_x{i}")).is_some()).collect();
        let wrt: Vec<Tensor> = float.iter().map(|&i| x[i].clone()).collect();
        let found = gradients(&loss, &wrt).unwrap_or_else(|e| panic!("{name}: {e}"));
        let found = found.into_iter().zip(&wrt).map(|(g, x)| g.unwrap_or_else(|| x.zeros_like()));
        let count = y.len();
        let outputs: Vec<Tensor> = y.into_iter().chain(found).collect();
        let graph = Graph::new(&x, &outputs, &[]).unwrap_or_else(|e| panic!("{name}: {e}"));
        let cast: Vec<Array> =
            values.iter().zip(&x).map(|(value, x)| value.cast(x.dtype())).collect();
        let found = interpreter::run(&graph, &cast).unwrap().outputs;
        for (i, found) in found[..count].iter().enumerate() {
            assert_close(name, found, &goldens.get(&format!("y{i}")), bound);
        }
        for (found, i) in found[count..].iter().zip(float) {
            let expected = goldens.get(&format!("grad_x{i}"));
            assert_close(&format!("{name}: gradient {i}"), found, &expected, gradient_bound);
        }
    }
    println!("{} cases", cases.len());
}

/// One step of training on a batch: the graph with the loss as its output and the updates.
fn training_step(model: &Arc<Functional>, size: usize, rate: f64) -> Graph {
    let x = inputs(model, size);
    let mut trace = Trace::new(true);
    let y = call(model, &mut trace, &x).remove(0);
    let target = Tensor::input("t", DType::F32, y.shape());
    let last = y.rank() - 1;
    let losses = (&y - &target).square().mean(&[last], false);
    let data_loss = match trace.mask(&y) {
        None => losses.mean_all(),
        Some(mask) => {
            let mask = mask.cast(DType::F32);
            (&losses * &mask).sum_all() / mask.sum_all()
        }
    };
    let weights: Vec<&Weight> =
        model.layers().iter().flat_map(|layer| layer.trainable_weights()).collect();
    let values: Vec<Tensor> = weights.iter().map(|w| trace.read(w.variable().unwrap())).collect();
    let mut total = data_loss;
    for weight in &weights {
        if let Some(regularizer) = &weight.spec().regularizer {
            total = total + regularizer.penalty(&trace.penalized(weight.variable().unwrap()));
        }
    }
    for penalty in trace.losses() {
        total = total + penalty;
    }
    let found = gradients(&total, &values).unwrap();
    for ((weight, value), gradient) in weights.iter().zip(&values).zip(found) {
        let moved = value - gradient.unwrap_or_else(|| value.zeros_like()) * rate;
        let moved = match &weight.spec().constraint {
            Some(constraint) => constraint.project(&moved),
            None => moved,
        };
        trace.assign(weight.variable().unwrap(), moved);
    }
    let arguments: Vec<Tensor> = x.into_iter().chain([target]).collect();
    Graph::new(&arguments, &[total], &trace.updates()).unwrap()
}

fn learning_rate(config: &Value) -> f64 {
    let optimizer = &config["compile_config"]["optimizer"];
    assert_eq!(optimizer["class_name"], "SGD");
    assert_eq!(optimizer["config"]["momentum"], 0.0);
    assert_eq!(config["compile_config"]["loss"], "mean_squared_error");
    optimizer["config"]["learning_rate"].as_f64().unwrap()
}

#[test]
fn training_is_that_of_keras() {
    let mut trained = 0;
    // Several outputs are trained where there is a training loop, on the processor.
    // So are policies with half precision.
    let one_output = |(name, case): &(String, Value)| {
        goldens_of(name).find("y1").is_none() && case["policy"].is_null()
    };
    let cases = layer_cases().into_iter().filter(|(_, case)| case["trained"] == true);
    for (name, case) in cases.filter(one_output) {
        let name = name.as_str();
        let (model, config) = model_files::load(&format!("{name}.keras"));
        let goldens = goldens_of(name);
        let rate = learning_rate(&config);
        let batch = case["batch_size"].as_u64().unwrap() as usize;
        let arguments: Vec<Array> = (0..model.inputs().len())
            .map(|i| goldens.get(&format!("x{i}")))
            .chain([goldens.get("t0")])
            .collect();
        let count = arguments[0].shape()[0];
        let mut steps: HashMap<usize, Graph> = HashMap::new();
        let mut values: HashMap<Variable, Values> = HashMap::new();
        let mut epochs = Vec::new();
        for _ in 0..3 {
            let mut sum = 0.0;
            for start in (0..count).step_by(batch) {
                let size = batch.min(count - start);
                let graph = steps.entry(size).or_insert_with(|| training_step(&model, size, rate));
                let rows: Vec<Values> =
                    arguments.iter().map(|a| Values::from(&a.rows(start, start + size))).collect();
                let found = interpreter::run_values(graph, &rows, &values).unwrap();
                sum += found.values[0].data[0] * size as f64;
                values.extend(found.updates);
            }
            epochs.push(sum / count as f64);
        }
        let expected = goldens.get("loss").to_f64_vec();
        for (found, expected) in epochs.iter().zip(&expected) {
            let off = (found - expected).abs() / expected.abs();
            assert!(off <= LOSS, "{name}: losses {epochs:?}, not {expected:?}");
        }
        let x = inputs(&model, count);
        let y = call(&model, &mut Trace::new(false), &x);
        let graph = Graph::new(&x, &y, &[]).unwrap();
        let rows: Vec<Values> = arguments[..x.len()].iter().map(Values::from).collect();
        let found = interpreter::run_values(&graph, &rows, &values).unwrap().outputs.remove(0);
        assert_close(name, &found, &goldens.get("y0_after"), TRAINED);
        trained += 1;
    }
    assert!(trained > 100, "{trained} cases");
}
