//! What CIFAR-10 and CIFAR-100 have in common: archives of records of a label and an image.
//!
//! Keras reads the same data from archives of Python pickles; these are the archives of bytes from
//! the same place, with the same samples in the same order.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use ibex_graph::Array;

use super::store::{File, Mirrors, Store};
use super::{DatasetError, Split};

/// The pixels of an image: three planes of 32 × 32.
const SIDE: usize = 32;
const CHANNELS: usize = 3;
const IMAGE: usize = SIDE * SIDE * CHANNELS;

/// An archive with the same number of labels before each image.
pub(super) struct Archive {
    pub(super) from: Mirrors,
    pub(super) file: File,
    /// Bytes before the image of a record, and which of them is the label.
    pub(super) labels: usize,
}

impl Archive {
    /// The unpacked bytes of an archive.
    pub(super) fn fetch(&self) -> Result<Vec<u8>, DatasetError> {
        Store::from_environment().fetch(&self.from, &self.file)
    }

    /// The records of the members whose names end like this, one after the other: images
    /// `(samples, 32, 32, 3)` and labels `(samples, 1)`, bytes.
    pub(super) fn split(
        &self,
        packed: &[u8],
        members: &[&str],
        label: usize,
    ) -> Result<Split, DatasetError> {
        let damaged = |received: String| DatasetError::Damaged {
            path: self.file.name.into(),
            expected: format!("records of {} bytes in {}", self.labels + IMAGE, members.join(", ")),
            received,
        };
        let mut found: Vec<Option<Vec<u8>>> = vec![None; members.len()];
        // The images of the largest archive take 200 MB.
        let unpacked = MultiGzDecoder::new(packed).take(1 << 30);
        let mut archive = tar::Archive::new(unpacked);
        let entries = archive.entries().map_err(|error| damaged(error.to_string()))?;
        for entry in entries {
            let mut entry = entry.map_err(|error| damaged(error.to_string()))?;
            let path = entry.path_bytes().into_owned();
            let place = members.iter().position(|member| path.ends_with(member.as_bytes()));
            if let Some(place) = place {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(|error| damaged(error.to_string()))?;
                found[place] = Some(bytes);
            }
        }
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for (bytes, member) in found.into_iter().zip(members) {
            let bytes = bytes.ok_or_else(|| damaged(format!("no `{member}`")))?;
            let records = bytes.chunks_exact(self.labels + IMAGE);
            if !records.remainder().is_empty() || bytes.is_empty() {
                return Err(damaged(format!("{} bytes in `{member}`", bytes.len())));
            }
            for record in records {
                labels.push(record[label]);
                let planes = &record[self.labels..];
                let pixel = |i: usize| (0..CHANNELS).map(move |c| planes[c * SIDE * SIDE + i]);
                pixels.extend((0..SIDE * SIDE).flat_map(pixel));
            }
        }
        let count = labels.len();
        let x = Array::from_slice([count, SIDE, SIDE, CHANNELS], &pixels)?;
        Ok(Split { x, y: Array::from_slice([count, 1], &labels)? })
    }
}
