//! Options of layers: what noise draws, what a first step sets, and which options are refused.

use std::sync::Arc;

use ibex_graph::interpreter;
use ibex_graph::ops::window::Padding;
use ibex_graph::{Array, DType, Graph, Tensor, Variable};
use ibex_nn::activations::Relu;
use ibex_nn::initializers::Seeds;
use ibex_nn::layers::*;
use ibex_nn::models::{Functional, SymbolicTensor};
use ibex_nn::{Instance, Layer, LayerExt, Trace};
use serde_json::json;

/// A model of one layer on inputs of these sample shapes.
fn model_of(layer: &dyn Layer, shapes: &[&[usize]]) -> Result<Functional, String> {
    let inputs: Vec<SymbolicTensor> =
        shapes.iter().map(|&shape| Input::new(shape).tensor()).collect();
    let output = layer.call(inputs.clone());
    let model = Functional::new(inputs, vec![output]).map_err(|e| e.to_string())?;
    model.layers().iter().for_each(|l| l.materialize(l.name(), &mut Seeds::new(1)));
    Ok(model)
}

/// Calls a model on an array, and carries its updates out; the values of the output.
fn step(model: &Arc<dyn Layer>, training: bool, x: &Array, seed: i64) -> Vec<f64> {
    let input = Tensor::input("x", x.dtype(), x.shape());
    let state = Variable::new("random", Array::from_slice([2], &[seed, 0]).unwrap());
    let mut trace = Trace::new(training).with_random(&state);
    let types = [ibex_nn::PartialType::new(x.dtype(), x.shape().into())];
    let y = Instance::of(model, &types).unwrap().call(&mut trace, std::slice::from_ref(&input));
    let graph = Graph::new(&[input], &y, &trace.updates()).unwrap();
    let found = interpreter::run(&graph, std::slice::from_ref(x)).unwrap();
    for (variable, value) in found.updates {
        let value = Array::from_f64_slice(variable.dtype(), value.shape(), &value.data);
        variable.set(&value).unwrap();
    }
    found.outputs[0].to_f64_vec()
}

/// How many nodes a training step on inputs like `x` has.
fn nodes(model: &Arc<dyn Layer>, x: &Array) -> usize {
    let input = Tensor::input("x", x.dtype(), x.shape());
    let mut trace = Trace::new(true);
    let types = [ibex_nn::PartialType::new(x.dtype(), x.shape().into())];
    let y = Instance::of(model, &types).unwrap().call(&mut trace, std::slice::from_ref(&input));
    Graph::new(&[input], &y, &trace.updates()).unwrap().nodes().len()
}

/// What a layer makes of ones.
fn of_ones(layer: &dyn Layer, training: bool, shape: &[usize], seed: i64) -> Vec<f64> {
    let model: Arc<dyn Layer> = Arc::new(model_of(layer, &[&shape[1..]]).unwrap());
    step(&model, training, &Array::full(DType::F32, shape, 1.0), seed)
}

fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count)
}

#[test]
fn noise_has_the_moments_that_it_should_have() {
    // Bounds are five standard errors of 10,000 draws.
    let normal = |mean: f64, deviation: f64, values: &[f64]| {
        let (found, variance) = moments(values);
        assert!((found - mean).abs() < 5.0 * deviation / 100.0, "mean {found}, not {mean}");
        let expected = deviation * deviation;
        let bound = 5.0 * expected * 2f64.sqrt() / 100.0;
        assert!((variance - expected).abs() < bound, "variance {variance}, not {expected}");
    };
    normal(1.0, 0.3, &of_ones(&GaussianNoise::new(0.3), true, &[100, 100], 1));
    let dropout = GaussianDropout::new(0.2);
    normal(1.0, (0.2f64 / 0.8).sqrt(), &of_ones(&dropout, true, &[100, 100], 2));
    for layer in [&GaussianNoise::new(0.3) as &dyn Layer, &dropout, &AlphaDropout::new(0.3)] {
        assert!(of_ones(layer, false, &[5, 4], 1).iter().all(|&v| v == 1.0), "{layer:?}");
    }
}

#[test]
fn alpha_dropout_keeps_mean_and_variance_of_normal_numbers() {
    let model: Arc<dyn Layer> = Arc::new(model_of(&AlphaDropout::new(0.2), &[&[100]]).unwrap());
    let noise: Arc<dyn Layer> = Arc::new(model_of(&GaussianNoise::new(1.0), &[&[100]]).unwrap());
    let x = step(&noise, true, &Array::zeros(DType::F32, [200, 100]), 3);
    let y = step(&model, true, &Array::from_f64_slice(DType::F32, [200, 100], &x), 4);
    let (mean, variance) = moments(&y);
    assert!(mean.abs() < 0.04 && (variance - 1.0).abs() < 0.06, "{mean} {variance}");
    // What is dropped has one value; a fraction 0.2 does.
    let least = y.iter().copied().fold(f64::INFINITY, f64::min);
    let mut counts = std::collections::BTreeMap::new();
    y.iter().for_each(|v| *counts.entry(v.to_bits()).or_insert(0) += 1);
    let most = *counts.values().max().unwrap() as f64 / y.len() as f64;
    assert!((most - 0.2).abs() < 5.0 * (0.16f64 / 2e4).sqrt(), "{most}, least {least}");
}

#[test]
fn spatial_dropout_drops_whole_channels() {
    let first = SpatialDropout2D::new(0.5).data_format(DataFormat::ChannelsFirst);
    let values = of_ones(&first, true, &[4, 8, 3, 3], 1);
    let whole = |map: &[f64]| map.iter().all(|v| *v == map[0] && (*v == 0.0 || *v == 2.0));
    assert!(values.chunks(9).all(whole), "{values:?}");
    assert!(values.contains(&0.0) && values.contains(&2.0));
    let last = of_ones(&SpatialDropout1D::new(0.5), true, &[2, 5, 16], 1);
    for sample in last.chunks(5 * 16) {
        assert!((0..16).all(|channel| (0..5).all(|t| sample[t * 16 + channel] == sample[channel])));
    }
    let volume = of_ones(&SpatialDropout3D::new(0.5), true, &[1, 2, 2, 2, 32], 1);
    assert!((0..32).all(|channel| (0..8).all(|t| volume[t * 32 + channel] == volume[channel])));
}

#[test]
fn noise_that_keeps_nothing_is_an_error_in_training_only() {
    for layer in [&GaussianDropout::new(1.0) as &dyn Layer, &AlphaDropout::new(1.0)] {
        assert_eq!(of_ones(layer, false, &[1, 2], 1), [1.0, 1.0]);
        let model = model_of(layer, &[&[2]]).unwrap();
        let x = Tensor::input("x", DType::F32, [1, 2]);
        let model: Arc<dyn Layer> = Arc::new(model);
        let types = [ibex_nn::PartialType::new(DType::F32, x.shape().into())];
        let y = Instance::of(&model, &types).unwrap().call(&mut Trace::new(true), &[x]);
        let text = ibex_graph::tensor::errors(&y)[0].message();
        assert!(text.contains("cannot drop everything while training"), "{text}");
    }
}

#[test]
fn masked_steps_are_zero_and_do_not_count() {
    let x = Input::new([4, 2]).tensor();
    let masked = Masking::new(-1.0).call(&x);
    let mean = GlobalAveragePooling1D::new().call(&masked);
    let model: Arc<dyn Layer> = Arc::new(Functional::new(vec![x], vec![mean]).unwrap());
    let x = [1., 2., -1., -1., -1., 4., -1., -1.];
    let found = step(&model, false, &Array::from_f64_slice(DType::F32, [1, 4, 2], &x), 1);
    assert_eq!(found, [0.0, 3.0]); // the means of 1 and -1, and of 2 and 4
}

/// The weights of a wrapped dense layer set, and the wrapper's model.
fn wrapped(layer: WeightNormalization, kernel: &[f64]) -> (Arc<dyn Layer>, Functional) {
    let x = Input::new([2]).tensor();
    let output = layer.call(&x);
    let model = Functional::new(vec![x], vec![output]).unwrap();
    model.layers().iter().for_each(|l| l.materialize(l.name(), &mut Seeds::new(1)));
    let inside = model.layers()[1].child("layer").unwrap().clone();
    let value = Array::from_f64_slice(DType::F32, [2, 2], kernel);
    inside.weight("kernel").unwrap().variable().unwrap().set(&value).unwrap();
    let again = {
        let x = Input::new([2]).tensor();
        let output = layer.call(&x);
        Functional::new(vec![x], vec![output]).unwrap()
    };
    (Arc::new(model), again)
}

#[test]
fn weight_normalization_begins_with_outputs_of_mean_0_and_variance_1() {
    // Filters of length 1, as in the paper: then the first batch comes out normalised.
    let layer = WeightNormalization::new(Dense::new(2).activation(Relu));
    let (model, same) = wrapped(layer, &[0.6, 1.0, 0.8, 0.0]);
    let x = [3.0, 1.0, -2.0, 0.5, 0.25, 4.0, 1.5, -3.0];
    let x = Array::from_f64_slice(DType::F32, [4, 2], &x);
    let nodes_at_first = nodes(&model, &x);
    let first = step(&model, true, &x, 1);
    // What sets lengths and bias is in no further step.
    assert!(nodes(&model, &x) + 10 < nodes_at_first, "{} {nodes_at_first}", nodes(&model, &x));
    // Before the activation: the same with the flag set, and without `relu`, by hand.
    let value = |i: usize| x.to_f64_vec()[i];
    let product = |row: usize| 0.6 * value(2 * row) + 0.8 * value(2 * row + 1);
    for (column, products) in
        [(0..4).map(product).collect::<Vec<f64>>(), (0..4).map(|row| value(2 * row)).collect()]
            .into_iter()
            .enumerate()
    {
        let (mean, variance) = moments(&products);
        for (row, p) in products.iter().enumerate() {
            let expected = ((p - mean) / variance.sqrt()).max(0.0);
            let found = first[2 * row + column];
            assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
        }
    }
    // The second step starts from what the first one set.
    let same: Arc<dyn Layer> = Arc::new(same);
    let second = step(&same, true, &x, 1);
    assert!(second.iter().zip(&first).all(|(a, b)| (a - b).abs() < 1e-6), "{second:?} {first:?}");
    let half = Array::from_f64_slice(DType::F32, [1, 2], &[3.0, 1.0]);
    let found = step(&model, false, &half, 1);
    assert!(found.iter().zip(&first).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {first:?}");
}

#[test]
fn weight_normalization_without_data_changes_nothing_at_first() {
    let layer = WeightNormalization::new(Dense::new(2)).data_init(false);
    let (model, _) = wrapped(layer, &[0.6, 2.0, 0.8, -1.0]);
    let x = Array::from_f64_slice(DType::F32, [1, 2], &[1.0, 2.0]);
    let found = step(&model, true, &x, 1);
    assert!((found[0] - 2.2).abs() < 1e-6 && found[1].abs() < 1e-6, "{found:?}");
}

/// A layer that Keras refuses too, the shapes of its inputs, and what is said about it.
type Refused = (Box<dyn Layer>, Vec<&'static [usize]>, &'static str);

const LINE: &[usize] = &[8, 3];
const IMAGE: &[usize] = &[8, 8, 3];
const VOLUME: &[usize] = &[4, 4, 4, 3];

fn row(layer: impl Layer + 'static, shape: &'static [usize], text: &'static str) -> Refused {
    (Box::new(layer), vec![shape], text)
}

fn pair(layer: impl Layer + 'static, shapes: [&'static [usize]; 2], text: &'static str) -> Refused {
    (Box::new(layer), shapes.to_vec(), text)
}

fn refused_convolutions() -> Vec<Refused> {
    vec![
        row(Conv3D::new(0, 2), VOLUME, "`filters` must be positive"),
        row(Conv3D::new(2, 0), VOLUME, "`kernel_size` must be positive"),
        row(Conv3D::new(2, 2).strides(0), VOLUME, "`strides` must be positive"),
        row(Conv3D::new(2, 2).dilation_rate(0), VOLUME, "`dilation_rate` must be positive"),
        row(Conv3D::new(2, 2).groups(0), VOLUME, "`groups` must be positive"),
        row(Conv3D::new(3, 2).groups(2), VOLUME, "the filters cannot be divided into groups"),
        row(Conv3D::new(4, 2).groups(2), VOLUME, "the channels cannot be divided into groups"),
        row(Conv3D::new(2, 2).strides(2).dilation_rate(2), VOLUME, "strides and dilation cannot"),
        row(Conv3D::new(2, 2).padding(Padding::Causal), VOLUME, "causal padding is for plain"),
        row(Conv3D::new(2, 2), IMAGE, "the input must have 5 axes"),
        row(Conv3D::new(2, 5), VOLUME, "finds no place for a window of 5"),
        row(Conv1DTranspose::new(0, 2), LINE, "`filters` must be positive"),
        row(Conv1DTranspose::new(2, 0), LINE, "`kernel_size` must be positive"),
        row(Conv1DTranspose::new(2, 2).padding(Padding::Causal), LINE, "causal padding"),
        row(Conv1DTranspose::new(2, 2).strides(2).output_padding(2), LINE, "`output_padding` must"),
        row(
            Conv2DTranspose::new(2, 2).output_padding(1),
            IMAGE,
            "`output_padding` must be smaller",
        ),
        row(Conv2DTranspose::new(2, 2).strides(2).dilation_rate(2), IMAGE, "strides and dilation"),
        row(Conv2DTranspose::new(2, 2), LINE, "the input must have 4 axes"),
        row(Conv3DTranspose::new(2, 2).strides(0), VOLUME, "`strides` must be positive"),
        row(DepthwiseConv1D::new(0), LINE, "`kernel_size` must be positive"),
        row(DepthwiseConv1D::new(2).padding(Padding::Causal), LINE, "causal padding"),
        row(DepthwiseConv2D::new(2).depth_multiplier(0), IMAGE, "`depth_multiplier` must be"),
        row(DepthwiseConv2D::new(2).strides(0), IMAGE, "`strides` must be positive"),
        row(DepthwiseConv2D::new(2), VOLUME, "the input must have 4 axes"),
        row(SeparableConv1D::new(0, 2), LINE, "`filters` must be positive"),
        row(SeparableConv1D::new(2, 2).padding(Padding::Causal), LINE, "causal padding"),
        row(SeparableConv2D::new(2, 2).depth_multiplier(0), IMAGE, "`depth_multiplier` must be"),
        row(SeparableConv2D::new(2, 9), IMAGE, "finds no place for a window of 9"),
    ]
}

fn refused_pooling_normalization_and_noise() -> Vec<Refused> {
    let mut rows = vec![
        row(AdaptiveMaxPooling1D::new(0), LINE, "`output_size` must be positive"),
        row(AdaptiveAveragePooling2D::new([2, 0]), IMAGE, "`output_size` must be positive"),
        row(AdaptiveAveragePooling3D::new(2), IMAGE, "the input must have 5 axes"),
        row(MaxPooling1D::new(0), LINE, "`pool_size` must be positive"),
        row(AveragePooling3D::new(2).strides(0), VOLUME, "`strides` must be positive"),
        row(GlobalMaxPooling3D::new(), IMAGE, "the input must have 5 axes"),
        row(GroupNormalization::new(0), LINE, "`groups` must be positive"),
        row(GroupNormalization::new(-2), LINE, "`groups` must be positive"),
        row(GroupNormalization::new(2), LINE, "the channels cannot be divided into groups"),
        row(GroupNormalization::new(6), LINE, "the channels cannot be divided into groups"),
        row(GroupNormalization::new(1).axis(5), LINE, "there is no axis 5"),
        row(RMSNormalization::new().axis(3), LINE, "there is no axis 3"),
        row(RMSNormalization::new().axis(1), LINE, "the scale of `RMSNormalization` does not"),
        row(UnitNormalization::new().axis(4), IMAGE, "there is no axis 4"),
        row(BatchNormalization::new().axis(3), LINE, "there is no axis 3"),
        row(GaussianNoise::new(1.5), LINE, "`stddev` must be a fraction"),
        row(GaussianDropout::new(-0.1), LINE, "`rate` must be a fraction"),
        row(AlphaDropout::new(1.1), LINE, "`rate` must be a fraction"),
        row(AlphaDropout::new(0.1).noise_shape(vec![None]), LINE, "`noise_shape` does not fit"),
        row(SpatialDropout1D::new(2.0), LINE, "`rate` must be a fraction"),
        row(SpatialDropout2D::new(0.5), LINE, "the input must have 4 axes"),
        row(SpatialDropout3D::new(0.5), IMAGE, "the input must have 5 axes"),
    ];
    let limits = json!({"rmin": 2.0, "rmax": 1.0}).as_object().cloned().unwrap_or_default();
    let renorm = BatchNormalization::new().renorm(true).renorm_clipping(limits);
    rows.push(row(renorm, LINE, "the limits of batch renormalisation do not make sense"));
    let strange = json!({"rmed": 2.0}).as_object().cloned().unwrap_or_default();
    let renorm = BatchNormalization::new().renorm(true).renorm_clipping(strange);
    rows.push(row(renorm, LINE, "the limits of batch renormalisation do not make sense"));
    rows
}

fn refused_reshaping_and_wrappers() -> Vec<Refused> {
    vec![
        row(Cropping1D::new([4, 4]), LINE, "nothing is left between the borders"),
        row(Cropping2D::new([[8, 0], [0, 0]]), IMAGE, "nothing is left between the borders"),
        row(Cropping3D::new(2), VOLUME, "nothing is left between the borders"),
        row(Cropping3D::new(1), IMAGE, "the input must have 5 axes"),
        row(ZeroPadding1D::new(1), IMAGE, "the input must have 3 axes"),
        row(ZeroPadding3D::new(1), IMAGE, "the input must have 5 axes"),
        row(UpSampling1D::new(0), LINE, "`size` must be positive"),
        row(UpSampling2D::new([1, 0]), IMAGE, "`size` must be positive"),
        row(UpSampling3D::new(2), IMAGE, "the input must have 5 axes"),
        row(Permute::new([1, 3]), LINE, "`dims` must name every axis of a sample once"),
        row(Permute::new([1, 1]), LINE, "`dims` must name every axis of a sample once"),
        row(Permute::new([0, 1]), LINE, "`dims` must name every axis of a sample once"),
        row(Permute::new([2, 1]), IMAGE, "the input must have 3 axes"),
        row(RepeatVector::new(0), &[3], "`n` must be positive"),
        row(RepeatVector::new(2), LINE, "the input must have 2 axes"),
        row(ReversibleEmbedding::new(0, 3), LINE, "`input_dim` must be positive"),
        row(SpectralNormalization::new(Flatten::new()), LINE, "the layer inside has no weight"),
        row(SpectralNormalization::new(Dense::new(0)), LINE, "`units` must be positive"),
        row(WeightNormalization::new(Embedding::new(3, 2)), LINE, "the layer inside has no weight"),
        row(
            SpectralNormalization::new(Dense::new(2)).power_iterations(0),
            LINE,
            "`power_iterations` must be positive",
        ),
    ]
}

fn refused_products() -> Vec<Refused> {
    let einsum = |equation: &str, output: &[usize]| EinsumDense::new(equation, output);
    vec![
        row(einsum("ab,bc", &[4]), LINE, "the equation does not have one of the known forms"),
        row(einsum("abc,cd->ab d", &[8, 4]), LINE, "the equation does not have one of the known"),
        row(einsum("...ab,bc->ac", &[4]), LINE, "the equation does not have one of the known"),
        row(einsum("a...,bc->ac...", &[4]), LINE, "the equation does not have one of the known"),
        row(einsum("ab,bc->ac", &[4]), LINE, "the equation does not have the axes of the input"),
        row(einsum("abc,cd->abd", &[4]), LINE, "the equation does not have the axes of the output"),
        row(einsum("abc,cd->abd", &[7, 4]), LINE, "input and output differ along their shared"),
        row(einsum("abc,cd->abe", &[8, 4]), LINE, "neither input nor kernel has the output's axis"),
        row(einsum("abc,ced->abd", &[8, 4]), LINE, "neither input nor output has the kernel's"),
        row(
            einsum("abc,cd->abd", &[8, 4]).bias_axes("c"),
            LINE,
            "the bias can only have axes of the output",
        ),
        row(
            einsum("abc,cd->abd", &[8, 4]).bias_axes(""),
            LINE,
            "the bias can only have axes of the output",
        ),
        pair(Dot::new(3), [LINE, LINE], "there are no such axes to sum along"),
        pair(Dot::new(0), [LINE, LINE], "there are no such axes to sum along"),
        pair(Dot::new([1, 2]), [LINE, &[8, 2]], "the inputs do not fit along the axes"),
    ]
}

#[test]
fn wrong_options_are_refused_with_a_reason() {
    let rows: Vec<Refused> = [
        refused_convolutions(),
        refused_pooling_normalization_and_noise(),
        refused_reshaping_and_wrappers(),
        refused_products(),
    ]
    .into_iter()
    .flatten()
    .collect();
    for (layer, shapes, text) in &rows {
        let error = match model_of(layer.as_ref(), shapes) {
            Ok(_) => panic!("accepted: {layer:?}"),
            Err(error) => error,
        };
        assert!(error.contains(text), "{layer:?}: {error}");
        assert!(error.contains("received") || text.contains("no weight"), "{error}");
    }
    assert!(rows.len() > 80, "{} rows", rows.len());
}

#[test]
fn options_are_read_in_every_form_that_keras_writes() {
    let of = |class: &str, config: serde_json::Value| {
        let load = layer_loader(class, None).unwrap();
        let layer = load(&config).unwrap_or_else(|e| panic!("{class} {config}: {e}"));
        layer.config()
    };
    let padding = |class: &str, given| of(class, json!({ "padding": given }))["padding"].clone();
    assert_eq!(padding("ZeroPadding1D", json!(2)), json!([2, 2]));
    assert_eq!(padding("ZeroPadding1D", json!([1, 0])), json!([1, 0]));
    assert_eq!(padding("ZeroPadding2D", json!([1, 2])), json!([[1, 1], [2, 2]]));
    assert_eq!(padding("ZeroPadding3D", json!([1, [0, 2], 3])), json!([[1, 1], [0, 2], [3, 3]]));
    assert_eq!(of("EinsumDense", json!({"output_shape": 4}))["output_shape"], json!([4]));
    assert_eq!(of("Dot", json!({"axes": [1, 2]}))["axes"], json!([1, 2]));
    assert_eq!(of("UpSampling1D", json!({"size": 3}))["size"], json!(3));
    assert_eq!(of("UpSampling2D", json!({"size": 3}))["size"], json!([3, 3]));
    let load = layer_loader("UpSampling2D", None).unwrap();
    assert!(load(&json!({"interpolation": "area"})).is_err());
    assert!(load(&json!({"size": [1, 2, 3]})).is_err());
}
