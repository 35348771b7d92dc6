//! Files of real numpy, h5py and Keras, made by `goldens/make_goldens.py`, are read exactly.
//!
//! The expected numbers follow the formulas of that script; no tolerance is needed.

use std::path::{Path, PathBuf};

use expect_test::expect;
use ibex_format::{
    Attribute, FormatError, Hdf5Group, Hdf5Node, KerasArchive, NpzReader, RawArray, RawDType, hdf5,
    npy, npz,
};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("goldens").join(name)
}

/// The text of an error without the folder of this checkout.
fn text(error: &FormatError) -> String {
    let folder = format!("{}{}", golden("").display(), "");
    error.to_string().replace(&folder, "")
}

/// 0, 0.25, 0.5, … from `start` on.
fn ramp(count: usize, start: f64) -> Vec<f64> {
    (0..count).map(|index| start + index as f64 / 4.0).collect()
}

const TYPES: [RawDType; 12] = [
    RawDType::F16,
    RawDType::F32,
    RawDType::F64,
    RawDType::I8,
    RawDType::I16,
    RawDType::I32,
    RawDType::I64,
    RawDType::U8,
    RawDType::U16,
    RawDType::U32,
    RawDType::U64,
    RawDType::Bool,
];

/// The array that both scripts make of each type: 0 to 5, as truth values for bool.
fn check_counted(array: &RawArray, dtype: RawDType) {
    assert_eq!(array.dtype(), dtype);
    assert_eq!(array.shape(), [2, 3]);
    let is_bool = dtype == RawDType::Bool;
    let expected = (0..6).map(|i| if is_bool { f64::from(i32::from(i > 0)) } else { f64::from(i) });
    assert_eq!(array.to_f64_vec(), expected.collect::<Vec<_>>(), "{dtype}");
}

#[test]
fn numpy_types() {
    let arrays = npz::read(golden("types.npz")).unwrap();
    assert_eq!(arrays.len(), TYPES.len());
    for ((name, array), dtype) in arrays.iter().zip(TYPES) {
        assert_eq!(name, dtype.name());
        check_counted(array, dtype);
    }
}

#[test]
fn numpy_layouts() {
    let mut file = NpzReader::open(golden("layouts.npz")).unwrap();
    let mut check = |name: &str, shape: &[usize], values: &[f64]| {
        let array = file.read(name).unwrap();
        assert_eq!(array.shape(), shape, "{name}");
        assert_eq!(array.to_f64_vec(), values, "{name}");
    };
    check("fortran", &[2, 3, 4], &ramp(24, 0.0));
    check("fortran_big_endian", &[2, 3], &ramp(6, 0.0));
    check("big_endian", &[5], &[0.0, 1.0, 2.0, 3.0, 4.0]);
    check("big_endian_u16", &[3], &[1.0, 256.0, 65535.0]);
    check("scalar", &[], &[2.5]);
    check("empty", &[0, 3], &[]);
    check("strided", &[2, 2], &[0.0, 0.5, 2.0, 2.5]);
    check("negative_strides", &[6], &[1.25, 1.0, 0.75, 0.5, 0.25, 0.0]);
    check("repeated", &[100, 100], &[0.0; 10_000]);
}

#[test]
fn numpy_versions() {
    for version in 1..=3 {
        let bytes = std::fs::read(golden(&format!("version{version}.npy"))).unwrap();
        assert_eq!(npy::parse(bytes).unwrap().to_f64_vec(), ramp(4, 0.0));
    }
}

#[test]
fn numpy_without_numbers_is_refused_by_name() {
    let mut file = NpzReader::open(golden("refused.npz")).unwrap();
    for name in ["objects", "words", "bytes", "complex", "dates", "records", "bfloat16"] {
        let error = file.read(name).unwrap_err();
        assert!(matches!(error, FormatError::Unsupported(_)), "{name}: {error}");
    }
    assert_eq!(file.read("fine").unwrap().to_f64_vec(), ramp(2, 0.0));
    expect![[r#"
        the array holds records
          expected  float16/32/64, int8/16/32/64, uint8/16/32/64 or bool
          received  '[(\'a\', \'<i4\'), (\'b\', \'<f4\')]'
          at refused.npz: records.npy
          help: save one array per field"#]]
    .assert_eq(&text(&file.read("records").unwrap_err()));
}

#[test]
fn hdf5_types() {
    let root = hdf5::read(golden("types.h5")).unwrap();
    for dtype in TYPES {
        check_counted(root.array(&format!("little/{dtype}")).unwrap(), dtype);
        if dtype.size() > 1 {
            check_counted(root.array(&format!("big/{dtype}")).unwrap(), dtype);
        }
    }
    assert_eq!(&*root.array("scalar").unwrap().as_u32().unwrap(), [1337]);
    assert!(root.array("scalar").unwrap().shape().is_empty());
    assert_eq!(root.array("empty").unwrap().shape(), [0, 3]);
    let brain = root.array("bfloat16").unwrap();
    assert_eq!((brain.dtype(), brain.to_f64_vec()), (RawDType::BF16, vec![0.0, 1.0, 2.0]));
    assert!(root.group("nothing/at/all").is_some_and(|group| group.children.is_empty()));
}

#[test]
fn hdf5_layouts() {
    let root = hdf5::read(golden("layouts.h5")).unwrap();
    for name in ["gzip_shuffle", "gzip", "checksum", "lzf", "growing"] {
        let array = root.array(name).unwrap();
        assert_eq!(array.shape(), [50, 8]);
        assert_eq!(array.to_f64_vec(), ramp(400, 0.0), "{name}");
    }
    assert_eq!(root.array("never_written").unwrap().to_f64_vec(), [1.5; 8]);
    assert_eq!(root.array("compact").unwrap().to_f64_vec(), ramp(4, 0.0));
    assert_eq!(root.array("hard").unwrap(), root.array("compact").unwrap());
    assert!(root.get("soft").is_none() && root.get("external").is_none());
}

#[test]
fn hdf5_newer_format() {
    let root = hdf5::read(golden("newer_format.h5")).unwrap();
    for name in ["chunked", "one_chunk", "growing"] {
        assert_eq!(root.array(name).unwrap().to_f64_vec(), ramp(400, 0.0), "{name}");
    }
    for index in 0..40 {
        let array = root.array(&format!("many/vars/{index}")).unwrap();
        assert_eq!(array.to_f64_vec(), [f64::from(index)]);
    }
    let attributes = &root.group("many").unwrap().attributes;
    for index in 0..20 {
        assert_eq!(attributes[&format!("attribute{index}")], Attribute::Integer(index));
    }
}

#[test]
fn hdf5_attributes() {
    let root = hdf5::read(golden("attributes.h5")).unwrap();
    let attributes = &root.group("dense").unwrap().attributes;
    let names = || Attribute::Texts(vec!["kernel".into(), "bias".into()]);
    assert_eq!(attributes["text"], Attribute::Text("größe".into()));
    assert_eq!(attributes["fixed"], Attribute::Text("jax".into()));
    assert_eq!(attributes["texts"], names());
    assert_eq!(attributes["fixed_texts"], names());
    assert_eq!(attributes["long"], Attribute::Text("x".repeat(5000)));
    assert_eq!(attributes["integer"], Attribute::Integer(3));
    assert_eq!(attributes["integers"], Attribute::Integers(vec![0, 1, 2]));
    assert_eq!(attributes["float"], Attribute::Float(0.5));
    assert_eq!(attributes["floats"], Attribute::Floats(vec![0.25, 4.0]));
    assert_eq!(attributes["truth"], Attribute::Integer(1));
}

#[test]
fn hdf5_that_is_unsafe_or_no_number_is_refused() {
    expect![[r#"
        the groups of the file are nested too deep
          expected  at most 100 levels
          at cycle.h5: a/b/again/b/again/b/again/b/again/b/again/b/again/b/again/b/…"#]]
    .assert_eq(&text(&hdf5::read(golden("cycle.h5")).unwrap_err()));
    expect![[r#"
        the file has more groups and arrays than its bytes can name
          at lattice.h5
          help: its groups contain one another; it was not written by h5py or Keras"#]]
    .assert_eq(&text(&hdf5::read(golden("lattice.h5")).unwrap_err()));
    expect![[r#"
        the parts of the file refer to one another again and again
          expected  a file that can be read in 16 passes
          at echo.h5"#]]
    .assert_eq(&text(&hdf5::read(golden("echo.h5")).unwrap_err()));
    expect![[r#"
        the array claims more bytes than the file holds for it
          expected  at most 0 bytes from 0 stored ones
          received  4000000000000 bytes for float32 of shape (1000000, 1000000)
          at bomb.h5: group/huge
          help: the file is damaged, or was made to exhaust the memory of its reader"#]]
    .assert_eq(&text(&hdf5::read(golden("bomb.h5")).unwrap_err()));
    expect![[r#"
        the array holds elements of a type that is not read here
          expected  float16/32/64, bfloat16, int8/16/32/64, uint8/16/32/64 or bool
          received  text
          at words.h5: group/words"#]]
    .assert_eq(&text(&hdf5::read(golden("words.h5")).unwrap_err()));
}

/// The weights of the small model, in the order of Keras: the n-th starts at n.
fn check_small_model(root: &Hdf5Group) {
    let weights: [(&str, &[usize], f64); 8] = [
        ("layers/dense/vars/0", &[4, 3], 0.0),
        ("layers/dense/vars/1", &[3], 1.0),
        ("layers/batch_normalization/vars/0", &[3], 2.0),
        ("layers/batch_normalization/vars/1", &[3], 3.0),
        ("layers/batch_normalization/vars/2", &[3], 4.0),
        ("layers/batch_normalization/vars/3", &[3], 5.0),
        ("layers/dense_1/vars/0", &[3, 2], 6.0),
        ("layers/dense_1/vars/1", &[2], 7.0),
    ];
    for (path, shape, start) in weights {
        let array = root.array(path).unwrap();
        assert_eq!((array.dtype(), array.shape()), (RawDType::F32, shape));
        assert_eq!(array.to_f64_vec(), ramp(array.len(), start), "{path}");
    }
    let optimizer = root.group("optimizer/vars").unwrap();
    assert_eq!(optimizer.attributes["name"], Attribute::Text("adam".into()));
    assert_eq!(optimizer.children.len(), 14);
    assert_eq!(&*root.array("optimizer/vars/0").unwrap().as_i32().unwrap(), [3]);
    assert_eq!(root.array("optimizer/vars/1").unwrap().to_f32_vec(), [0.01]);
    assert!(root.group("layers/dropout/vars").is_some_and(|group| group.children.is_empty()));
}

#[test]
fn keras_archive() {
    let archive = KerasArchive::read(golden("model.keras")).unwrap();
    check_small_model(&archive.weights);
    assert_eq!(archive.metadata["keras_version"], "3.15.1");
    assert_eq!(archive.config["class_name"], "Functional");
    assert_eq!(archive.config["config"]["name"], "small");
    assert_eq!(archive.config["compile_config"]["optimizer"]["class_name"], "Adam");
    assert!(archive.assets.is_empty());
    assert_eq!(KerasArchive::read_config(golden("model.keras")).unwrap(), archive.config);
}

#[test]
fn keras_weights() {
    check_small_model(&hdf5::read(golden("model.weights.h5")).unwrap());
    let brain = hdf5::read(golden("bfloat16.weights.h5")).unwrap();
    let kernel = brain.array("layers/dense/vars/0").unwrap();
    assert_eq!((kernel.dtype(), kernel.to_f64_vec()), (RawDType::BF16, ramp(4, 0.0)));
}

#[test]
fn keras_nested_model() {
    let weights = KerasArchive::read(golden("nested.keras")).unwrap().weights;
    let inner = weights.group("layers/sequential/layers/dense").unwrap();
    assert_eq!(inner.array("vars/0").unwrap().to_f64_vec(), ramp(2, 0.0));
    assert_eq!(inner.array("vars/1").unwrap().to_f64_vec(), [5.0]);
}

#[test]
fn keras_2_whole_model() {
    let root = hdf5::read(golden("keras2.h5")).unwrap();
    let config = root.attributes["model_config"].as_text().unwrap();
    let config = ibex_format::json::parse(config.as_bytes()).unwrap();
    assert_eq!(config["class_name"], "Functional");
    let weights = root.group("model_weights").unwrap();
    let layers = weights.attributes["layer_names"].as_texts().unwrap();
    assert_eq!(layers, ["features", "hidden", "dropout", "norm", "answer"]);
    let dropout = weights.group("dropout").unwrap();
    assert_eq!(dropout.attributes["weight_names"].as_texts(), Some([].as_slice()));
    let hidden = weights.group("hidden").unwrap();
    let names = hidden.attributes["weight_names"].as_texts().unwrap();
    assert_eq!(names, ["hidden/kernel", "hidden/bias"]);
    assert_eq!(hidden.array(&names[0]).unwrap().to_f64_vec(), ramp(12, 0.0));
    assert!(matches!(root.get("optimizer_weights"), Some(Hdf5Node::Group(_))));
}

#[test]
fn what_keras_wrote_is_written_again_without_loss() {
    let archive = KerasArchive::read(golden("model.keras")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.keras");
    archive.clone().write(&path).unwrap();
    assert_eq!(KerasArchive::read(&path).unwrap(), archive);
    for name in ["types.h5", "layouts.h5", "keras2.h5", "bfloat16.weights.h5", "newer_format.h5"] {
        let root = hdf5::read(golden(name)).unwrap();
        let bytes = hdf5::to_bytes(root.clone()).unwrap();
        assert_eq!(hdf5::from_bytes(bytes).unwrap(), root, "{name}");
    }
}
