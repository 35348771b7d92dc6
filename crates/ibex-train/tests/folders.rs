//! Folders of files in Keras's order and image files with Keras's numbers.

mod common;

use std::path::PathBuf;

use common::{Arrays, cases, golden};
use ibex_graph::ops::image::Interpolation;
use ibex_train::Result;
use ibex_train::data::{ColorMode, Dataset, Files, Folder, ImageReader, LabelMode, Pass};
use serde_json::Value;

const SIZE: [usize; 2] = [12, 10];

/// What decoders of JPEG differ by where colours have a quarter of the resolution: of the same file
/// Pillow gives pixels that are up to 3.6 from TensorFlow's, both made with libjpeg-turbo, and
/// zune-jpeg up to 5.1.
const JPEG: f64 = 5.5;
/// Sums of pixels in another order, a table of 1024 steps for the cubic kernel, and the rounding
/// of the golden to quarters.
const EXACT: f64 = 0.4;

fn root() -> PathBuf {
    golden("folders/images")
}

#[test]
fn images_have_the_pixels_of_keras() {
    let mut arrays = Arrays::open("folders/images.npz");
    let bilinear = ImageReader::new(SIZE);
    let readers = [
        ("bilinear", bilinear.clone()),
        ("nearest", bilinear.clone().interpolation(Interpolation::Nearest)),
        ("bicubic", bilinear.clone().interpolation(Interpolation::Bicubic)),
        ("lanczos3", bilinear.clone().interpolation(Interpolation::Lanczos3)),
        ("lanczos5", bilinear.clone().interpolation(Interpolation::Lanczos5)),
        ("grayscale", bilinear.clone().color_mode(ColorMode::Grayscale)),
        ("rgba", bilinear.clone().color_mode(ColorMode::Rgba)),
        ("crop", bilinear.clone().crop_to_aspect_ratio()),
        ("pad", bilinear.pad_to_aspect_ratio()),
        ("enlarged", ImageReader::new([33, 47])),
    ];
    let mut wrong = Vec::new();
    for (name, reader) in &readers {
        let place = match *name {
            "grayscale" => root().join("cats"),
            "rgba" => root().join("dogs-x"),
            _ => root(),
        };
        let mut files = Folder::new(place).shuffle(false);
        if place_is_class(name) {
            files = files.without_labels();
        }
        let files = files.images().unwrap();
        let expected = arrays.get(name).unwrap();
        assert_eq!(expected.shape()[0], files.count());
        for (i, path) in files.paths().enumerate() {
            let found = reader.read(path).unwrap();
            assert_eq!(found.shape().dims()[1..], expected.shape().dims()[1..], "{name}");
            let pairs = found.to_f64_vec().into_iter().zip(expected.rows(i, i + 1).to_f64_vec());
            // Values beyond a byte, as cubic kernels give, were cut off in the golden.
            let differ = |(a, b): (f64, f64)| (a.clamp(0.0, 255.0) - b).abs();
            let worst = pairs.map(differ).fold(0.0, f64::max);
            let is_jpeg = path.to_string_lossy().contains(".jp");
            if worst > if is_jpeg { JPEG } else { EXACT } {
                wrong.push(format!("{name} {}: {worst}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn place_is_class(name: &str) -> bool {
    matches!(name, "grayscale" | "rgba")
}

#[test]
fn photos_that_were_held_sideways_are_upright() {
    let mut arrays = Arrays::open("folders/images.npz");
    for orientation in [3, 6, 8] {
        let name = format!("held_{orientation}");
        let expected = arrays.get(&name).unwrap();
        let [height, width, _] = expected.shape().dims()[..] else { panic!("no image") };
        let path = golden(&format!("folders/{name}.jpg"));
        let found = ImageReader::new([height, width]).read(&path).unwrap();
        let pairs = found.to_f64_vec().into_iter().zip(expected.to_f64_vec());
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst <= JPEG, "{name}: {worst}");
        let stored = ImageReader::new([16, 24]).as_stored().read(&path).unwrap();
        assert_ne!(stored.to_f64_vec(), found.to_f64_vec());
    }
}

fn folder(options: &Value) -> Folder {
    let mut folder = Folder::new(root());
    if options["shuffle"] == false {
        folder = folder.shuffle(false);
    }
    if let Some(seed) = options["seed"].as_u64() {
        folder = folder.seed(seed as u32);
    }
    if let Some(names) = options["class_names"].as_array() {
        folder = folder.class_names(names.iter().map(|name| name.as_str().unwrap()));
    }
    match options.get("labels") {
        Some(Value::Null) => folder = folder.without_labels(),
        Some(labels) => {
            let labels = labels.as_array().unwrap().iter().map(|label| label.as_i64().unwrap());
            folder = folder.labels(labels);
        }
        None => {}
    }
    folder
}

#[test]
fn files_come_in_the_order_of_keras() {
    let all = cases("folders/order.json");
    for case in &all {
        let (options, name) = (&case["options"], &case["name"]);
        let mut files = folder(options).images().unwrap();
        if let Some(fraction) = options["validation_split"].as_f64() {
            let (train, held) = files.split(fraction).unwrap();
            files = if options["subset"] == "training" { train } else { held };
        }
        let root = root();
        let paths = files.paths().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap());
        let expected = case["paths"].as_array().unwrap();
        assert!(paths.eq(expected.iter().map(|path| path.as_str().unwrap())), "{name}");
        let classes: Vec<&str> = match case["class_names"].as_array() {
            Some(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
            None => Vec::new(),
        };
        assert_eq!(files.class_names(), classes, "{name}");
        let labels = files.labels();
        let label = |i: u32| match options.get("labels") {
            Some(_) => classes[i as usize].parse().unwrap(),
            None => i64::from(i),
        };
        let labels: Vec<i64> = labels.into_iter().map(label).collect();
        let expected = case["labels"].as_array().cloned().unwrap_or_default();
        assert_eq!(labels, expected.iter().map(|l| l.as_i64().unwrap()).collect::<Vec<_>>());
    }
    assert_eq!(all.len(), 7);
}

#[test]
fn batches_of_images_are_the_same_for_any_number_of_workers() {
    let files = Folder::new(root()).seed(3).images().unwrap();
    let reader = ImageReader::new(SIZE);
    let batches = |workers: usize, mode: LabelMode| {
        let files = files.clone().with_label_mode(mode).unwrap();
        let images = files.items().shuffle().map(reader.labelled(&files)).workers(workers);
        let pass = Pass { seed: 1, epoch: 2 };
        images.batch(4).pass(pass).collect::<Result<Vec<_>>>().unwrap()
    };
    let first = batches(0, LabelMode::Int);
    assert_eq!(first.iter().map(|batch| batch.count()).collect::<Vec<_>>(), [4, 4, 3]);
    for workers in [1, 2, 3] {
        let again = batches(workers, LabelMode::Int);
        for (a, b) in first.iter().zip(&again) {
            assert_eq!((&a.x, &a.y), (&b.x, &b.y), "{workers} workers");
        }
    }
    let hot = batches(1, LabelMode::Categorical);
    assert_eq!(hot[0].y[0].shape().dims(), [4, 4]);
    let (labels, hot) = (first[0].y[0].to_f64_vec(), hot[0].y[0].to_f64_vec());
    for (label, row) in labels.iter().zip(hot.chunks(4)) {
        assert_eq!(row.iter().position(|&v| v == 1.0), Some(*label as usize));
    }
    let error = files.clone().with_label_mode(LabelMode::Binary).unwrap_err().to_string();
    assert!(error.contains("need two classes"), "{error}");
    assert!(batches(0, LabelMode::None)[0].y.is_empty());
}

#[test]
fn files_are_labelled_by_lists_and_by_their_names() {
    let names = ["x/beagle_1.jpg", "x/Bombay_3.jpg", "y/Bengal_7.jpg", "y/pug_2.jpg"];
    let breed = |name: &str| name.rsplit_once('_').map(|(breed, _)| breed.to_string());
    let files = Files::by_name(names, |name| breed(name).unwrap()).unwrap();
    assert_eq!(files.class_names(), ["Bengal", "Bombay", "beagle", "pug"]);
    assert_eq!(files.labels(), [2, 1, 0, 3]);
    let listed = Files::from_list([("a.png", "no"), ("b.png", "yes"), ("c.png", "no")]).unwrap();
    assert_eq!((listed.labels(), listed.at(&[1, 0]).labels()), (vec![0, 1, 0], vec![1, 0]));
    assert!(Files::from_list(Vec::<(&str, &str)>::new()).is_err());
}
