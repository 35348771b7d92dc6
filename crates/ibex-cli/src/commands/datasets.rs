//! `ibex datasets`: the data sets by name, listed, or brought here as files.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ibex::graph::Array;
use ibex::train::datasets::{self, Loads, Split};
use ibex::train::npz;

use super::check_writable;
use crate::failure::Failure;
use crate::output::print;

/// What `ibex datasets` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the data sets that there are
    List,
    /// Find or download a data set, and write it as NAME-train.npz and NAME-test.npz
    Get(Get),
}

#[derive(Debug, Args)]
struct Get {
    /// The name, as `ibex datasets list` has it
    #[arg(value_name = "NAME")]
    name: String,
    /// Where the files go
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.what {
            What::List => {
                let widest = datasets::DATASETS.iter().map(|entry| entry.name.len()).max();
                let width = widest.unwrap_or(0);
                for entry in datasets::DATASETS {
                    let summary = entry.summary;
                    print(&format!("{:width$}  {summary} ({})", entry.name, entry.licence));
                }
                Ok(())
            }
            What::Get(get) => get.run(),
        }
    }
}

impl Get {
    fn run(self) -> Result<(), Failure> {
        let entry = datasets::entry(&self.name).map_err(Failure::usage)?;
        match entry.loads {
            Loads::Arrays(load) => {
                let path = |part: &str| self.out.join(format!("{}-{part}.npz", entry.name));
                check_writable(&path("train"))?;
                let data = load().map_err(ibex::Error::from)?;
                for (part, split) in [("train", &data.train), ("test", &data.test)] {
                    write(&path(part), split)?;
                }
            }
            Loads::Table(load) => {
                let table = load().map_err(ibex::Error::from)?;
                print(&format!("{}: a table of {} rows", table.source(), table.count()));
            }
            Loads::Files(load) => {
                let files = load().map_err(ibex::Error::from)?;
                let folder = files.paths().next().and_then(Path::parent).unwrap_or(Path::new("."));
                let classes = files.class_names().len();
                let count = files.count();
                print(&format!("{}: {count} files of {classes} classes", folder.display()));
            }
        }
        Ok(())
    }
}

fn write(path: &Path, split: &Split) -> Result<(), Failure> {
    npz::write_named(path, &[("x0", &split.x), ("y0", &split.y)])?;
    let shape = |array: &Array| format!("{} {}", array.dtype(), array.shape());
    print(&format!("{}: x0 {}, y0 {}", path.display(), shape(&split.x), shape(&split.y)));
    Ok(())
}
