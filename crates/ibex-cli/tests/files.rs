//! `convert`, `inspect` and `diff` from end to end.

mod support;

use expect_test::expect;
use serde_json::Value;
use support::{Folder, classifier, floats, noise};

fn with_model() -> Folder {
    let folder = Folder::new();
    classifier().save(folder.path("model.keras")).unwrap();
    folder
}

#[test]
fn a_model_is_shown_with_its_arrays_and_what_it_is_compiled_with() {
    let folder = with_model();
    let text = folder.done("inspect model.keras").stdout;
    // The size of the file and the date are those of the day.
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("model.keras:") && !line.starts_with("date_saved"))
        .collect();
    expect![[r#"
        model: Sequential `sequential`, 3 layers
        optimizer: Adam, learning rate 0.009999999776482582
        loss: SparseCategoricalCrossentropy
        metrics: [accuracy]
        keras_version: 3.15.1
        layers
          dense
            vars
              0    float32 (4, 5)  80 bytes
              1    float32 (5)  20 bytes
          dense_1
            vars
              0    float32 (5, 3)  60 bytes
              1    float32 (3)  12 bytes
        optimizer
          vars
            0      int32 ()  4 bytes
            1      float32 ()  4 bytes
            2      float32 (4, 5)  80 bytes
            3      float32 (4, 5)  80 bytes
            4      float32 (5)  20 bytes
            5      float32 (5)  20 bytes
            6      float32 (5, 3)  60 bytes
            7      float32 (5, 3)  60 bytes
            8      float32 (3)  12 bytes
            9      float32 (3)  12 bytes
        14 arrays, 131 elements, 524 bytes"#]]
    .assert_eq(&lines.join("\n"));
    let json: Value =
        serde_json::from_str(&folder.done("inspect model.keras --json").stdout).unwrap();
    assert_eq!(json["arrays"][0]["name"], "layers/dense/vars/0");
    assert_eq!(json["arrays"][0]["shape"], serde_json::json!([4, 5]));
    assert_eq!(json["config"]["class_name"], "Sequential");
}

#[test]
fn a_model_goes_through_every_kind_of_file() {
    let folder = with_model();
    let mut from = "model.keras".to_string();
    for to in ["a.safetensors", "b.npz", "c.pt", "d.safetensors"] {
        folder.done(&format!("convert {from} {to}"));
        from = to.to_string();
    }
    let shown = folder.done("inspect d.safetensors").stdout;
    assert!(shown.contains("4 arrays, 43 elements, 172 bytes"), "{shown}");
    let done = folder.done("convert d.safetensors back.keras --model model.keras --report");
    assert!(done.stderr.contains("2 of 2 layers have weights: 2 by name"), "{}", done.stderr);
    assert!(done.stderr.contains("dense   <- dense"), "{}", done.stderr);
    assert_eq!(done.stdout, "");
    let same = folder.done("diff model.keras back.keras").stdout;
    assert_eq!(same, "14 arrays compared: 0 differ\n");
    // A model is compared with arrays under the names that they have.
    assert_eq!(
        folder.done("diff model.keras d.safetensors").stdout,
        "4 arrays compared: 0 differ\n"
    );
    folder.done("convert model.keras torch.safetensors --layout torch");
    folder.done("convert torch.safetensors back.keras --model model.keras");
    folder.done("diff model.keras back.keras");
    folder.done("convert model.keras w.weights.h5");
    assert_eq!(
        folder.done("diff model.keras w.weights.h5").stdout,
        "14 arrays compared: 0 differ\n"
    );
}

#[test]
fn differences_are_named_and_change_the_exit_code() {
    let folder = Folder::new();
    let one = [("a", floats(&[2], &[4.0, 1.0])), ("b", floats(&[1], &[1.0]))];
    let two = [("a", floats(&[2], &[4.0, 2.0])), ("c", floats(&[1], &[1.0]))];
    folder.npz("one.npz", &one);
    folder.npz("two.npz", &two);
    let outcome = folder.run("diff one.npz two.npz");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), ""));
    expect![[r#"
        only in one.npz: b
        only in two.npz: c
        a: differs by 1.000e0, relative 2.500e-1
        1 arrays compared: 1 differ
    "#]]
    .assert_eq(&outcome.stdout);
    let close = [("a", floats(&[2], &[4.0, 1.5])), ("b", floats(&[1], &[1.0]))];
    folder.npz("close.npz", &close);
    assert_eq!(folder.run("diff one.npz close.npz --tolerance 0.1").code, Some(1));
    let within = folder.done("diff one.npz close.npz --tolerance 0.2").stdout;
    assert_eq!(within, "2 arrays compared: 0 differ, 1 within the tolerance\n");
}

#[test]
fn what_cannot_be_converted_says_why() {
    let folder = with_model();
    folder.npz("one.npz", &[("a", floats(&[2], &[4.0, 1.0]))]);
    let fails = |arguments: &str, code: i32| {
        let outcome = folder.run(arguments);
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        outcome.stderr
    };
    expect![[r#"
        error: a Keras 3 model holds a whole model, and a numpy archive only arrays
          expected  the architecture that the arrays belong to
          help: name it: `--model ARCHITECTURE.keras`, or one of `ibex convert --help`
    "#]]
    .assert_eq(&fails("convert one.npz out.keras", 1));
    expect![[r#"
        error: 2 of 2 layers find no weights that fit
          expected  `dense` (Dense): kernel (4, 5), bias (5,)
                    `dense_1` (Dense): kernel (5, 3), bias (3,)
          received  `(no name)`: a (2,)
          at one.npz
          help: shapes must agree once axes are in the order of Keras; a layer that the file lacks keeps its weights with `Mismatch::Skip` (`--skip-mismatch`)
    "#]]
    .assert_eq(&fails("convert one.npz out.keras --model model.keras", 1));
    let text = fails("convert one.npz out.xyz", 1);
    assert!(text.starts_with("error: the kind of the file is not known"), "{text}");
    assert!(fails("convert one.npz out.npz --skip-mismatch", 2).contains("--model"));
    assert!(fails("inspect nothing.pt", 1).contains("cannot read `nothing.pt`"));
    assert!(fails("diff one.npz one.npz --tolerance -1", 2).contains("tolerance"));
}

#[test]
fn a_model_that_is_elsewhere_says_where_to_put_it() {
    let folder = with_model();
    let mut command = folder.command("summary hf://owner/name/model.keras");
    let cache = folder.path("cache");
    command.env("IBEX_CACHE_HOME", &cache).env("HF_ENDPOINT", "http://127.0.0.1:9");
    let outcome = support::Outcome::of(command.output().unwrap());
    assert_eq!(outcome.code, Some(1));
    let place = cache.join("hub/huggingface.co/owner/name/main/model.keras");
    assert!(outcome.stderr.contains(&place.display().to_string()), "{}", outcome.stderr);
    // Put there by hand, it is found.
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::copy(folder.path("model.keras"), place).unwrap();
    assert_eq!(support::Outcome::of(command.output().unwrap()).code, Some(0));
}

#[test]
fn an_onnx_file_predicts_as_its_model_and_becomes_a_model_again() {
    let folder = with_model();
    folder.done("convert model.keras model.onnx");
    folder.done("convert model.onnx again.keras");
    let shown = folder.done("inspect model.onnx").stdout;
    assert!(shown.contains("float32 (4, 5)"), "{shown}");
    folder.npz("data.npz", &[("x", noise(&[7, 4]))]);
    folder.done("predict model.keras --data data.npz --out expected.npz");
    for other in ["model.onnx", "again.keras"] {
        folder.done(&format!("predict {other} --data data.npz --out y.npz"));
        folder.done("diff expected.npz y.npz --tolerance 1e-6");
    }
}
