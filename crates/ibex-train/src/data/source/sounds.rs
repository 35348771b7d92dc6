//! Sounds: waves of the length and the channels that the model wants.

use ibex_nn::ConfigError;
use serde::{Deserialize, Serialize};

use super::{Wanted, label_mode};
use crate::data::audio::AudioReader;
use crate::data::folder::{Files, LabelMode};
use crate::error::{Error, Result};

/// What can be chosen about sounds.
#[derive(Clone, Debug, Default)]
pub struct SoundChoices {
    /// Frames of a wave: longer ones are cut, shorter ones filled with zeros.
    pub length: Option<usize>,
}

/// How sounds become arrays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoundRecipe {
    length: usize,
    channels: usize,
    class_names: Vec<String>,
    labels: LabelMode,
}

impl SoundChoices {
    /// The recipe: what is neither chosen nor told by the model is that of the files to train on,
    /// the length of the longest of them.
    pub(super) fn learn(&self, files: &Files, wanted: &Wanted) -> Result<SoundRecipe> {
        let (length, channels) = match wanted.shape.as_deref() {
            None => (None, None),
            Some(&[length, channels]) => (length, channels),
            Some(_) => {
                return Err(Error::Data(
                    ConfigError::new("the model takes no sounds")
                        .expected("an input of frames and channels"),
                ));
            }
        };
        let (length, channels) = match (self.length.or(length), channels) {
            (Some(length), Some(channels)) => (length, channels),
            (length, channels) => {
                let (longest, own) = measured(files)?;
                (length.unwrap_or(longest), channels.unwrap_or(own))
            }
        };
        let class_names = files.class_names().to_vec();
        let labels = label_mode(wanted.labels, class_names.len());
        Ok(SoundRecipe { length, channels, class_names, labels })
    }
}

/// The frames of the longest file, and the channels of the first one that can be read.
fn measured(files: &Files) -> Result<(usize, usize)> {
    let (mut longest, mut channels, mut broken) = (0, None, None);
    for path in files.paths() {
        // What cannot be read is reported with the samples.
        match AudioReader::new().measure(path) {
            Ok((frames, own)) => {
                longest = longest.max(frames);
                channels = channels.or(Some(own));
            }
            Err(error) => broken = broken.or(Some(error)),
        }
    }
    match (channels, broken) {
        (Some(channels), _) => Ok((longest, channels)),
        (None, Some(error)) => Err(error),
        (None, None) => Err(Error::Data(ConfigError::new("there are no sounds"))),
    }
}

impl SoundRecipe {
    /// Frames and channels.
    pub(super) fn shape(&self) -> [usize; 2] {
        [self.length, self.channels]
    }

    pub(super) fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The files with labels as the recipe has them, and what reads them.
    pub(super) fn reading(&self, files: Files) -> Result<(Files, AudioReader)> {
        let files = super::known_classes(files, &self.class_names, self.labels)?;
        let reader = AudioReader::new().output_sequence_length(self.length).channels(self.channels);
        Ok((files, reader))
    }
}
