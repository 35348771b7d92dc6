//! Files that are missing, damaged or of another kind.

use super::*;

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
            error: there is no file to use in `folder`
              expected  files that end in .bmp, .gif, .jpeg, .jpg, .png, .webp, .txt, .flac, .mp3, .oga, .ogg, .wav
              received  no subfolder
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
