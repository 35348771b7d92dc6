//! What users get wrong: for each mistake the command line, the exit code and the exact text.
//!
//! Commands run in a folder with sound files (`classes.keras`, `two.keras`, their data, …); a row
//! adds what it needs, most often `bad.keras` or `bad.npz`.

mod data;
mod files;
mod models;
mod outputs;
mod sources;
#[path = "../support/mod.rs"]
mod support;
mod usage;

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
    assert_no_crash(&outcome);
}

/// No mistake of a user looks like one of the program.
fn assert_no_crash(outcome: &support::Outcome) {
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
