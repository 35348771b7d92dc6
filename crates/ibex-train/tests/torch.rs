//! Weights of PyTorch in models of ours: the same outputs, against real PyTorch.

mod common;

use std::path::Path;

use common::{OUTPUT, golden};
use ibex_format::torch::{self, Extent};
use ibex_format::{NamedArrays, RawArray, npz};
use ibex_graph::Array;
use ibex_nn::LayerExt;
use ibex_nn::layers::*;
use ibex_nn::models::SymbolicTensor;
use ibex_train::{Layout, Mismatch, Model, zoo};

/// The bound of a whole network's outputs, as in the Keras contract.
const NETWORK: f64 = 1e-4;

/// As `spread` in `tools/goldens/torch_models.py`.
fn spread(index: usize, count: usize) -> Vec<f64> {
    let offset = (index + 1) as f64 * 0.754_877_666_246_692_7;
    let number = |i: usize| {
        let step = (i + 1) as f64 * 0.618_033_988_749_894_9 + offset;
        (step - step.floor()) * 2.0 - 1.0
    };
    (0..count).map(number).collect()
}

/// As `weight` there.
fn weight(index: usize, name: &str, shape: &[usize]) -> RawArray {
    let numbers = spread(index, shape.iter().product());
    let fan_in: usize = shape.iter().skip(1).product();
    let centred = name.ends_with("running_var") || name.ends_with("weight");
    let value = |number: f64| match shape.len() {
        2.. => number * (6.0 / fan_in as f64).sqrt(),
        _ if centred => 1.0 + 0.25 * number,
        _ => 0.1 * number,
    };
    let values: Vec<f32> = numbers.into_iter().map(|number| value(number) as f32).collect();
    RawArray::from_slice(shape, &values).unwrap()
}

/// An image of the formula, channels last.
fn image(extent: usize) -> Array {
    let planes = spread(0, 3 * extent * extent);
    let pixels = extent * extent;
    let values: Vec<f32> = (0..3 * pixels).map(|i| planes[i % 3 * pixels + i / 3] as f32).collect();
    Array::from_slice([1, extent, extent, 3], &values).unwrap()
}

fn assert_close(what: &str, got: &[f64], want: &[f64], bound: f64) {
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(0f64, |most, value| most.max(value.abs()));
    let apart = got.iter().zip(want).fold(0f64, |most, (g, w)| most.max((g - w).abs()));
    assert!(apart <= bound * largest, "{what}: {apart:e} apart, of {largest:e}");
    println!("{what}: {:.1e}", apart / largest);
}

fn array(file: &[(String, RawArray)], name: &str) -> Array {
    let raw = &file.iter().find(|(other, _)| other == name).unwrap().1;
    Array::from_slice(raw.shape(), &raw.as_f32().unwrap()).unwrap()
}

#[test]
fn networks_of_torchvision_compute_the_same() {
    let logits = npz::read(golden("torch/logits.npz")).unwrap();
    let shapes = common::golden_json("torch/shapes.json");
    for (name, expected) in logits {
        let mut arrays = Vec::new();
        for (index, (key, shape)) in shapes[&name].as_object().unwrap().iter().enumerate() {
            let shape: Vec<usize> = serde_json::from_value(shape.clone()).unwrap();
            arrays.push((key.clone(), weight(index, key, &shape)));
        }
        let mut model = zoo::find(&name).unwrap().build().unwrap();
        let tensors = NamedArrays::new(arrays).unwrap();
        let report = model.load_tensors(&tensors, Mismatch::Refuse).unwrap();
        assert_eq!((report.guesses(), report.unused.len()), (0, 0), "{report}");
        let got = model.predict(image(224)).unwrap().to_f64_vec();
        assert_close(&name, &got, &expected.to_f64_vec(), NETWORK);
        // What goes out is what came in.
        let back = model.tensors(Layout::Torch).unwrap();
        assert_eq!(back.arrays.len(), tensors.arrays.len());
        for (key, array) in &tensors.arrays {
            assert_eq!(back.get(key), Some(array), "{name} {key}");
        }
    }
}

/// Every layer of a model under a name that says nothing, as if it were written by somebody else.
fn renamed(model: &Model) -> Model {
    let mut text = model.to_json().to_string();
    for (index, layer) in model.layers().iter().enumerate() {
        text = text.replace(&format!("\"{}\"", layer.name()), &format!("\"layer_{index}\""));
    }
    Model::from_json(&serde_json::from_str(&text).unwrap(), false).unwrap()
}

#[test]
fn layers_of_other_names_are_found_by_order_and_shape() {
    for name in ["resnet18", "mobilenet_v2"] {
        let mut original = zoo::find(name).unwrap().build_for(64).unwrap();
        let shapes = common::golden_json("torch/shapes.json");
        let mut arrays = Vec::new();
        for (index, (key, shape)) in shapes[name].as_object().unwrap().iter().enumerate() {
            let shape: Vec<usize> = serde_json::from_value(shape.clone()).unwrap();
            arrays.push((key.clone(), weight(index, key, &shape)));
        }
        let mut sorted = arrays.clone();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        let tensors = NamedArrays::new(arrays).unwrap();
        original.load_tensors(&tensors, Mismatch::Refuse).unwrap();
        let want = original.predict(image(64)).unwrap();
        let mut model = renamed(&original);
        // In the order of PyTorch, and in that of `safetensors`, by name.
        for tensors in [tensors, NamedArrays::new(sorted).unwrap()] {
            model.variables().iter().for_each(|variable| variable.lock().bytes_mut().fill(0));
            let report = model.load_tensors(&tensors, Mismatch::Refuse).unwrap();
            assert!(report.guesses() > 20 && report.unused.is_empty(), "{report}");
            let got = model.predict(image(64)).unwrap();
            assert_close(name, &got.to_f64_vec(), &want.to_f64_vec(), NETWORK);
        }
    }
}

/// The models of `layer_cases` in `tools/goldens/torch_models.py`.
fn layer_cases() -> Vec<(&'static str, SymbolicTensor, SymbolicTensor)> {
    let mut cases = Vec::new();
    let mut add = |name, input: SymbolicTensor, output| cases.push((name, input, output));
    let normalization = || BatchNormalization::new().epsilon(1e-5);

    let x = Input::new([9, 8, 3]).tensor();
    let y = normalization().call(Conv2D::new(4, 3).strides(2).call(&x));
    let y = Conv2D::new(6, [1, 2]).groups(2).call(PReLU::new().shared_axes([1, 2]).call(&y));
    let y = GroupNormalization::new(3).epsilon(1e-5).call(&y);
    let y = DepthwiseConv2D::new(2).depth_multiplier(2).use_bias(false).call(&y);
    add("convolutions", x, Conv2DTranspose::new(2, 2).strides(2).call(&y));

    let x = Input::new([4, 3, 2]).tensor();
    let y = Dense::new(5).call(Flatten::new().call(Conv2D::new(3, 2).call(&x)));
    add("flattened", x, Dense::new(5).call(LayerNormalization::new().epsilon(1e-5).call(&y)));

    let x = Input::new([6, 2]).tensor();
    let y = normalization().call(Conv1D::new(3, 2).call(&x));
    add("one_and_three", x, Conv1DTranspose::new(2, 3).call(&y));

    let x = Input::new([3, 4, 5, 1]).tensor();
    let y = PReLU::new().shared_axes([1, 2, 3]).call(Conv3D::new(2, [1, 2, 3]).call(&x));
    add("volumes", x, y);

    let sequence = || Input::new([5, 3]).tensor();
    let x = sequence();
    let y = LSTM::new(4).return_sequences(true).call(&x);
    add("lstm", x, LSTM::new(4).return_sequences(true).call(&y));
    let x = sequence();
    let y = Bidirectional::new(LSTM::new(4).return_sequences(true)).call(&x);
    add("lstm_both", x, y);
    let x = sequence();
    let y = GRU::new(4).return_sequences(true).call(&x);
    add("gru", x, y);
    let x = sequence();
    let y = SimpleRNN::new(4).return_sequences(true).call(&x);
    add("rnn", x, y);
    cases
}

#[test]
fn layers_of_every_kind_compute_the_same() {
    for (name, x, y) in layer_cases() {
        let mut model = Model::new([x], [y]).unwrap();
        let state = golden(&format!("torch/layers/{name}.pt"));
        let tensors = torch::read(state, Extent::Model).unwrap();
        let report = model.load_tensors(&tensors, Mismatch::Refuse).unwrap();
        assert!(report.unused.is_empty(), "{name}\n{report}");
        let file = npz::read(golden(&format!("torch/layers/{name}.npz"))).unwrap();
        let got = model.predict(array(&file, "x")).unwrap();
        assert_close(name, &got.to_f64_vec(), &array(&file, "y").to_f64_vec(), OUTPUT);
        // Out, and into a model with other weights: the same outputs again.
        for layout in [Layout::Torch, Layout::Keras] {
            let saved = model.tensors(layout).unwrap();
            model.variables().iter().for_each(|variable| variable.lock().bytes_mut().fill(0));
            model.load_tensors(&saved, Mismatch::Refuse).unwrap();
            assert_eq!(model.predict(array(&file, "x")).unwrap().bytes(), got.bytes(), "{name}");
        }
    }
}

#[test]
fn what_does_not_fit_is_named_and_changes_nothing() {
    let build = || {
        let x = Input::new([4]).tensor();
        let y = Dense::new(3).name("first").call(&x);
        Model::new([x], [Dense::new(2).name("second").call(&y)]).unwrap()
    };
    let mut model = build();
    let before = model.get_weights();
    let layer = |name: &str, shape: &[usize]| (name.to_string(), weight(0, name, shape));
    let arrays = vec![
        layer("module.first.weight", &[3, 4]),
        layer("module.first.bias", &[3]),
        layer("module.third.weight", &[5, 3]),
        layer("module.third.bias", &[5]),
    ];
    let tensors = NamedArrays::new(arrays).unwrap();
    let error = model.load_tensors(&tensors, Mismatch::Refuse).unwrap_err();
    expect_test::expect![[r#"
        1 of 2 layers find no weights that fit
          expected  `second` (Dense): kernel (3, 2), bias (2,)
          received  `module.third`: weight (5, 3), bias (5,)
          help: shapes must agree once axes are in the order of Keras; a layer that the file lacks keeps its weights with `Mismatch::Skip` (`--skip-mismatch`)"#]]
    .assert_eq(&error.to_string());
    let same = |a: &Array, b: &Array| a.bytes() == b.bytes();
    assert!(model.get_weights().iter().zip(&before).all(|(a, b)| same(a, b)));
    let report = model.load_tensors(&tensors, Mismatch::Skip).unwrap();
    expect_test::expect![[r#"
        1 of 2 layers have weights: 1 by name, 0 by shape, 0 by order
          first <- module.first
          `second` (Dense): kernel (3, 2), bias (2,) keeps its weights
          unused: `module.third`: weight (5, 3), bias (5,)
    "#]]
    .assert_eq(&report.to_string());
    assert!(
        !same(&model.get_weights()[0], &before[0]) && same(&model.get_weights()[2], &before[2])
    );
}

#[test]
fn files_of_every_kind_hold_the_same_weights() {
    use ibex_train::files::{Conversion, compare, convert, of_file};
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let x = Input::new([4]).tensor();
    let model = || {
        let y = Dense::new(3).name("first").call(&x);
        Model::new([x.clone()], [Dense::new(2).name("second").call(&y)]).unwrap()
    };
    model().save(path("model.keras")).unwrap();
    let read = |path: &Path| (of_file(path).unwrap().read)(path).unwrap();
    let original = read(&path("model.keras"));
    let kinds = ["a.safetensors", "b.pt", "c.npz", "d.weights.h5", "e.safetensors.index.json"];
    for kind in kinds {
        convert(&path("model.keras"), &path(kind), Conversion::default()).unwrap();
        // Into a model with other weights, and back to the file it came from.
        let target = Conversion { model: Some(model()), ..Conversion::default() };
        convert(&path(kind), &path("back.keras"), target).unwrap();
        let found = compare::arrays(&original, &read(&path("back.keras")));
        assert!(found.is_same(0.0) && found.compared == 4, "{kind}: {found:?}");
    }
    // Arrays to arrays keep their names.
    for pair in ["a.safetensors", "f.npz", "g.pt", "h.safetensors"].windows(2) {
        convert(&path(pair[0]), &path(pair[1]), Conversion::default()).unwrap();
    }
    let found = compare::arrays(&read(&path("a.safetensors")), &read(&path("h.safetensors")));
    assert!(found.is_same(0.0) && found.compared == 4, "{found:?}");
    let error = convert(&path("c.npz"), &path("x.keras"), Conversion::default()).unwrap_err();
    expect_test::expect![[r#"
        a Keras 3 model holds a whole model, and a numpy archive only arrays
          expected  the architecture that the arrays belong to
          help: name it: `--model ARCHITECTURE.keras`, or one of `ibex convert --help`"#]]
    .assert_eq(&error.to_string());
}
