//! Large arrays, written from where they lie.
//!
//! The library that writes HDF5 wants the bytes of all arrays before it writes the first, which
//! would hold a model and the state of its optimizer twice.
//! So it gets blank memory for each large array, which the system gives on paper only as long as
//! nobody touches it, and where it hands a piece of that on to be written, the piece of the array
//! is written instead. That every array was met is checked at the end.
//! It must not know what a tree is.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::array::RawArray;
use crate::error::{Problem, Result};

/// Smaller arrays are given to the library as they are: what is small it may copy.
const LARGE: usize = 1 << 17;

/// The arrays that blank memory stands for, by the address where it begins.
#[derive(Debug, Default)]
pub(super) struct Blanks(BTreeMap<usize, RawArray>);

impl Blanks {
    /// The bytes of an array, or as many zeros that stand for them.
    pub(super) fn instead_of(&mut self, array: RawArray) -> Vec<u8> {
        if array.data().len() < LARGE {
            return array.into_data();
        }
        let blank = vec![0; array.data().len()];
        self.0.insert(blank.as_ptr().addr(), array);
        blank
    }

    /// The piece of an array that a piece of blank memory stands for.
    fn lookup(&self, piece: &[u8]) -> Option<&[u8]> {
        let address = piece.as_ptr().addr();
        let (start, array) = self.0.range(..=address).next_back()?;
        let from = address - start;
        array.data().get(from..from.checked_add(piece.len())?)
    }
}

/// A writer that puts arrays in the place of what stands for them.
pub(super) struct Filling<'a> {
    out: &'a mut dyn Write,
    blanks: Blanks,
    filled: u64,
}

impl<'a> Filling<'a> {
    pub(super) fn new(out: &'a mut dyn Write, blanks: Blanks) -> Self {
        Self { out, blanks, filled: 0 }
    }

    /// Checks that every array was written.
    pub(super) fn finish(self) -> Result<()> {
        let expected: u64 = self.blanks.0.values().map(|array| array.data().len() as u64).sum();
        if self.filled == expected {
            return Ok(());
        }
        Err(Problem::new("the HDF5 file was not written as its arrays are")
            .expected(format!("{expected} bytes of large arrays"))
            .received(format!("{} bytes of them", self.filled))
            .invalid())
    }
}

impl Write for Filling<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.blanks.lookup(bytes) {
            Some(piece) if !bytes.is_empty() => {
                let written = self.out.write(piece)?;
                self.filled += written as u64;
                Ok(written)
            }
            _ => self.out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_blanks_become_pieces_of_their_arrays_and_a_missing_one_is_noticed() {
        let values: Vec<f32> = (0..LARGE / 4 + 5).map(|index| index as f32).collect();
        let large = RawArray::from_slice(&[values.len()], &values).unwrap();
        let small = RawArray::from_slice(&[2], &[1.0f32, 2.0]).unwrap();
        let mut blanks = Blanks::default();
        let (blank, other) = (blanks.instead_of(large.clone()), blanks.instead_of(large.clone()));
        assert_eq!(blanks.instead_of(small.clone()), small.data());
        assert!(blank.iter().all(|&byte| byte == 0));
        let mut out = Vec::new();
        let mut filling = Filling::new(&mut out, blanks);
        filling.write_all(b"head").unwrap();
        filling.write_all(&blank[..1000]).unwrap();
        filling.write_all(&blank[1000..]).unwrap();
        let error = filling.finish().unwrap_err().to_string();
        assert!(error.starts_with("the HDF5 file was not written"), "{error}");
        drop(other);
        assert_eq!(out, [b"head", large.data()].concat());
    }
}
