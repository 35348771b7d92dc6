//! California housing: 20,640 districts, 8 numbers each, and the median value of a house.
//!
//! Source: R. Pace and R. Barry, Sparse Spatial Autoregressions, 1997; the census of 1990.

use ibex_format::NpzReader;
use ibex_graph::Array;

use super::store::{File, Mirrors, Store};
use super::{Dataset, DatasetError, Entry, Loads, Split};
use crate::arrays::from_raw;
use crate::data::Samples;
use crate::numpy_random::RandomState;

/// The row of the table of data sets.
pub(super) const ENTRY: Entry = Entry {
    name: "california_housing",
    summary: "16,512 + 4,128 districts of California, 8 numbers each, price in dollars",
    licence: "public domain",
    loads: Loads::Arrays(load),
};

const DOWNLOAD: Mirrors = Mirrors {
    dataset: "california_housing",
    mirrors: &["https://storage.googleapis.com/tensorflow/tf-keras-datasets"],
};

const FILE: File = File {
    name: "california_housing.npz",
    bytes: 743_530,
    sha256: "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
};

/// Keras's default seed and share of the test part.
const SEED: u32 = 113;
const TEST_SPLIT: f64 = 0.2;
/// The samples of Keras's `version="small"`.
const SMALL: usize = 600;

/// Inputs `(16512, 8)` and `(4128, 8)` and prices in dollars, in Keras's order.
///
/// # Errors
/// A file that is nowhere to be had, cannot be read, or does not have its checksum.
pub fn load() -> Result<Dataset, DatasetError> {
    load_version(false, TEST_SPLIT, SEED)
}

/// The data with Keras's arguments: the first 600 samples alone if `small`.
///
/// # Errors
/// As [`load`].
pub fn load_version(small: bool, test_split: f64, seed: u32) -> Result<Dataset, DatasetError> {
    let bytes = Store::from_environment().fetch(&DOWNLOAD, &FILE)?;
    from_bytes(bytes, small, test_split, seed)
}

fn from_bytes(
    bytes: Vec<u8>,
    small: bool,
    test_split: f64,
    seed: u32,
) -> Result<Dataset, DatasetError> {
    let damaged = |received: String| DatasetError::Damaged {
        path: FILE.name.into(),
        expected: "arrays `x` and `y` with a row for each district".to_string(),
        received,
    };
    let mut reader = NpzReader::from_bytes(bytes).map_err(|error| damaged(error.to_string()))?;
    let mut array = |name: &str| -> Result<Array, DatasetError> {
        let raw = reader.read(name).map_err(|error| damaged(error.to_string()))?;
        from_raw(&raw).map_err(|error| damaged(error.to_string()))
    };
    let (mut x, mut y) = (array("x")?, array("y")?);
    if small {
        (x, y) = (x.rows(0, SMALL), y.rows(0, SMALL));
    }
    let all = Samples { x: vec![x], y: vec![y], weights: Vec::new() };
    all.check().map_err(|error| damaged(error.to_string()))?;
    let mut order: Vec<u32> = (0..all.count() as u32).collect();
    RandomState::new(seed).shuffle(&mut order);
    let at = ((order.len() as f64 * (1.0 - test_split)) as usize).min(order.len());
    let part = |order: &[u32]| {
        let mut part = all.at(order);
        Split { x: part.x.swap_remove(0), y: part.y.swap_remove(0) }
    };
    Ok(Dataset { train: part(&order[..at]), test: part(&order[at..]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::goldens::{array, bytes};

    #[test]
    fn districts_come_in_the_order_of_keras() {
        let data = from_bytes(bytes("california_housing.npz"), false, TEST_SPLIT, SEED).unwrap();
        for (split, part) in [(&data.train, "train"), (&data.test, "test")] {
            assert_eq!(split.x, array("expected.npz", &format!("california_housing.x_{part}")));
            assert_eq!(split.y, array("expected.npz", &format!("california_housing.y_{part}")));
        }
        let error = from_bytes(b"PK".to_vec(), false, TEST_SPLIT, SEED).unwrap_err().to_string();
        assert!(error.contains("california_housing.npz` is damaged"), "{error}");
    }
}
