//! IMDb: 50,000 reviews of films as lists of words, praise or blame.
//!
//! Source: A. Maas and others, Learning Word Vectors for Sentiment Analysis, 2011; the indices of
//! words are those of Keras.

use super::store::{File, Mirrors};
use super::words::{LENGTH, TextDataset, WORDS, Words, archive, largest, read};
use super::{Dataset, DatasetError, Entry, Loads};
use crate::numpy_random::RandomState;

/// The row of the table of data sets.
pub(super) const ENTRY: Entry = Entry {
    name: "imdb",
    summary: "25,000 + 25,000 reviews of films as lists of words, 2 classes",
    licence: "research, with citation",
    loads: Loads::Arrays(load),
};

const DOWNLOAD: Mirrors = Mirrors {
    dataset: "imdb",
    mirrors: &["https://storage.googleapis.com/tensorflow/tf-keras-datasets"],
};

const FILE: File = File {
    name: "imdb.npz",
    bytes: 17_464_789,
    sha256: "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
};

/// The last 200 words of each review, of the 10,000 most frequent words.
///
/// # Errors
/// As [`load_words`].
pub fn load() -> Result<Dataset, DatasetError> {
    Ok(load_words(&Words::default().num_words(WORDS))?.padded(LENGTH))
}

/// The reviews as lists of words; `keras.datasets.imdb.load_data`.
///
/// # Errors
/// A file that is nowhere to be had, cannot be read, or does not have its checksum.
pub fn load_words(words: &Words) -> Result<TextDataset, DatasetError> {
    from_archive(archive(&DOWNLOAD, &FILE)?, words)
}

fn from_archive(
    mut reader: ibex_format::NpzReader,
    words: &Words,
) -> Result<TextDataset, DatasetError> {
    // One generator for both parts, as in Keras.
    let mut state = RandomState::new(words.seed);
    let train = words.shuffled(read(&mut reader, "x_train", "y_train")?, &mut state);
    let test = words.shuffled(read(&mut reader, "x_test", "y_test")?, &mut state);
    let mut all = TextDataset { train, test };
    let most = largest([&all.train, &all.test]);
    words.limited(&mut all.train, most);
    words.limited(&mut all.test, most);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::goldens::{check_words, reader};

    #[test]
    fn reviews_are_those_of_keras() {
        check_words("imdb", 4, |words| from_archive(reader("imdb.npz"), words).unwrap());
    }
}
