//! What the data sets of texts have in common: lists of word indices, prepared as Keras does.

use std::path::Path;

use ibex_format::NpzReader;
use ibex_graph::{Array, DType};

use super::store::{File, Mirrors, Store};
use super::{Dataset, DatasetError, Split};
use crate::data::PadSequences;
use crate::numpy_random::RandomState;

/// Words of a text in the arrays that [`load`](super::load) gives, the last ones of longer texts.
pub(super) const LENGTH: usize = 200;
/// Words that are told apart there.
pub(super) const WORDS: i32 = 10_000;

/// The texts of a part as lists of word indices, with their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextSplit {
    /// The words of each text.
    pub x: Vec<Vec<i32>>,
    /// The labels.
    pub y: Vec<i32>,
}

/// What to train on, and what to test on afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextDataset {
    /// The texts to train on.
    pub train: TextSplit,
    /// The texts to keep apart.
    pub test: TextSplit,
}

/// How lists of words are prepared; the arguments of Keras's `load_data`.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// Only words below this index are kept; all but the last one if it is `None`.
    pub num_words: Option<i32>,
    /// Words below this index are not kept.
    pub skip_top: i32,
    /// Longer texts are left out.
    pub max_length: Option<usize>,
    /// The seed of the order.
    pub seed: u32,
    /// What every text begins with.
    pub start_char: Option<i32>,
    /// What stands for words that are not kept; they are left out if it is `None`.
    pub oov_char: Option<i32>,
    /// What is added to every index.
    pub index_from: i32,
}

impl Default for Words {
    /// Keras's defaults.
    fn default() -> Words {
        Words {
            num_words: None,
            skip_top: 0,
            max_length: None,
            seed: 113,
            start_char: Some(1),
            oov_char: Some(2),
            index_from: 3,
        }
    }
}

impl Words {
    /// Keeps only words below this index.
    pub fn num_words(mut self, words: i32) -> Words {
        self.num_words = Some(words);
        self
    }

    /// Leaves out texts of more words than this.
    pub fn max_length(mut self, length: usize) -> Words {
        self.max_length = Some(length);
        self
    }

    /// Puts a part into the order of `state`, and marks the beginnings of texts.
    pub(super) fn shuffled(&self, split: TextSplit, state: &mut RandomState) -> TextSplit {
        let mut order: Vec<usize> = (0..split.x.len()).collect();
        state.shuffle(&mut order);
        let text = |&i: &usize| {
            let shift =
                if self.start_char.is_some() || self.index_from != 0 { self.index_from } else { 0 };
            let words = split.x[i].iter().map(|word| word.saturating_add(shift));
            self.start_char.into_iter().chain(words).collect::<Vec<i32>>()
        };
        let mut prepared = TextSplit {
            x: order.iter().map(text).collect(),
            y: order.iter().map(|&i| split.y[i]).collect(),
        };
        if let Some(most) = self.max_length {
            // As in Keras: only what is shorter is kept.
            let keep: Vec<bool> = prepared.x.iter().map(|text| text.len() < most).collect();
            let mut kept = keep.iter().copied();
            prepared.x.retain(|_| kept.next().unwrap_or(false));
            let mut kept = keep.iter().copied();
            prepared.y.retain(|_| kept.next().unwrap_or(false));
        }
        prepared
    }

    /// The words that are kept; `largest` is the largest index of all texts.
    pub(super) fn limited(&self, split: &mut TextSplit, largest: i32) {
        let kept = self.skip_top..self.num_words.filter(|words| *words != 0).unwrap_or(largest);
        for text in &mut split.x {
            match self.oov_char {
                Some(oov) => {
                    text.iter_mut()
                        .filter(|word| !kept.contains(word))
                        .for_each(|word| *word = oov);
                }
                None => text.retain(|word| kept.contains(word)),
            }
        }
    }
}

/// The largest index of texts.
pub(super) fn largest<'a>(splits: impl IntoIterator<Item = &'a TextSplit>) -> i32 {
    splits.into_iter().flat_map(|split| &split.x).flatten().copied().max().unwrap_or(0)
}

/// Opens an archive of lists, found on disk or downloaded.
pub(super) fn archive(from: &Mirrors, file: &File) -> Result<NpzReader, DatasetError> {
    let bytes = Store::from_environment().fetch(from, file)?;
    NpzReader::from_bytes(bytes).map_err(|error| damaged(file.name, error))
}

/// Lists and labels of these names.
pub(super) fn read(reader: &mut NpzReader, x: &str, y: &str) -> Result<TextSplit, DatasetError> {
    let texts = reader.read_lists(x).map_err(|error| damaged(x, error))?;
    let labels = reader.read(y).and_then(|array| array.to_i64_vec());
    let labels = labels.map_err(|error| damaged(y, error))?;
    if labels.len() != texts.len() {
        return Err(DatasetError::Damaged {
            path: y.into(),
            expected: format!("{} labels, one for each text", texts.len()),
            received: labels.len().to_string(),
        });
    }
    Ok(TextSplit { x: texts, y: labels.into_iter().map(|label| label as i32).collect() })
}

fn damaged(name: impl AsRef<Path>, error: impl std::fmt::Display) -> DatasetError {
    DatasetError::Damaged {
        path: name.as_ref().to_path_buf(),
        expected: "lists of word indices and labels".to_string(),
        received: error.to_string(),
    }
}

impl TextDataset {
    /// The last words of each text, `(texts, length)` of `int32`, with zeros before shorter ones.
    pub fn padded(&self, length: usize) -> Dataset {
        let pad = PadSequences::new().max_length(length);
        let part = |split: &TextSplit| {
            let labels: Vec<f64> = split.y.iter().map(|&label| f64::from(label)).collect();
            Split {
                x: pad.apply(&split.x),
                y: Array::from_f64_slice(DType::I32, [labels.len()], &labels),
            }
        };
        Dataset { train: part(&self.train), test: part(&self.test) }
    }
}
