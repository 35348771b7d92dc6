//! `ibex predict`: writes a model's outputs for data.

use std::path::PathBuf;

use clap::Args;

use ibex::train::npz;

use super::source::{DataFlags, for_model, is_arrays};
use super::{Threads, check_writable, open_for_prediction, positive};
use crate::failure::Failure;
use crate::output::note;

/// What `ibex predict` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The model
    #[arg(value_name = "MODEL.keras")]
    model: PathBuf,
    /// The data: x0, x1, … in an .npz file; or a .csv or .parquet file or a folder as trained on
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Where the outputs go, as y0, y1, …
    #[arg(long, value_name = "FILE.npz")]
    out: PathBuf,
    /// Samples in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive)]
    batch_size: usize,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    source: DataFlags,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        check_writable(&self.out)?;
        let mut model = open_for_prediction(&self.model)?;
        self.threads.apply(&mut model);
        let samples = match is_arrays(&self.data) {
            true => npz::read_samples(&self.data, model.functional().inputs().len(), None)?,
            false => for_model(&self.data, &self.model, &model, &self.source)?,
        };
        let outputs = model.predict_all(samples.x, self.batch_size)?;
        npz::write_outputs(&self.out, &outputs)?;
        let names = model.functional().output_names();
        for (i, (name, output)) in names.iter().zip(&outputs).enumerate() {
            note(&format!("y{i} `{name}` {} -> {}", output.shape(), self.out.display()));
        }
        Ok(())
    }
}
