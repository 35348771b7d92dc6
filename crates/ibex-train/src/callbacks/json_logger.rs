//! `JsonLogger`: what happens in a training as lines of JSON, for other programs.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Instant;

use ibex_graph::Array;
use serde_json::{Map, Value, json};

use super::record::{append, warn_of_lost_record};
use super::{Callback, Event, Moment};
use crate::error::{Error, Result};
use crate::history::Logs;

/// Writes a line of JSON at the beginning, after each epoch, and at the end.
///
/// `{"event": "train_begin", "model": …, "epochs": …, "steps": …, "batch_size": …}`,
/// `{"event": "epoch_end", "epoch": 0, "loss": …, …, "seconds": …}`,
/// `{"event": "train_end", "epochs": …}`.
/// A number that JSON cannot hold (NaN, infinity) is `null`.
/// A training that goes on from a checkpoint goes on in the file where the checkpoint was taken.
#[derive(Debug)]
pub struct JsonLogger {
    path: PathBuf,
    file: Option<File>,
    /// How much of the file a training that goes on has written already.
    written: Option<u64>,
    begun: Instant,
}

impl JsonLogger {
    /// Writes to `path`, replacing what is there.
    pub fn new(path: impl Into<PathBuf>) -> JsonLogger {
        JsonLogger { path: path.into(), file: None, written: None, begun: Instant::now() }
    }

    fn failed(&self) -> impl Fn(std::io::Error) -> Error + use<> {
        let path = self.path.clone();
        move |source| Error::Io { action: "write", path: path.clone(), source }
    }

    fn line(&mut self, event: &str, facts: Value) -> Result<()> {
        let failed = self.failed();
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut line = Map::new();
        line.insert("event".to_string(), json!(event));
        if let Value::Object(facts) = facts {
            line.extend(facts);
        }
        append(file, format!("{}\n", Value::Object(line)).as_bytes()).map_err(failed)
    }
}

/// The logs as an object.
fn object(logs: &Logs) -> Map<String, Value> {
    logs.iter().map(|(name, value)| (name.to_string(), json!(value))).collect()
}

impl Callback for JsonLogger {
    fn name(&self) -> &'static str {
        "JsonLogger"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::TrainBegin, Moment::EpochBegin, Moment::EpochEnd, Moment::TrainEnd]
    }

    fn order(&self) -> i32 {
        90
    }

    fn on_train_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        let failed = self.failed();
        let goes_on = self.written.take();
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(goes_on.is_none());
        let mut file = options.open(&self.path).map_err(&failed)?;
        if let Some(written) = goes_on {
            let length = file.metadata().map_err(&failed)?.len();
            file.set_len(length.min(written)).map_err(&failed)?;
        }
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        self.file = Some(file);
        self.begun = Instant::now();
        let plan = event.plan;
        let facts = json!({
            "model": event.model.name(),
            "epochs": plan.epochs,
            "steps": plan.steps,
            "batch_size": plan.batch_size,
        });
        if goes_on.is_some() { Ok(()) } else { self.line("train_begin", facts) }
    }

    fn on_epoch_begin(&mut self, _: &mut Event<'_>) -> Result<()> {
        self.begun = Instant::now();
        Ok(())
    }

    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let mut facts = Map::new();
        facts.insert("epoch".to_string(), json!(event.epoch));
        facts.extend(object(event.logs));
        facts.insert("seconds".to_string(), json!(self.begun.elapsed().as_secs_f64()));
        self.line("epoch_end", Value::Object(facts))
    }

    fn on_error(&mut self, error: Error) -> Result<()> {
        self.file = None;
        warn_of_lost_record(self.name(), &error);
        Ok(())
    }

    fn on_train_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let facts = json!({"epochs": event.history.epochs.len()});
        self.line("train_end", facts)?;
        self.file = None;
        Ok(())
    }

    fn state(&self) -> Value {
        json!(self.file.as_ref().and_then(|file| Some(file.metadata().ok()?.len())))
    }

    fn restore(&mut self, state: &Value, _: Vec<Array>) {
        self.written = state.as_u64();
    }
}
