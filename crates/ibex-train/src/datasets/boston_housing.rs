//! Boston housing: 506 districts, 13 numbers each, and the median price of a house.
//!
//! The data are small, old and public, but carry no licence, so that they are not bundled.
//! One column stands for the share of Black residents and rests on a racist assumption: it is
//! there for comparison with Keras's examples, not for conclusions about houses.
//!
//! Source: D. Harrison and D. Rubinfeld, Hedonic prices and the demand for clean air, 1978.

use std::fs;

use super::store::Store;
use super::table::Table;
use super::{Dataset, DatasetError, Entry, Loads};
use crate::numpy_random::RandomState;

/// The row of the table of data sets.
pub(super) const ENTRY: Entry = Entry {
    name: "boston_housing",
    summary: "404 + 102 districts of Boston, 13 numbers each, price in 1,000 dollars",
    licence: "none stated",
    loads: Loads::Arrays(load),
};

const FILE: &str = "housing.csv";
const COLUMNS: usize = 14;
const SAMPLES: usize = 506;
/// Keras's default seed and share of the test part.
const SEED: u32 = 113;
const TRAIN_SAMPLES: usize = 404;

/// Inputs `(404, 13)` and `(102, 13)` and prices in 1,000 dollars, all `f32`, in Keras's order.
///
/// The file `housing.csv` (506 lines of 14 numbers, the price last, no header) is looked for in
/// `$IBEX_DATA_HOME/boston_housing`, `$IBEX_DATA_HOME/tabular`, and `$IBEX_CACHE_HOME` (by default
/// `~/.cache/ibex`) under `boston_housing`.
///
/// # Errors
/// A file that is not there, cannot be read, or holds something else.
pub fn load() -> Result<Dataset, DatasetError> {
    let store = Store::from_environment();
    let path = store.find("boston_housing", FILE, &["boston_housing", "tabular"])?;
    let text = fs::read_to_string(&path)
        .map_err(|source| DatasetError::Unreadable { path: path.clone(), source })?;
    let table = Table::parse(&text, COLUMNS, &path.display().to_string())?;
    if table.len() != SAMPLES {
        let expected = format!("{SAMPLES} lines of {COLUMNS} numbers");
        let received = format!("{} lines", table.len());
        return Err(DatasetError::Damaged { path, expected, received });
    }
    let mut rows: Vec<usize> = (0..SAMPLES).collect();
    RandomState::new(SEED).shuffle(&mut rows);
    let (train, test) = rows.split_at(TRAIN_SAMPLES);
    Ok(Dataset { train: table.split::<f32>(train, &[13])?, test: table.split::<f32>(test, &[13])? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::store::has_data;

    #[test]
    fn the_order_is_that_of_keras() {
        if !has_data("tabular") {
            return;
        }
        let data = load().unwrap();
        assert_eq!(data.train.x.shape().dims(), [404, 13]);
        assert_eq!(data.test.x.shape().dims(), [102, 13]);
        // What `keras.datasets.boston_housing.load_data()` gives first and last.
        let prices = data.train.y.as_slice::<f32>().unwrap();
        assert_eq!(prices[..3], [15.2, 42.3, 50.0]);
        assert_eq!(prices[401..], [19.4, 19.4, 29.1]);
        let first =
            [1.23247, 0., 8.14, 0., 0.538, 6.142, 91.7, 3.9769, 4., 307., 21., 396.9, 18.72];
        assert_eq!(data.train.x.as_slice::<f32>().unwrap()[..13], first);
    }
}
