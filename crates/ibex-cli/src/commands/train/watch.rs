//! What is kept, written and shown while a model trains: checkpoints, logs, a page.

use std::path::PathBuf;

use clap::Args;
use ibex::train::board::{Board, RunRecorder, Server};
use ibex::train::callbacks::{CSVLogger, EarlyStopping, JsonLogger, TensorBoard};
use ibex::train::{CheckpointEvery, Fit, Samples};

use super::check_writable;
use crate::commands::positive;
use crate::failure::Failure;
use crate::output::note;

/// Every how many epochs TensorBoard gets the distribution of the weights.
const HISTOGRAMS: usize = 1;

/// Flags about watching a training.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Write a checkpoint into this folder after each epoch and when interrupted
    #[arg(long, value_name = "DIR")]
    checkpoint_dir: Option<PathBuf>,
    /// Write one after so many steps too, or, as in `30s`, after so many seconds
    #[arg(long, value_name = "STEPS|SECONDSs", value_parser = every, requires = "checkpoint_dir")]
    checkpoint_every: Option<CheckpointEvery>,
    /// Go on from the checkpoint
    #[arg(long, requires = "checkpoint_dir")]
    resume: bool,
    /// End when the loss (of validation, if there is any) has not got better for so many epochs,
    /// and take the weights of the best one
    #[arg(long, value_name = "EPOCHS", value_parser = positive)]
    patience: Option<usize>,
    /// Write what happens as lines of JSON
    #[arg(long, value_name = "FILE.jsonl")]
    log: Option<PathBuf>,
    /// Write the numbers of each epoch as lines of a table
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Record for TensorBoard into this folder
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,
    /// Record into this folder what `ibex board` and `ibex report` show
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
    /// Show the run in the browser while it goes on [default: at a free port]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "0")]
    dashboard: Option<u16>,
}

impl Watch {
    /// Finds out before the training what would fail in it.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.log.iter().chain(&self.csv).try_for_each(|path| check_writable(path))
    }

    /// Whether there are checkpoints.
    pub(super) fn has_checkpoints(&self) -> bool {
        self.checkpoint_dir.is_some()
    }

    /// Records the run and serves its page, as far as the flags ask for it; the page is there
    /// until the server is dropped.
    pub(super) fn show(
        &self,
        mut fit: Fit,
        samples: &Samples,
    ) -> Result<(Fit, Option<Server>), Failure> {
        if self.run_dir.is_none() && self.dashboard.is_none() {
            return Ok((fit, None));
        }
        let board = Board::new();
        let mut recorder = RunRecorder::new(board.clone()).preview(samples);
        if let Some(folder) = &self.run_dir {
            recorder = recorder.folder(folder);
        }
        fit = fit.callback(recorder);
        let Some(port) = self.dashboard else { return Ok((fit, None)) };
        let server = Server::start(board, port)?;
        note(&format!("the training is shown at {}", server.address()));
        Ok((fit, Some(server)))
    }

    /// Adds what the flags ask for.
    pub(super) fn apply(&self, mut fit: Fit, validates: bool) -> Fit {
        fit = fit.resume(self.resume);
        if let Some(folder) = &self.checkpoint_dir {
            fit = fit.checkpoint_dir(folder);
        }
        if let Some(every) = self.checkpoint_every {
            fit = fit.checkpoint_every(every);
        }
        if let Some(patience) = self.patience {
            let monitor = if validates { "val_loss" } else { "loss" };
            let stopping = EarlyStopping::new(monitor).patience(patience).restore_best_weights();
            fit = fit.callback(stopping);
        }
        if let Some(path) = &self.csv {
            fit = fit.callback(CSVLogger::new(path));
        }
        if let Some(folder) = &self.tensorboard {
            fit = fit.callback(TensorBoard::new(folder).histogram_freq(HISTOGRAMS));
        }
        if let Some(path) = &self.log {
            fit = fit.callback(JsonLogger::new(path));
        }
        fit
    }
}

/// A number of steps, or of seconds with an `s` behind it.
fn every(text: &str) -> Result<CheckpointEvery, String> {
    let wrong = || "expected a number of steps, as in 500, or of seconds, as in 30s".to_string();
    match text.strip_suffix('s') {
        Some(seconds) => match seconds.parse::<f64>() {
            Ok(seconds) if seconds >= 0.0 => Ok(CheckpointEvery::Seconds(seconds)),
            _ => Err(wrong()),
        },
        None => match text.parse::<usize>() {
            Ok(steps) if steps > 0 => Ok(CheckpointEvery::Steps(steps)),
            _ => Err(wrong()),
        },
    }
}
