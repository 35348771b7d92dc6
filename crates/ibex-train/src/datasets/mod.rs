//! Data sets by name: bundled, found on disk, or downloaded.
//!
//! One file and one row of [`DATASETS`] per data set.
//! As in Keras, images are bytes without a channel axis and nothing is rescaled.
//! A data set knows where its bytes come from and how they are laid out; it must not know models.
//!
//! Read [`digits`] first, then `store` (where files are looked for), [`idx`] and `table` (formats).

use ibex_graph::Array;

pub mod boston_housing;
pub mod california_housing;
mod cifar;
pub mod cifar10;
pub mod cifar100;
pub mod digits;
mod error;
pub mod fashion_mnist;
#[cfg(test)]
mod goldens;
pub mod idx;
pub mod imdb;
pub mod jena_climate;
pub mod mnist;
pub mod oxford_iiit_pet;
pub mod reuters;
mod store;
mod table;
mod words;

pub use error::DatasetError;
pub use words::{TextDataset, TextSplit, Words};

use crate::data::Files;
use crate::data::table::Table as DataTable;

/// Inputs and the targets that belong to them; both have one row per sample.
#[derive(Clone, Debug)]
pub struct Split {
    /// The inputs, `(samples, …)`.
    pub x: Array,
    /// The targets, `(samples,)`.
    pub y: Array,
}

/// What to train on, and what to test on afterwards.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The samples to train on.
    pub train: Split,
    /// The samples to keep apart.
    pub test: Split,
}

/// A data set: its name, what it is, whose it is, and how it is loaded.
#[derive(Debug)]
pub struct Entry {
    /// The name, as in Keras where Keras has it.
    pub name: &'static str,
    /// One line: what a sample is, and how many there are.
    pub summary: &'static str,
    /// The licence of the data.
    pub licence: &'static str,
    /// Loads it.
    pub loads: Loads,
}

/// What a data set is loaded as.
#[derive(Clone, Copy, Debug)]
pub enum Loads {
    /// Arrays to train and to test on.
    Arrays(fn() -> Result<Dataset, DatasetError>),
    /// A table.
    Table(fn() -> Result<DataTable, DatasetError>),
    /// Files with labels.
    Files(fn() -> Result<Files, DatasetError>),
}

impl Loads {
    /// What it is loaded as, in a word.
    pub fn name(self) -> &'static str {
        match self {
            Loads::Arrays(_) => "arrays",
            Loads::Table(_) => "a table",
            Loads::Files(_) => "files",
        }
    }
}

/// Every data set.
pub const DATASETS: &[Entry] = &[
    boston_housing::ENTRY,
    california_housing::ENTRY,
    cifar10::ENTRY,
    cifar100::ENTRY,
    digits::ENTRY,
    fashion_mnist::ENTRY,
    imdb::ENTRY,
    jena_climate::ENTRY,
    mnist::ENTRY,
    oxford_iiit_pet::ENTRY,
    reuters::ENTRY,
];

/// The data set of this name.
///
/// # Errors
/// An unknown name, with the names there are.
pub fn entry(name: &str) -> Result<&'static Entry, DatasetError> {
    DATASETS.iter().find(|entry| entry.name == name).ok_or_else(|| DatasetError::UnknownName {
        name: name.to_owned(),
        known: DATASETS.iter().map(|entry| entry.name).collect(),
    })
}

/// Loads the data set of this name.
///
/// # Errors
/// An unknown name, with the names there are, or whatever the data set itself reports.
///
/// ```
/// let data = ibex_train::datasets::load("digits")?;
/// assert_eq!(data.train.x.shape().dims(), [1438, 8, 8]);
/// assert_eq!(data.test.y.shape().dims(), [359]);
/// # Ok::<(), ibex_train::datasets::DatasetError>(())
/// ```
pub fn load(name: &str) -> Result<Dataset, DatasetError> {
    let entry = entry(name)?;
    match entry.loads {
        Loads::Arrays(load) => load(),
        other => Err(DatasetError::NoArrays { name: entry.name, kind: other.name() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once_and_in_order() {
        let names: Vec<&str> = DATASETS.iter().map(|entry| entry.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = load("minst").unwrap_err().to_string();
        assert_eq!(
            message,
            "there is no data set `minst`\n  expected  boston_housing, california_housing, \
             cifar10, cifar100, digits, fashion_mnist, imdb, jena_climate, mnist, \
             oxford_iiit_pet, reuters\n  help: did you mean `mnist`?"
        );
        let far = load("elephants").unwrap_err().to_string();
        assert!(far.ends_with("oxford_iiit_pet, reuters"), "{far}");
    }
}
