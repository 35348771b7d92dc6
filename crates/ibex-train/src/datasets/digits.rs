//! Handwritten digits, 8×8 pixels: bundled, so that the first training needs no download.
//!
//! Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
//! Learning Repository, CC BY 4.0; see `data/digits/SOURCE.md`.

use std::io::Read;

use flate2::read::GzDecoder;

use super::table::Table;
use super::{Dataset, DatasetError, Entry, Loads, Split};

/// The row of the table of data sets.
pub(super) const ENTRY: Entry = Entry {
    name: "digits",
    summary: "1,797 images of handwritten digits, 8×8 pixels of 0 to 16, 10 classes (bundled)",
    licence: "CC BY 4.0",
    loads: Loads::Arrays(load),
};

static DIGITS: &[u8] = include_bytes!("../../data/digits/digits.csv.gz");

/// The pixels of an image and its label.
const COLUMNS: usize = 8 * 8 + 1;
/// Of this many successive images one is kept for the test.
///
/// The file goes from writer to writer: a tail would test on two writers alone.
const TEST_EVERY: usize = 5;

/// All images, `(1797, 8, 8)` bytes of 0 to 16, and their labels, `(1797,)` bytes of 0 to 9.
///
/// # Errors
/// None that a user can cause: the data are bundled.
pub fn load_all() -> Result<Split, DatasetError> {
    let table = table()?;
    split(&table, |_| true)
}

/// The images as [`load_all`] gives them, every fifth of which is kept for the test: 1,438 and 359.
///
/// # Errors
/// None that a user can cause: the data are bundled.
pub fn load() -> Result<Dataset, DatasetError> {
    let table = table()?;
    let is_test = |row: usize| row % TEST_EVERY == TEST_EVERY - 1;
    Ok(Dataset { train: split(&table, |row| !is_test(row))?, test: split(&table, is_test)? })
}

fn split(table: &Table, chosen: impl Fn(usize) -> bool) -> Result<Split, DatasetError> {
    let rows: Vec<usize> = (0..table.len()).filter(|&row| chosen(row)).collect();
    table.split::<u8>(&rows, &[8, 8])
}

fn table() -> Result<Table, DatasetError> {
    let mut text = String::new();
    GzDecoder::new(DIGITS).read_to_string(&mut text).map_err(|source| {
        DatasetError::Unreadable { path: "digits.csv.gz (bundled)".into(), source }
    })?;
    Table::parse(&text, COLUMNS, "digits.csv.gz (bundled)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_counts(split: &Split) -> [usize; 10] {
        let mut counts = [0; 10];
        for &label in split.y.as_slice::<u8>().unwrap() {
            counts[usize::from(label)] += 1;
        }
        counts
    }

    #[test]
    fn the_counts_are_those_of_the_repository() {
        let all = load_all().unwrap();
        assert_eq!(all.x.shape().dims(), [1797, 8, 8]);
        // The distribution of classes in the description of optdigits.tes.
        assert_eq!(class_counts(&all), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        let pixels = all.x.as_slice::<u8>().unwrap();
        assert_eq!(pixels.iter().max(), Some(&16));
        // The first line of optdigits.tes is a zero.
        assert_eq!(pixels[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
    }

    #[test]
    fn the_parts_make_the_whole() {
        let (all, parts) = (load_all().unwrap(), load().unwrap());
        assert_eq!(parts.train.x.shape().dims(), [1438, 8, 8]);
        assert_eq!(parts.test.x.shape().dims(), [359, 8, 8]);
        let (train, test) = (class_counts(&parts.train), class_counts(&parts.test));
        let sums: Vec<usize> = train.iter().zip(test).map(|(a, b)| a + b).collect();
        assert_eq!(sums, class_counts(&all));
        let image = |split: &Split, row: usize| split.x.rows(row, row + 1).to_f64_vec();
        assert_eq!(image(&parts.test, 0), image(&all, 4));
        assert_eq!(image(&parts.train, 4), image(&all, 5));
    }
}
