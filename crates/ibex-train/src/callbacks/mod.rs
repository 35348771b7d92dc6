//! Callbacks: what happens around epochs and batches, one file each.
//!
//! The loop knows callbacks only through this trait; each feature of training beyond
//! the loop itself is one.

use std::fmt;

use ibex_graph::Array;

use crate::error::{Error, Result};
use crate::history::{History, Logs};
use crate::model::Model;

mod backup_and_restore;
mod csv_logger;
mod early_stopping;
mod json_logger;
mod lambda;
mod learning_rate_scheduler;
mod model_checkpoint;
mod moment;
mod monitor;
mod progbar_logger;
mod record;
mod reduce_lr_on_plateau;
mod remote_monitor;
mod swap_ema_weights;
mod tensorboard;
mod terminate_on_nan;

pub use backup_and_restore::BackupAndRestore;
pub use csv_logger::CSVLogger;
pub use early_stopping::EarlyStopping;
pub use json_logger::JsonLogger;
pub use lambda::LambdaCallback;
pub use learning_rate_scheduler::LearningRateScheduler;
pub use model_checkpoint::ModelCheckpoint;
pub use moment::Moment;
pub(crate) use moment::show_loop;
pub use monitor::Direction;
pub use progbar_logger::ProgbarLogger;
pub use reduce_lr_on_plateau::ReduceLROnPlateau;
pub use remote_monitor::RemoteMonitor;
pub use swap_ema_weights::SwapEMAWeights;
pub use tensorboard::TensorBoard;
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

    /// Before the validation of an epoch, or an evaluation.
    ///
    /// # Errors
    /// An error ends the training.
    fn on_test_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// Before a batch of validation or of an evaluation, if [`Callback::wants_batches`].
    ///
    /// # Errors
    /// An error ends the training.
    fn on_test_batch_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// After a batch of validation or of an evaluation, if [`Callback::wants_batches`];
    /// `event.logs` holds the running means.
    ///
    /// # Errors
    /// An error ends the training.
    fn on_test_batch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// After the validation of an epoch, or an evaluation; `event.logs` holds its results.
    ///
    /// # Errors
    /// An error ends the training.
    fn on_test_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// Before the first batch of a prediction.
    ///
    /// # Errors
    /// An error ends the prediction.
    fn on_predict_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// Before a batch of a prediction, if [`Callback::wants_batches`].
    ///
    /// # Errors
    /// An error ends the prediction.
    fn on_predict_batch_begin(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// After a batch of a prediction, if [`Callback::wants_batches`]; `event.outputs` holds what
    /// the model gave for it.
    ///
    /// # Errors
    /// An error ends the prediction.
    fn on_predict_batch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// After the last batch of a prediction.
    ///
    /// # Errors
    /// An error ends the prediction.
    fn on_predict_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// After an event other than [`Callback::on_train_begin`] failed: what becomes of the training.
    ///
    /// Who only records the training warns and gives up recording, so that a disk that is full
    /// loses no training.
    ///
    /// # Errors
    /// An error, by default the same one, ends the training.
    fn on_error(&mut self, error: Error) -> Result<()> {
        Err(error)
    }

    /// The moments at which it does something; at others it is not called.
    ///
    /// Whatever the moments, those of batches come only if [`Callback::wants_batches`].
    fn moments(&self) -> &'static [Moment] {
        Moment::ALL
    }

    /// Whether events of batches are sent now: the running means of every batch cost time.
    ///
    /// It is asked before each event, so that who wants to look twice a second says so twice a
    /// second.
    fn wants_batches(&self) -> bool {
        false
    }

    /// Whether the ends of predicted batches shall carry the outputs, which are copied for it.
    fn wants_outputs(&self) -> bool {
        self.wants_batches()
    }

    /// When it is called among the others: those of a smaller number first, those of the same
    /// number in the order in which they were added.
    ///
    /// The progress bar has 100, so that it shows what others add to the logs.
    fn order(&self) -> i32 {
        0
    }

    /// Where and when it wants the whole training to be kept; see [`BackupAndRestore`].
    fn backup(&self) -> Option<Backup> {
        None
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

/// A folder in which a training keeps checkpoints of everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// The folder.
    pub folder: std::path::PathBuf,
    /// When a checkpoint is written.
    pub every: crate::guard::CheckpointEvery,
    /// Whether the checkpoint is removed when the training has ended by itself.
    pub delete: bool,
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
    /// The outputs for the batch after which a prediction calls; none at other moments.
    pub outputs: &'a [Array],
    /// The history so far.
    pub history: &'a History,
    /// What the loop was asked for.
    pub plan: &'a Plan,
    /// Set to end the training after this batch or epoch; an evaluation or a prediction after this
    /// batch.
    pub stop: &'a mut bool,
}

/// What a training, an evaluation or a prediction was asked for.
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
