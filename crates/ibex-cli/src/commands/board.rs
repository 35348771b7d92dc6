//! `ibex board`: shows a run that is recorded in a folder, live if it still goes on.

use std::path::PathBuf;

use clap::Args;
use ibex::train::board::{Board, Server};

use crate::failure::Failure;
use crate::output::print;

/// What `ibex board` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder of `ibex train --run-dir`
    #[arg(value_name = "RUN_DIR")]
    folder: PathBuf,
    /// The port on this machine [default: a free one]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let server = Server::start(Board::of_folder(self.folder)?, self.port)?;
        print(&format!("the run is shown at {} until Ctrl-C", server.address()));
        server.wait();
        Ok(())
    }
}
