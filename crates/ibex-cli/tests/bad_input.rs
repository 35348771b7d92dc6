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
    check(
        "trian",
        2,
        nothing,
        expect![[r#"
        error: unrecognized subcommand 'trian'

          tip: a similar subcommand exists: 'train'

        Usage: ibex <COMMAND>

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn an_unknown_flag() {
    check(
        "train --epoch 3",
        2,
        nothing,
        expect![[r#"
        error: unexpected argument '--epoch' found

          tip: a similar argument exists: '--epochs'

        Usage: ibex train --epochs <N> [MODEL.keras]

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_batch_size_of_zero() {
    check(
        "train --batch-size 0",
        2,
        nothing,
        expect![[r#"
        error: invalid value '0' for '--batch-size <N>': expected a whole number from 1 to 4294967295

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn no_epochs() {
    check(
        "train --epochs 0",
        2,
        nothing,
        expect![[r#"
        error: invalid value '0' for '--epochs <N>': expected a whole number from 1 to 4294967295

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_negative_learning_rate() {
    check(
        "train --learning-rate -0.1",
        2,
        nothing,
        expect![[r#"
        error: invalid value '-0.1' for '--learning-rate <X>': expected a number above 0

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_validation_split_above_one() {
    check(
        "train classes.keras --data classes.npz --validation-split 1.5",
        2,
        nothing,
        expect![[r#"
            error: invalid value '1.5' for '--validation-split <F>': expected a number from 0 up to, but not including, 1

            For more information, try '--help'.
        "#]],
    );
}

#[test]
fn resuming_without_a_folder() {
    check(
        "train classes.keras --data classes.npz --resume",
        2,
        nothing,
        expect![[r#"
        error: the following required arguments were not provided:
          --checkpoint-dir <DIR>

        Usage: ibex train --checkpoint-dir <DIR> --data <FILE> --resume <MODEL.keras>

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn two_kinds_of_validation() {
    check(
        "train classes.keras --data classes.npz --val a.npz --validation-split 0.1",
        2,
        nothing,
        expect![[r#"
            error: the argument '--val <FILE>' cannot be used with '--validation-split <F>'

            Usage: ibex train --data <FILE> --val <FILE> <MODEL.keras>

            For more information, try '--help'.
        "#]],
    );
}

#[test]
fn a_model_without_data() {
    check(
        "train classes.keras",
        2,
        nothing,
        expect![[r#"
        error: there is no data to train on
          expected  `--data FILE.npz` with x0, x1, … and y0, y1, …
          help: `ibex train` without arguments trains on bundled digits
    "#]],
    );
}

#[test]
fn data_without_a_model() {
    check(
        "train --data classes.npz",
        2,
        nothing,
        expect![[r#"
        error: there is no model to train on this data
          expected  `ibex train MODEL.keras --data FILE.npz`
    "#]],
    );
}

#[test]
fn validation_data_for_the_built_in_model() {
    check(
        "train --validation-split 0.1",
        2,
        nothing,
        expect![[r#"
        error: the built-in model has validation digits of its own
          expected  `ibex train MODEL.keras --data FILE.npz` beside `--val` or `--validation-split`
    "#]],
    );
}

#[test]
fn an_output_that_is_no_keras_file() {
    check(
        "train --out model.h5",
        2,
        nothing,
        expect![[r#"
        error: `--out` must end in `.keras`
          received  model.h5
          help: Keras knows a model file by this ending
    "#]],
    );
}

#[test]
fn two_outputs_in_one_file() {
    check(
        "train --out a.keras --history a.keras",
        2,
        nothing,
        expect![[r#"
        error: `--out` and `--history` name the same file
    "#]],
    );
}

#[test]
fn a_verbosity_of_three() {
    check(
        "train --verbose 3",
        2,
        nothing,
        expect![[r#"
        error: invalid value '3' for '--verbose <0|1|2>': 3 is not in 0..=2

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn no_threads() {
    check(
        "train --threads 0",
        2,
        nothing,
        expect![[r#"
        error: invalid value '0' for '--threads <N>': 0 is not in 1..=65535

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_seed_that_is_no_number() {
    check(
        "train --seed lucky",
        2,
        nothing,
        expect![[r#"
        error: invalid value 'lucky' for '--seed <N>': invalid digit found in string

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn an_unknown_optimizer() {
    check(
        "train --optimizer adm",
        2,
        nothing,
        expect![[r#"
        error: unknown optimizer `adm`
          help: did you mean `Adam`?
    "#]],
    );
}

#[test]
fn an_unknown_loss() {
    check(
        "train --loss mean_square_error",
        2,
        nothing,
        expect![[r#"
        error: unknown loss `mean_square_error`
          help: did you mean `MeanSquaredError`?
    "#]],
    );
}

#[test]
fn an_unknown_metric() {
    check(
        "train classes.keras --data classes.npz --metrics acuracy",
        2,
        nothing,
        expect![[r#"
            error: unknown metric `acuracy`
              help: did you mean `Accuracy`?
        "#]],
    );
}

#[test]
fn evaluation_without_data() {
    check(
        "evaluate classes.keras",
        2,
        nothing,
        expect![[r#"
        error: the following required arguments were not provided:
          --data <FILE>

        Usage: ibex evaluate --data <FILE> <MODEL.keras>

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_model_that_is_not_compiled() {
    check(
        "train plain.keras --data classes.npz",
        2,
        nothing,
        expect![[r#"
        error: `plain.keras` is not compiled: it does not say which optimizer to train with
          help: add `--optimizer NAME`
    "#]],
    );
}

#[test]
fn a_model_compiled_by_half() {
    check(
        "train plain.keras --data classes.npz --optimizer sgd",
        2,
        nothing,
        expect![[r#"
        error: `plain.keras` is not compiled: it does not say which loss to train with
          help: add `--loss NAME`
    "#]],
    );
}

#[test]
fn evaluation_of_a_model_without_a_loss() {
    check(
        "evaluate plain.keras --data classes.npz",
        1,
        nothing,
        expect![[r#"
        error: `plain.keras` is not compiled: it has no loss to evaluate
          help: compile the model before saving it, or train it with `ibex train --loss NAME`
    "#]],
    );
}

#[test]
fn a_model_that_is_not_there() {
    check(
        "summary clases.keras",
        1,
        nothing,
        expect![[r#"
        error: cannot read `clases.keras`: No such file or directory (os error 2)
          help: check the path
    "#]],
    );
}

#[test]
fn data_that_is_not_there() {
    check(
        "evaluate classes.keras --data clases.npz",
        1,
        nothing,
        expect![[r#"
        error: cannot read `clases.npz`: No such file or directory (os error 2)
          help: check the path
    "#]],
    );
}

#[test]
fn a_folder_in_place_of_a_model() {
    check(
        "summary folder",
        1,
        nothing,
        expect![[r#"
        error: this path cannot be read as a file
          expected  a regular file
          received  a folder
          at folder
    "#]],
    );
}

#[test]
fn a_folder_in_place_of_data() {
    check(
        "evaluate classes.keras --data folder",
        1,
        nothing,
        expect![[r#"
        error: this path cannot be read as a file
          expected  a regular file
          received  a folder
          at folder
    "#]],
    );
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
        expect![[r#"
            error: the file is no sound zip archive
              received  invalid Zip archive: Could not find EOCD
              at bad.keras
              help: it may be of another format, or cut short while it was copied
        "#]],
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
        expect![[r#"
            error: the file is no sound zip archive
              received  invalid Zip archive: Could not find EOCD
              at bad.keras
              help: it may be of another format, or cut short while it was copied
        "#]],
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
        expect![[r#"
            error: the file is no sound zip archive
              received  invalid Zip archive: Could not find EOCD
              at bad.keras
              help: it may be of another format, or cut short while it was copied
        "#]],
    );
}

#[test]
fn data_in_place_of_a_model() {
    check(
        "summary classes.npz",
        1,
        nothing,
        expect![[r#"
        error: the archive holds no model
          expected  the members `metadata.json`, `config.json` and `model.weights.h5`
          received  `x0.npy`, `y0.npy`
          at classes.npz
    "#]],
    );
}

#[test]
fn a_model_in_place_of_data() {
    check(
        "evaluate classes.keras --data classes.keras",
        1,
        nothing,
        expect![[r#"
        error: `classes.keras` has no array `x0`
          expected  x0 for the model's inputs (or `x`)
          received  no arrays
          help: save the arrays under these names, as in `numpy.savez(…, x0=…)`
    "#]],
    );
}

#[test]
fn data_that_is_no_archive() {
    check(
        "evaluate classes.keras --data bad.npz",
        1,
        |folder| {
            std::fs::write(folder.path("bad.npz"), "1,2,3\n").unwrap();
        },
        expect![[r#"
            error: the file is no sound zip archive
              received  invalid Zip archive: Could not find EOCD
              at bad.npz
              help: it may be of another format, or cut short while it was copied
        "#]],
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
        expect![[r#"
            error: the zip archive is damaged
              received  Invalid checksum
              at bad.npz: x0.npy
        "#]],
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
        expect![[r#"
            error: the array holds Python objects
              expected  float16/32/64, int8/16/32/64, uint8/16/32/64 or bool
              received  '|O'
              at bad.npz: x0.npy
              help: such a file can run code; save plain numbers instead
        "#]],
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
        expect![[r#"
            error: the array holds text
              expected  float16/32/64, int8/16/32/64, uint8/16/32/64 or bool
              received  '<U2'
              at bad.npz: x0.npy
              help: turn the words into numbers before saving them
        "#]],
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
        expect![[r#"
            error: the file is shorter than its array
              expected  16000000000000 bytes for float32 of shape (1000000000000, 4)
              received  64 bytes
              at bad.npz: x0.npy
              help: the file was cut short; copy or write it again
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: input `input_layer` has the wrong shape
              expected  (None, 4)
              received  (6, 5)
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: a target of the loss `sparse_categorical_crossentropy` is no class of the model
              expected  class indices from 0 to 2
              received  3 at [4]
              help: the last layer needs at least 4 units, or classes must count from 0
        "#]],
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
        expect![[r#"
            error: a target of the loss `sparse_categorical_crossentropy` is no class of the model
              expected  class indices from 0 to 2
              received  -1 at [1]
              help: classes count from 0; `ignore_class` skips one index
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the targets of the loss `sparse_categorical_crossentropy` are no integers
              expected  class indices of an integer type, such as int32
              received  targets of type float32
              help: convert them, as with `y.astype("int32")`; for probabilities use `CategoricalCrossentropy`, for numbers a regression loss
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the targets do not fit the predictions of the loss `sparse_categorical_crossentropy`
              expected  a class index for each sample: targets (None,)
              received  targets (None, 3), predictions (None, 3)
              help: for one-hot targets use `CategoricalCrossentropy`
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the targets do not fit the predictions of the loss `mean_squared_error`
              expected  targets of the predictions' shape (None, 2)
              received  targets (None, 5), predictions (None, 2)
        "#]],
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
        expect![[r#"
            error: `bad.npz` has no array `x1`
              expected  x0, x1 for the model's inputs
              received  x0, y0
              help: save the arrays under these names, as in `numpy.savez(…, x0=…)`
        "#]],
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
        expect![[r#"
            error: `bad.npz` has more inputs than the model
              expected  x0
              received  2 inputs, `x1` among them
              help: remove the arrays that do not belong to this model
        "#]],
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
        expect![[r#"
            error: `bad.npz` has no array `y0`, `y1`
              expected  y0, y1 for the model's targets
              received  x0, x1, y
              help: save the arrays under these names, as in `numpy.savez(…, y0=…)`
        "#]],
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
        expect![[r#"
            error: `bad.npz` has no array `x0`
              expected  x0 for the model's inputs (or `x`)
              received  no arrays
              help: save the arrays under these names, as in `numpy.savez(…, x0=…)`
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: there is no data: the arrays are empty
              expected  at least one sample
              received  `x0` of shape (0, 4)
        "#]],
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
        expect![[r#"
            error: input `input_layer` has the wrong shape
              expected  (None, 4)
              received  ()
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the arrays have different numbers of samples
              expected  6 rows, as in `x0`
              received  `y0` of shape (5,)
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the arrays have different numbers of samples
              expected  2 rows, as in `x0`
              received  `sample_weight0` of shape (3,)
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the sample weights do not fit the output `dense_1`
              expected  one for each sample, as for predictions (None, 3)
              received  weights of shape (2, 7)
        "#]],
    );
}

#[test]
fn a_split_that_leaves_nothing() {
    check(
        "train classes.keras --data classes.npz --validation-split 0.99",
        1,
        nothing,
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the validation split leaves one part empty
              expected  a fraction in (0, 1) that leaves samples on both sides
              received  0.99 of 6 samples
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: input `input_layer` has the wrong shape
              expected  (None, 4)
              received  (6, 3)
        "#]],
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
        expect![[r#"
            error: `bad.npz` has no array `y0`
              expected  y0 for the model's targets (or `y`)
              received  x0
              help: save the arrays under these names, as in `numpy.savez(…, y0=…)`
        "#]],
    );
}

#[test]
fn a_loss_that_explodes() {
    check(
        "train two.keras --data two.npz --epochs 9 --learning-rate 1e30 --out lost.keras --verbose 0",
        1,
        nothing,
        expect![[r#"
            error: the loss became NaN in epoch 3
              help: use a smaller learning rate, `clipnorm`, or normalised inputs
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the loss became NaN in epoch 1
              help: the data holds NaN or infinite values: remove or replace them
        "#]],
    );
}

#[test]
fn an_output_in_no_folder() {
    check(
        "train classes.keras --data classes.npz --out none/m.keras",
        1,
        nothing,
        expect![[r#"
        error: cannot write `none/m.keras`: there is no folder `none`
          help: choose a path in a folder that exists and that you may write to
    "#]],
    );
}

#[test]
fn an_output_that_is_a_folder() {
    check(
        "predict classes.keras --data classes.npz --out folder",
        1,
        nothing,
        expect![[r#"
        error: cannot write `folder`: it is a folder
          help: choose a path in a folder that exists and that you may write to
    "#]],
    );
}

#[test]
fn a_history_that_is_a_folder() {
    check(
        "train classes.keras --data classes.npz --history folder",
        1,
        nothing,
        expect![[r#"
        error: cannot write `folder`: it is a folder
          help: choose a path in a folder that exists and that you may write to
    "#]],
    );
}

#[test]
fn an_output_without_room() {
    check(
        "predict classes.keras --data classes.npz --out /dev/full",
        1,
        nothing,
        expect![[r#"
            error: cannot write `/dev/full`: No space left on device (os error 28)
              help: free some space on that disk, or choose another one
        "#]],
    );
}

#[test]
fn a_checkpoint_folder_that_is_a_file() {
    check(
        "train classes.keras --data classes.npz --checkpoint-dir classes.npz",
        1,
        nothing,
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: cannot make the checkpoint folder `classes.npz`: File exists (os error 17)
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the checkpoint `kept/checkpoint.npz` is of another model
              expected  the layers of this model
              received  other layers
              help: resume with the same model and options, or choose another folder
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the checkpoint `kept/checkpoint.npz` is of a training with another optimizer
              expected  SGD {"name":"sgd","learning_rate":0.009999999776482582,"weight_decay":null,"clipnorm":null,"global_clipnorm":null,"clipvalue…
              received  Adam {"name":"adam","learning_rate":0.009999999776482582,"weight_decay":null,"clipnorm":null,"global_clipnorm":null,"clipvalu…
              help: resume with the same model and options, or choose another folder
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the checkpoint `kept/checkpoint.npz` is of another training
              expected  6 samples, shuffled, batch size 3, seed 0
              received  6 samples, shuffled, batch size 32, seed 0
              help: resume with the same model and options, or choose another folder
        "#]],
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
        expect![[r#"
            the trained model will not be kept: there is no `--out FILE.keras`
            error: the file is no sound zip archive
              received  invalid Zip archive: Could not find EOCD
              at kept/checkpoint.npz
              help: it may be of another format, or cut short while it was copied
        "#]],
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
        expect![[r#"
            error: layer `dense`: unknown layer class `Dens`
              at bad.keras: config.json
              help: did you mean `Dense`? Call `register_layer("Dens", …)` before loading, if it is your own
        "#]],
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
        expect![[r#"
            error: layer `dense`: unknown layer class `shop>Fancy`
              at bad.keras: config.json
              help: call `register_layer("shop>Fancy", …)` before loading, if it is your own
        "#]],
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
                let code = json!({"class_name": "__lambda__", "config": {"code": "4wEA"}});
                layer["config"] = json!({"name": "lambda", "function": code});
            });
        },
        expect![[r#"
            error: layer `lambda`: a `Lambda` layer holds Python code, which is never run
              at bad.keras: config.json
              help: write it as a layer in Rust and call `register_layer("Lambda", …)`
        "#]],
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
        expect![[r#"
            error: layer `dense`: `Dense` has no option `unitz`
              received  unitz = 5
              at bad.keras: config.json
              help: did you mean `units`?
        "#]],
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
        expect![[r#"
            error: layer `dense`: the configuration of `Dense` does not fit: invalid type: string "many", expected usize
              at bad.keras: config.json
        "#]],
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
        expect![[r#"
            error: layer `dense`: the configuration of `Dense` does not fit: unknown activation `rellu`
              help: did you mean `relu`?
              at bad.keras: config.json
        "#]],
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
        expect![[r#"
            error: the weight `kernel` of layer `dense` has another shape in the file
              expected  (4, 1000000000000)
              received  (4, 5)
              at bad.keras: model.weights.h5: layers/dense/vars/0
              help: save it again from the model it belongs to; `load_weights_with` and `Mismatch::Skip` take from it what fits
        "#]],
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
        expect![[r#"
            error: the weight `kernel` of layer `dense` has another shape in the file
              expected  (4, 18446744073709551615)
              received  (4, 5)
              at bad.keras: model.weights.h5: layers/dense/vars/0
              help: save it again from the model it belongs to; `load_weights_with` and `Mismatch::Skip` take from it what fits
        "#]],
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
        expect![[r#"
            error: the weight `kernel` of layer `dense` has another shape in the file
              expected  (4, 6)
              received  (4, 5)
              at bad.keras: model.weights.h5: layers/dense/vars/0
              help: save it again from the model it belongs to; `load_weights_with` and `Mismatch::Skip` take from it what fits
        "#]],
    );
}

#[test]
fn deep_nesting() {
    let text = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let add = |folder: &Folder| {
        zip(&folder.path("bad.keras"), &[("config.json", text.clone().into_bytes())]);
    };
    check(
        "summary bad.keras",
        1,
        add,
        expect![[r#"
        error: the JSON text is nested too deep
          expected  at most 100 levels
          received  100000 levels
          at bad.keras: config.json
    "#]],
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
        expect![[r#"
            error: unknown loss `msee`
              at bad.keras: config.json: compile_config
              help: did you mean `MSE`?
        "#]],
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
        expect![[r#"
            error: this is not the configuration of a model
              expected  an object with `class_name` and `config`
              received  [1,2]
              at bad.keras: config.json
        "#]],
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
        expect![[r#"
            error: the archive holds no model
              expected  the members `metadata.json`, `config.json` and `model.weights.h5`
              received  `metadata.json`
              at bad.keras
        "#]],
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
        expect![[r#"
            error: the text is not JSON
              expected  EOF while parsing a value at line 1 column 15
              received  {\"class_name\": 
              at bad.keras: config.json
        "#]],
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
