//! CIFAR-10: photos of 32×32 pixels, 10 classes.
//!
//! Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.

use super::cifar::Archive;
use super::store::{File, Mirrors};
use super::{Dataset, DatasetError, Entry, Loads};

/// The row of the table of data sets.
pub(super) const ENTRY: Entry = Entry {
    name: "cifar10",
    summary: "50,000 + 10,000 photos, 32×32 pixels in colour, 10 classes",
    licence: "none stated; research, with citation",
    loads: Loads::Arrays(load),
};

const ARCHIVE: Archive = Archive {
    from: Mirrors { dataset: "cifar10", mirrors: &["https://www.cs.toronto.edu/~kriz"] },
    file: File {
        name: "cifar-10-binary.tar.gz",
        bytes: 170_052_171,
        sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    },
    labels: 1,
};

const TRAIN: [&str; 5] = [
    "/data_batch_1.bin",
    "/data_batch_2.bin",
    "/data_batch_3.bin",
    "/data_batch_4.bin",
    "/data_batch_5.bin",
];

/// The names of the classes, in the order of the labels.
pub const CLASS_NAMES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Images, `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)` bytes, and labels, `(…, 1)` bytes.
///
/// # Errors
/// A file that is nowhere to be had, cannot be read, or does not have its checksum.
pub fn load() -> Result<Dataset, DatasetError> {
    from_archive(&ARCHIVE.fetch()?)
}

fn from_archive(packed: &[u8]) -> Result<Dataset, DatasetError> {
    let train = ARCHIVE.split(packed, &TRAIN, 0)?;
    Ok(Dataset { train, test: ARCHIVE.split(packed, &["/test_batch.bin"], 0)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::goldens::{array, bytes};

    #[test]
    fn photos_are_those_that_keras_reads() {
        let data = from_archive(&bytes("cifar-10-binary.tar.gz")).unwrap();
        for (split, part) in [(&data.train, "train"), (&data.test, "test")] {
            assert_eq!(split.x, array("expected.npz", &format!("cifar10.x_{part}")));
            assert_eq!(split.y, array("expected.npz", &format!("cifar10.y_{part}")));
        }
        let error = from_archive(b"no archive").unwrap_err().to_string();
        assert!(error.contains("cifar-10-binary.tar.gz` is damaged"), "{error}");
    }
}
