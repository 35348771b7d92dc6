//! `ReduceLROnPlateau`: a smaller learning rate when a number stops getting better.

use ibex_graph::Array;
use serde_json::{Value, json};

use super::monitor::{Direction, Monitor};
use super::{Callback, Event, Moment};
use crate::error::Result;

/// Multiplies the learning rate by `factor` when a number has not got better for `patience` epochs.
///
/// Source: <https://keras.io/api/callbacks/reduce_lr_on_plateau/>.
#[derive(Debug)]
pub struct ReduceLROnPlateau {
    monitor: Monitor,
    factor: f64,
    patience: usize,
    cooldown: usize,
    min_lr: f64,
    wait: usize,
    cooling: usize,
}

impl ReduceLROnPlateau {
    /// Watches `monitor`; factor 0.1, patience 10, least change 1e-4.
    pub fn new(monitor: &str) -> ReduceLROnPlateau {
        ReduceLROnPlateau {
            monitor: Monitor::new(monitor, Direction::Auto, 1e-4),
            factor: 0.1,
            patience: 10,
            cooldown: 0,
            min_lr: 0.0,
            wait: 0,
            cooling: 0,
        }
    }

    /// What the learning rate is multiplied by.
    pub fn factor(mut self, factor: f64) -> ReduceLROnPlateau {
        self.factor = factor;
        self
    }

    /// How many epochs may pass without getting better.
    pub fn patience(mut self, epochs: usize) -> ReduceLROnPlateau {
        self.patience = epochs;
        self
    }

    /// How many epochs after a change are not counted.
    pub fn cooldown(mut self, epochs: usize) -> ReduceLROnPlateau {
        self.cooldown = epochs;
        self
    }

    /// The learning rate below which it is not reduced.
    pub fn min_lr(mut self, rate: f64) -> ReduceLROnPlateau {
        self.min_lr = rate;
        self
    }

    /// Which way is better, and by how much at least it must get better.
    pub fn mode(mut self, direction: Direction, min_delta: f64) -> ReduceLROnPlateau {
        self.monitor = Monitor::new(self.monitor.name(), direction, min_delta);
        self
    }
}

impl Callback for ReduceLROnPlateau {
    fn name(&self) -> &'static str {
        "ReduceLROnPlateau"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::EpochEnd]
    }

    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let rate = event.model.optimizer()?.learning_rate();
        let value = self.monitor.value(self.name(), event.logs)?;
        event.logs.set("learning_rate", rate);
        if self.cooling > 0 {
            self.cooling -= 1;
            self.wait = 0;
        }
        if self.monitor.improve(value) {
            self.wait = 0;
        } else if self.cooling == 0 {
            self.wait += 1;
            if self.wait >= self.patience && rate > self.min_lr {
                let reduced = (rate * self.factor).max(self.min_lr);
                event.model.optimizer()?.set_learning_rate(reduced)?;
                if event.plan.verbose > 0 {
                    crate::progress::say(format_args!(
                        "\nEpoch {}: ReduceLROnPlateau reducing learning rate to {reduced}.\n",
                        event.epoch + 1
                    ));
                }
                self.cooling = self.cooldown;
                self.wait = 0;
            }
        }
        Ok(())
    }

    fn state(&self) -> Value {
        json!({"wait": self.wait, "cooling": self.cooling, "best": self.monitor.best()})
    }

    fn restore(&mut self, state: &Value, _: Vec<Array>) {
        let count = |key: &str| state[key].as_u64().unwrap_or(0) as usize;
        (self.wait, self.cooling) = (count("wait"), count("cooling"));
        self.monitor.set_best(state["best"].as_f64());
    }
}
