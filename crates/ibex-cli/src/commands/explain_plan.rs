//! `ibex explain-plan`: what a step of a model compiles to.

use std::path::PathBuf;

use clap::Args;

use super::{byte_count, open_model, positive};
use crate::failure::Failure;
use crate::output::{note, print};

/// What `ibex explain-plan` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The model
    #[arg(value_name = "MODEL.keras")]
    model: PathBuf,
    /// Samples in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive)]
    batch_size: usize,
    /// Explain prediction instead of training
    #[arg(long)]
    predict: bool,
    /// Most memory for the values between the layers, such as 512MB or 2GiB
    #[arg(long, value_name = "SIZE", value_parser = byte_count)]
    memory_budget: Option<usize>,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut model = open_model(&self.model)?;
        let train = !self.predict && model.compile_config().is_some();
        if !self.predict && !train {
            note("the model is not compiled: this is the plan of prediction");
        }
        print(&model.explain_plan(self.batch_size, train, self.memory_budget)?);
        Ok(())
    }
}
