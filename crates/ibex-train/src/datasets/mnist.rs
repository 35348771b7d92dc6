//! MNIST: handwritten digits, 28×28 pixels.
//!
//! Source: Y. LeCun, C. Cortes and C. Burges, derived from NIST Special Databases 1 and 3;
//! CC BY-SA 3.0.

use super::store::{File, Mirrors, Store};
use super::{Dataset, DatasetError, Entry, Loads, Split, idx};

/// The row of the table of data sets.
pub(super) const ENTRY: Entry = Entry {
    name: "mnist",
    summary: "60,000 + 10,000 images of handwritten digits, 28×28 pixels, 10 classes",
    licence: "CC BY-SA 3.0",
    loads: Loads::Arrays(load),
};

const DOWNLOAD: Mirrors = Mirrors {
    dataset: "mnist",
    mirrors: &[
        "https://storage.googleapis.com/cvdf-datasets/mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist",
    ],
};

const FILES: SplitFiles = SplitFiles {
    train_images: File {
        name: "train-images-idx3-ubyte.gz",
        bytes: 47_040_016,
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    train_labels: File {
        name: "train-labels-idx1-ubyte.gz",
        bytes: 60_008,
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    test_images: File {
        name: "t10k-images-idx3-ubyte.gz",
        bytes: 7_840_016,
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    test_labels: File {
        name: "t10k-labels-idx1-ubyte.gz",
        bytes: 10_008,
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
};

/// The four files of a data set that is laid out like MNIST.
pub(super) struct SplitFiles {
    pub(super) train_images: File,
    pub(super) train_labels: File,
    pub(super) test_images: File,
    pub(super) test_labels: File,
}

/// Images, `(60000, 28, 28)` and `(10000, 28, 28)` bytes, and labels, bytes of 0 to 9.
///
/// Looked for in `$IBEX_DATA_HOME/mnist`, then in `$IBEX_CACHE_HOME/mnist` (by default
/// `~/.cache/ibex/mnist`), and downloaded into the latter otherwise.
///
/// # Errors
/// A file that is nowhere to be had, cannot be read, or does not have its checksum.
pub fn load() -> Result<Dataset, DatasetError> {
    load_files(&DOWNLOAD, &FILES)
}

/// Loads a data set that is laid out like MNIST.
pub(super) fn load_files(download: &Mirrors, files: &SplitFiles) -> Result<Dataset, DatasetError> {
    let store = Store::from_environment();
    let array = |file: &File| {
        let bytes = store.fetch(download, file)?;
        idx::parse(&bytes).map_err(|source| DatasetError::Idx { place: file.name.into(), source })
    };
    Ok(Dataset {
        train: Split { x: array(&files.train_images)?, y: array(&files.train_labels)? },
        test: Split { x: array(&files.test_images)?, y: array(&files.test_labels)? },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::store::has_data;

    #[test]
    fn the_counts_are_those_of_the_description() {
        if !has_data("mnist") {
            return;
        }
        let data = load().unwrap();
        assert_eq!(data.train.x.shape().dims(), [60_000, 28, 28]);
        assert_eq!(data.test.x.shape().dims(), [10_000, 28, 28]);
        // The first labels, as every description of MNIST shows them.
        assert_eq!(data.train.y.as_slice::<u8>().unwrap()[..5], [5, 0, 4, 1, 9]);
        assert_eq!(data.test.y.as_slice::<u8>().unwrap()[..5], [7, 2, 1, 0, 4]);
        let ones = data.train.y.as_slice::<u8>().unwrap().iter().filter(|&&y| y == 1).count();
        assert_eq!(ones, 6742);
    }
}
