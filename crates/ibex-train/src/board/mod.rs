//! A page about a training: live while it runs, and as one file afterwards.
//!
//! A [`RunRecorder`] among the callbacks writes down what there is to see, in memory or in a
//! folder; a [`Server`] shows it on this machine alone, and [`report()`] makes one page of it that
//! needs neither server nor network.
//! Both use the same page, `page.html`, which must not load anything from elsewhere.
//!
//! Read in this order: this file, `run` (what is written down), `recorder`, `server`, `http`,
//! `report`.

mod http;
mod recorder;
mod report;
mod run;
mod server;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use recorder::RunRecorder;
pub use report::report;
pub use server::Server;

use crate::error::{Error, Result};

/// The name of the file in which a folder has what is to be seen of a run.
pub(crate) const FILE: &str = "run.json";
/// The names of the files by which another process asks for something.
const STOP: &str = "stop";
const SAVE: &str = "save";

/// What may be asked of a training that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// End after this step, as if by a callback, with everything that comes at the end.
    Stop,
    /// Save the model as it is.
    Save,
}

/// What a recorder and whoever shows its run have in common; clones are the same board.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// The run as JSON.
    text: Mutex<String>,
    stop: AtomicBool,
    save: AtomicBool,
    /// A folder in which another process records, if it is not this one that does.
    folder: Option<PathBuf>,
}

impl Board {
    /// A board for a run of this process.
    pub fn new() -> Board {
        Board::default()
    }

    /// The board of a run that is recorded in a folder, by this process or by another one.
    ///
    /// # Errors
    /// If no run was recorded there.
    pub fn of_folder(folder: impl Into<PathBuf>) -> Result<Board> {
        let folder = folder.into();
        read(&folder)?;
        Ok(Board(Arc::new(Shared { folder: Some(folder), ..Shared::default() })))
    }

    /// The run as JSON; empty before there is any.
    pub(crate) fn text(&self) -> String {
        if let Some(folder) = &self.0.folder {
            // It was there at the start, and is replaced as a whole.
            return read(folder).unwrap_or_default();
        }
        self.0.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn show(&self, text: String) {
        *self.0.text.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// Asks something of the training.
    ///
    /// # Errors
    /// If it is another process's and its folder cannot be written.
    pub fn request(&self, request: Request) -> Result<()> {
        let (name, flag) = match request {
            Request::Stop => (STOP, &self.0.stop),
            Request::Save => (SAVE, &self.0.save),
        };
        match &self.0.folder {
            Some(folder) => crate::write_text(folder.join(name), ""),
            None => {
                flag.store(true, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Whether something is asked of the training of this process.
    pub(crate) fn has_requests(&self) -> bool {
        self.0.stop.load(Ordering::Relaxed) || self.0.save.load(Ordering::Relaxed)
    }

    /// Takes a request away; `true` if there was one.
    pub(crate) fn take(&self, request: Request) -> bool {
        match request {
            Request::Stop => self.0.stop.swap(false, Ordering::Relaxed),
            Request::Save => self.0.save.swap(false, Ordering::Relaxed),
        }
    }

    /// Takes up what other processes ask by files in the folder of the run.
    pub(crate) fn heed(&self, folder: &Path) {
        for (name, flag) in [(STOP, &self.0.stop), (SAVE, &self.0.save)] {
            // No such file is the usual case, and no failure.
            if std::fs::remove_file(folder.join(name)).is_ok() {
                flag.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// The run that a folder holds, as JSON.
fn read(folder: &Path) -> Result<String> {
    let path = folder.join(FILE);
    std::fs::read_to_string(&path).map_err(|source| Error::Io { action: "read", path, source })
}
