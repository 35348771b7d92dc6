//! Keeps a training from being lost: when checkpoints are written, and requests to break it off.
//!
//! It must not know what a checkpoint holds; that is `checkpoint`'s.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::callbacks::{Backup, Callback};
use crate::checkpoint::{Folder, Position, Progressed, Setting};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::progress::say;

/// When checkpoints are written, beside the end of each epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum CheckpointEvery {
    /// At the end of each epoch only.
    #[default]
    Epoch,
    /// After every so many steps too.
    Steps(usize),
    /// After every so many seconds too.
    Seconds(f64),
}

/// A request to break a training off, from a signal or from another thread.
///
/// `fit` finishes its step, writes a checkpoint if it has a folder for one, and gives
/// [`Error::Interrupted`].
///
/// ```
/// use ibex_train::Interrupt;
///
/// let interrupt = Interrupt::new();
/// let other = interrupt.clone();
/// std::thread::spawn(move || other.request()).join().unwrap();
/// assert!(interrupt.is_requested());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Nothing is requested yet.
    pub fn new() -> Interrupt {
        Interrupt::default()
    }

    /// Asks the training to end after its step.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to end.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The flag itself, for handlers of signals.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}

/// What watches over one training.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    kept: Option<Kept>,
    interrupt: Option<Interrupt>,
}

/// Where checkpoints go, and when the last one was written.
#[derive(Debug)]
struct Kept {
    folder: Folder,
    setting: Setting,
    backup: Backup,
    last: Option<Position>,
    written: Instant,
    steps: usize,
    /// Why the last one could not be written.
    failed: Option<String>,
}

impl Guard {
    pub(crate) fn new(
        interrupt: Option<Interrupt>,
        backup: Option<Backup>,
        setting: impl FnOnce() -> Result<Setting>,
    ) -> Result<Guard> {
        let Some(backup) = backup else { return Ok(Guard { kept: None, interrupt }) };
        let folder = Folder::open(&backup.folder)?;
        let setting = setting()?;
        let written = Instant::now();
        let kept = Kept { folder, setting, backup, last: None, written, steps: 0, failed: None };
        Ok(Guard { kept: Some(kept), interrupt })
    }

    /// Takes up the checkpoint, if there is one.
    pub(crate) fn load(
        &mut self,
        model: &Model,
        callbacks: &mut [Box<dyn Callback>],
    ) -> Result<Option<Progressed>> {
        let Some(kept) = &mut self.kept else { return Ok(None) };
        let found = kept.folder.load(model, &kept.setting, callbacks)?;
        kept.last = found.as_ref().map(|at| at.position.clone());
        Ok(found)
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupt.as_ref().is_some_and(Interrupt::is_requested)
    }

    /// Whether a checkpoint is due after this step.
    pub(crate) fn is_due(&mut self) -> bool {
        let Some(kept) = &mut self.kept else { return false };
        kept.steps += 1;
        match kept.backup.every {
            CheckpointEvery::Epoch => false,
            CheckpointEvery::Steps(steps) => kept.steps >= steps.max(1),
            CheckpointEvery::Seconds(seconds) => kept.written.elapsed().as_secs_f64() >= seconds,
        }
    }

    /// Whether there is a folder in which there is no checkpoint of this training yet.
    pub(crate) fn is_first(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.last.is_none())
    }

    /// Writes a checkpoint.
    ///
    /// A training is worth more than one of its checkpoints: only the first one must succeed, so
    /// that a folder that is of no use is found out before hours are spent.
    pub(crate) fn save(
        &mut self,
        model: &Model,
        at: &Progressed,
        callbacks: &[Box<dyn Callback>],
    ) -> Result<()> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        (kept.steps, kept.written) = (0, Instant::now());
        match kept.folder.save(model, &kept.setting, at, callbacks) {
            Ok(()) => {
                kept.last = Some(at.position.clone());
                kept.failed = None;
                Ok(())
            }
            Err(error) => {
                let Some(last) = &kept.last else { return Err(error) };
                let text = error.to_string();
                if kept.failed.as_ref() != Some(&text) {
                    say(format_args!(
                        "warning: the checkpoint could not be written; the last one is that of \
                         {last}\n{text}\n"
                    ));
                }
                kept.failed = Some(text);
                Ok(())
            }
        }
    }

    /// Breaks the training off: writes a checkpoint, unless there is one of this moment.
    pub(crate) fn break_off(
        &mut self,
        model: &Model,
        at: &Progressed,
        callbacks: &[Box<dyn Callback>],
    ) -> Error {
        let position = at.position.clone();
        if self.kept.as_ref().is_some_and(|kept| kept.last.as_ref() != Some(&position))
            && let Err(error) = self.save(model, at, callbacks)
        {
            return error;
        }
        let kept = self.kept.as_ref().filter(|kept| kept.failed.is_none());
        let checkpoint: Option<PathBuf> = kept.map(|kept| kept.folder.file());
        Error::Interrupted { position, checkpoint }
    }

    /// The training has ended by itself: what was only kept for the case that it does not goes.
    pub(crate) fn finish(&self) {
        if let Some(kept) = self.kept.as_ref().filter(|kept| kept.backup.delete) {
            kept.folder.remove();
        }
    }
}

/// Durations of steps, of which any number takes the memory of some thousand.
///
/// When there are too many, every second one is dropped and from then on only every second taken:
/// the median is that of an even sample.
#[derive(Debug)]
pub(crate) struct StepTimes {
    seconds: Vec<f32>,
    stride: usize,
    count: usize,
}

impl StepTimes {
    /// At most so many are kept.
    const MOST: usize = 4096;

    pub(crate) fn new() -> StepTimes {
        StepTimes { seconds: Vec::with_capacity(StepTimes::MOST), stride: 1, count: 0 }
    }

    pub(crate) fn push(&mut self, duration: Duration) {
        if self.count.is_multiple_of(self.stride) {
            if self.seconds.len() == StepTimes::MOST {
                let mut index = 0;
                self.seconds.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.stride *= 2;
            }
            self.seconds.push(duration.as_secs_f32());
        }
        self.count += 1;
    }

    pub(crate) fn median(&mut self) -> f64 {
        self.seconds.sort_by(f32::total_cmp);
        self.seconds.get(self.seconds.len() / 2).copied().map_or(0.0, f64::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_many_steps_takes_little_memory() {
        let mut times = StepTimes::new();
        for step in 0..100_000u64 {
            times.push(Duration::from_millis(step % 1000));
        }
        assert!(times.seconds.capacity() <= StepTimes::MOST);
        let median = times.median();
        assert!((0.45..0.55).contains(&median), "{median}");
        assert_eq!(StepTimes::new().median(), 0.0);
    }
}
