//! `LearningRateScheduler`: a learning rate for each epoch.

use std::fmt;

use super::{Callback, Event, Moment};
use crate::error::Result;

/// Sets the learning rate at the start of each epoch by a function of the epoch and the old rate.
///
/// Source: <https://keras.io/api/callbacks/learning_rate_scheduler/>.
pub struct LearningRateScheduler {
    schedule: Box<dyn Fn(usize, f64) -> f64>,
}

impl LearningRateScheduler {
    /// `schedule(epoch, rate)` gives the new rate; epochs count from 0.
    pub fn new(schedule: impl Fn(usize, f64) -> f64 + 'static) -> LearningRateScheduler {
        LearningRateScheduler { schedule: Box::new(schedule) }
    }
}

impl fmt::Debug for LearningRateScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LearningRateScheduler")
    }
}

impl Callback for LearningRateScheduler {
    fn name(&self) -> &'static str {
        "LearningRateScheduler"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::EpochBegin, Moment::EpochEnd]
    }

    fn on_epoch_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        let optimizer = event.model.optimizer()?;
        let rate = (self.schedule)(event.epoch, optimizer.learning_rate());
        Ok(optimizer.set_learning_rate(rate)?)
    }

    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let rate = event.model.optimizer()?.learning_rate();
        event.logs.set("learning_rate", rate);
        Ok(())
    }
}
