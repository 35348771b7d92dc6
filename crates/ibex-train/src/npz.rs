//! Training data in `.npz` files: `x0, x1, …` (or `x`), `y0, y1, …` (or `y`), and
//! `sample_weight` for all outputs or `sample_weight0, …` for one each.

use std::path::Path;

use ibex_format::RawArray;
use ibex_format::npz::{Compression, NpzReader};
use ibex_graph::Array;
use ibex_nn::ConfigError;

use crate::arrays::{from_raw, to_raw};
use crate::data::Samples;
use crate::error::{Error, Result};

/// Reads the samples of a file for a model with so many inputs and outputs.
///
/// Without `outputs` the targets and weights are left where they are.
///
/// # Errors
/// If the file is missing or damaged, lacks an array, or holds one that is no number.
pub fn read_samples(path: &Path, inputs: usize, outputs: Option<usize>) -> Result<Samples> {
    let mut reader = NpzReader::open(path)?;
    let names: Vec<String> = reader.names().into_iter().map(str::to_string).collect();
    let mut samples = Samples::default();
    for name in wanted("x", inputs, &names, path)? {
        samples.x.push(to_array(&name, reader.read(&name)?, path)?);
    }
    let Some(outputs) = outputs else { return Ok(samples) };
    for name in wanted("y", outputs, &names, path)? {
        samples.y.push(to_array(&name, reader.read(&name)?, path)?);
    }
    let has = |name: &String| names.contains(name);
    let numbered = (0..outputs).map(|i| format!("sample_weight{i}")).take_while(has);
    let one = Some("sample_weight".to_string()).filter(has);
    for name in one.into_iter().chain(numbered) {
        samples.weights.push(to_array(&name, reader.read(&name)?, path)?);
    }
    Ok(samples)
}

/// Writes outputs as `y0, y1, …`, whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn write_outputs(path: &Path, outputs: &[Array]) -> Result<()> {
    let names: Vec<String> = (0..outputs.len()).map(|i| format!("y{i}")).collect();
    let named: Vec<(&str, &Array)> = names.iter().map(String::as_str).zip(outputs).collect();
    write_named(path, &named)
}

/// Writes arrays under names, whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn write_named(path: &Path, arrays: &[(&str, &Array)]) -> Result<()> {
    let raw = arrays.iter().map(|(name, array)| Ok((*name, to_raw(array)?)));
    let raw: Vec<(&str, RawArray)> = raw.collect::<Result<_>>()?;
    let members = raw.iter().map(|(name, array)| (*name, array));
    Ok(ibex_format::npz::write(path, members, Compression::Stored)?)
}

/// The names of the arrays of a kind: `x0, x1, …`, or the bare letter for a single one.
///
/// # Errors
/// If one is missing, or the file has more: then it is of another model.
fn wanted(letter: &str, count: usize, names: &[String], path: &Path) -> Result<Vec<String>> {
    let has = |name: &str| names.iter().any(|n| n == name);
    if count == 1 && has(letter) {
        return Ok(vec![letter.to_string()]);
    }
    let role = if letter == "x" { "inputs" } else { "targets" };
    let numbered: Vec<String> = (0..count).map(|i| format!("{letter}{i}")).collect();
    let surplus = format!("{letter}{count}");
    if has(&surplus) {
        let all = (0..).map(|i| format!("{letter}{i}")).take_while(|name| has(name)).count();
        let what = format!("`{}` has more {role} than the model", path.display());
        return Err(Error::Data(
            ConfigError::new(what)
                .expected(numbered.join(", "))
                .received(format!("{all} {role}, `{surplus}` among them"))
                .help("remove the arrays that do not belong to this model"),
        ));
    }
    let missing: Vec<&str> = numbered.iter().map(String::as_str).filter(|n| !has(n)).collect();
    if missing.is_empty() {
        return Ok(numbered);
    }
    let bare = if count == 1 { format!(" (or `{letter}`)") } else { String::new() };
    let held = if names.is_empty() { "no arrays".to_string() } else { names.join(", ") };
    Err(Error::Data(
        ConfigError::new(format!("`{}` has no array `{}`", path.display(), missing.join("`, `")))
            .expected(format!("{} for the model's {role}{bare}", numbered.join(", ")))
            .received(held)
            .help(format!(
                "save the arrays under these names, as in `numpy.savez(…, {letter}0=…)`"
            )),
    ))
}

/// The array of a file, named in errors.
pub(crate) fn to_array(name: &str, raw: RawArray, path: &Path) -> Result<Array> {
    from_raw(&raw).map_err(|reason| {
        let what = format!("cannot use array `{name}` of `{}`: {reason}", path.display());
        Error::Data(ConfigError::new(what))
    })
}
