//! CIFAR-100: photos of 32×32 pixels, 100 classes in 20 groups.
//!
//! Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.

use super::cifar::Archive;
use super::store::{File, Mirrors};
use super::{Dataset, DatasetError, Entry, Loads};

/// The row of the table of data sets.
pub(super) const ENTRY: Entry = Entry {
    name: "cifar100",
    summary: "50,000 + 10,000 photos, 32×32 pixels in colour, 100 classes",
    licence: "none stated; research, with citation",
    loads: Loads::Arrays(load),
};

const ARCHIVE: Archive = Archive {
    from: Mirrors { dataset: "cifar100", mirrors: &["https://www.cs.toronto.edu/~kriz"] },
    file: File {
        name: "cifar-100-binary.tar.gz",
        bytes: 168_513_733,
        sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    },
    labels: 2,
};

/// Which of the two labels of an image is meant; Keras's `label_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// One of 100 classes.
    #[default]
    Fine,
    /// One of 20 groups of classes.
    Coarse,
}

/// Images, `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)` bytes, and labels, `(…, 1)` bytes.
///
/// # Errors
/// A file that is nowhere to be had, cannot be read, or does not have its checksum.
pub fn load() -> Result<Dataset, DatasetError> {
    load_labels(Labels::Fine)
}

/// The images with the labels that are meant.
///
/// # Errors
/// As [`load`].
pub fn load_labels(labels: Labels) -> Result<Dataset, DatasetError> {
    from_archive(&ARCHIVE.fetch()?, labels)
}

fn from_archive(packed: &[u8], labels: Labels) -> Result<Dataset, DatasetError> {
    let label = if labels == Labels::Coarse { 0 } else { 1 };
    let train = ARCHIVE.split(packed, &["/train.bin"], label)?;
    Ok(Dataset { train, test: ARCHIVE.split(packed, &["/test.bin"], label)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::goldens::{array, bytes};

    #[test]
    fn photos_are_those_that_keras_reads() {
        for (labels, mode) in [(Labels::Fine, "fine"), (Labels::Coarse, "coarse")] {
            let data = from_archive(&bytes("cifar-100-binary.tar.gz"), labels).unwrap();
            for (split, part) in [(&data.train, "train"), (&data.test, "test")] {
                let name = |letter: &str| format!("cifar100_{mode}.{letter}_{part}");
                assert_eq!(split.x, array("expected.npz", &name("x")));
                assert_eq!(split.y, array("expected.npz", &name("y")));
            }
        }
    }
}
