//! Files of models and weights, whatever their kind: one row of [`FORMATS`] for each.
//!
//! A row says how a kind is recognised, and which of four things can be done with it: open a
//! model, read arrays, save a model, write arrays.
//! What a row cannot do is `None`, and whoever asks for it gets an error that says so.
//! This module must not know how bytes are laid out.
//!
//! Read in this order: this file, the rows (`keras`, `weights_h5`, `keras_h5`, `safetensors`,
//! `torch`, `npz`, `onnx`), [`convert()`], [`compare`].

pub mod compare;
mod convert;
mod keras;
mod keras_h5;
mod npz;
mod onnx;
mod safetensors;
mod torch;
mod weights_h5;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ibex_format::error::Problem;
use ibex_format::{FormatError, NamedArrays};
use serde_json::Value;

use crate::error::Result;
use crate::model::Model;
use crate::transfer::Layout;

pub use convert::{Conversion, Converted, convert};

/// The bytes at the start of a file by which kinds are told apart.
const START: usize = 64;

/// Writes a model to a path, or its weights under the names of a layout.
pub type SaveModel = fn(&Model, &Path, Layout) -> Result<()>;

/// A kind of files.
#[derive(Debug)]
pub struct Format {
    /// What it is called.
    pub name: &'static str,
    /// How names of such files end, the one for new files first.
    pub endings: &'static [&'static str],
    /// Whether a file may begin with these bytes.
    pub is_start: fn(&[u8]) -> bool,
    /// Opens a whole model; `None` for files of arrays.
    pub open_model: Option<fn(&Path) -> Result<Model>>,
    /// Reads the arrays under the names that the file has for them.
    pub read: fn(&Path) -> Result<NamedArrays>,
    /// Writes a model, or its weights under the names of a layout.
    pub save_model: Option<SaveModel>,
    /// Writes arrays.
    pub write: Option<fn(&NamedArrays, &Path) -> Result<()>>,
    /// How the weights of a model are named in such files unless another layout is asked for.
    pub layout: Layout,
    /// Whether arrays have places in a tree in place of names: `layers/dense/vars/0`.
    pub is_tree: bool,
    /// What a file says about its model, as JSON; `None` for files of arrays.
    pub read_config: Option<fn(&Path) -> Result<Value>>,
}

/// Every kind of files; the first row that fits a name is taken.
pub const FORMATS: &[Format] = &[
    keras::FORMAT,
    weights_h5::FORMAT,
    keras_h5::FORMAT,
    safetensors::FORMAT,
    torch::FORMAT,
    npz::FORMAT,
    onnx::FORMAT,
];

/// The kind of a file by its name.
pub fn by_name(path: &Path) -> Option<&'static Format> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    FORMATS.iter().find(|format| format.endings.iter().any(|ending| name.ends_with(ending)))
}

/// The kind of a file that is there: by its name, or else by its first bytes.
///
/// # Errors
/// If the file cannot be read, or is of no kind that is known.
pub fn of_file(path: &Path) -> Result<&'static Format> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(FormatError::reading(path))?;
    let read = match by_name(path) {
        Some(format) => return Ok(format),
        None => file.take(START as u64).read_to_end(&mut start),
    };
    read.map_err(FormatError::reading(path))?;
    let found = FORMATS.iter().find(|format| (format.is_start)(&start));
    Ok(found.ok_or_else(|| unknown(path))?)
}

/// The kind of a file that is to be written.
///
/// # Errors
/// If its name ends as none of them does.
pub fn for_output(path: &Path) -> Result<&'static Format> {
    Ok(by_name(path).ok_or_else(|| unknown(path))?)
}

fn unknown(path: &Path) -> FormatError {
    let endings: Vec<&str> = FORMATS.iter().flat_map(|format| format.endings).copied().collect();
    Problem::new("the kind of the file is not known")
        .expected(format!("a name that ends in {}", endings.join(", ")))
        .received(path.display().to_string())
        .help("rename the file, if its name does not say what it is")
        .unsupported()
}
