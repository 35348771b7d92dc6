//! Running the real binary in a folder of its own.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ibex::prelude::*;
use ibex_format::npz::{self, Compression};
use ibex_format::{KerasArchive, RawArray};
use serde_json::Value;

/// A folder that is removed after the test; commands run in it, so that texts hold no other path.
pub(crate) struct Folder(tempfile::TempDir);

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `ibex` with arguments separated by blanks.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ibex"));
        command.args(arguments.split_whitespace()).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Outcome {
        Outcome::of(self.command(arguments).output().unwrap())
    }

    /// Runs a command that must succeed.
    pub(crate) fn done(&self, arguments: &str) -> Outcome {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, Some(0), "ibex {arguments}\n{}", outcome.stderr);
        outcome
    }

    /// Writes arrays as an `.npz` file.
    pub(crate) fn npz(&self, name: &str, arrays: &[(&str, RawArray)]) {
        let members = arrays.iter().map(|(name, array)| (*name, array));
        npz::write(self.path(name), members, Compression::Stored).unwrap();
    }

    /// Copies a golden model and its data, as `NAME.keras` and `NAME.npz`.
    pub(crate) fn golden(&self, name: &str) {
        for ending in ["keras", "npz"] {
            let file = format!("{name}.{ending}");
            std::fs::copy(goldens().join(&file), self.path(&file)).unwrap();
        }
    }

    /// Copies an archive under another name with its configuration changed.
    pub(crate) fn edited(&self, from: &str, to: &str, edit: impl FnOnce(&mut Value)) {
        let mut archive = KerasArchive::read(self.path(from)).unwrap();
        edit(&mut archive.config);
        archive.write(self.path(to)).unwrap();
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// The arrays of an `.npz` file, in order.
    pub(crate) fn arrays(&self, name: &str) -> Vec<(String, RawArray)> {
        npz::read(self.path(name)).unwrap()
    }
}

impl Outcome {
    pub(crate) fn of(output: Output) -> Outcome {
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The folder of the golden models.
pub(crate) fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/models")
}

pub(crate) fn golden_json(name: &str) -> Value {
    let text = std::fs::read(goldens().join(format!("{name}.json"))).unwrap();
    serde_json::from_slice(&text).unwrap()
}

pub(crate) fn floats(shape: &[usize], values: &[f32]) -> RawArray {
    RawArray::from_slice(shape, values).unwrap()
}

pub(crate) fn integers(shape: &[usize], values: &[i32]) -> RawArray {
    RawArray::from_slice(shape, values).unwrap()
}

/// Numbers between -1 and 1 that look random and are the same everywhere.
pub(crate) fn noise(shape: &[usize]) -> RawArray {
    let count: usize = shape.iter().product();
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    floats(shape, &(0..count).map(|_| next()).collect::<Vec<f32>>())
}

/// A classifier of four numbers into three classes, with sparse labels.
pub(crate) fn classifier() -> Model {
    let mut model = Sequential::new()
        .add(Input::new([4]))
        .add(Dense::new(5).activation(Relu))
        .add(Dense::new(3).activation(Softmax))
        .build()
        .unwrap();
    let loss = SparseCategoricalCrossentropy::new();
    model.compile(Compile::new(Adam::new(0.01), loss).metric("accuracy")).unwrap();
    model
}

/// A model of two inputs and two outputs.
pub(crate) fn two_of_each() -> Model {
    let left = Input::new([3]).name("left").tensor();
    let right = Input::new([2]).name("right").tensor();
    let both = Concatenate::default().call([&left, &right]);
    let sum = Dense::new(1).name("sum").call(&both);
    let kind = Dense::new(2).name("kind").call(&both);
    let mut model = Model::new([left, right], [sum, kind]).unwrap();
    model.compile(Compile::new(SGD::new(0.1), MeanSquaredError::new())).unwrap();
    model
}
