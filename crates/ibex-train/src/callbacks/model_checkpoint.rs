//! `ModelCheckpoint`: saves the model, or its weights, while it trains.

use std::path::Path;

use ibex_graph::Array;
use serde_json::{Value, json};

use super::monitor::{Direction, Monitor};
use super::{Callback, Event, Moment};
use crate::error::{Error, Result};
use crate::history::Logs;

/// Saves the model after epochs or batches: every time, or when a number got better.
///
/// Folders are made as need be.
/// The path may hold `{epoch}`, `{epoch:02d}` and names of the logs such as `{val_loss:.2f}`.
/// Source: <https://keras.io/api/callbacks/model_checkpoint/>.
#[derive(Debug)]
pub struct ModelCheckpoint {
    path: String,
    monitor: Monitor,
    save_best_only: bool,
    save_weights_only: bool,
    every_batches: Option<usize>,
    batches: usize,
}

impl ModelCheckpoint {
    /// Saves to `path` after each epoch; `monitor` matters for [`ModelCheckpoint::save_best_only`].
    pub fn new(path: impl Into<String>, monitor: &str) -> ModelCheckpoint {
        ModelCheckpoint {
            path: path.into(),
            monitor: Monitor::new(monitor, Direction::Auto, 0.0),
            save_best_only: false,
            save_weights_only: false,
            every_batches: None,
            batches: 0,
        }
    }

    /// Saves only when the monitored number got better.
    pub fn save_best_only(mut self) -> ModelCheckpoint {
        self.save_best_only = true;
        self
    }

    /// Saves the weights only; the path ends in `.weights.h5`.
    pub fn save_weights_only(mut self) -> ModelCheckpoint {
        self.save_weights_only = true;
        self
    }

    /// Which way is better.
    pub fn mode(mut self, direction: Direction) -> ModelCheckpoint {
        self.monitor = Monitor::new(self.monitor.name(), direction, 0.0);
        self
    }

    /// The value that must be passed to be saved.
    pub fn initial_value_threshold(mut self, value: f64) -> ModelCheckpoint {
        self.monitor.set_best(Some(value));
        self
    }

    /// Saves after every so many batches instead of after each epoch.
    pub fn save_freq(mut self, batches: usize) -> ModelCheckpoint {
        self.every_batches = Some(batches.max(1));
        self
    }

    fn save(&mut self, event: &mut Event<'_>) -> Result<()> {
        if self.save_best_only {
            let value = self.monitor.value(self.name(), event.logs)?;
            if !self.monitor.improve(value) {
                return Ok(());
            }
        }
        let path = filled(&self.path, event.epoch + 1, event.batch + 1, event.logs);
        if let Some(folder) = Path::new(&path).parent() {
            std::fs::create_dir_all(folder).map_err(|source| Error::Io {
                action: "make the folder",
                path: folder.to_path_buf(),
                source,
            })?;
        }
        match self.save_weights_only {
            true => event.model.save_weights(&path),
            false => event.model.save(&path),
        }
    }
}

impl Callback for ModelCheckpoint {
    fn name(&self) -> &'static str {
        "ModelCheckpoint"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::TrainBatchEnd, Moment::EpochEnd]
    }

    fn wants_batches(&self) -> bool {
        self.every_batches.is_some()
    }

    fn on_train_batch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        self.batches += 1;
        match self.every_batches {
            Some(every) if self.batches.is_multiple_of(every) => self.save(event),
            _ => Ok(()),
        }
    }

    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        if self.every_batches.is_none() { self.save(event) } else { Ok(()) }
    }

    fn state(&self) -> Value {
        json!({"best": self.monitor.best(), "batches": self.batches})
    }

    fn restore(&mut self, state: &Value, _: Vec<Array>) {
        self.monitor.set_best(state["best"].as_f64());
        self.batches = state["batches"].as_u64().unwrap_or(0) as usize;
    }
}

/// The path with its placeholders filled in; those that name nothing stay.
fn filled(path: &str, epoch: usize, batch: usize, logs: &Logs) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some(start) = rest.find('{') {
        let Some(end) = rest[start..].find('}').map(|e| start + e) else { break };
        let (name, format) =
            rest[start + 1..end].split_once(':').unwrap_or((&rest[start + 1..end], ""));
        out.push_str(&rest[..start]);
        match name {
            "epoch" => out.push_str(&integer(epoch, format)),
            "batch" => out.push_str(&integer(batch, format)),
            _ => match logs.get(name) {
                Some(value) => out.push_str(&real(value, format)),
                None => out.push_str(&rest[start..=end]),
            },
        }
        rest = &rest[end + 1..];
    }
    out + rest
}

/// A whole number under a Python format such as `02d`.
fn integer(value: usize, format: &str) -> String {
    let digits = format.trim_end_matches('d');
    let width = digits.parse::<usize>().unwrap_or(0).min(64);
    if digits.starts_with('0') { format!("{value:0width$}") } else { format!("{value:width$}") }
}

/// A number under a Python format such as `.2f`.
fn real(value: f64, format: &str) -> String {
    let digits = format.trim_end_matches('f').rsplit('.').next().unwrap_or("");
    match digits.parse::<usize>() {
        Ok(digits) => format!("{value:.*}", digits.min(64)),
        Err(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_follow_python() {
        let logs: Logs = [("val_loss".to_string(), 0.12345)].into_iter().collect();
        let path = "m.{epoch:02d}-{val_loss:.2f}-{nothing}.keras";
        assert_eq!(filled(path, 7, 1, &logs), "m.07-0.12-{nothing}.keras");
        assert_eq!(filled("{epoch}{", 7, 1, &logs), "7{");
    }
}
