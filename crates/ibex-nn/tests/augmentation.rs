//! Augmentation layers: changes with transformations that Keras drew, configurations, what Keras
//! refuses, the distributions of what is drawn, and rest outside training.

mod common;

use std::collections::HashMap;
use std::sync::Arc;

use common::{assert_close, cases, goldens, name, names, same_json};
use ibex_graph::interpreter::{self, Values};
use ibex_graph::{Array, DType, Graph, Tensor, Type, Variable};
use ibex_nn::layer::layer_from_config;
use ibex_nn::layers::augmentation::{Augmentation, Drawn, Draws, ImageSize};
use ibex_nn::layers::{
    AugMix, AutoContrast, ContrastLimitedAdaptiveHistogramEqualization, CutMix, Equalization,
    Factor, FlipMode, MixUp, Pipeline, RandAugment, RandomBrightness, RandomColorDegeneration,
    RandomColorJitter, RandomContrast, RandomCrop, RandomElasticTransform, RandomErasing,
    RandomFlip, RandomGaussianBlur, RandomGrayscale, RandomHue, RandomInvert, RandomPerspective,
    RandomPosterization, RandomRotation, RandomSaturation, RandomSharpness, RandomShear,
    RandomTranslation, RandomZoom, Rescaling, Solarization, layer_loader,
};
use ibex_nn::{Instance, Layer, PartialShape, PartialType, Trace};
use serde_json::{Value, json};

/// Keras computes in `float32`: the bound of the contract.
const OUTPUT: f64 = 1e-5;

/// A layer, as a layer and as an augmentation.
struct Both {
    layer: Arc<dyn Layer>,
    change: Box<dyn Augmentation>,
}

fn both<L>(class: &str, config: &Value) -> Both
where
    L: Layer + Augmentation + Clone + Default + serde::Serialize + serde::de::DeserializeOwned,
    L: 'static,
{
    let layer: L = layer_from_config(class, config).unwrap_or_else(|e| panic!("{class}: {e}"));
    Both { layer: layer.shared(), change: Box::new(layer) }
}

macro_rules! layers {
    ($($layer:ident,)*) => {
        /// Every augmentation that changes images by itself.
        const LAYERS: &[(&str, fn(&Value) -> Both)] =
            &[$((stringify!($layer), |config| both::<$layer>(stringify!($layer), config)),)*];
    };
}

layers! {
    AugMix, AutoContrast, ContrastLimitedAdaptiveHistogramEqualization, CutMix, Equalization,
    MixUp, RandAugment, RandomBrightness, RandomColorDegeneration, RandomColorJitter,
    RandomContrast, RandomCrop, RandomElasticTransform, RandomErasing, RandomFlip,
    RandomGaussianBlur, RandomGrayscale,
    RandomHue, RandomInvert, RandomPerspective, RandomPosterization, RandomRotation,
    RandomSaturation, RandomSharpness, RandomShear, RandomTranslation, RandomZoom, Solarization,
}

fn layer(class: &str, config: &Value) -> Both {
    LAYERS.iter().find(|(name, _)| *name == class).unwrap().1(config)
}

fn run(outputs: &[Tensor]) -> Vec<Array> {
    let graph = Graph::new(&[], outputs, &[]).unwrap_or_else(|e| panic!("{e}"));
    interpreter::run(&graph, &[]).unwrap().outputs
}

#[test]
fn transformations_of_keras_give_the_images_of_keras() {
    let files = names("augmentation");
    for (class, make) in LAYERS {
        let file = format!("augmentation/{}", ibex_nn::layer::snake_case(class));
        assert!(files.contains(&file), "{file}");
        let goldens = goldens(&file);
        for case in &goldens.cases {
            let what = format!("{class} {}", name(case));
            let Both { layer, change } = make(&case["config"]);
            let drawn = case["drawn"].as_array().unwrap().iter().enumerate();
            let drawn = drawn.fold(Drawn::new(), |drawn, (at, path)| {
                let array = goldens.get(&format!("{}.drawn{at}", name(case)));
                drawn.with(path.as_str().unwrap(), Tensor::constant(array))
            });
            let x = Tensor::constant(goldens.get(&format!("{}.x", name(case))));
            let found = run(&[change.transform(&x, &drawn)]).remove(0);
            assert_close(&what, &found, &goldens.get(&format!("{}.y", name(case))), OUTPUT);
            let written =
                Value::Object(layer.full_config(case["config"]["name"].as_str().unwrap(), true));
            assert!(same_json(&written, &case["config"]), "{what}: {written}\n{}", case["config"]);
        }
    }
}

#[test]
fn arguments_are_refused_where_keras_refuses_them() {
    for case in cases("augmentation_arguments") {
        let class = case["layer"].as_str().unwrap();
        let found: Vec<_> = layer(class, &case["arguments"]).layer.check();
        let refused = case["refused"].as_bool().unwrap();
        assert_eq!(!found.is_empty(), refused, "{class} {}: {found:?}", case["arguments"]);
    }
}

/// A batch of images that are not all alike.
fn images(shape: &[usize]) -> Array {
    let values = Values::uniform(shape, 0.0, 255.0, 3);
    Array::from_f64_slice(DType::F32, shape, &values.data)
}

fn call(layer: &Arc<dyn Layer>, trace: &mut Trace, x: &Tensor) -> Tensor {
    let ty = PartialType::new(x.dtype(), PartialShape::from(x.shape()));
    Instance::of(layer, &[ty]).unwrap().call(trace, std::slice::from_ref(x)).remove(0)
}

#[test]
fn images_rest_outside_training() {
    let x = images(&[2, 8, 8, 3]);
    for (class, make) in LAYERS {
        let arguments = match *class {
            "RandomCrop" => json!({"height": 4, "width": 4}),
            _ => json!({}),
        };
        let layer = make(&arguments).layer;
        let y =
            run(&[call(&layer, &mut Trace::new(false), &Tensor::constant(x.clone()))]).remove(0);
        let acts = ["AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization"].contains(class);
        assert_eq!(y != x, acts, "{class}");
    }
}

/// The state of random numbers as a variable: seed and step.
fn state(seed: i64, step: i64) -> Variable {
    Variable::new("random", Array::from_slice([2], &[seed, step]).unwrap())
}

#[test]
fn training_changes_images_anew_in_each_step() {
    let x = Tensor::constant(images(&[4, 12, 12, 3]));
    let layers: Vec<Arc<dyn Layer>> = vec![
        RandomFlip::new(FlipMode::Horizontal).shared(),
        RandomCrop::new(5, 5).shared(),
        RandomRotation::new(0.3).shared(),
        RandomTranslation::new(0.3, 0.3).shared(),
        RandomZoom::new(0.3).shared(),
        RandomShear::new(0.3, 0.3).shared(),
        RandomBrightness::new(0.5).shared(),
        RandomContrast::new(0.5).shared(),
        RandomHue::new(0.5).shared(),
        RandomSharpness::new(0.5).shared(),
        RandomInvert::new(1.0).shared(),
        RandomPosterization::new(6.0).shared(),
        RandomColorDegeneration::new(0.5).shared(),
        RandomErasing::new(1.0).shared(),
        RandomGaussianBlur::new(1.0).shared(),
        RandomPerspective::new(1.0).shared(),
        RandomElasticTransform::new(1.0).shared(),
        Solarization::new(0.5, 0.5).shared(),
        RandAugment::new(0.5).shared(),
        AugMix::new(0.5).shared(),
        MixUp::new(1.0).shared(),
        CutMix::new(1.0).shared(),
        RandomColorJitter::new().brightness_factor(0.3).contrast_factor(0.3).shared(),
        Pipeline::new().add(RandomInvert::new(1.0)).add(Rescaling::new(0.5)).shared(),
    ];
    for layer in layers {
        let class = layer.class_name();
        let result = |state: &Variable| {
            let mut trace = Trace::new(true).with_random(state);
            let y = call(&layer, &mut trace, &x);
            assert!(trace.draws(), "{class}");
            run(&[y]).remove(0)
        };
        let (first, again) = (result(&state(7, 0)), result(&state(7, 0)));
        assert_eq!(first, again, "{class}");
        assert!(first.to_f64_vec().iter().all(|value| value.is_finite()), "{class}");
        let others = (1..6).map(|step| result(&state(7, step)));
        assert!(others.into_iter().any(|other| other != first), "{class}");
    }
}

#[test]
fn an_image_alone_and_integers_are_taken() {
    let layer = RandomRotation::new(0.2).shared();
    let mut trace = Trace::new(true);
    let single = call(&layer, &mut trace, &Tensor::constant(images(&[8, 6, 1])));
    assert_eq!(single.shape().dims(), [8, 6, 1]);
    let bytes = Tensor::constant(images(&[2, 8, 6, 3]).cast(DType::U8));
    for training in [false, true] {
        let flip = RandomFlip::default().shared();
        assert_eq!(call(&flip, &mut Trace::new(training), &bytes).dtype(), DType::F32);
        let bright = RandomBrightness::new(0.2).shared();
        assert_eq!(call(&bright, &mut Trace::new(training), &bytes).dtype(), DType::U8);
    }
    let text = format!(
        "{:?}",
        tensor_errors(&call(
            &RandomFlip::default().shared(),
            &mut Trace::new(true),
            &Tensor::constant(images(&[2, 3])),
        ))
    );
    assert!(text.contains("an image or a batch of images"), "{text}");
}

fn tensor_errors(tensor: &Tensor) -> Vec<String> {
    let errors = ibex_graph::tensor::errors(std::slice::from_ref(tensor));
    errors.iter().map(ToString::to_string).collect()
}

/// What a layer draws for many images.
fn drawn(layer: &dyn Augmentation, count: usize) -> HashMap<String, Vec<f64>> {
    let mut trace = Trace::new(true);
    let size = ImageSize { count, height: 20, width: 10, channels: 3 };
    let drawn = layer.draw(&mut Draws::new(&mut trace, Some(5)), size);
    let (names, tensors): (Vec<String>, Vec<Tensor>) = drawn.tensors().iter().cloned().unzip();
    names.into_iter().zip(run(&tensors).iter().map(Array::to_f64_vec)).collect()
}

const COUNT: usize = 20_000;

/// Checks that numbers are uniform between two ends, by range, mean and variance.
#[track_caller]
fn assert_uniform(values: &[f64], low: f64, high: f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance =
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    let span = high - low;
    let room = 1e-5 * (low.abs() + high.abs());
    let inside = |value: &f64| low - room <= *value && *value <= high + room;
    assert!(values.iter().all(inside), "outside of {low} to {high}");
    // Four standard errors of the mean, and as many of the variance, span² / 12 and / 180.
    let count = values.len() as f64;
    let near = (mean - (low + high) / 2.0).abs() <= 4.0 * span / (12.0 * count).sqrt();
    assert!(near, "mean {mean} of {low} to {high}");
    let off = (variance - span * span / 12.0).abs();
    assert!(off <= 4.0 * span * span / (180.0 * count).sqrt(), "variance {variance}");
}

#[test]
fn drawn_numbers_have_the_distributions_of_keras() {
    let only = |layer: &dyn Augmentation, name: &str| drawn(layer, COUNT).remove(name).unwrap();
    let rate = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!((rate(&only(&RandomFlip::default(), "flips")) - 0.5).abs() < 0.015);
    assert_uniform(&only(&RandomRotation::new(0.1), "angle"), -36.0, 36.0);
    assert_uniform(&only(&RandomRotation::new([0.1, 0.2]), "angle"), 36.0, 72.0);
    let moved = only(&RandomTranslation::new(0.5, [0.1, 0.3]), "translations");
    let column = |at: usize| moved.iter().skip(at).step_by(2).copied().collect::<Vec<f64>>();
    assert_uniform(&column(0), 1.0, 3.0);
    assert_uniform(&column(1), -10.0, 10.0);
    let zoom = drawn(&RandomZoom::new(0.25), COUNT);
    assert_uniform(&zoom["height_zoom"], 0.75, 1.25);
    assert_eq!(zoom["height_zoom"], zoom["width_zoom"]);
    let bright = RandomBrightness::new([0.1, 0.3]).value_range([0.0, 10.0]);
    assert_uniform(&only(&bright, "rgb_delta"), 1.0, 3.0);
    assert_uniform(&only(&RandomContrast::new([0.2, 0.4]), "contrast_factor"), 0.8, 1.4);
    assert_uniform(&only(&RandomHue::new(0.5), "factor"), -0.25, 0.25);
    assert_uniform(&only(&RandomSharpness::new(0.5), "factor"), 0.0, 0.5);
    assert_uniform(&only(&RandomColorDegeneration::new(0.5), "factor"), -0.5, 0.5);
    assert!((rate(&only(&RandomGrayscale::new(0.3), "should_apply")) - 0.3).abs() < 0.014);
    // The mean of a probability that is uniform itself.
    assert!((rate(&only(&RandomInvert::new(0.6), "apply_inversion")) - 0.3).abs() < 0.014);
    let lost = only(&RandomPosterization::new([2.0, 5.0]), "shift_factor");
    for bits in [4.0, 5.0, 6.0] {
        let share = lost.iter().filter(|value| **value == bits).count() as f64 / COUNT as f64;
        assert!((share - 1.0 / 3.0).abs() < 0.014, "{share}");
    }
    let solar = drawn(&Solarization::new(0.2, [0.4, 0.8]), COUNT);
    assert_uniform(&solar["additions"], 0.0, 51.0);
    assert_uniform(&solar["thresholds"], 0.4, 204.0);
    let shear = only(&RandomShear::new([0.2, 0.4], 0.0), "shear_factor");
    let slant: Vec<f64> = shear.iter().step_by(2).copied().collect();
    let sizes: Vec<f64> = slant.iter().map(|value| value.abs()).collect();
    assert_uniform(&sizes, 0.2, 0.4);
    assert!(rate(&slant).abs() < 0.01);
}

#[test]
fn weights_have_the_moments_of_beta_and_dirichlet_distributions() {
    for alpha in [0.05, 0.2, 1.0, 3.0] {
        let mut weights = drawn(&MixUp::new(alpha), COUNT);
        let weights = weights.remove("mix_weight").unwrap();
        let mean = weights.iter().sum::<f64>() / COUNT as f64;
        let variance =
            weights.iter().map(|weight| (weight - mean).powi(2)).sum::<f64>() / COUNT as f64;
        assert!(weights.iter().all(|weight| (0.0..=1.0).contains(weight)));
        // Mean one half, variance 1 / (4 (2 alpha + 1)): Johnson and Kotz.
        let expected = 0.25 / (2.0 * alpha + 1.0);
        assert!((mean - 0.5).abs() < 4.0 * (expected / COUNT as f64).sqrt(), "{alpha}: {mean}");
        assert!((variance - expected).abs() < 0.004, "{alpha}: {variance}, not {expected}");
    }
    let mut trace = Trace::new(true);
    let mut draws = Draws::new(&mut trace, Some(3));
    let gamma = draws.log_gamma_variates(&[COUNT], &Tensor::scalar(DType::F32, 2.5)).exp();
    let order = draws.permutation(100);
    let chains = draws.dirichlet(4, &Tensor::scalar(DType::F32, 1.0));
    let found = run(&[gamma, order, chains]);
    let gamma = found[0].to_f64_vec();
    let mean = gamma.iter().sum::<f64>() / COUNT as f64;
    let variance = gamma.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / COUNT as f64;
    assert!((mean - 2.5).abs() < 0.05 && (variance - 2.5).abs() < 0.2, "{mean} {variance}");
    let mut order = found[1].to_f64_vec();
    order.sort_by(f64::total_cmp);
    assert!(order.into_iter().eq((0..100).map(f64::from)));
    assert!((found[2].to_f64_vec().iter().sum::<f64>() - 1.0).abs() < 1e-6);
}

#[test]
fn cut_out_rectangles_are_inside_and_have_their_share() {
    let mut found = drawn(&CutMix::new(1.0), 300);
    let (mask, weight) =
        (found.remove("batch_masks").unwrap(), found.remove("mix_weight").unwrap());
    for (mask, weight) in mask.chunks(200).zip(weight) {
        let share = mask.iter().sum::<f64>() / 200.0;
        // Of 20 rows and 10 columns, one of each may be cut or not.
        assert!((1.0 - share - weight).abs() < 0.16, "{share} and {weight}");
    }
    let labels = Tensor::constant(Array::from_slice([2, 2], &[1f32, 0., 0., 1.]).unwrap());
    let drawn = Drawn::new()
        .with("mix_weight", Tensor::constant(Array::from_slice([2], &[0.75f32, 0.5]).unwrap()))
        .with("permutation_order", Tensor::constant(Array::from_slice([2], &[1i32, 0]).unwrap()));
    let mixed = run(&[CutMix::default().mix_labels(&labels, &drawn)]).remove(0);
    assert_eq!(mixed.to_f64_vec(), [0.75, 0.25, 0.5, 0.5]);
}

#[test]
fn a_pipeline_is_read_and_written_as_keras_has_it() {
    let flip = json!({
        "module": "keras.layers", "class_name": "RandomInvert", "registered_name": null,
        "config": {"name": "turn", "factor": [1.0, 1.0], "value_range": [0, 1], "seed": 3},
    });
    let config = json!({"name": "both", "layers": [flip, flip]});
    let layer = layer_loader("Pipeline", None).unwrap()(&config).unwrap();
    let written = Value::Object(layer.full_config("both", true));
    assert_eq!(written["layers"][1]["config"]["factor"], json!([1, 1]));
    assert_eq!(written["layers"][0]["class_name"], "RandomInvert");
    assert_eq!(written.as_object().unwrap().len(), 2);
    let unknown = json!({"name": "both", "layers": [{"class_name": "RandomFlop", "config": {}}]});
    let error = layer_loader("Pipeline", None).unwrap()(&unknown).unwrap_err();
    assert!(error.to_string().contains("RandomFlop"), "{error}");
    let x = Tensor::input("x", DType::F32, [2, 4, 4, 3]);
    assert_eq!(x.ty(), &Type::new(DType::F32, [2, 4, 4, 3]));
    assert_eq!(Factor::from(0.2), Factor::One(0.2));
}
