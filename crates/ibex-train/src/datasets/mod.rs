//! Data sets by name: bundled, found on disk, or downloaded.
//!
//! One file and one row of [`DATASETS`] per data set.
//! As in Keras, images are bytes without a channel axis and nothing is rescaled.
//! A data set knows where its bytes come from and how they are laid out; it must not know models.
//!
//! Read [`digits`] first, then `store` (where files are looked for), [`idx`] and `table` (formats).

use ibex_graph::Array;

pub mod boston_housing;
pub mod digits;
mod error;
pub mod fashion_mnist;
pub mod idx;
pub mod mnist;
mod numpy_random;
mod store;
mod table;

pub use error::DatasetError;

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
    pub load: fn() -> Result<Dataset, DatasetError>,
}

/// Every data set.
pub const DATASETS: &[Entry] =
    &[boston_housing::ENTRY, digits::ENTRY, fashion_mnist::ENTRY, mnist::ENTRY];

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
    match DATASETS.iter().find(|entry| entry.name == name) {
        Some(entry) => (entry.load)(),
        None => Err(DatasetError::UnknownName {
            name: name.to_owned(),
            known: DATASETS.iter().map(|entry| entry.name).collect(),
        }),
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
            "there is no data set `minst`\n  expected  boston_housing, digits, fashion_mnist, \
             mnist\n  help: did you mean `mnist`?"
        );
        let far = load("elephants").unwrap_err().to_string();
        assert!(far.ends_with("fashion_mnist, mnist"), "{far}");
    }
}
