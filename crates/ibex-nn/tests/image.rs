//! Functions of images against `keras.ops.image`: values and gradients.

mod common;

use common::{Goldens, assert_close, goldens, name, names};
use ibex_graph::ops::image::{
    self, Aspect, Borders, Channels, Elasticity, FillMode, Interpolation, Resize,
};
use ibex_graph::ops::window::Padding;
use ibex_graph::{Array, DType, Graph, Tensor, gradients, interpreter};
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

    fn mode(&self, default: &str) -> FillMode {
        let value = self.arguments.get("fill_mode").cloned().unwrap_or(json!(default));
        serde_json::from_value(value).unwrap()
    }

    /// The borders above and below, and those on the left and on the right.
    fn borders(&self, kind: &str) -> (Borders, Borders) {
        let number = |name: String| self.arguments[name].as_u64().map(|number| number as usize);
        let along = |before: &str, after: &str, extent: &str| Borders {
            before: number(format!("{before}_{kind}")),
            after: number(format!("{after}_{kind}")),
            extent: number(format!("target_{extent}")),
        };
        (along("top", "bottom", "height"), along("left", "right", "width"))
    }

    fn channels(&self) -> Channels {
        match self.arguments["data_format"].as_str() {
            Some("channels_first") => Channels::First,
            _ => Channels::Last,
        }
    }
}

type Function = fn(&Case<'_>) -> Tensor;

const FUNCTIONS: &[(&str, Function)] = &[
    ("affine_transform", |case| {
        let (x, transform) = (case.tensor("x"), case.tensor("transform"));
        let (mode, value) = (case.mode("constant"), case.number("fill_value", 0.0));
        image::affine_transform(x, transform, case.interpolation(), mode, value, case.channels())
    }),
    ("crop_images", |case| {
        let (vertical, horizontal) = case.borders("cropping");
        image::crop_images(case.tensor("x"), vertical, horizontal, case.channels())
    }),
    ("elastic_transform", elastic),
    ("extract_patches", patches),
    ("gaussian_blur", |case| {
        let size = case.numbers("kernel_size").try_into().unwrap();
        image::gaussian_blur(case.tensor("x"), size, case.tensor("sigma"), case.channels())
    }),
    ("hsv_to_rgb", |case| image::hsv_to_rgb(case.tensor("x"), case.channels())),
    ("map_coordinates", |case| {
        let orders = [Interpolation::Nearest, Interpolation::Bilinear];
        let order = orders[case.number("order", 0.0) as usize];
        let (mode, value) = (case.mode("constant"), case.number("fill_value", 0.0));
        image::map_coordinates(case.tensor("x"), case.tensor("coordinates"), order, mode, value)
    }),
    ("pad_images", |case| {
        let (vertical, horizontal) = case.borders("padding");
        image::pad_images(case.tensor("x"), vertical, horizontal, case.channels())
    }),
    ("perspective_transform", |case| {
        let (start, end) = (case.tensor("start_points"), case.tensor("end_points"));
        let (between, value) = (case.interpolation(), case.number("fill_value", 0.0));
        let x = case.tensor("x");
        image::perspective_transform(x, start, end, between, value, case.channels())
    }),
    ("resize", resize),
    ("rgb_to_grayscale", |case| image::rgb_to_grayscale(case.tensor("x"), case.channels())),
    ("rgb_to_hsv", |case| image::rgb_to_hsv(case.tensor("x"), case.channels())),
    ("scale_and_translate", translate),
];

fn elastic(case: &Case<'_>) -> Tensor {
    let (alpha, sigma) = (case.number("alpha", 20.0), case.number("sigma", 5.0));
    let scalar = |value| Tensor::scalar(DType::F32, value);
    // Room to spare: the weights beyond the reach of `sigma` are zero.
    let elasticity =
        Elasticity { alpha: scalar(alpha), sigma: scalar(sigma), largest_sigma: 2.0 * sigma };
    image::elastic_transform(
        case.tensor("x"),
        [case.tensor("noise"), case.tensor("noise")],
        &elasticity,
        case.interpolation(),
        case.mode("reflect"),
        case.number("fill_value", 0.0),
        case.channels(),
    )
}

fn patches(case: &Case<'_>) -> Tensor {
    let x = case.tensor("x");
    let size = match case.arguments["size"].as_u64() {
        Some(size) => vec![size as usize; 2],
        None => case.numbers("size"),
    };
    let strides = match case.arguments.get("strides") {
        Some(_) => case.numbers("strides"),
        None => size.clone(),
    };
    let dilation = vec![case.number("dilation_rate", 1.0) as usize; size.len()];
    let same = case.arguments["padding"] == "same";
    let padding = if same { Padding::Same } else { Padding::Valid };
    image::extract_patches(x, &size, &strides, &dilation, padding, case.channels())
}

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
    for file in &files {
        let function = file.strip_prefix("image/").unwrap();
        let (_, compute) = FUNCTIONS.iter().find(|(name, _)| *name == function).unwrap();
        let goldens = goldens(file);
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
    assert_eq!(files.len(), FUNCTIONS.len(), "{files:?}");
}
