//! Files of real PyTorch and safetensors, against the formulas of `goldens/make_torch.py`.

use std::path::{Path, PathBuf};

use expect_test::expect;
use ibex_format::torch::{self, Extent};
use ibex_format::{FormatError, NamedArrays, RawDType, safetensors};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("goldens").join(name)
}

fn ramp(count: usize) -> Vec<f64> {
    (0..count).map(|i| i as f64).collect()
}

fn check_types(content: &NamedArrays) {
    assert_eq!(content.arrays.len(), 12);
    for dtype in RawDType::ALL {
        let Some(array) = content.get(dtype.name()) else {
            assert!(dtype.name().starts_with("uint") && dtype != RawDType::U8, "{dtype}");
            continue;
        };
        assert_eq!((array.dtype(), array.shape()), (dtype, [2, 3].as_slice()));
        let expected = match dtype {
            RawDType::Bool => vec![0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
            _ => ramp(6),
        };
        assert_eq!(array.to_f64_vec(), expected, "{dtype}");
    }
    let scalar = content.get("scalar").unwrap();
    assert_eq!((scalar.shape(), scalar.to_f64_vec()), ([].as_slice(), vec![2.5]));
    assert_eq!(content.get("empty").unwrap().shape(), [0, 3]);
}

#[test]
fn every_element_type_of_every_file_form() {
    check_types(&safetensors::read(golden("types.safetensors")).unwrap());
    for name in ["torch_types.pt", "torch_legacy.pt"] {
        let content = torch::read(golden(name), Extent::Model).unwrap();
        check_types(&content);
        assert_eq!(content.arrays[0].0, "float16", "the order of the file");
        // What is written is read again.
        let bytes = torch::to_bytes(&content).unwrap();
        assert_eq!(bytes, torch::to_bytes(&content).unwrap());
        assert_eq!(torch::from_bytes(bytes, Extent::Model).unwrap(), content);
    }
    let metadata = safetensors::read(golden("types.safetensors")).unwrap().metadata;
    assert_eq!(metadata.get("format").map(String::as_str), Some("pt"));
}

#[test]
fn views_are_copied_out_in_row_major_order() {
    for name in ["torch_views.pt", "torch_legacy_views.pt"] {
        let content = torch::read(golden(name), Extent::Model).unwrap();
        let array = |name: &str| {
            let array = content.get(name).unwrap();
            (array.shape().to_vec(), array.to_f64_vec())
        };
        let base = |row: usize, column: usize| (row * 6 + column) as f64;
        assert_eq!(array("base"), (vec![4, 6], ramp(24)));
        assert_eq!(array("tied"), array("base"));
        let transposed = (0..24).map(|i| base(i % 4, i / 4)).collect();
        assert_eq!(array("transposed"), (vec![6, 4], transposed));
        let part = (0..6).map(|i| base(1 + i / 3, i % 3 * 2)).collect();
        assert_eq!(array("part"), (vec![2, 3], part));
        assert_eq!(array("offset"), (vec![4], vec![5.0, 6.0, 7.0, 8.0]));
        assert_eq!(array("expanded"), (vec![2, 3], vec![1.0, 1.0, 1.0, 2.0, 2.0, 2.0]));
        assert_eq!(array("parameter"), (vec![3], ramp(3)));
        assert_eq!(array("channels_last"), (vec![1, 2, 3, 2], ramp(12)));
    }
}

#[test]
fn a_checkpoint_gives_its_model_or_everything() {
    let model = torch::read(golden("torch_checkpoint.pt"), Extent::Model).unwrap();
    let names: Vec<&str> = model.arrays.iter().map(|(name, _)| name.as_str()).collect();
    let layers = ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"];
    let expected: Vec<String> = layers.iter().map(|name| format!("module.{name}")).collect();
    assert_eq!(names[..6], expected);
    assert_eq!(model.get("module.0.weight").unwrap().to_f64_vec(), ramp(6));
    for (key, text) in [("epoch", "7"), ("arch", "tiny"), ("loss", "0.25")] {
        assert_eq!(model.metadata.get(key).map(String::as_str), Some(text));
    }
    let all = torch::read(golden("torch_checkpoint.pt"), Extent::Everything).unwrap();
    assert!(all.get("state_dict.module.0.weight").is_some());
    let moment = all.get("optimizer.state.0.exp_avg").unwrap();
    assert_eq!(moment.shape(), [3, 2]);
}

#[test]
fn code_is_named_and_never_run() {
    let error = torch::read(golden("torch_code.pt"), Extent::Model).unwrap_err();
    let text = error.to_string().replace(&golden("").display().to_string(), "");
    expect![[r#"
        the pickle names `__builtin__.print`, which is not read here
          expected  tensors, numbers, texts, and dictionaries, lists and tuples of them
          received  `__builtin__.print`
          at torch_code.pt: torch_code/data.pkl
          help: such a file can run code, so nothing in it is run; in PyTorch, save `model.state_dict()` without other objects"#]]
    .assert_eq(&text);
    let error = torch::read(golden("torch_module.pt"), Extent::Model).unwrap_err();
    assert!(error.to_string().contains("`torch.nn.modules.linear.Linear`"), "{error}");
}

#[test]
fn what_is_no_such_file_says_so() {
    for bytes in [b"".to_vec(), b"PK\x03\x04".to_vec(), b"\x80\x02}.".to_vec(), vec![0; 100]] {
        let error = torch::from_bytes(bytes, Extent::Model).unwrap_err();
        let kind = matches!(error, FormatError::Damaged(_) | FormatError::Unsupported(_));
        assert!(kind, "{error}");
    }
    let error = torch::read(golden("types.npz"), Extent::Model).unwrap_err();
    assert!(error.to_string().starts_with("the archive holds no PyTorch file"), "{error}");
}
