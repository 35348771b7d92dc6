//! One file into another of any kind.

use std::path::Path;

use ibex_format::NamedArrays;
use ibex_format::error::Problem;

use super::weights_h5::tree;
use super::{Format, for_output, of_file};
use crate::error::Result;
use crate::model::Model;
use crate::saving::Mismatch;
use crate::transfer::{Layout, TransferReport};

/// How a file is converted.
#[derive(Debug, Default)]
pub struct Conversion {
    /// The model whose weights the arrays become; without it arrays stay arrays.
    pub model: Option<Model>,
    /// What happens to layers that the file has no weights for.
    pub mismatch: Mismatch,
    /// The names and axes of a model's weights; those usual for the kind of file by default.
    pub layout: Option<Layout>,
}

/// What was done.
#[derive(Debug)]
pub struct Converted {
    /// The kind of the file that was read.
    pub from: &'static Format,
    /// The kind of the file that was written.
    pub to: &'static Format,
    /// What became of layers and arrays, where arrays were put into a model.
    pub report: Option<TransferReport>,
}

/// Reads `input` and writes it as `output`, by the ending of its name.
///
/// # Errors
/// If a file cannot be read or written, if the kind of `output` cannot hold what was read, or if
/// the arrays do not fit the model.
pub fn convert(input: &Path, output: &Path, conversion: Conversion) -> Result<Converted> {
    let (from, to) = (of_file(input)?, for_output(output)?);
    let layout = conversion.layout.unwrap_or(to.layout);
    if let Some(mut model) = conversion.model {
        let save = to.save_model.ok_or_else(|| cannot(to, "a model"))?;
        let report = take(&mut model, input, from, conversion.mismatch)?;
        save(&model, output, layout)?;
        return Ok(Converted { from, to, report });
    }
    match (from.open_model, to.save_model, to.write) {
        (Some(open), Some(save), _) => save(&open(input)?, output, layout)?,
        (_, _, Some(write)) => write(&(from.read)(input)?, output)?,
        (_, None, None) => return Err(cannot(to, "what is written here").into()),
        _ => return Err(needs_model(from, to).into()),
    }
    Ok(Converted { from, to, report: None })
}

/// Puts the weights of a file into a model.
fn take(
    model: &mut Model,
    input: &Path,
    from: &Format,
    mismatch: Mismatch,
) -> Result<Option<TransferReport>> {
    if from.open_model.is_some() && from.is_tree {
        model.load_weights_with(input, mismatch)?;
        return Ok(None);
    }
    let content = (from.read)(input)?;
    let in_file = |error| crate::saving::in_file(error, input);
    if is_tree(&content) {
        model.read_weights(&tree(&content)?, mismatch).map_err(in_file)?;
        return Ok(None);
    }
    model.load_tensors(&content, mismatch).map(Some).map_err(in_file)
}

/// Whether the names are the places of a `.weights.h5` file: `layers/dense/vars/0`.
fn is_tree(content: &NamedArrays) -> bool {
    let is_place = |name: &str| {
        name.rsplit_once('/').is_some_and(|(place, index)| {
            (place == "vars" || place.ends_with("/vars")) && index.parse::<usize>().is_ok()
        })
    };
    content.arrays.iter().any(|(name, _)| is_place(name))
}

fn cannot(format: &Format, what: &str) -> ibex_format::FormatError {
    Problem::new(format!("a {} cannot hold {what}", format.name))
        .help("choose another ending for the file that is written")
        .unsupported()
}

fn needs_model(from: &Format, to: &Format) -> ibex_format::FormatError {
    Problem::new(format!("a {} holds a whole model, and a {} only arrays", to.name, from.name))
        .expected("the architecture that the arrays belong to")
        .help("name it: `--model ARCHITECTURE.keras`, or one of `ibex convert --help`")
        .invalid()
}
