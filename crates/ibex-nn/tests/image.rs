//! Functions of images against `keras.ops.image`: values and gradients.

mod common;

use common::{Goldens, assert_close, goldens, name, names};
use ibex_graph::ops::image::{self, Aspect, Channels, Interpolation, Resize};
use ibex_graph::{Array, Graph, Tensor, gradients, interpreter};
use serde_json::{Value, json};

/// Keras computes in `float32`: the bound of the contract.
const OUTPUT: f64 = 1e-5;

/// A case as a function sees it: its arguments, and its arrays as tensors.
struct Case<'a> {
    arguments: &'a Value,
    tensors: &'a [(String, Tensor)],
}

impl Case<'_> {
    fn tensor(&self, name: &str) -> &Tensor {
        &self.tensors.iter().find(|(have, _)| have == name).unwrap().1
    }

    fn numbers(&self, name: &str) -> Vec<usize> {
        let list = self.arguments[name].as_array().unwrap();
        list.iter().map(|number| number.as_u64().unwrap() as usize).collect()
    }

    fn flag(&self, name: &str) -> bool {
        self.arguments[name].as_bool().unwrap_or(false)
    }

    fn number(&self, name: &str, default: f64) -> f64 {
        self.arguments.get(name).map_or(default, |number| number.as_f64().unwrap())
    }

    fn interpolation(&self) -> Interpolation {
        let value = self.arguments.get("interpolation").cloned().unwrap_or(json!("bilinear"));
        serde_json::from_value(value).unwrap()
    }

    fn channels(&self) -> Channels {
        match self.arguments["data_format"].as_str() {
            Some("channels_first") => Channels::First,
            _ => Channels::Last,
        }
    }
}

type Function = fn(&Case<'_>) -> Tensor;

const FUNCTIONS: &[(&str, Function)] = &[("resize", resize), ("scale_and_translate", translate)];

fn resize(case: &Case<'_>) -> Tensor {
    let aspect = match (case.flag("crop_to_aspect_ratio"), case.flag("pad_to_aspect_ratio")) {
        (false, false) => Aspect::Stretch,
        (true, _) => Aspect::Crop,
        (_, true) => Aspect::Pad(case.number("fill_value", 0.0)),
    };
    let antialias = case.flag("antialias");
    let options = Resize { interpolation: case.interpolation(), antialias, aspect };
    let size = case.numbers("size").try_into().unwrap();
    image::resize(case.tensor("x"), size, options, case.channels())
}

fn translate(case: &Case<'_>) -> Tensor {
    let interpolation = match case.arguments["method"].as_str().unwrap() {
        "linear" => Interpolation::Bilinear,
        "cubic" => Interpolation::Bicubic,
        "lanczos3" => Interpolation::Lanczos3,
        _ => Interpolation::Lanczos5,
    };
    image::scale_and_translate(
        case.tensor("x"),
        case.numbers("output_shape"),
        case.tensor("scale"),
        case.tensor("translation"),
        &case.numbers("spatial_dims"),
        interpolation,
        case.arguments["antialias"].as_bool().unwrap_or(true),
    )
}

/// The arrays of a case, as inputs of a graph, and their values.
fn inputs(goldens: &Goldens, case: &str) -> (Vec<(String, Tensor)>, Vec<Array>) {
    let arrays: Vec<(String, Array)> = goldens.of_case(case);
    let given = arrays
        .into_iter()
        .filter(|(name, _)| !matches!(name.as_str(), "y" | "w") && !name.starts_with("grad_"));
    given
        .map(|(name, array)| {
            let tensor = Tensor::input(&name, array.dtype(), array.shape());
            ((name, tensor), array)
        })
        .unzip()
}

#[test]
fn values_and_gradients_are_those_of_keras() {
    let files = names("image");
    assert_eq!(files.len(), FUNCTIONS.len(), "{files:?}");
    for file in files {
        let function = file.strip_prefix("image/").unwrap();
        let (_, compute) = FUNCTIONS.iter().find(|(name, _)| *name == function).unwrap();
        let goldens = goldens(&file);
        for case in &goldens.cases {
            let what = format!("{function} {}", name(case));
            let (tensors, values) = inputs(&goldens, name(case));
            let y = compute(&Case { arguments: &case["arguments"], tensors: &tensors });
            let mut outputs = vec![y.clone()];
            let mut expected = vec![goldens.get(&format!("{}.y", name(case)))];
            if let Some(w) = goldens.find(&format!("{}.w", name(case))) {
                let loss = (&y * Tensor::constant(w)).sum_all();
                for (input, tensor) in &tensors {
                    let golden = goldens.find(&format!("{}.grad_{input}", name(case)));
                    let Some(golden) = golden else { continue };
                    let found = gradients(&loss, std::slice::from_ref(tensor));
                    let found = found.unwrap_or_else(|e| panic!("{what}: {e}")).remove(0);
                    outputs.push(found.unwrap_or_else(|| tensor.zeros_like()));
                    expected.push(golden);
                }
            }
            let tensors: Vec<Tensor> = tensors.into_iter().map(|(_, tensor)| tensor).collect();
            let graph = Graph::new(&tensors, &outputs, &[]);
            let graph = graph.unwrap_or_else(|e| panic!("{what}: {e}"));
            let found = interpreter::run(&graph, &values).unwrap().outputs;
            for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_eq!(found.dtype(), expected.dtype(), "{what}");
                assert_close(&format!("{what} ({i})"), found, expected, OUTPUT);
            }
        }
    }
}
