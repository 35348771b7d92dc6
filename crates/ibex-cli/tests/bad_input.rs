//! What users get wrong: for each mistake the command line, the exit code and the exact text.
//!
//! Commands run in a folder with sound files (`classes.keras`, `two.keras`, their data, …); a row
//! adds what it needs, most often `bad.keras` or `bad.npz`.

mod support;

use std::io::Write;
use std::path::Path;

use expect_test::{Expect, expect};
use ibex::prelude::*;
use serde_json::{Value, json};
use support::{Folder, classifier, floats, integers, noise, two_of_each};

/// Runs a command that must fail with this code and this text.
fn check(arguments: &str, code: i32, add: impl FnOnce(&Folder), text: Expect) {
    let folder = &Folder::new();
    classifier().save(folder.path("classes.keras")).unwrap();
    let labels = integers(&[6], &[0, 1, 2, 0, 1, 2]);
    let x = floats(&[6, 4], &[0.25; 24]);
    folder.npz("classes.npz", &[("x0", x), ("y0", labels)]);
    two_of_each().save(folder.path("two.keras")).unwrap();
    let arrays = [
        ("x0", noise(&[6, 3])),
        ("x1", noise(&[6, 2])),
        ("y0", noise(&[6, 1])),
        ("y1", noise(&[6, 2])),
    ];
    folder.npz("two.npz", &arrays);
    let plain = Sequential::new().add(Input::new([4])).add(Dense::new(3)).build().unwrap();
    plain.save(folder.path("plain.keras")).unwrap();
    std::fs::create_dir(folder.path("folder")).unwrap();
    add(folder);
    let outcome = folder.run(arguments);
    text.assert_eq(&outcome.stderr);
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
    let wrong = ["panicked", "backtrace", "internal error", "RUST_"];
    assert!(!wrong.iter().any(|word| outcome.stderr.contains(word)), "{outcome:?}");
}

/// Only what is in the folder of every row.
fn nothing(_: &Folder) {}

/// Writes `bad.keras`: the classifier with its first dense layer changed.
fn layer(folder: &Folder, edit: impl FnOnce(&mut Value)) {
    folder.edited("classes.keras", "bad.keras", |config| edit(&mut config["config"]["layers"][1]));
}

/// A model that looks words up in a vocabulary of five.
fn words() -> Model {
    Sequential::new().add(Input::new([3]).dtype(Int32)).add(Embedding::new(5, 2)).build().unwrap()
}

/// An archive of these files, not compressed.
fn zip(path: &Path, members: &[(&str, Vec<u8>)]) {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in members {
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// An `.npy` file with this header.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let header = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn an_unknown_command() {
    check("trian", 2, nothing, expect![[""]]);
}

#[test]
fn an_unknown_flag() {
    check("train --epoch 3", 2, nothing, expect![[""]]);
}

#[test]
fn a_batch_size_of_zero() {
    check("train --batch-size 0", 2, nothing, expect![[""]]);
}

#[test]
fn no_epochs() {
    check("train --epochs 0", 2, nothing, expect![[""]]);
}

#[test]
fn a_negative_learning_rate() {
    check("train --learning-rate -0.1", 2, nothing, expect![[""]]);
}

#[test]
fn a_validation_split_above_one() {
    check(
        "train classes.keras --data classes.npz --validation-split 1.5",
        2,
        nothing,
        expect![[""]],
    );
}

#[test]
fn resuming_without_a_folder() {
    check("train classes.keras --data classes.npz --resume", 2, nothing, expect![[""]]);
}

#[test]
fn two_kinds_of_validation() {
    check(
        "train classes.keras --data classes.npz --val a.npz --validation-split 0.1",
        2,
        nothing,
        expect![[""]],
    );
}

#[test]
fn a_model_without_data() {
    check("train classes.keras", 2, nothing, expect![[""]]);
}

#[test]
fn data_without_a_model() {
    check("train --data classes.npz", 2, nothing, expect![[""]]);
}

#[test]
fn validation_data_for_the_built_in_model() {
    check("train --validation-split 0.1", 2, nothing, expect![[""]]);
}

#[test]
fn an_output_that_is_no_keras_file() {
    check("train --out model.h5", 2, nothing, expect![[""]]);
}

#[test]
fn two_outputs_in_one_file() {
    check("train --out a.keras --history a.keras", 2, nothing, expect![[""]]);
}

#[test]
fn a_verbosity_of_three() {
    check("train --verbose 3", 2, nothing, expect![[""]]);
}

#[test]
fn no_threads() {
    check("train --threads 0", 2, nothing, expect![[""]]);
}

#[test]
fn a_seed_that_is_no_number() {
    check("train --seed lucky", 2, nothing, expect![[""]]);
}

#[test]
fn an_unknown_optimizer() {
    check("train --optimizer adm", 2, nothing, expect![[""]]);
}

#[test]
fn an_unknown_loss() {
    check("train --loss mean_square_error", 2, nothing, expect![[""]]);
}

#[test]
fn an_unknown_metric() {
    check("train classes.keras --data classes.npz --metrics acuracy", 2, nothing, expect![[""]]);
}

#[test]
fn evaluation_without_data() {
    check("evaluate classes.keras", 2, nothing, expect![[""]]);
}

#[test]
fn a_model_that_is_not_compiled() {
    check("train plain.keras --data classes.npz", 2, nothing, expect![[""]]);
}

#[test]
fn a_model_compiled_by_half() {
    check("train plain.keras --data classes.npz --optimizer sgd", 2, nothing, expect![[""]]);
}

#[test]
fn evaluation_of_a_model_without_a_loss() {
    check("evaluate plain.keras --data classes.npz", 1, nothing, expect![[""]]);
}

#[test]
fn a_model_that_is_not_there() {
    check("summary clases.keras", 1, nothing, expect![[""]]);
}

#[test]
fn data_that_is_not_there() {
    check("evaluate classes.keras --data clases.npz", 1, nothing, expect![[""]]);
}

#[test]
fn a_folder_in_place_of_a_model() {
    check("summary folder", 1, nothing, expect![[""]]);
}

#[test]
fn a_folder_in_place_of_data() {
    check("evaluate classes.keras --data folder", 1, nothing, expect![[""]]);
}

#[test]
fn a_model_cut_short() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            let bytes = std::fs::read(folder.path("classes.keras")).unwrap();
            std::fs::write(folder.path("bad.keras"), &bytes[..bytes.len() / 2]).unwrap();
        },
        expect![[""]],
    );
}

#[test]
fn a_model_that_is_no_archive() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            std::fs::write(folder.path("bad.keras"), "weights: none").unwrap();
        },
        expect![[""]],
    );
}

#[test]
fn an_empty_model_file() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            std::fs::write(folder.path("bad.keras"), "").unwrap();
        },
        expect![[""]],
    );
}

#[test]
fn data_in_place_of_a_model() {
    check("summary classes.npz", 1, nothing, expect![[""]]);
}

#[test]
fn a_model_in_place_of_data() {
    check("evaluate classes.keras --data classes.keras", 1, nothing, expect![[""]]);
}

#[test]
fn data_that_is_no_archive() {
    check(
        "evaluate classes.keras --data bad.npz",
        1,
        |folder| {
            std::fs::write(folder.path("bad.npz"), "1,2,3\n").unwrap();
        },
        expect![[""]],
    );
}

#[test]
fn damaged_data() {
    check(
        "evaluate classes.keras --data bad.npz",
        1,
        |folder| {
            let mut bytes = std::fs::read(folder.path("classes.npz")).unwrap();
            let values = bytes.windows(4).position(|four| four == 0.25f32.to_le_bytes()).unwrap();
            bytes[values] ^= 1;
            std::fs::write(folder.path("bad.npz"), bytes).unwrap();
        },
        expect![[""]],
    );
}

#[test]
fn pickled_objects_in_data() {
    check(
        "evaluate classes.keras --data bad.npz",
        1,
        |folder| {
            zip(&folder.path("bad.npz"), &[("x0.npy", npy("|O", "(6, 4)", &[0; 32]))]);
        },
        expect![[""]],
    );
}

#[test]
fn texts_in_data() {
    check(
        "evaluate classes.keras --data bad.npz",
        1,
        |folder| {
            zip(&folder.path("bad.npz"), &[("x0.npy", npy("<U2", "(6,)", &[0; 48]))]);
        },
        expect![[""]],
    );
}

#[test]
fn data_that_claims_too_much() {
    check(
        "evaluate classes.keras --data bad.npz",
        1,
        |folder| {
            zip(&folder.path("bad.npz"), &[("x0.npy", npy("<f4", "(1000000000000, 4)", &[0; 64]))]);
        },
        expect![[""]],
    );
}

#[test]
fn an_input_of_another_shape() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 5])), ("y0", integers(&[6], &[0, 1, 2, 0, 1, 2]))],
            );
        },
        expect![[""]],
    );
}

#[test]
fn a_label_out_of_range() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 4])), ("y0", integers(&[6], &[0, 1, 2, 0, 3, 2]))],
            );
        },
        expect![[""]],
    );
}

#[test]
fn a_negative_label() {
    check(
        "evaluate classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 4])), ("y0", integers(&[6], &[0, -1, 2, 0, 1, 2]))],
            );
        },
        expect![[""]],
    );
}

#[test]
fn labels_that_are_floats() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 4])), ("y0", floats(&[6], &[0., 1., 2., 0., 1., 2.]))],
            );
        },
        expect![[""]],
    );
}

#[test]
fn labels_one_hot_for_a_sparse_loss() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[2, 4])), ("y0", integers(&[2, 3], &[0, 1, 0, 1, 0, 0]))],
            );
        },
        expect![[""]],
    );
}

#[test]
fn targets_of_another_shape() {
    check(
        "train two.keras --data bad.npz",
        1,
        |folder| {
            let arrays = [
                ("x0", noise(&[6, 3])),
                ("x1", noise(&[6, 2])),
                ("y0", noise(&[6, 1])),
                ("y1", noise(&[6, 5])),
            ];
            folder.npz("bad.npz", &arrays);
        },
        expect![[""]],
    );
}

#[test]
fn a_missing_input() {
    check(
        "train two.keras --data bad.npz",
        1,
        |folder| {
            folder.npz("bad.npz", &[("x0", noise(&[6, 3])), ("y0", noise(&[6, 1]))]);
        },
        expect![[""]],
    );
}

#[test]
fn inputs_too_many() {
    check(
        "predict classes.keras --data bad.npz --out y.npz",
        1,
        |folder| {
            folder.npz("bad.npz", &[("x0", noise(&[6, 4])), ("x1", noise(&[6, 4]))]);
        },
        expect![[""]],
    );
}

#[test]
fn a_missing_target() {
    check(
        "train two.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 3])), ("x1", noise(&[6, 2])), ("y", noise(&[6, 1]))],
            );
        },
        expect![[""]],
    );
}

#[test]
fn data_without_arrays() {
    check(
        "evaluate classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz("bad.npz", &[]);
        },
        expect![[""]],
    );
}

#[test]
fn data_without_samples() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz("bad.npz", &[("x0", floats(&[0, 4], &[])), ("y0", integers(&[0], &[]))]);
        },
        expect![[""]],
    );
}

#[test]
fn an_input_without_axes() {
    check(
        "predict classes.keras --data bad.npz --out y.npz",
        1,
        |folder| {
            folder.npz("bad.npz", &[("x0", floats(&[], &[1.0]))]);
        },
        expect![[""]],
    );
}

#[test]
fn arrays_of_different_lengths() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 4])), ("y0", integers(&[5], &[0, 1, 2, 0, 1]))],
            );
        },
        expect![[""]],
    );
}

#[test]
fn weights_of_another_length() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            let arrays = [
                ("x0", noise(&[2, 4])),
                ("y0", integers(&[2], &[0, 1])),
                ("sample_weight", noise(&[3])),
            ];
            folder.npz("bad.npz", &arrays);
        },
        expect![[""]],
    );
}

#[test]
fn weights_of_another_shape() {
    check(
        "train classes.keras --data bad.npz",
        1,
        |folder| {
            let arrays = [
                ("x0", noise(&[2, 4])),
                ("y0", integers(&[2], &[0, 1])),
                ("sample_weight", noise(&[2, 7])),
            ];
            folder.npz("bad.npz", &arrays);
        },
        expect![[""]],
    );
}

#[test]
fn an_index_beyond_the_vocabulary() {
    check(
        "predict words.keras --data bad.npz --out y.npz",
        1,
        |folder| {
            words().save(folder.path("words.keras")).unwrap();
            folder.npz("bad.npz", &[("x0", integers(&[2, 3], &[0, 1, 2, 3, 4, 5]))]);
        },
        expect![[""]],
    );
}

#[test]
fn a_split_that_leaves_nothing() {
    check(
        "train classes.keras --data classes.npz --validation-split 0.99",
        1,
        nothing,
        expect![[""]],
    );
}

#[test]
fn validation_data_of_another_shape() {
    check(
        "train classes.keras --data classes.npz --val bad.npz",
        1,
        |folder| {
            folder.npz(
                "bad.npz",
                &[("x0", noise(&[6, 3])), ("y0", integers(&[6], &[0, 1, 2, 0, 1, 2]))],
            );
        },
        expect![[""]],
    );
}

#[test]
fn validation_data_without_targets() {
    check(
        "train classes.keras --data classes.npz --val bad.npz",
        1,
        |folder| {
            folder.npz("bad.npz", &[("x0", noise(&[6, 4]))]);
        },
        expect![[""]],
    );
}

#[test]
fn a_metric_that_does_not_fit() {
    check(
        "train classes.keras --data classes.npz --metrics categorical_accuracy",
        1,
        nothing,
        expect![[""]],
    );
}

#[test]
fn a_loss_that_explodes() {
    check(
        "train two.keras --data two.npz --epochs 9 --learning-rate 1e30 --out lost.keras --verbose 0",
        1,
        nothing,
        expect![[""]],
    );
}

#[test]
fn data_that_is_not_a_number() {
    check(
        "train classes.keras --data bad.npz --verbose 0",
        1,
        |folder| {
            let x = floats(&[2, 4], &[0.5, f32::NAN, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
            folder.npz("bad.npz", &[("x0", x), ("y0", integers(&[2], &[0, 1]))]);
        },
        expect![[""]],
    );
}

#[test]
fn an_output_in_no_folder() {
    check("train classes.keras --data classes.npz --out none/m.keras", 1, nothing, expect![[""]]);
}

#[test]
fn an_output_that_is_a_folder() {
    check("predict classes.keras --data classes.npz --out folder", 1, nothing, expect![[""]]);
}

#[test]
fn a_history_that_is_a_folder() {
    check("train classes.keras --data classes.npz --history folder", 1, nothing, expect![[""]]);
}

#[test]
fn an_output_without_room() {
    check("predict classes.keras --data classes.npz --out /dev/full", 1, nothing, expect![[""]]);
}

#[test]
fn a_checkpoint_folder_that_is_a_file() {
    check(
        "train classes.keras --data classes.npz --checkpoint-dir classes.npz",
        1,
        nothing,
        expect![[""]],
    );
}

#[test]
fn a_checkpoint_of_another_model() {
    check(
        "train two.keras --data two.npz --checkpoint-dir kept --resume",
        1,
        |folder| {
            folder.done("train classes.keras --data classes.npz --checkpoint-dir kept");
        },
        expect![[""]],
    );
}

#[test]
fn a_checkpoint_of_another_optimizer() {
    check(
        "train classes.keras --data classes.npz --optimizer sgd --checkpoint-dir kept --resume",
        1,
        |folder| {
            folder.done("train classes.keras --data classes.npz --checkpoint-dir kept");
        },
        expect![[""]],
    );
}

#[test]
fn a_checkpoint_of_other_options() {
    check(
        "train classes.keras --data classes.npz --batch-size 3 --checkpoint-dir kept --resume",
        1,
        |folder| {
            folder.done("train classes.keras --data classes.npz --checkpoint-dir kept");
        },
        expect![[""]],
    );
}

#[test]
fn a_damaged_checkpoint() {
    check(
        "train classes.keras --data classes.npz --checkpoint-dir kept --resume",
        1,
        |folder| {
            std::fs::create_dir(folder.path("kept")).unwrap();
            std::fs::write(folder.path("kept/checkpoint.npz"), "half a file").unwrap();
        },
        expect![[""]],
    );
}

#[test]
fn an_unknown_layer() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["class_name"] = "Dens".into());
        },
        expect![[""]],
    );
}

#[test]
fn an_unregistered_layer() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| {
                layer["class_name"] = "Fancy".into();
                layer["registered_name"] = "shop>Fancy".into();
            });
        },
        expect![[""]],
    );
}

#[test]
fn a_lambda_with_code() {
    check(
        "predict bad.keras --data classes.npz --out y.npz",
        1,
        |folder| {
            layer(folder, |layer| {
                layer["class_name"] = "Lambda".into();
                layer["config"] = json!({"name": "lambda", "function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}});
            });
        },
        expect![[""]],
    );
}

#[test]
fn an_unknown_option_of_a_layer() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["config"]["unitz"] = 5.into());
        },
        expect![[""]],
    );
}

#[test]
fn an_option_of_the_wrong_type() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["config"]["units"] = "many".into());
        },
        expect![[""]],
    );
}

#[test]
fn an_unknown_activation() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["config"]["activation"] = "rellu".into());
        },
        expect![[""]],
    );
}

#[test]
fn a_layer_larger_than_its_file() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["config"]["units"] = 1_000_000_000_000u64.into());
        },
        expect![[""]],
    );
}

#[test]
fn a_layer_larger_than_any_memory() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["config"]["units"] = u64::MAX.into());
        },
        expect![[""]],
    );
}

#[test]
fn weights_of_another_model() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| layer["config"]["units"] = 6.into());
        },
        expect![[""]],
    );
}

#[test]
fn deep_nesting() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            layer(folder, |layer| {
                let nest = |inner: Value, _| json!([inner]);
                layer["config"]["units"] = (0..200).fold(json!(1), nest);
            });
        },
        expect![[""]],
    );
}

#[test]
fn an_unknown_loss_in_the_file() {
    check(
        "train bad.keras --data classes.npz",
        1,
        |folder| {
            folder.edited("classes.keras", "bad.keras", |config| {
                config["compile_config"]["loss"] = "msee".into()
            });
        },
        expect![[""]],
    );
}

#[test]
fn a_configuration_that_is_no_model() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            folder.edited("classes.keras", "bad.keras", |config| *config = json!([1, 2]));
        },
        expect![[""]],
    );
}

#[test]
fn an_archive_without_a_configuration() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            zip(&folder.path("bad.keras"), &[("metadata.json", b"{}".to_vec())]);
        },
        expect![[""]],
    );
}

#[test]
fn a_configuration_that_is_no_json() {
    check(
        "summary bad.keras",
        1,
        |folder| {
            zip(&folder.path("bad.keras"), &[("config.json", b"{\"class_name\": ".to_vec())]);
        },
        expect![[""]],
    );
}

#[test]
fn the_trained_model_is_not_lost_when_its_folder_is() {
    use std::io::BufRead;
    let folder = &Folder::new();
    classifier().save(folder.path("classes.keras")).unwrap();
    let labels = integers(&[6], &[0, 1, 2, 0, 1, 2]);
    folder.npz("classes.npz", &[("x0", noise(&[6, 4])), ("y0", labels)]);
    std::fs::create_dir(folder.path("gone")).unwrap();
    let line = "train classes.keras --data classes.npz --epochs 2000 --out gone/m.keras";
    let mut child = folder.command(line).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
    let mut line = lines.next().unwrap().unwrap();
    assert!(line.starts_with("Epoch 1/"), "{line}");
    std::fs::remove_dir(folder.path("gone")).unwrap();
    for next in lines {
        line = next.unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let name = format!("m-rescued-{}.keras", child.id());
    assert_eq!(line, format!("  note: the trained model is in `./{name}` instead"));
    folder.done(&format!("evaluate {name} --data classes.npz"));
}
