//! `ibex summary`: the layers of a model.

use std::path::PathBuf;

use clap::Args;

use super::open_model;
use crate::failure::Failure;
use crate::output::print;

/// What `ibex summary` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The model
    #[arg(value_name = "MODEL.keras")]
    model: PathBuf,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        print(&open_model(&self.model)?.summary());
        Ok(())
    }
}
