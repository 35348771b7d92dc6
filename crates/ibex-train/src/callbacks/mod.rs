//! Callbacks: what happens around epochs and batches, one file each.
//!
//! The loop knows callbacks only through this trait; each feature of training beyond
//! the loop itself is one.

use std::fmt;

use ibex_graph::Array;

use crate::error::Result;
use crate::history::{History, Logs};
use crate::model::Model;

mod csv_logger;
mod early_stopping;
mod lambda;
mod learning_rate_scheduler;
mod model_checkpoint;
mod monitor;
mod reduce_lr_on_plateau;
mod terminate_on_nan;

pub use csv_logger::CSVLogger;
pub use early_stopping::EarlyStopping;
pub use lambda::LambdaCallback;
pub use learning_rate_scheduler::LearningRateScheduler;
pub use model_checkpoint::ModelCheckpoint;
pub use monitor::Direction;
pub use reduce_lr_on_plateau::ReduceLROnPlateau;
pub use terminate_on_nan::TerminateOnNaN;

/// What a callback does; every event has an empty default.
pub trait Callback: fmt::Debug {
    /// The name in messages and checkpoints.
    fn name(&self) -> &'static str;

    /// Before the first epoch.
    ///
    /// # Errors
    /// An error ends the training.
    fn on_train_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// After the last epoch, also when the training was stopped early.
    ///
    /// # Errors
    /// An error ends the training.
    fn on_train_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// Before an epoch.
    ///
    /// # Errors
    /// An error ends the training.
    fn on_epoch_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// After an epoch and its validation; `event.logs` holds both and may be added to.
    ///
    /// # Errors
    /// An error ends the training.
    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// Before a batch, if [`Callback::wants_batches`].
    ///
    /// # Errors
    /// An error ends the training.
    fn on_train_batch_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// After a batch, if [`Callback::wants_batches`]; `event.logs` holds the running means.
    ///
    /// # Errors
    /// An error ends the training.
    fn on_train_batch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// Whether batch events are sent: the running means of every batch cost time.
    fn wants_batches(&self) -> bool {
        false
    }

    /// The state that a resumed training needs, except for arrays.
    fn state(&self) -> serde_json::Value {
        serde_json::Value::Null
    }

    /// The arrays that a resumed training needs.
    fn arrays(&self) -> Vec<Array> {
        Vec::new()
    }

    /// Takes up what [`Callback::state`] and [`Callback::arrays`] gave.
    fn restore(&mut self, state: &serde_json::Value, arrays: Vec<Array>) {
        let _ = (state, arrays);
    }
}

/// What a callback sees and may change.
#[derive(Debug)]
pub struct Event<'a> {
    /// The model.
    pub model: &'a mut Model,
    /// The number of the epoch, counted from 0.
    pub epoch: usize,
    /// The number of the batch in the epoch, counted from 0.
    pub batch: usize,
    /// The logs of the batch or epoch.
    pub logs: &'a mut Logs,
    /// The history so far.
    pub history: &'a History,
    /// What the loop was asked for.
    pub plan: &'a Plan,
    /// Set to end the training after this batch or epoch.
    pub stop: &'a mut bool,
}

/// What a training loop was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The number of the epoch at which training ends.
    pub epochs: usize,
    /// Batches in an epoch.
    pub steps: usize,
    /// Samples in a batch.
    pub batch_size: usize,
    /// 0 silent, 1 a progress bar, 2 one line for each epoch.
    pub verbose: u8,
    /// Whether there is validation data.
    pub validates: bool,
}
