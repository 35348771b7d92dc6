//! `ibex diff`: how two files differ, in structure and in numbers.

use std::path::{Path, PathBuf};

use clap::Args;
use ibex::train::files::compare::{self, Comparison};
use ibex::train::files::{self, Format};
use ibex::train::tensors::NamedArrays;

use super::local;
use crate::failure::Failure;
use crate::output::print;

/// How many differences of configurations are worth reading.
const MOST: usize = 20;

/// What `ibex diff` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A file of a model or of weights
    #[arg(value_name = "A")]
    first: PathBuf,
    /// Another one, perhaps of another kind
    #[arg(value_name = "B")]
    second: PathBuf,
    /// The largest difference, relative to an array's largest value, that counts as the same
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = tolerance)]
    #[arg(allow_negative_numbers = true)]
    tolerance: f64,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let paths = [local(&self.first)?, local(&self.second)?];
        let formats = [files::of_file(&paths[0])?, files::of_file(&paths[1])?];
        let alike = formats[0].name == formats[1].name;
        let read = |index: usize| content(&paths[index], formats[index], formats[1 - index], alike);
        let found = compare::arrays(&read(0)?, &read(1)?);
        let structure = match [formats[0].read_config, formats[1].read_config] {
            [Some(first), Some(second)] => {
                compare::configurations(&first(&paths[0])?, &second(&paths[1])?, MOST)
            }
            _ => Vec::new(),
        };
        let lines = self.lines(&found, &structure);
        lines.iter().for_each(|line| print(line));
        match structure.is_empty() && found.is_same(self.tolerance) {
            true => Ok(()),
            false => Err(Failure::Different),
        }
    }

    fn lines(&self, found: &Comparison, structure: &[String]) -> Vec<String> {
        let mut lines: Vec<String> =
            structure.iter().map(|text| format!("configuration {text}")).collect();
        let alone = |file: &Path, names: &[String]| {
            let line = |name: &String| format!("only in {}: {name}", file.display());
            names.iter().map(line).collect::<Vec<String>>()
        };
        lines.extend(alone(&self.first, &found.only_first));
        lines.extend(alone(&self.second, &found.only_second));
        let beyond = found.differences.iter().filter(|d| d.exceeds(self.tolerance));
        for difference in beyond.clone() {
            let name = &difference.name;
            lines.push(match &difference.kinds {
                Some([first, second]) => format!("{name}: {first} | {second}"),
                None => format!(
                    "{name}: differs by {:.3e}, relative {:.3e}",
                    difference.absolute, difference.relative
                ),
            });
        }
        let different = beyond.count();
        let within = found.differences.len() - different;
        let close = if within > 0 { format!(", {within} within the tolerance") } else { "".into() };
        lines.push(format!("{} arrays compared: {different} differ{close}", found.compared));
        lines
    }
}

/// The arrays of a file: a model's under the names that the other kind of file has for them.
fn content(
    path: &Path,
    format: &Format,
    other: &Format,
    alike: bool,
) -> Result<NamedArrays, Failure> {
    match format.open_model {
        // A file of places within a tree is compared place by place.
        Some(open) if !alike && other.read_config.is_none() && !other.is_tree => {
            Ok(open(path)?.tensors(other.layout)?)
        }
        _ => Ok((format.read)(path)?),
    }
}

/// A number that is not negative.
fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number >= 0.0 => Ok(number),
        _ => Err("expected a number that is not negative".to_string()),
    }
}
