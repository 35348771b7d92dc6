//! Vocabularies, hashes, bins and texts against real Keras: adapted to data, applied to data.

mod common;

use common::{assert_close, cases, name, same_json};
use ibex_graph::interpreter::evaluate;
use ibex_graph::{Array, DType, Tensor};
use ibex_nn::initializers::Seeds;
use ibex_nn::layer::layer_from_config;
use ibex_nn::layers::{
    Discretization, HashedCrossing, Hashing, IntegerLookup, Normalization, StringLookup,
    TextVectorization,
};
use ibex_nn::text::{Features, Strings};
use ibex_nn::{Instance, Layer, PartialShape, PartialType, Trace};
use serde_json::Value;

/// The shape and the elements of nested lists.
fn flat<'a>(value: &'a Value, depth: usize, shape: &mut Vec<usize>, out: &mut Vec<&'a Value>) {
    let Value::Array(list) = value else { return out.push(value) };
    if shape.len() == depth {
        shape.push(list.len());
    }
    list.iter().for_each(|item| flat(item, depth + 1, shape, out));
}

fn elements(value: &Value) -> (Vec<usize>, Vec<&Value>) {
    let (mut shape, mut out) = (Vec::new(), Vec::new());
    flat(value, 0, &mut shape, &mut out);
    (shape, out)
}

fn strings(value: &Value) -> Strings {
    let (shape, values) = elements(value);
    let values = values.iter().map(|v| v.as_str().unwrap().to_string()).collect();
    Strings::new(shape, values).unwrap()
}

fn integers(value: &Value) -> Array {
    let (shape, values) = elements(value);
    let values: Vec<i64> = values.iter().map(|v| v.as_i64().unwrap()).collect();
    Array::from_slice(shape, &values).unwrap()
}

fn floats(value: &Value) -> Array {
    let (shape, values) = elements(value);
    let values: Vec<f64> = values.iter().map(|v| v.as_f64().unwrap()).collect();
    Array::from_f64_slice(DType::F32, shape, &values)
}

fn features(value: &Value) -> Features {
    match elements(value).1.first() {
        Some(Value::String(_)) => strings(value).into(),
        Some(Value::Number(n)) if n.is_f64() => floats(value).into(),
        _ => integers(value).into(),
    }
}

/// The layer of a case.
fn layer<L>(case: &Value) -> L
where
    L: Layer + Default + serde::Serialize + serde::de::DeserializeOwned,
{
    let class = case["class_name"].as_str().unwrap();
    let layer = layer_from_config::<L>(class, &case["config"]);
    let layer = layer.unwrap_or_else(|error| panic!("{}: {error}", name(case)));
    assert_config(case, &layer, "config");
    layer
}

/// The configuration is that of Keras, numbers found in data up to rounding.
fn assert_config(case: &Value, layer: &dyn Layer, key: &str) {
    let own = layer.base().name.clone().unwrap();
    let mut found = Value::Object(layer.full_config(&own, true));
    let expected = case[key].clone();
    if let Some(Value::Array(boundaries)) = expected.get("bin_boundaries") {
        let boundaries = Value::Array(boundaries.clone());
        let close = (floats(&found["bin_boundaries"]), floats(&boundaries));
        assert_close(name(case), &close.0, &close.1, 1e-6);
        found["bin_boundaries"] = boundaries;
    }
    assert!(same_json(&found, &expected), "{}: {found} is not {expected}", name(case));
}

fn assert_output(case: &Value, found: &Array) {
    let shape: Vec<usize> = serde_json::from_value(case["shape"].clone()).unwrap();
    let expected = floats(&case["y"]).reshape(shape).unwrap();
    assert_close(name(case), found, &expected, 1e-6);
}

/// What the layer computes in a graph for inputs of these values.
fn in_a_model(layer: &dyn Layer, inputs: &[Array]) -> Result<Array, String> {
    let ty = |x: &Array| PartialType::new(x.dtype(), PartialShape::from(x.shape()));
    let types: Vec<PartialType> = inputs.iter().map(ty).collect();
    let instance = Instance::of(&layer.shared(), &types).map_err(|error| error.to_string())?;
    instance.materialize("layer", &mut Seeds::new(0));
    let inputs: Vec<Tensor> = inputs.iter().cloned().map(Tensor::constant).collect();
    let y = instance.call(&mut Trace::new(false), &inputs).remove(0);
    evaluate(&y).map_err(|error| error.to_string())
}

#[test]
fn hashes_are_those_of_keras_on_data_and_in_models() {
    for case in cases("preprocessing/hashing") {
        let (layer, data) = (layer::<Hashing>(&case), features(&case["x"]));
        assert_output(&case, &layer.apply(&data).unwrap());
        if let Features::Numbers(x) = data {
            assert_output(&case, &in_a_model(&layer, &[x]).unwrap());
        }
    }
    for case in cases("preprocessing/hashed_crossing") {
        let layer = layer::<HashedCrossing>(&case);
        let columns: Vec<_> = case["x"].as_array().unwrap().iter().map(features).collect();
        assert_output(&case, &layer.apply(&columns).unwrap());
        let numbers = columns.into_iter().map(|column| match column {
            Features::Numbers(x) => Some(x),
            Features::Strings(_) => None,
        });
        if let Some(columns) = numbers.collect::<Option<Vec<Array>>>() {
            assert_output(&case, &in_a_model(&layer, &columns).unwrap());
        }
    }
}

#[test]
fn vocabularies_of_strings_are_those_of_keras() {
    for case in cases("preprocessing/string_lookup") {
        let mut layer: StringLookup = layer(&case);
        if let Some(data) = case.get("adapt") {
            layer.adapt(strings(data)).unwrap();
            assert_config(&case, &layer, "after");
        }
        assert_eq!(
            layer.get_vocabulary(),
            strings(&case["vocabulary"]).values(),
            "{}",
            name(&case)
        );
        if layer.invert {
            let found = layer.apply_inverse(&integers(&case["x"])).unwrap();
            assert_eq!(found, strings(&case["y"]), "{}", name(&case));
        } else {
            assert_output(&case, &layer.apply(strings(&case["x"])).unwrap());
        }
    }
}

#[test]
fn vocabularies_of_integers_are_those_of_keras_on_data_and_in_models() {
    for case in cases("preprocessing/integer_lookup") {
        let mut layer: IntegerLookup = layer(&case);
        if let Some(data) = case.get("adapt") {
            layer.adapt(&integers(data)).unwrap();
            assert_config(&case, &layer, "after");
        }
        let vocabulary = integers(&case["vocabulary"]);
        assert_eq!(layer.get_vocabulary(), vocabulary.as_slice::<i64>().unwrap());
        let x = integers(&case["x"]);
        let found = layer.apply(&x).unwrap();
        if found.dtype() == DType::I64 {
            assert_eq!(found, integers(&case["y"]), "{}", name(&case));
        }
        assert_output(&case, &found);
        assert_output(&case, &in_a_model(&layer, &[x]).unwrap());
    }
}

#[test]
fn texts_become_the_tokens_of_keras() {
    for case in cases("preprocessing/text_vectorization") {
        let mut layer: TextVectorization = layer(&case);
        if let Some(data) = case.get("adapt") {
            layer.adapt(strings(data)).unwrap();
            assert_config(&case, &layer, "after");
        }
        assert_eq!(
            layer.get_vocabulary(),
            strings(&case["vocabulary"]).values(),
            "{}",
            name(&case)
        );
        assert_output(&case, &layer.apply(strings(&case["x"])).unwrap());
    }
}

#[test]
fn bins_and_statistics_of_data_are_those_of_keras() {
    let batches = |case: &Value| match case["batches"].as_array() {
        Some(batches) => batches.iter().map(floats).collect(),
        None => vec![floats(&case["adapt"])],
    };
    for case in cases("preprocessing/discretization") {
        let mut layer: Discretization = layer(&case);
        layer.adapt_batches(&batches(&case)).unwrap();
        assert_config(&case, &layer, "after");
        assert_output(&case, &in_a_model(&layer, &[floats(&case["x"])]).unwrap());
    }
    for case in cases("preprocessing/normalization") {
        let mut layer: Normalization = layer(&case);
        layer.adapt_batches(&batches(&case)).unwrap();
        assert_config(&case, &layer, "after");
        let found = in_a_model(&layer, &[floats(&case["x"])]).unwrap();
        let expected = floats(&case["y"]);
        assert_close(name(&case), &found, &expected, 1e-5);
    }
}
