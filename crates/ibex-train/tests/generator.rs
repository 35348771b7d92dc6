//! `ImageDataGenerator` and windows of series, with Keras's numbers.

mod common;

use common::{Arrays, cases};
use ibex_graph::{Array, DType};
use ibex_train::data::{
    Dataset, Folder, ImageDataGenerator, ImageReader, LabelMode, Pass, Shift, Transform, Windows,
};
use ibex_train::{Result, Samples};
use serde_json::Value;

/// Interpolation of bytes in `f64`, rounded to `f32` at the end.
const EXACT: f64 = 1e-4;

fn transform(case: &Value) -> Transform {
    let given = &case["transform"];
    let number = |key: &str, default: f64| given[key].as_f64().unwrap_or(default);
    Transform {
        theta: number("theta", 0.0),
        tx: number("tx", 0.0),
        ty: number("ty", 0.0),
        shear: number("shear", 0.0),
        zx: number("zx", 1.0),
        zy: number("zy", 1.0),
        flip_horizontal: given["flip_horizontal"] == true,
        flip_vertical: given["flip_vertical"] == true,
        channel_shift_intensity: given["channel_shift_intensity"].as_f64(),
        brightness: given["brightness"].as_f64(),
    }
}

#[test]
fn transformations_have_the_pixels_of_keras() {
    let mut arrays = Arrays::open("generator/images.npz");
    let (mut wrong, all) = (Vec::new(), cases("generator/transforms.json"));
    for case in &all {
        let name = case["name"].as_str().unwrap();
        let image = arrays.get(&format!("image.{}", case["image"].as_str().unwrap())).unwrap();
        let mode = case["fill_mode"].as_str().unwrap().parse().unwrap();
        let generator = ImageDataGenerator::new().fill_mode(mode).cval(7.0);
        let generator = generator.interpolation_order(case["order"].as_u64().unwrap() as u8);
        let found = generator.apply_transform(&image, &transform(case)).unwrap();
        let expected = arrays.get(&format!("{name}.y")).unwrap();
        assert_eq!(found.shape(), expected.shape(), "{name}");
        let pairs = found.to_f64_vec().into_iter().zip(expected.to_f64_vec());
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        // Brightness works on bytes, of which rounding before may tip one over.
        let bytes = case["transform"].get("brightness").is_some() && name.contains("everything");
        if worst > if bytes { 2.1 } else { EXACT } {
            wrong.push(format!("{name}: {worst}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn images_are_normalised_as_keras_does() {
    let mut arrays = Arrays::open("generator/images.npz");
    let x = arrays.get("batch").unwrap();
    for (name, generator) in [
        ("rescaled", ImageDataGenerator::new().rescale(1.0 / 255.0)),
        (
            "samplewise",
            ImageDataGenerator::new().samplewise_center().samplewise_std_normalization(),
        ),
        ("featurewise", ImageDataGenerator::new().featurewise_std_normalization().rescale(0.5)),
        ("centered", ImageDataGenerator::new().featurewise_center()),
    ] {
        let mut generator = generator;
        generator.fit(&x).unwrap();
        // The rows come in another order: their numbers say which is which.
        let rows = Array::from_f64_slice(DType::I32, [6], &[0., 1., 2., 3., 4., 5.]);
        let samples = Samples { x: vec![x.clone()], y: vec![rows], weights: Vec::new() };
        let flow = generator.flow(&samples).unwrap();
        let expected = arrays.get(&format!("standardize.{name}")).unwrap();
        for sample in flow.pass(Pass::default()) {
            let sample = sample.unwrap();
            let row = sample.y[0].to_f64_vec()[0] as usize;
            let expected = expected.rows(row, row + 1).to_f64_vec();
            let pairs = sample.x[0].to_f64_vec().into_iter().zip(expected);
            let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-4, "{name}: {worst}");
        }
    }
}

#[test]
fn what_is_drawn_stays_in_its_range_and_follows_the_place() {
    let generator = ImageDataGenerator::new()
        .rotation_range(30.0)
        .width_shift_range(0.25)
        .height_shift(Shift::OneOf(vec![1.0, 2.0]))
        .shear_range(10.0)
        .zoom_range(0.2)
        .channel_shift_range(5.0)
        .brightness_range(0.5, 1.5)
        .horizontal_flip();
    let images = Array::full(DType::U8, [40, 8, 8, 3], 100.0);
    let samples = Samples { x: vec![images], ..Samples::default() };
    let flow = generator.flow(&samples).unwrap();
    let batches = |workers: usize, epoch: u64| {
        let flow = generator.flow(&samples).unwrap().workers(workers).batch(16);
        flow.pass(Pass { seed: 4, epoch }).collect::<Result<Vec<_>>>().unwrap()
    };
    let first = batches(0, 0);
    for workers in [1, 2, 3] {
        assert_eq!(
            batches(workers, 0).iter().map(|b| &b.x).collect::<Vec<_>>(),
            first.iter().map(|b| &b.x).collect::<Vec<_>>()
        );
    }
    assert_ne!(batches(0, 1)[0].x, first[0].x);
    assert_eq!(flow.count(), Some(40));
    let mut flips = 0;
    for index in 0..200 {
        let place = ibex_train::data::Place { pass: Pass::default(), index };
        let drawn = generator.random_transform([8, 16], place);
        assert!(drawn.theta.abs() <= 30.0 && drawn.ty.abs() <= 4.0 && drawn.shear.abs() <= 10.0);
        assert!([1.0, 2.0].contains(&drawn.tx.abs()), "{}", drawn.tx);
        assert!((0.8..=1.2).contains(&drawn.zx) && (0.8..=1.2).contains(&drawn.zy));
        assert!((0.5..=1.5).contains(&drawn.brightness.unwrap()));
        assert!(!drawn.flip_vertical);
        flips += usize::from(drawn.flip_horizontal);
    }
    // Expected 100, standard deviation 7.
    assert!((65..135).contains(&flips), "{flips}");
}

#[test]
fn files_are_generated_with_their_labels() {
    let files = Folder::new(common::golden("folders/images")).images().unwrap();
    let files = files.with_label_mode(LabelMode::Categorical).unwrap();
    let generator = ImageDataGenerator::new().rotation_range(5.0).rescale(1.0 / 255.0);
    let flow = generator.flow_from_files(&files, &ImageReader::new([16, 12])).unwrap();
    let batch = flow.workers(2).batch(11).pass(Pass::default()).next().unwrap().unwrap();
    assert_eq!(batch.x[0].shape().dims(), [11, 16, 12, 3]);
    assert_eq!(batch.y[0].shape().dims(), [11, 4]);
    assert!(batch.x[0].to_f64_vec().iter().all(|v| (0.0..=1.0).contains(v)));
}

#[test]
fn parameters_that_cannot_be_meant_are_refused() {
    let samples = Samples { x: vec![Array::zeros(DType::U8, [2, 4, 4, 1])], ..Samples::default() };
    let text = |generator: ImageDataGenerator| generator.flow(&samples).unwrap_err().to_string();
    assert!(text(ImageDataGenerator::new().zoom_range(1.5)).contains("`zoom_range`"));
    assert!(text(ImageDataGenerator::new().brightness_range(2.0, 1.0)).contains("brightness"));
    assert!(text(ImageDataGenerator::new().rotation_range(-1.0)).contains("rotation_range"));
    assert!(text(ImageDataGenerator::new().interpolation_order(3)).contains("0 or 1"));
    assert!(text(ImageDataGenerator::new().featurewise_center()).contains("`fit`"));
    let flat = Samples { x: vec![Array::zeros(DType::U8, [2, 4])], ..Samples::default() };
    let error = ImageDataGenerator::new().flow(&flat).unwrap_err().to_string();
    assert!(error.contains("these are no images"), "{error}");
}

#[test]
fn windows_are_those_of_keras() {
    let mut arrays = Arrays::open("windows/windows.npz");
    let (data, targets) = (arrays.get("data").unwrap(), arrays.get("targets").unwrap());
    for case in cases("windows/windows.json") {
        let (name, options) = (case["name"].as_str().unwrap(), &case["options"]);
        let number = |key: &str| options[key].as_u64().map(|number| number as usize);
        let mut windows = Windows::new(number("sequence_length").unwrap())
            .stride(number("sequence_stride").unwrap_or(1))
            .sampling_rate(number("sampling_rate").unwrap_or(1));
        if let Some(start) = number("start_index") {
            windows = windows.start_index(start);
        }
        if let Some(end) = number("end_index") {
            windows = windows.end_index(end);
        }
        let targets = (case["targets"] == true).then_some(&targets);
        let found = windows.samples(&data, targets).unwrap();
        assert_eq!(found.x[0], arrays.get(&format!("{name}.x")).unwrap(), "{name}");
        if targets.is_some() {
            assert_eq!(found.y[0], arrays.get(&format!("{name}.y")).unwrap(), "{name}");
        }
        let batches = windows.batches(&data, targets, 5).unwrap();
        let parts = batches.pass(Pass::default()).collect::<Result<Vec<_>>>().unwrap();
        assert_eq!(batches.count(), Some(parts.len()));
        let x: Vec<f64> = parts.iter().flat_map(|part| part.x[0].to_f64_vec()).collect();
        assert_eq!(x, found.x[0].to_f64_vec());
    }
    let text = |windows: Windows| windows.samples(&data, None).unwrap_err().to_string();
    assert!(text(Windows::new(30)).contains("too short"));
    assert!(text(Windows::new(2).stride(0)).contains("`sequence_stride`"));
    assert!(text(Windows::new(2).start_index(24)).contains("`start_index`"));
    assert!(text(Windows::new(2).start_index(5).end_index(5)).contains("`end_index`"));
}
