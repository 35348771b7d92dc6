//! `ibex convert`: a file of weights or of a model as a file of another kind.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ibex::train::files::{Conversion, convert};
use ibex::train::{Layout, Mismatch, Model, zoo};

use super::{check_writable, local, open_model};
use crate::failure::Failure;
use crate::output::note;

/// What `ibex convert` takes.
#[derive(Debug, Args)]
#[command(after_help = endings())]
pub(crate) struct Arguments {
    /// The file to read, by its ending; `hf://OWNER/NAME/FILE` and `https://…` are downloaded
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The file to write, by its ending
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// The model that takes the weights: a model file, or an architecture by name
    #[arg(long, value_name = "ARCH.keras|NAME")]
    model: Option<PathBuf>,
    /// Let layers that find no weights keep those they have
    #[arg(long, requires = "model")]
    skip_mismatch: bool,
    /// Names and axes of a model's weights in the file [default: torch for .pt, otherwise keras]
    #[arg(long)]
    layout: Option<Naming>,
    /// Say which array became which weight
    #[arg(long)]
    report: bool,
}

/// Whose names and axes.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Naming {
    /// `conv1/kernel`, channels last
    Keras,
    /// `conv1.weight`, output channels first
    Torch,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        check_writable(&self.output)?;
        let input = local(&self.input)?;
        let model = self.model.as_deref().map(target).transpose()?;
        let mismatch = if self.skip_mismatch { Mismatch::Skip } else { Mismatch::Refuse };
        let layout = self.layout.map(|naming| match naming {
            Naming::Keras => Layout::Keras,
            Naming::Torch => Layout::Torch,
        });
        let done = convert(&input, &self.output, Conversion { model, mismatch, layout })?;
        if let Some(report) = &done.report {
            let text = report.to_string();
            let shown =
                if self.report { text.trim_end() } else { text.lines().next().unwrap_or("") };
            note(shown);
            if report.guesses() > 0 && !self.report {
                note("  check the layers matched by order with `--report`");
            }
        }
        let (from, to) = (done.from.name, done.to.name);
        note(&format!("{} ({from}) -> {} ({to})", self.input.display(), self.output.display()));
        Ok(())
    }
}

/// A model file, or an architecture by its name.
fn target(text: &Path) -> Result<Model, Failure> {
    match text.to_str().and_then(zoo::find) {
        Some(architecture) => Ok(architecture.build()?),
        None => open_model(text),
    }
}

/// The endings and architectures there are.
fn endings() -> String {
    let mut text = String::from("Kinds of files:\n");
    for format in ibex::train::files::FORMATS {
        text.push_str(&format!("  {:<40}{}\n", format.endings.join(" "), format.name));
    }
    let names: Vec<&str> = zoo::ARCHITECTURES.iter().map(|row| row.name).collect();
    text.push_str("\nArchitectures:\n");
    names.chunks(6).for_each(|row| text.push_str(&format!("  {}\n", row.join(" "))));
    text
}
