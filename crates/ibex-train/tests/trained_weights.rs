//! Trained weights of other programs give right answers: the files of `$IBEX_DATA_HOME`.
//!
//! Every test is skipped, and says so, where they are not.

mod common;

use std::path::{Path, PathBuf};

use common::golden;
use ibex_format::{npy, npz};
use ibex_graph::Array;
use ibex_graph::ops::window::Padding;
use ibex_nn::LayerExt;
use ibex_nn::activations;
use ibex_nn::layers::*;
use ibex_nn::models::SymbolicTensor;
use ibex_train::files::of_file;
use ibex_train::{Mismatch, Model, TransferReport, zoo};

/// A file of the data sets; says so where a test is skipped for the lack of it.
fn data(path: &str) -> Option<PathBuf> {
    let place = std::env::var_os("IBEX_DATA_HOME").map(|home| Path::new(&home).join(path));
    let place = place.filter(|place| place.is_file());
    if place.is_none() {
        eprintln!("skipped: $IBEX_DATA_HOME/{path} is not there");
    }
    place
}

/// Puts the weights of a file into a model, whatever the kind of the file.
fn fill(model: &mut Model, file: &Path, mismatch: Mismatch) -> TransferReport {
    let tensors = (of_file(file).unwrap().read)(file).unwrap();
    let report = model.load_tensors(&tensors, mismatch).unwrap();
    assert!(report.unused.is_empty(), "{report}");
    report
}

fn largest_difference(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(0f64, |most, value| most.max(value.abs()));
    got.iter().zip(want).fold(0f64, |most, (g, w)| most.max((g - w).abs())) / largest
}

/// Means and deviations of the channels in torchvision.
const MEANS: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATIONS: [f32; 3] = [0.229, 0.224, 0.225];

#[test]
fn residual_networks_for_cifar10() {
    let Some(pictures) = data("cifar10_3000/cifar10_batch_0.png") else { return };
    let pixels = tiny_skia::Pixmap::load_png(pictures).unwrap();
    let count = 64;
    let values: Vec<f32> = pixels.data()[..count * 32 * 32 * 4]
        .chunks_exact(4)
        .flat_map(|pixel| (0..3).map(|c| (f32::from(pixel[c]) / 255.0 - MEANS[c]) / DEVIATIONS[c]))
        .collect();
    let x = Array::from_slice([count, 32, 32, 3], &values).unwrap();
    let folder = "w_resnet_cifar10_torch";
    for (file, depth) in [
        ("resnet20-12fca82f.safetensors", 20),
        ("resnet20-12fca82f.th", 20),
        ("resnet56-4bfd9763.safetensors", 56),
    ] {
        let Some(weights) = data(&format!("{folder}/{file}")) else { return };
        let expected = format!("{folder}/expected_logits_resnet{depth}_first64.npy");
        let expected = npy::parse(std::fs::read(data(&expected).unwrap()).unwrap()).unwrap();
        let mut model = zoo::find(&format!("resnet{depth}_cifar10")).unwrap().build().unwrap();
        let report = fill(&mut model, &weights, Mismatch::Refuse);
        assert_eq!(report.guesses(), 0, "{report}");
        let got = model.predict(&x).unwrap().to_f64_vec();
        let apart = largest_difference(&got, &expected.to_f64_vec());
        println!("{file}: {apart:.1e}");
        assert!(apart < 1e-4, "{file}: {apart:e}");
    }
}

/// A picture: height, width, and numbers from 0 to 255 in the order red, green, blue.
struct Picture {
    height: usize,
    width: usize,
    values: Vec<f64>,
}

/// Reads a bitmap of 24 bits for each pixel, lowest row first.
fn bitmap(path: &Path) -> Picture {
    let bytes = std::fs::read(path).unwrap();
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (start, width, height) = (number(10), number(18), number(22));
    assert_eq!((&bytes[..2], bytes[28]), (b"BM".as_slice(), 24));
    let row = (3 * width).next_multiple_of(4);
    let mut values = Vec::new();
    for y in (0..height).rev() {
        for x in 0..width {
            let at = start + y * row + 3 * x;
            values.extend([bytes[at + 2], bytes[at + 1], bytes[at]].map(f64::from));
        }
    }
    Picture { height, width, values }
}

impl Picture {
    /// Squeezed into a square by a triangular window as wide as what becomes one pixel.
    fn resized(&self, extent: usize) -> Picture {
        let columns = windows(self.width, extent);
        let rows = windows(self.height, extent);
        let mut narrow = Vec::new();
        for y in 0..self.height {
            for window in &columns {
                for c in 0..3 {
                    let at = |&(x, share): &(usize, f64)| {
                        share * self.values[(y * self.width + x) * 3 + c]
                    };
                    narrow.push(window.iter().map(at).sum::<f64>().round());
                }
            }
        }
        let mut values = Vec::new();
        for window in &rows {
            for x in 0..extent * 3 {
                let at = |&(y, share): &(usize, f64)| share * narrow[y * extent * 3 + x];
                values.push(window.iter().map(at).sum::<f64>().round());
            }
        }
        Picture { height: extent, width: extent, values }
    }

    fn array(&self, change: impl Fn(&[f64]) -> [f64; 3]) -> Array {
        let values = self.values.chunks_exact(3).flat_map(|pixel| change(pixel).map(|v| v as f32));
        let values: Vec<f32> = values.collect();
        Array::from_slice([1, self.height, self.width, 3], &values).unwrap()
    }
}

/// For each place of the result, the places that it is made of and their shares.
fn windows(from: usize, to: usize) -> Vec<Vec<(usize, f64)>> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let of = |place: usize| {
        let centre = (place as f64 + 0.5) * scale;
        let share = |x: usize| (1.0 - ((x as f64 + 0.5 - centre) / reach).abs()).max(0.0);
        let total: f64 = (0..from).map(share).sum();
        (0..from).map(|x| (x, share(x) / total)).filter(|(_, share)| *share > 0.0).collect()
    };
    (0..to).map(of).collect()
}

/// The class of the largest probability, which must be this one, about that large.
fn assert_class(what: &str, probabilities: &Array, class: usize, about: f64) {
    let values = probabilities.to_f64_vec();
    let best = (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap();
    println!("{what}: class {best}, probability {:.3}", values[best]);
    assert_eq!(best, class, "{what}");
    // What the source of the files gives, up to how the picture was resized.
    assert!((values[best] - about).abs() < 0.05, "{what}: {} in place of {about}", values[best]);
}

#[test]
fn squeezenet_knows_a_cat() {
    let Some(weights) = data("w_squeezenet_v1.0/squeezenet_v1.0.safetensors") else { return };
    let mut model = zoo::find("squeezenet1_0").unwrap().build_for(227).unwrap();
    let report = fill(&mut model, &weights, Mismatch::Refuse);
    assert_eq!(report.matches.len(), 26, "{report}");
    for (name, class, about) in [("cat", 285, 0.905), ("grace_hopper", 457, 0.787)] {
        let Some(file) = data(&format!("w_tflite_mobilenet/{name}.bmp")) else { return };
        let picture = bitmap(&file).resized(227);
        let x = picture.array(|p| [p[2] - 104.0, p[1] - 117.0, p[0] - 123.0]);
        let logits = model.predict(&x).unwrap().to_f64_vec();
        let largest = logits.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
        let shares = logits.iter().map(|l| ((l - largest).exp() / total) as f32);
        let shares = Array::from_slice([1000], &shares.collect::<Vec<f32>>()).unwrap();
        assert_class(name, &shares, class, about);
    }
}

#[test]
fn squeezenet_features_are_those_of_pytorch() {
    let file = "w_squeezenet_v1.1_features/squeezenet1_1_features.safetensors";
    let Some(weights) = data(file) else { return };
    let mut whole = zoo::find("squeezenet1_1").unwrap().build().unwrap();
    let report = fill(&mut whole, &weights, Mismatch::Skip);
    assert_eq!(report.unmatched.len(), 1, "{report}");
    // What the classifier receives: the input of the dropout before it.
    let calls = whole.functional().calls().to_vec();
    let dropout = calls.iter().find(|call| call.layer().class_name() == "Dropout").unwrap();
    let input = whole.functional().inputs()[0].clone();
    let mut features = Model::new([input], [dropout.inputs()[0].clone()]).unwrap();
    features.set_weights(&whole.get_weights()[..features.weights().len()]).unwrap();
    let planes: Vec<f64> = (0..3 * 224 * 224)
        .map(|i| {
            let step = f64::from(i + 1) * 0.618_033_988_749_894_9 + 0.754_877_666_246_692_7;
            (step - step.floor()) * 2.0 - 1.0
        })
        .collect();
    let values: Vec<f32> =
        (0..planes.len()).map(|i| planes[i % 3 * 224 * 224 + i / 3] as f32).collect();
    let x = Array::from_slice([1, 224, 224, 3], &values).unwrap();
    let y = features.predict(&x).unwrap();
    assert_eq!(y.shape().dims(), [1, 13, 13, 512]);
    let y = y.to_f64_vec();
    let expected = npz::read(golden("torch/squeezenet1_1_features.npz")).unwrap();
    let want = |name: &str| expected.iter().find(|(n, _)| n == name).unwrap().1.to_f64_vec();
    let mean: Vec<f64> =
        (0..512).map(|c| (0..169).map(|p| y[p * 512 + c]).sum::<f64>() / 169.0).collect();
    let centre = &y[(6 * 13 + 6) * 512..][..512];
    for (what, got) in [("mean", mean.as_slice()), ("centre", centre)] {
        let apart = largest_difference(got, &want(what));
        println!("{what}: {apart:.1e}");
        assert!(apart < 1e-4, "{what}: {apart:e}");
    }
}

/// A convolution with the normalisation folded in, named as in the files of MobileNets.
fn folded(
    x: &SymbolicTensor,
    place: &mut usize,
    [filters, size, strides]: [usize; 3],
    clipped: bool,
) -> SymbolicTensor {
    let y = Conv2D::new(filters, size).strides(strides).padding(Padding::Same);
    let y = y.name(format!("{:02}_conv", *place)).call(x);
    *place += 1;
    if clipped { ReLU::new().max_value(6.0).call(&y) } else { y }
}

fn folded_depthwise(x: &SymbolicTensor, place: &mut usize, strides: usize) -> SymbolicTensor {
    let y = DepthwiseConv2D::new(3).strides(strides).padding(Padding::Same);
    let y = y.name(format!("{:02}_dwconv", *place)).call(x);
    *place += 1;
    ReLU::new().max_value(6.0).call(&y)
}

fn classified(x: &SymbolicTensor, place: &mut usize) -> SymbolicTensor {
    let pooled = GlobalAveragePooling2D::new().keepdims(true).call(x);
    let logits = folded(&pooled, place, [1001, 1, 1], false);
    Activation::new(activations::Softmax).call(Flatten::new().call(&logits))
}

/// MobileNet of version 1: Howard et al., 2017.
fn mobilenet_v1(extent: usize, quarter: usize) -> Model {
    let input = Input::new([extent, extent, 3]).tensor();
    let mut place = 0;
    let mut x = folded(&input, &mut place, [32 * quarter / 4, 3, 2], true);
    let widths = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
    let strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1];
    for (width, strides) in widths.into_iter().zip(strides) {
        x = folded_depthwise(&x, &mut place, strides);
        x = folded(&x, &mut place, [width * quarter / 4, 1, 1], true);
    }
    Model::new([input], [classified(&x, &mut place)]).unwrap()
}

/// MobileNet of version 2, with the padding of TensorFlow.
fn mobilenet_v2() -> Model {
    let input = Input::new([224, 224, 3]).tensor();
    let mut place = 0;
    let mut x = folded(&input, &mut place, [32, 3, 2], true);
    let mut channels = 32;
    let stages = [
        [1, 16, 1, 1],
        [6, 24, 2, 2],
        [6, 32, 3, 2],
        [6, 64, 4, 2],
        [6, 96, 3, 1],
        [6, 160, 3, 2],
        [6, 320, 1, 1],
    ];
    for [expansion, filters, count, first] in stages {
        for index in 0..count {
            let strides = if index == 0 { first } else { 1 };
            let mut y = x.clone();
            if expansion > 1 {
                y = folded(&y, &mut place, [channels * expansion, 1, 1], true);
            }
            y = folded_depthwise(&y, &mut place, strides);
            y = folded(&y, &mut place, [filters, 1, 1], false);
            let stays = strides == 1 && channels == filters;
            x = if stays { Add::default().call([&x, &y]) } else { y };
            channels = filters;
        }
    }
    x = folded(&x, &mut place, [1280, 1, 1], true);
    Model::new([input], [classified(&x, &mut place)]).unwrap()
}

#[test]
fn mobilenets_of_tensorflow_know_a_cat() {
    let folder = "w_tflite_mobilenet";
    let cases = [
        ("mobilenet_v1_0.25_128_dequant_f32", mobilenet_v1(128, 1), 128, vec![("cat", 286, 0.14)]),
        (
            "mobilenet_v2_1.0_224_dequant_f16",
            mobilenet_v2(),
            224,
            vec![("cat", 286, 0.78), ("grace_hopper", 653, 0.93)],
        ),
    ];
    for (file, mut model, extent, pictures) in cases {
        let Some(weights) = data(&format!("{folder}/{file}.safetensors")) else { return };
        let report = fill(&mut model, &weights, Mismatch::Refuse);
        assert_eq!(report.guesses(), 0, "{report}");
        for (name, class, about) in pictures {
            let Some(picture) = data(&format!("{folder}/{name}.bmp")) else { return };
            let x = bitmap(&picture).resized(extent);
            let x = x.array(|p| [0, 1, 2].map(|c| (p[c] - 128.0) / 128.0));
            assert_class(&format!("{file}: {name}"), &model.predict(&x).unwrap(), class, about);
        }
    }
}
