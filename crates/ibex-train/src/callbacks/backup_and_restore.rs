//! `BackupAndRestore`: a training that was broken off goes on where it was.

use std::path::PathBuf;

use super::{Backup, Callback, Moment};
use crate::guard::CheckpointEvery;

/// Keeps the whole training in a folder, and goes on from there if `fit` is called again.
///
/// Unlike Keras's, which begins the epoch again with the weights of the last backup, it goes on at
/// the very batch and ends with the bits of a training that was never broken off.
/// A backup is written whole or not at all, so that there is no `double_checkpoint`.
/// It is the same as [`Fit::checkpoint_dir`](crate::Fit::checkpoint_dir) with
/// [`Fit::resume`](crate::Fit::resume), except that the backup is removed in the end.
///
/// Source: <https://keras.io/api/callbacks/backup_and_restore/>.
#[derive(Debug)]
pub struct BackupAndRestore(Backup);

impl BackupAndRestore {
    /// Keeps the training in `folder`, after each epoch.
    pub fn new(folder: impl Into<PathBuf>) -> BackupAndRestore {
        let folder = folder.into();
        BackupAndRestore(Backup { folder, every: CheckpointEvery::Epoch, delete: true })
    }

    /// Keeps it after this many batches too.
    pub fn save_freq(mut self, batches: usize) -> BackupAndRestore {
        self.0.every = CheckpointEvery::Steps(batches);
        self
    }

    /// Whether the backup is removed when the training has ended by itself; it is by default.
    pub fn delete_checkpoint(mut self, delete: bool) -> BackupAndRestore {
        self.0.delete = delete;
        self
    }
}

impl Callback for BackupAndRestore {
    fn name(&self) -> &'static str {
        "BackupAndRestore"
    }

    fn moments(&self) -> &'static [Moment] {
        &[]
    }

    fn backup(&self) -> Option<Backup> {
        Some(self.0.clone())
    }
}
