//! `CSVLogger`: the logs of each epoch as a line of a file.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::PathBuf;

use ibex_graph::Array;
use serde_json::{Value, json};

use super::record::{append, warn_of_lost_record};
use super::{Callback, Event, Moment};
use crate::error::{Error, Result};

/// Writes the logs of each epoch as a line of a CSV file, with a header line.
///
/// A training that goes on from a checkpoint goes on in the file where the checkpoint was taken.
///
/// Source: <https://keras.io/api/callbacks/csv_logger/>.
#[derive(Debug)]
pub struct CSVLogger {
    path: PathBuf,
    separator: char,
    append: bool,
    columns: Option<Vec<String>>,
    file: Option<File>,
    /// How much of the file a training that goes on has written already.
    written: Option<u64>,
}

impl CSVLogger {
    /// Writes to `path`, replacing what is there.
    pub fn new(path: impl Into<PathBuf>) -> CSVLogger {
        CSVLogger {
            path: path.into(),
            separator: ',',
            append: false,
            columns: None,
            file: None,
            written: None,
        }
    }

    /// Another separator than a comma.
    pub fn separator(mut self, separator: char) -> CSVLogger {
        self.separator = separator;
        self
    }

    /// Goes on at the end of the file; the header is written only if the file is empty.
    pub fn append(mut self) -> CSVLogger {
        self.append = true;
        self
    }

    fn failed(&self, action: &'static str) -> impl Fn(std::io::Error) -> Error + use<> {
        let path = self.path.clone();
        move |source| Error::Io { action, path: path.clone(), source }
    }
}

impl Callback for CSVLogger {
    fn name(&self) -> &'static str {
        "CSVLogger"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::TrainBegin, Moment::EpochEnd, Moment::TrainEnd]
    }

    fn on_train_begin(&mut self, _: &mut Event<'_>) -> Result<()> {
        let failed = self.failed("write");
        let keep = self.append || self.written.is_some();
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(!keep);
        let mut file = options.open(&self.path).map_err(&failed)?;
        match self.written.take() {
            Some(written) => {
                let length = file.metadata().map_err(&failed)?.len();
                file.set_len(length.min(written)).map_err(&failed)?;
            }
            None => self.columns = None,
        }
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        self.file = Some(file);
        Ok(())
    }

    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let failed = self.failed("write");
        let Some(file) = &mut self.file else { return Ok(()) };
        let separator = self.separator.to_string();
        let mut text = String::new();
        if self.columns.is_none() {
            let mut columns: Vec<String> =
                event.logs.names().into_iter().map(str::to_string).collect();
            columns.sort();
            // As in Keras: validation may begin in a later epoch, but the header is written now.
            if !columns.iter().any(|name| name.starts_with("val_")) {
                let later: Vec<String> = columns.iter().map(|name| format!("val_{name}")).collect();
                columns.extend(later);
            }
            let empty = file.metadata().map_err(&failed)?.len() == 0;
            if empty {
                text = format!("epoch{separator}{}\n", columns.join(&separator));
            }
            self.columns = Some(columns);
        }
        let cell = |name: &String| event.logs.get(name).map_or("NA".to_string(), |v| v.to_string());
        let cells: Vec<String> = self.columns.iter().flatten().map(cell).collect();
        text.push_str(&format!("{}{separator}{}\n", event.epoch, cells.join(&separator)));
        append(file, text.as_bytes()).map_err(failed)
    }

    fn on_error(&mut self, error: Error) -> Result<()> {
        self.file = None;
        warn_of_lost_record(self.name(), &error);
        Ok(())
    }

    fn on_train_end(&mut self, _: &mut Event<'_>) -> Result<()> {
        self.file = None;
        Ok(())
    }

    fn state(&self) -> Value {
        let length = self.file.as_ref().and_then(|file| Some(file.metadata().ok()?.len()));
        json!({"written": length, "columns": self.columns})
    }

    fn restore(&mut self, state: &Value, _: Vec<Array>) {
        self.written = state["written"].as_u64();
        let name = |name: &Value| name.as_str().map(str::to_string);
        self.columns = state["columns"].as_array().map(|c| c.iter().filter_map(name).collect());
    }
}
