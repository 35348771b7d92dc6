//! `ibex evaluate`: losses and metrics of a model on data.

use std::path::PathBuf;

use clap::Args;

use super::source::{DataFlags, for_model, is_arrays};
use super::{Threads, open_arrays, open_model, positive, print_logs};
use crate::failure::Failure;
use crate::output::print;

/// What `ibex evaluate` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The model, compiled
    #[arg(value_name = "MODEL.keras")]
    model: PathBuf,
    /// The data: x0, x1, … and y0, y1, … in an .npz file; or a .csv or .parquet file or a folder as
    /// trained on
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Samples in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive)]
    batch_size: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    source: DataFlags,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut model = open_model(&self.model)?;
        self.threads.apply(&mut model);
        if model.compile_config().is_none() {
            return Err(Failure::Work(format!(
                "`{}` is not compiled: it has no loss to evaluate\n  help: compile the model \
                 before saving it, or train it with `ibex train --loss NAME`",
                self.model.display()
            )));
        }
        let samples = match is_arrays(&self.data) {
            true => open_arrays(&self.data, &model)?,
            false => for_model(&self.data, &self.model, &model, &self.source)?,
        };
        let logs = model.evaluate_samples(samples, self.batch_size)?;
        if self.json {
            let object: serde_json::Map<String, serde_json::Value> =
                logs.iter().map(|(name, value)| (name.to_string(), value.into())).collect();
            print(&serde_json::Value::Object(object).to_string());
        } else {
            print_logs(&logs);
        }
        Ok(())
    }
}
