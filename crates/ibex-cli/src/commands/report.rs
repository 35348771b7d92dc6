//! `ibex report`: one page of a run, as a file that needs nothing else.

use std::path::PathBuf;

use clap::Args;
use ibex::train::board::report;

use super::check_writable;
use crate::failure::Failure;
use crate::output::print;

/// What `ibex report` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder of `ibex train --run-dir`
    #[arg(value_name = "RUN_DIR")]
    folder: PathBuf,
    /// Where the page goes [default: report.html in the folder]
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let out = self.out.unwrap_or_else(|| self.folder.join("report.html"));
        check_writable(&out)?;
        report(&self.folder, &out)?;
        print(&format!("saved {}", out.display()));
        Ok(())
    }
}
