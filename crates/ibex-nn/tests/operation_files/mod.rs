//! The goldens of operations: small functional models with their inputs and outputs.

#![allow(dead_code, unreachable_pub)] // each test file uses its part

use std::collections::BTreeMap;

use ibex_graph::{Array, DType, Graph, Tensor, gradients};
use ibex_nn::layers::operation::operations;
use ibex_nn::models::{Functional, SymbolicTensor};
use ibex_nn::{Instance, Layer, Trace};
use serde_json::{Value, json};

use crate::common::{Goldens, goldens, goldens_of, names};

/// One expression of `keras.ops` functions on named inputs.
pub struct Case {
    pub name: String,
    pub inputs: Vec<(String, Array)>,
    pub any_batch: bool,
    pub layers: Vec<Value>,
    pub output_layers: Value,
    pub dtypes: Vec<String>,
    pub outputs: Vec<Array>,
    pub gradients: BTreeMap<String, Array>,
}

impl Case {
    /// The operation among its layers that Ibex refuses, if there is one.
    pub fn refused(&self) -> Option<&'static str> {
        let refused = operations().filter(|row| row.refused.is_some()).map(|row| row.class_name);
        refused.into_iter().find(|class| self.layers.iter().any(|l| l["class_name"] == *class))
    }

    /// The model's configuration, as a file has it.
    pub fn model(&self) -> Value {
        let input = |(name, value): &(String, Array)| {
            let mut shape: Vec<Value> = value.shape().iter().map(|extent| json!(extent)).collect();
            if let Some(first) = shape.first_mut().filter(|_| self.any_batch) {
                *first = Value::Null;
            }
            json!({
                "module": "keras.layers", "class_name": "InputLayer", "registered_name": null,
                "config": {"batch_shape": shape, "dtype": value.dtype().name(), "name": name,
                           "sparse": false, "ragged": false},
                "name": name, "inbound_nodes": [],
            })
        };
        let mut layers: Vec<Value> = self.inputs.iter().map(input).collect();
        layers.extend(self.layers.iter().cloned());
        let ends: Vec<Value> = self.inputs.iter().map(|(name, _)| json!([name, 0, 0])).collect();
        json!({
            "module": "keras.src.models.functional", "class_name": "Functional",
            "config": {"name": "functional", "trainable": true, "layers": layers,
                       "input_layers": ends, "output_layers": self.output_layers},
        })
    }
}

/// Keras computes in `float32`: the bound of the contract.
const OUTPUT: f64 = 1e-5;

/// The weights of the sum of all elements whose gradients are compared, as in the generator.
fn weights(y: &Tensor) -> Tensor {
    let values: Vec<f64> = (0..y.shape().size()).map(|i| (i as f64 * 0.7).cos()).collect();
    Tensor::constant(Array::from_f64_slice(y.dtype(), y.shape(), &values))
}

impl Case {
    /// The graph of a model: its outputs, and the gradients that the case has.
    pub fn graph(&self, model: &std::sync::Arc<Functional>) -> Result<Graph, String> {
        let types: Vec<_> = model.inputs().iter().map(SymbolicTensor::ty).collect();
        let pairs = types.iter().zip(&self.inputs);
        let x: Vec<Tensor> =
            pairs.map(|(ty, (_, value))| Tensor::input("x", ty.dtype, value.shape())).collect();
        let layer: std::sync::Arc<dyn Layer> = model.clone();
        let instance = Instance::of(&layer, &types).map_err(|e| e.to_string())?;
        let y = instance.call(&mut Trace::new(false), &x);
        let mut total = Tensor::scalar(DType::F32, 0.0);
        for output in y.iter().filter(|output| output.dtype().is_float()) {
            total = total + (output * weights(output)).cast(DType::F32).sum_all();
        }
        let named = x.iter().zip(&self.inputs);
        let by = named.filter(|(_, (name, _))| self.gradients.contains_key(name));
        let by: Vec<Tensor> = by.map(|(x, _)| x.clone()).collect();
        // Where Keras has no gradient there may be none here.
        let found = match by.is_empty() {
            true => Vec::new(),
            false => gradients(&total, &by).map_err(|e| e.to_string())?,
        };
        let found = found.into_iter().zip(&by).map(|(g, x)| g.unwrap_or_else(|| x.zeros_like()));
        let all: Vec<Tensor> = y.iter().cloned().chain(found).collect();
        Graph::new(&x, &all, &[]).map_err(|e| e.to_string())
    }

    /// The values of the inputs.
    pub fn values(&self) -> Vec<Array> {
        self.inputs.iter().map(|(_, value)| value.clone()).collect()
    }

    /// Whether what the graph gave are Keras's numbers.
    pub fn compare(&self, found: &[Array]) -> Result<(), String> {
        if found.len() != self.outputs.len() + self.gradients.len() {
            return Err(format!("{} results", found.len()));
        }
        // The interpreter does not round to half precision.
        let tolerance = if self.name.contains("float16") { 1e-2 } else { OUTPUT };
        let (outputs, gradients) = found.split_at(self.outputs.len());
        for (at, (found, expected)) in outputs.iter().zip(&self.outputs).enumerate() {
            if found.dtype().name() != self.dtypes[at] {
                return Err(format!("output {at} is {}, not {}", found.dtype(), self.dtypes[at]));
            }
            difference(found, expected, tolerance).map_err(|e| format!("output {at}: {e}"))?;
        }
        let names = self.inputs.iter().map(|(name, _)| name);
        let names = names.filter(|name| self.gradients.contains_key(*name));
        for (found, name) in gradients.iter().zip(names) {
            let result = difference(found, &self.gradients[name], tolerance);
            result.map_err(|e| format!("gradient by {name}: {e}"))?;
        }
        Ok(())
    }
}

/// Every part with its cases.
pub fn parts() -> Vec<(String, Vec<Case>)> {
    let inputs = goldens_of("operations/inputs");
    let part = |name: String| {
        let goldens = goldens(&name);
        let cases = goldens.cases.iter().enumerate();
        let cases = cases.map(|(at, case)| case_of(at, case, &goldens, &inputs)).collect();
        (name, cases)
    };
    names("operations").into_iter().map(part).collect()
}

fn case_of(at: usize, case: &Value, goldens: &Goldens, inputs: &Goldens) -> Case {
    let texts = |key: &str| -> Vec<String> {
        let items = case[key].as_array().unwrap().iter();
        items.map(|item| item.as_str().unwrap().to_string()).collect()
    };
    let names = texts("inputs");
    let gradients = names
        .iter()
        .filter_map(|name| Some((name.clone(), goldens.find(&format!("{at}.{name}"))?)));
    let dtypes = texts("dtypes");
    Case {
        name: case["name"].as_str().unwrap().to_string(),
        gradients: gradients.collect(),
        inputs: names.into_iter().map(|name| (name.clone(), inputs.get(&name))).collect(),
        any_batch: case["any_batch"].as_bool().unwrap(),
        layers: case["layers"].as_array().unwrap().clone(),
        output_layers: case["output_layers"].clone(),
        outputs: (0..dtypes.len()).map_while(|i| goldens.find(&format!("{at}.y{i}"))).collect(),
        dtypes,
    }
}

/// How two arrays differ by more than `tolerance` times the largest expected absolute value, where
/// what is not finite must be the same.
pub fn difference(found: &Array, expected: &Array, tolerance: f64) -> Result<(), String> {
    if found.shape() != expected.shape() {
        return Err(format!("shape {}, not {}", found.shape(), expected.shape()));
    }
    let (found, expected) = (found.to_f64_vec(), expected.to_f64_vec());
    let finite = expected.iter().filter(|value| value.is_finite());
    let scale = finite.fold(0.0f64, |scale, v| scale.max(v.abs())).max(1e-30);
    for (at, (a, b)) in found.iter().zip(&expected).enumerate() {
        let same = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * scale;
        if !same {
            return Err(format!("[{at}] is {a}, not {b}, of {scale}"));
        }
    }
    Ok(())
}
