//! Text files as strings, as Keras's `text_dataset_from_directory` gives them.
//!
//! Source: <https://keras.io/api/data_loading/text/>.

use std::path::Path;

use ibex_nn::ConfigError;

use super::folder::LabelledFile;
use crate::error::{Error, Result};

/// Text files as strings.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextReader {
    max_length: Option<usize>,
}

impl TextReader {
    /// Whole texts.
    pub fn new() -> TextReader {
        TextReader::default()
    }

    /// The first bytes of longer texts, up to this many; a letter is never cut.
    pub fn max_length(mut self, bytes: usize) -> TextReader {
        self.max_length = Some(bytes);
        self
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or is no text.
    pub fn read(&self, path: &Path) -> Result<String> {
        read(path, self.max_length)
    }

    /// A function for [`Dataset::map`](super::Dataset::map): the text of a file and its label.
    pub fn labelled(
        &self,
    ) -> impl Fn(LabelledFile) -> Result<(String, Option<u32>)> + Send + Sync + 'static {
        let reader = *self;
        move |(path, label)| Ok((reader.read(&path)?, label))
    }
}

pub(super) fn read(path: &Path, max_length: Option<usize>) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_path_buf(),
        source,
    })?;
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::Data(
            ConfigError::new(format!("`{}` is no text", path.display()))
                .expected("UTF-8")
                .received(format!("another byte at {at}"))
                .help("save the file as UTF-8"),
        )
    })?;
    if let Some(most) = max_length {
        // No letter is cut in two.
        let end = (0..=most.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
    }
    Ok(text)
}
