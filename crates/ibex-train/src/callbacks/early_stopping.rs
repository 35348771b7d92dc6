//! `EarlyStopping`: ends the training when a number stops getting better.

use ibex_graph::Array;
use serde_json::{Value, json};

use super::monitor::{Direction, Monitor};
use super::{Callback, Event, Moment};
use crate::error::Result;

/// Ends the training when a number has not got better for `patience` epochs.
///
/// Source: <https://keras.io/api/callbacks/early_stopping/>.
#[derive(Debug)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    baseline: Option<f64>,
    restore_best_weights: bool,
    start_from_epoch: usize,
    wait: usize,
    best_epoch: usize,
    stopped_epoch: usize,
    best_weights: Option<Vec<Array>>,
}

impl EarlyStopping {
    /// Watches `monitor`, such as `val_loss`; stops at the first epoch that is not better.
    pub fn new(monitor: &str) -> EarlyStopping {
        EarlyStopping {
            monitor: Monitor::new(monitor, Direction::Auto, 0.0),
            patience: 0,
            baseline: None,
            restore_best_weights: false,
            start_from_epoch: 0,
            wait: 0,
            best_epoch: 0,
            stopped_epoch: 0,
            best_weights: None,
        }
    }

    /// Which way is better, and by how much at least it must get better.
    pub fn mode(mut self, direction: Direction, min_delta: f64) -> EarlyStopping {
        self.monitor = Monitor::new(self.monitor.name(), direction, min_delta);
        self
    }

    /// By how much at least the number must get better.
    pub fn min_delta(self, min_delta: f64) -> EarlyStopping {
        EarlyStopping { monitor: self.monitor.with_min_delta(min_delta), ..self }
    }

    /// How many epochs may pass without getting better.
    pub fn patience(mut self, epochs: usize) -> EarlyStopping {
        self.patience = epochs;
        self
    }

    /// A value that must be reached for an epoch to count as better.
    pub fn baseline(mut self, value: f64) -> EarlyStopping {
        self.baseline = Some(value);
        self
    }

    /// Whether the weights of the best epoch come back at the end.
    pub fn restore_best_weights(mut self) -> EarlyStopping {
        self.restore_best_weights = true;
        self
    }

    /// The first epoch that is watched.
    pub fn start_from_epoch(mut self, epoch: usize) -> EarlyStopping {
        self.start_from_epoch = epoch;
        self
    }

    /// The epoch at which the training was stopped, counted from 0; 0 if it was not.
    pub fn stopped_epoch(&self) -> usize {
        self.stopped_epoch
    }
}

impl Callback for EarlyStopping {
    fn name(&self) -> &'static str {
        "EarlyStopping"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::EpochEnd, Moment::TrainEnd]
    }

    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let value = self.monitor.value(self.name(), event.logs)?;
        if event.epoch < self.start_from_epoch {
            return Ok(());
        }
        if self.restore_best_weights && self.best_weights.is_none() {
            self.best_weights = Some(event.model.get_weights());
            self.best_epoch = event.epoch;
        }
        self.wait += 1;
        if self.monitor.improve(value) {
            self.best_epoch = event.epoch;
            if self.restore_best_weights {
                self.best_weights = Some(event.model.get_weights());
            }
            let mut goal = self.monitor.clone();
            goal.set_best(self.baseline);
            if self.baseline.is_none() || goal.is_better(value) {
                self.wait = 0;
            }
            return Ok(());
        }
        if self.wait >= self.patience && event.epoch > 0 {
            self.stopped_epoch = event.epoch;
            *event.stop = true;
        }
        Ok(())
    }

    fn on_train_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        if self.stopped_epoch > 0 && event.plan.verbose > 0 {
            crate::progress::say(format_args!(
                "Epoch {}: early stopping\n",
                self.stopped_epoch + 1
            ));
        }
        if let Some(weights) = self.best_weights.take() {
            if event.plan.verbose > 0 {
                crate::progress::say(format_args!(
                    "Restoring model weights from the end of the best epoch: {}.\n",
                    self.best_epoch + 1
                ));
            }
            event.model.set_weights(&weights)?;
        }
        Ok(())
    }

    fn state(&self) -> Value {
        json!({
            "wait": self.wait,
            "best": self.monitor.best(),
            "best_epoch": self.best_epoch,
            "stopped_epoch": self.stopped_epoch,
        })
    }

    fn arrays(&self) -> Vec<Array> {
        self.best_weights.clone().unwrap_or_default()
    }

    fn restore(&mut self, state: &Value, arrays: Vec<Array>) {
        let count = |key: &str| state[key].as_u64().unwrap_or(0) as usize;
        (self.wait, self.best_epoch) = (count("wait"), count("best_epoch"));
        self.stopped_epoch = count("stopped_epoch");
        self.monitor.set_best(state["best"].as_f64());
        self.best_weights = (!arrays.is_empty()).then_some(arrays);
    }
}
