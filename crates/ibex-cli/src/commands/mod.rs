//! The commands, one file each.

mod board;
mod convert;
mod datasets;
mod diff;
mod evaluate;
mod explain_plan;
mod inspect;
mod kfold;
mod plot;
mod predict;
mod report;
mod source;
mod summary;
mod train;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ibex::train::{Logs, Model, Samples, files};

use crate::failure::Failure;
use crate::output::print;

macro_rules! commands {
    ($($(#[$doc:meta])* $variant:ident $module:ident;)*) => {
        /// Every command.
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($(#[$doc])* $variant(Box<$module::Arguments>),)*
        }

        impl Command {
            /// Does the work.
            pub(crate) fn run(self) -> Result<(), Failure> {
                match self { $(Command::$variant(arguments) => arguments.run(),)* }
            }
        }
    };
}

commands! {
    /// Train a model; without arguments, a convnet on the bundled digits.
    Train train;
    /// Measure losses and metrics of a model on data.
    Evaluate evaluate;
    /// Train and measure a model on every fold of its data.
    Kfold kfold;
    /// Write a model's outputs for data.
    Predict predict;
    /// Show the layers of a model.
    Summary summary;
    /// Show what a training step of a model compiles to.
    ExplainPlan explain_plan;
    /// Draw a model, a history or predictions as a picture.
    Plot plot;
    /// Show a recorded run in the browser, live if it goes on.
    Board board;
    /// Make one page of a recorded run.
    Report report;
    /// Write a model or weights as a file of another kind.
    Convert convert;
    /// Show what a file holds: arrays, configuration, optimizer state.
    Inspect inspect;
    /// Compare two files: exit code 0 if they hold the same, 1 if not.
    Diff diff;
    /// List data sets by name, or bring one here.
    Datasets datasets;
}

/// How many threads to compute with.
#[derive(Debug, Args)]
pub(crate) struct Threads {
    /// Threads to compute with [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

impl Threads {
    /// Moves a model to a device with so many threads.
    pub(crate) fn apply(&self, model: &mut Model) {
        if let Some(threads) = self.threads {
            model.set_device(ibex::cpu::device(Some(threads.into())));
        }
    }

    /// Moves a model to a device with its share of the cores, while so many models are trained.
    pub(crate) fn apply_share(&self, model: &mut Model, jobs: usize) {
        match self.threads {
            None if jobs > 1 => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                model.set_device(ibex::cpu::device(Some((cores / jobs).max(1))));
            }
            _ => self.apply(model),
        }
    }
}

/// Opens a model file.
pub(crate) fn open_model(path: &Path) -> Result<Model, Failure> {
    open_by(path, Model::load)
}

/// Opens a model file that is not to be trained: what it is trained by does not matter, nor
/// whether it is known.
pub(crate) fn open_for_prediction(path: &Path) -> Result<Model, Failure> {
    open_by(path, Model::load_uncompiled)
}

/// Opens a file of Keras's kinds in the given way, and others in the only one there is.
fn open_by(path: &Path, keras: fn(PathBuf) -> ibex::Result<Model>) -> Result<Model, Failure> {
    let path = local(path)?;
    let other = files::by_name(&path).filter(|format| !format.is_tree);
    Ok(match other.and_then(|format| format.open_model) {
        Some(open) => open(&path)?,
        None => keras(path)?,
    })
}

/// The place of a file on this machine; what has an address is downloaded, unless it is there.
pub(crate) fn local(path: &Path) -> Result<PathBuf, Failure> {
    Ok(ibex::train::sources::resolve(path)?)
}

/// Reads inputs, targets and weights for a model from an archive of arrays.
pub(crate) fn open_arrays(path: &Path, model: &Model) -> Result<Samples, Failure> {
    let (inputs, outputs) = (model.functional().inputs(), model.functional().outputs());
    Ok(ibex::train::npz::read_samples(path, inputs.len(), Some(outputs.len()))?)
}

/// Losses and metrics as a result, one in a line.
pub(crate) fn print_logs(logs: &Logs) {
    logs.iter().for_each(|(name, value)| print(&format!("{name}: {value:.6}")));
}

/// A whole number above zero, as the value of a flag.
///
/// Bounded so that no number of bytes that follows from it overflows.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    match text.parse::<u32>() {
        Ok(number) if number > 0 => Ok(number as usize),
        _ => Err(format!("expected a whole number from 1 to {}", u32::MAX)),
    }
}

/// A number of bytes with or without a unit, as the value of a flag.
pub(crate) fn byte_count(text: &str) -> Result<usize, String> {
    const UNITS: [(&str, u64); 7] = [
        ("B", 1),
        ("KB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim_start());
    let known = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let factor = if unit.is_empty() { Some(1) } else { known.map(|&(_, factor)| factor) };
    let bytes = number.parse::<f64>().ok().zip(factor).map(|(n, factor)| n * factor as f64);
    match bytes {
        // The largest whole number up to which every one is an `f64`.
        Some(bytes) if bytes >= 1.0 && bytes <= (1u64 << 53) as f64 => Ok(bytes as usize),
        _ => {
            let units = UNITS.map(|(name, _)| name).join(", ");
            Err(format!("expected a number of bytes above 0, perhaps with a unit: {units}"))
        }
    }
}

/// Fails early if `path` cannot be written, before hours of work are lost.
pub(crate) fn check_writable(path: &Path) -> Result<(), Failure> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let cannot = |reason: String| {
        Failure::Work(format!(
            "cannot write `{}`: {reason}\n  help: choose a path in a folder that exists and that \
             you may write to",
            path.display()
        ))
    };
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(cannot("it is a folder".to_string())),
        // A device or a pipe is written as it is.
        Ok(found) if !found.is_file() => return Ok(()),
        _ => {}
    }
    if !folder.is_dir() {
        return Err(cannot(format!("there is no folder `{}`", folder.display())));
    }
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(()),
        Err(error) => Err(cannot(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::byte_count;

    #[test]
    fn byte_counts_have_decimal_and_binary_units() {
        for (text, bytes) in [
            ("1", 1),
            ("4096", 4096),
            ("12B", 12),
            ("512MB", 512_000_000),
            ("2GiB", 2 << 30),
            ("1.5 kib", 1536),
            ("0.5GB", 500_000_000),
        ] {
            assert_eq!(byte_count(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "0.5", "-1", "MB", "1.2.3", "12 XB", "1e9", "99999999GB", "inf"] {
            assert!(byte_count(text).is_err(), "{text}");
        }
    }
}
