//! ONNX: what is written, what is read, and that both belong together.
//!
//! `tools/onnx/check.py` runs what is written with onnxruntime.

mod common;

use std::path::PathBuf;

use common::{Arrays, Failures, OUTPUT, bounds, golden, layer_cases, relative_error};
use expect_test::{Expect, expect};
use ibex_format::onnx::{OnnxAttribute, OnnxExtent, OnnxModel};
use ibex_graph::{Array, DType, Tensor, interpreter};
use ibex_nn::Trace;
use ibex_nn::activations::Activation;
use ibex_nn::layer::LayerExt;
use ibex_nn::layers::{Conv2D, Dense, Flatten, Input, LSTM, MaxPooling2D};
use ibex_nn::losses::SparseCategoricalCrossentropy;
use ibex_nn::models::Sequential;
use ibex_nn::optimizers::Adam;
use ibex_train::files::{Conversion, convert};
use ibex_train::{BuildModel, Compile, Fit, Model, OnnxOptions};

const BATCH: usize = 32;

/// How many of the layers' goldens cannot be read again: an output padding beyond the kernel, and
/// a mask that is repeated to an extent that depends on the data.
const NOT_READ: usize = 2;

/// The model, written as ONNX and read again.
fn round_trip(model: &Model, arrays: &mut Arrays) -> Result<Model, String> {
    let shapes: Vec<Vec<usize>> =
        arrays.numbered("x").iter().map(|array| array.shape().to_vec()).collect();
    let options = OnnxOptions::new().input_shapes(shapes);
    let bytes = model.to_onnx(&options).map_err(|error| format!("export: {error}"))?;
    Model::from_onnx_bytes(&bytes).map_err(|error| format!("import: {error}"))
}

#[test]
fn every_layer_is_written_and_predicts_the_same_where_it_is_read_again() {
    let all = layer_cases();
    let mut failures = Failures::default();
    let mut not_read = 0;
    for (name, case) in &all {
        let mut arrays = Arrays::open(&format!("{name}.npz"));
        let model = Model::load_uncompiled(golden(&format!("{name}.keras")));
        let Some(model) = failures.of(name, model) else { continue };
        let mut back = match round_trip(&model, &mut arrays) {
            Ok(back) => back,
            Err(error) if error.starts_with("import") => {
                eprintln!("{name}: {error}");
                not_read += 1;
                continue;
            }
            Err(error) => {
                failures.add(format!("{name}: {error}"));
                continue;
            }
        };
        let found = back.predict_all(arrays.numbered("x"), BATCH);
        let Some(found) = failures.of(name, found) else { continue };
        failures.outputs(name, &found, &arrays.numbered("y"), bounds(case).output);
    }
    failures.finish(all.len());
    assert_eq!(not_read, NOT_READ);
}

#[test]
fn files_of_onnx_give_what_onnxruntime_computes() {
    let mut names: Vec<String> = std::fs::read_dir(golden("onnx"))
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".onnx").map(str::to_string)
        })
        .collect();
    names.sort();
    let mut failures = Failures::default();
    let folder = tempfile::tempdir().unwrap();
    for name in &names {
        let mut arrays = Arrays::open(&format!("onnx/{name}.npz"));
        let model = Model::from_onnx(golden(&format!("onnx/{name}.onnx")));
        let Some(mut model) = failures.of(name, model) else { continue };
        compare(&mut failures, name, &mut model, &mut arrays);
        // It is a model as any other: saved as Keras saves, and opened again.
        let path = folder.path().join(format!("{name}.keras"));
        let Some(()) = failures.of(name, model.save(&path)) else { continue };
        let Some(mut again) = failures.of(name, Model::load(&path)) else { continue };
        compare(&mut failures, &format!("{name} saved"), &mut again, &mut arrays);
    }
    failures.finish(names.len());
}

/// Computes the whole batch at once, exactly: not every graph has the batch first.
fn compare(failures: &mut Failures, name: &str, model: &mut Model, arrays: &mut Arrays) {
    let x: Vec<Tensor> = arrays.numbered("x").into_iter().map(Tensor::constant).collect();
    let outputs = model.call_all(&mut Trace::new(false), x.as_slice());
    let found = outputs.iter().map(interpreter::evaluate).collect::<Result<Vec<_>, _>>();
    let Some(found) = failures.of(name, found) else { return };
    failures.outputs(name, &found, &arrays.numbered("y"), OUTPUT);
}

/// The nodes of a graph, as text.
fn nodes(file: &OnnxModel) -> String {
    let nodes = file.graph.nodes.iter().map(|node| node.op_type.as_str());
    nodes.collect::<Vec<_>>().join(" ")
}

fn written(model: Model) -> OnnxModel {
    OnnxModel::from_bytes(&model.to_onnx(&OnnxOptions::new()).unwrap()).unwrap()
}

fn convnet() -> Model {
    Sequential::new()
        .add(Input::new([12, 12, 3]).name("image"))
        .add(Conv2D::new(4, 3).activation(Activation::Relu))
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(4, 3).activation(Activation::Relu))
        .add(Flatten::new())
        .add(Dense::new(2).activation(Activation::Softmax))
        .build()
        .unwrap()
}

#[test]
fn layers_are_the_nodes_of_their_names() {
    let check = |model: Model, expect: Expect| expect.assert_eq(&nodes(&written(model)));
    check(
        convnet(),
        expect!["Transpose Conv Relu MaxPool Conv Relu Transpose Reshape MatMul Add Softmax"],
    );
    let recurrent = Sequential::new().add(Input::new([6, 3])).add(LSTM::new(4)).build().unwrap();
    check(recurrent, expect!["Transpose LSTM Squeeze"]);
}

#[test]
fn the_batch_is_open_unless_it_is_chosen() {
    let file = written(convnet());
    let named = |name: &str| OnnxExtent::Named(name.to_string());
    let known = OnnxExtent::Known;
    let (input, output) = (&file.graph.inputs[0], &file.graph.outputs[0]);
    assert_eq!(input.name, "image");
    let shape = [named("batch"), known(12), known(12), known(3)];
    assert_eq!(input.shape.as_deref(), Some(&shape[..]));
    assert_eq!(output.shape.as_deref(), Some(&[named("batch"), known(2)][..]));
    let reshape = file.graph.nodes.iter().find(|node| node.op_type == "Reshape").unwrap();
    let shape = file.graph.initializers.iter().find(|(name, _)| *name == reshape.inputs[1]);
    assert_eq!(*shape.unwrap().1.as_i64().unwrap(), [-1, 36]);
    let bytes = convnet().to_onnx(&OnnxOptions::new().batch_size(3)).unwrap();
    let file = OnnxModel::from_bytes(&bytes).unwrap();
    assert_eq!(file.graph.inputs[0].shape.as_ref().unwrap()[0], known(3));
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let model = convnet();
    let bytes = || model.to_onnx(&OnnxOptions::new()).unwrap();
    assert_eq!(bytes(), bytes());
}

#[test]
fn what_cannot_be_written_is_named_with_its_layer() {
    let x = Input::new([3, 3]).tensor();
    let y = Dense::new(3).call(&x);
    let y = ibex_nn::ops::cholesky(&y).tensor();
    let error = Model::new([x], [y]).unwrap().to_onnx(&OnnxOptions::new()).unwrap_err();
    expect![[r#"
        `functional` cannot be written as ONNX
          expected  layers of operations that ONNX has
          received  `cholesky`: operation `cholesky`: ONNX has no such function of matrices
          help: replace these layers, or export the part of the model before them"#]]
    .assert_eq(&error.to_string());
    let open = Sequential::new().add(Input::new([None, Some(3)])).add(LSTM::new(2));
    let error = open.build().unwrap().to_onnx(&OnnxOptions::new()).unwrap_err();
    expect![[r#"
        an extent of the input `input_layer` is open
          expected  known extents beside the batch
          received  (None, None, 3)
          help: give the shapes of the inputs with `OnnxOptions::input_shapes`"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn what_cannot_be_read_is_named() {
    let mut file = written(convnet());
    let flags = vec![("direction".to_string(), OnnxAttribute::Int(1))];
    let pool = file.graph.nodes.iter_mut().find(|node| node.op_type == "MaxPool").unwrap();
    (pool.op_type, pool.attributes) = ("Sparkle".to_string(), flags);
    let error = Model::from_onnx_bytes(&file.to_bytes().unwrap()).unwrap_err();
    expect![[r#"
        the ONNX file has nodes that are not supported
          expected  nodes for which there is a Keras layer or operation
          received  `max_pooling2d/MaxPool` (`Sparkle`): there is no such layer
          help: export the part of the model before them, or replace them"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn files_are_converted_by_their_endings() {
    let folder = tempfile::tempdir().unwrap();
    let [first, graph, second] =
        ["first.keras", "graph.onnx", "second.keras"].map(|name| folder.path().join(name));
    let mut model = convnet();
    model.save(&first).unwrap();
    let mut steps = [(&first, &graph), (&graph, &second)].into_iter();
    let step = |(from, to): (&PathBuf, &PathBuf)| convert(from, to, Conversion::default());
    assert!(steps.all(|files| step(files).unwrap().report.is_none()));
    let x = Array::full(DType::F32, [2, 12, 12, 3], 0.5);
    let mut again = Model::load(&second).unwrap();
    let (found, expected) = (again.predict(&x).unwrap(), model.predict(&x).unwrap());
    assert!(relative_error(&found, &expected) < OUTPUT);
}

/// A model that was read trains as any other.
#[test]
fn a_model_that_was_read_learns() {
    let bytes = convnet().to_onnx(&OnnxOptions::new()).unwrap();
    let mut model = Model::from_onnx_bytes(&bytes).unwrap();
    let compile = Compile::new(Adam::new(0.01), SparseCategoricalCrossentropy::new());
    model.compile(compile).unwrap();
    let x: Vec<f64> = (0..8 * 432).map(|i| f64::from(i % 7) * f64::from(i / 432)).collect();
    let x = Array::from_f64_slice(DType::F32, [8, 12, 12, 3], &x);
    let y = Array::from_slice([8], &[0i32, 0, 0, 0, 1, 1, 1, 1]).unwrap();
    let history = model.fit(x, y, Fit::new().epochs(8).verbose(0)).unwrap();
    let losses = history.get("loss");
    assert!(losses[7] < 0.7 * losses[0], "{losses:?}");
}

/// The damage is pseudo-random but the same in every run.
#[test]
fn damaged_files_give_errors_or_models() {
    let mut state = 0x1be5u64;
    let mut random = |bound: usize| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    };
    let mut refused = 0;
    for name in ["shapes", "convolutions", "recurrent", "dense", "pooling", "older_operations"] {
        let bytes = std::fs::read(golden(&format!("onnx/{name}.onnx"))).unwrap();
        for _ in 0..150 {
            let mut damaged = bytes.clone();
            for _ in 0..=random(3) {
                let at = random(damaged.len());
                match random(4) {
                    0 => damaged[at] = random(256) as u8,
                    1 => damaged[at] ^= 1 << random(8),
                    2 => damaged[at] = [0, 0x7f, 0xff][random(3)],
                    _ => damaged[at] = damaged[at].wrapping_add(1),
                }
            }
            if let Err(error) = Model::from_onnx_bytes(&damaged) {
                refused += 1;
                let text = error.to_string();
                assert!(!text.is_empty() && text.len() < 8000, "{name}: {text}");
            }
        }
    }
    assert!(refused > 300, "only {refused} errors: the damage does not reach the reader");
}

/// The folder of the face detector, or why the test is skipped.
fn faces() -> Option<PathBuf> {
    let home = std::env::var_os("IBEX_DATA_HOME").map(PathBuf::from);
    let folder = home.map(|home| home.join("w_ultraface")).filter(|folder| folder.is_dir());
    if folder.is_none() {
        eprintln!("skipped: $IBEX_DATA_HOME has no folder `w_ultraface`");
    }
    folder
}

/// The boxes of a score above 0.7 that no better one covers by more than 0.3.
fn boxes(scores: &Array, corners: &Array) -> Vec<[f32; 4]> {
    let (scores, corners) = (scores.to_f32_vec(), corners.to_f32_vec());
    let mut candidates: Vec<usize> =
        (0..scores.len() / 2).filter(|&at| scores[2 * at + 1] > 0.7).collect();
    candidates.sort_by(|&a, &b| scores[2 * b + 1].total_cmp(&scores[2 * a + 1]));
    let area =
        |[left, top, right, bottom]: [f32; 4]| (right - left).max(0.0) * (bottom - top).max(0.0);
    let overlap = |a: [f32; 4], b: [f32; 4]| {
        let inner = [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])];
        area(inner) / (area(a) + area(b) - area(inner))
    };
    let mut kept: Vec<[f32; 4]> = Vec::new();
    for at in candidates {
        let own = std::array::from_fn(|side| corners[4 * at + side]);
        if kept.iter().all(|&other| overlap(own, other) <= 0.3) {
            kept.push(own);
        }
    }
    kept
}

#[test]
fn a_face_detector_of_pytorch_finds_the_faces() {
    let Some(folder) = faces() else { return };
    let mut model = Model::from_onnx(folder.join("version-RFB-320.onnx")).unwrap();
    // As many as onnxruntime finds with the same file.
    for (name, count) in [("13.jpg", 2), ("18.jpg", 6), ("1.jpg", 44)] {
        let photo = image::open(folder.join(name)).unwrap().to_rgb8();
        let small = image::imageops::resize(&photo, 320, 240, image::imageops::Triangle);
        let mut pixels = Vec::with_capacity(3 * 240 * 320);
        for channel in 0..3 {
            pixels.extend(small.pixels().map(|p| (f64::from(p.0[channel]) - 127.0) / 128.0));
        }
        let x = Array::from_f64_slice(DType::F32, [1, 3, 240, 320], &pixels);
        let outputs = model.predict_all(x, 1).unwrap();
        let found = boxes(&outputs[0], &outputs[1]);
        // Reducing a photo in another way moves scores near the bound.
        let near = if count > 10 { 6 } else { 0 };
        assert!(found.len().abs_diff(count) <= near, "{name}: {} faces", found.len());
        if name == "13.jpg" {
            let (width, height) = (photo.width() as f32, photo.height() as f32);
            let mut found: Vec<[f32; 4]> = found
                .iter()
                .map(|b| [b[0] * width, b[1] * height, b[2] * width, b[3] * height])
                .collect();
            found.sort_by(|a, b| a[0].total_cmp(&b[0]));
            for (found, right) in
                found.iter().zip([[91., 17., 154., 102.], [299., 84., 362., 170.]])
            {
                let off = found.iter().zip(right).map(|(a, b)| (a - b).abs());
                assert!(off.fold(0.0, f32::max) < 8.0, "{found:?}");
            }
        }
    }
    // The other file has no decoding of boxes; it is opened and computes.
    let path = folder.join("version-slim-320_without_postprocessing.onnx");
    let mut model = Model::from_onnx(path).unwrap();
    let outputs = model.predict_all(Array::zeros(DType::F32, [2, 3, 240, 320]), 2).unwrap();
    assert_eq!(outputs[1].shape().dims(), [2, 4420, 4]);
}
