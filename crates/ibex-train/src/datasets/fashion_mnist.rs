//! Fashion-MNIST: articles of clothing, 28×28 pixels, laid out like MNIST.
//!
//! Source: H. Xiao, K. Rasul and R. Vollgraf (Zalando Research), arXiv:1708.07747; MIT.

use super::mnist::{SplitFiles, load_files};
use super::store::{File, Mirrors};
use super::{Dataset, DatasetError, Entry, Loads};

/// The row of the table of data sets.
pub(super) const ENTRY: Entry = Entry {
    name: "fashion_mnist",
    summary: "60,000 + 10,000 images of clothing, 28×28 pixels, 10 classes",
    licence: "MIT",
    loads: Loads::Arrays(load),
};

const DOWNLOAD: Mirrors = Mirrors {
    dataset: "fashion_mnist",
    mirrors: &[
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ],
};

const FILES: SplitFiles = SplitFiles {
    train_images: File {
        name: "train-images-idx3-ubyte.gz",
        bytes: 47_040_016,
        sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    },
    train_labels: File {
        name: "train-labels-idx1-ubyte.gz",
        bytes: 60_008,
        sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    },
    test_images: File {
        name: "t10k-images-idx3-ubyte.gz",
        bytes: 7_840_016,
        sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    },
    test_labels: File {
        name: "t10k-labels-idx1-ubyte.gz",
        bytes: 10_008,
        sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
};

/// The names of the classes, in the order of the labels.
pub const CLASS_NAMES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// Images, `(60000, 28, 28)` and `(10000, 28, 28)` bytes, and labels, bytes of 0 to 9.
///
/// Looked for in `$IBEX_DATA_HOME/fashion_mnist`, then in `$IBEX_CACHE_HOME/fashion_mnist` (by
/// default `~/.cache/ibex/fashion_mnist`), and downloaded into the latter otherwise.
///
/// # Errors
/// A file that is nowhere to be had, cannot be read, or does not have its checksum.
pub fn load() -> Result<Dataset, DatasetError> {
    load_files(&DOWNLOAD, &FILES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::store::has_data;

    #[test]
    fn every_class_is_there_equally_often() {
        if !has_data("fashion_mnist") {
            return;
        }
        let data = load().unwrap();
        for (split, expected) in [(&data.train, 6000), (&data.test, 1000)] {
            assert_eq!(split.x.shape().dims(), [10 * expected, 28, 28]);
            for class in 0..10_u8 {
                let labels = split.y.as_slice::<u8>().unwrap();
                assert_eq!(labels.iter().filter(|&&label| label == class).count(), expected);
            }
        }
        // The first training image is an ankle boot in the description of the data set.
        let first = usize::from(data.train.y.as_slice::<u8>().unwrap()[0]);
        assert_eq!(CLASS_NAMES[first], "Ankle boot");
    }
}
