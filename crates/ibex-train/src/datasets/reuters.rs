//! Reuters: 11,228 news as lists of words, 46 topics.
//!
//! Source: the Reuters-21578 collection of D. Lewis; the indices of words are those of Keras.

use super::store::{File, Mirrors};
use super::words::{LENGTH, TextDataset, TextSplit, WORDS, Words, archive, largest, read};
use super::{Dataset, DatasetError, Entry, Loads};
use crate::numpy_random::RandomState;

/// The row of the table of data sets.
pub(super) const ENTRY: Entry = Entry {
    name: "reuters",
    summary: "8,982 + 2,246 news as lists of words, 46 topics",
    licence: "research",
    loads: Loads::Arrays(load),
};

const DOWNLOAD: Mirrors = Mirrors {
    dataset: "reuters",
    mirrors: &["https://storage.googleapis.com/tensorflow/tf-keras-datasets"],
};

const FILE: File = File {
    name: "reuters.npz",
    bytes: 2_110_848,
    sha256: "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
};

/// Keras's default share of the test part.
const TEST_SPLIT: f64 = 0.2;

/// The names of the topics, in the order of the labels.
pub const TOPICS: [&str; 46] = [
    "cocoa",
    "grain",
    "veg-oil",
    "earn",
    "acq",
    "wheat",
    "copper",
    "housing",
    "money-supply",
    "coffee",
    "sugar",
    "trade",
    "reserves",
    "ship",
    "cotton",
    "carcass",
    "crude",
    "nat-gas",
    "cpi",
    "money-fx",
    "interest",
    "gnp",
    "meal-feed",
    "alum",
    "oilseed",
    "gold",
    "tin",
    "strategic-metal",
    "livestock",
    "retail",
    "ipi",
    "iron-steel",
    "rubber",
    "heat",
    "jobs",
    "lei",
    "bop",
    "zinc",
    "orange",
    "pet-chem",
    "dlr",
    "gas",
    "silver",
    "wpi",
    "hog",
    "lead",
];

/// The last 200 words of each text, of the 10,000 most frequent words.
///
/// # Errors
/// As [`load_words`].
pub fn load() -> Result<Dataset, DatasetError> {
    Ok(load_words(&Words::default().num_words(WORDS), TEST_SPLIT)?.padded(LENGTH))
}

/// The news as lists of words, the last part for the test; `keras.datasets.reuters.load_data`.
///
/// # Errors
/// A file that is nowhere to be had, cannot be read, or does not have its checksum.
pub fn load_words(words: &Words, test_split: f64) -> Result<TextDataset, DatasetError> {
    from_archive(archive(&DOWNLOAD, &FILE)?, words, test_split)
}

fn from_archive(
    mut reader: ibex_format::NpzReader,
    words: &Words,
    test_split: f64,
) -> Result<TextDataset, DatasetError> {
    let mut state = RandomState::new(words.seed);
    let mut all = words.shuffled(read(&mut reader, "x", "y")?, &mut state);
    let most = largest([&all]);
    words.limited(&mut all, most);
    let at = (all.x.len() as f64 * (1.0 - test_split)) as usize;
    let at = at.min(all.x.len());
    let test = TextSplit { x: all.x.split_off(at), y: all.y.split_off(at) };
    Ok(TextDataset { train: all, test })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::goldens::{check_words, reader};

    #[test]
    fn news_are_those_of_keras() {
        check_words("reuters", 3, |words| {
            from_archive(reader("reuters.npz"), words, TEST_SPLIT).unwrap()
        });
    }
}
