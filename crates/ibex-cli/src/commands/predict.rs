//! `ibex predict`: writes a model's outputs for data.

use std::path::PathBuf;

use clap::Args;

use super::{Threads, check_writable, open_data, open_model};
use crate::failure::Failure;

/// What `ibex predict` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The model
    #[arg(value_name = "MODEL.keras")]
    model: PathBuf,
    /// The data: x0, x1, … in an .npz file
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Where the outputs go, as y0, y1, …
    #[arg(long, value_name = "FILE.npz")]
    out: PathBuf,
    /// Samples in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = super::train::positive)]
    batch_size: usize,
    #[command(flatten)]
    threads: Threads,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut model = open_model(&self.model)?;
        self.threads.apply(&mut model);
        check_writable(&self.out)?;
        let samples = open_data(&self.data, &model, false)?;
        let outputs = model.predict_all(samples.x, self.batch_size)?;
        ibex::train::npz::write_outputs(&self.out, &outputs)?;
        let names = model.functional().output_names();
        for (i, (name, output)) in names.iter().zip(&outputs).enumerate() {
            eprintln!("y{i} `{name}` {} -> {}", output.shape(), self.out.display());
        }
        Ok(())
    }
}
