//! The `.npz` format of numpy: a zip archive of `.npy` members, stored or deflated.
//!
//! It must not know what the arrays are for.

use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use zip::CompressionMethod;

use crate::array::RawArray;
use crate::atomic::write_atomically;
use crate::bytes::ByteSource;
use crate::error::{FormatError, Problem, Result, excerpt};
use crate::npy;
use crate::zip_archive::{ZipBuilder, ZipReader};

const EXTENSION: &str = ".npy";

/// How the members of an archive are packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compression {
    /// As they are, like `numpy.savez`.
    #[default]
    Stored,
    /// Deflated, like `numpy.savez_compressed`.
    Deflated,
}

impl From<Compression> for CompressionMethod {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Stored => Self::Stored,
            Compression::Deflated => Self::Deflated,
        }
    }
}

/// An open archive, from which arrays are read one at a time.
pub struct NpzReader {
    archive: ZipReader,
    path: Option<PathBuf>,
}

impl NpzReader {
    /// Opens a file; only its directory is read.
    ///
    /// # Errors
    /// When the file cannot be read or is no zip archive.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let archive = ZipReader::new(ByteSource::open(path)?).map_err(|e| e.in_file(path))?;
        Ok(Self { archive, path: Some(path.to_path_buf()) })
    }

    /// Opens an archive that is in memory.
    ///
    /// # Errors
    /// When the bytes are no zip archive.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        Ok(Self { archive: ZipReader::new(ByteSource::from_bytes(bytes))?, path: None })
    }

    /// The names of the arrays, without `.npy`, in the order of the file.
    pub fn names(&self) -> Vec<&str> {
        self.archive.names().filter_map(|name| name.strip_suffix(EXTENSION)).collect()
    }

    /// Whether there is an array of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.archive.contains(&format!("{name}{EXTENSION}"))
    }

    /// Reads one array.
    ///
    /// # Errors
    /// `Missing` when there is no such array, naming those that are there; otherwise as
    /// [`npy::parse`], naming the member.
    pub fn read(&mut self, name: &str) -> Result<RawArray> {
        self.read_member(name).map_err(|error| match &self.path {
            Some(path) => error.in_file(path),
            None => error,
        })
    }

    /// Reads an array of Python lists of integers, as Keras's data sets of texts are kept in.
    ///
    /// Nothing in its pickle is run.
    ///
    /// # Errors
    /// As [`NpzReader::read`]; and if it holds anything else.
    pub fn read_lists(&mut self, name: &str) -> Result<Vec<Vec<i32>>> {
        let read = self.member(name).and_then(|(member, bytes)| {
            npy::parse_lists(&bytes).map_err(|error| error.in_member(member))
        });
        read.map_err(|error| match &self.path {
            Some(path) => error.in_file(path),
            None => error,
        })
    }

    fn read_member(&mut self, name: &str) -> Result<RawArray> {
        let (member, bytes) = self.member(name)?;
        npy::parse(bytes).map_err(|error| error.in_member(member))
    }

    /// A member's name and bytes.
    fn member(&mut self, name: &str) -> Result<(String, Vec<u8>)> {
        if !self.contains(name) {
            let names: Vec<String> =
                self.names().iter().take(16).map(|name| format!("`{}`", excerpt(name))).collect();
            return Err(Problem::new(format!("there is no array `{}`", excerpt(name)))
                .received(if names.is_empty() { "no arrays".into() } else { names.join(", ") })
                .missing());
        }
        let member = format!("{name}{EXTENSION}");
        let bytes = self.archive.read(&member)?;
        Ok((member, bytes))
    }
}

/// Reads every array of a file, in its order.
///
/// # Errors
/// As [`NpzReader::open`] and [`NpzReader::read`].
pub fn read(path: impl AsRef<Path>) -> Result<Vec<(String, RawArray)>> {
    read_all(NpzReader::open(path)?)
}

/// Reads every array of an archive that is in memory, in its order.
///
/// # Errors
/// As [`NpzReader::from_bytes`] and [`NpzReader::read`].
pub fn from_bytes(bytes: Vec<u8>) -> Result<Vec<(String, RawArray)>> {
    read_all(NpzReader::from_bytes(bytes)?)
}

fn read_all(mut reader: NpzReader) -> Result<Vec<(String, RawArray)>> {
    let names: Vec<String> = reader.names().into_iter().map(str::to_string).collect();
    names.into_iter().map(|name| Ok((name.clone(), reader.read(&name)?))).collect()
}

/// Writes arrays under their names, whole or not at all; equal arrays give equal bytes.
///
/// # Errors
/// When a name occurs twice or is no plain path, for bfloat16, and when the disk refuses.
pub fn write<'a>(
    path: impl AsRef<Path>,
    arrays: impl IntoIterator<Item = (&'a str, &'a RawArray)>,
    compression: Compression,
) -> Result<()> {
    write_atomically(path, |file| {
        let mut out = write_to(BufWriter::new(file), arrays, compression)?;
        out.flush().map_err(FormatError::writing(""))
    })
}

/// Writes arrays under their names into `out` and gives it back.
///
/// # Errors
/// As [`write()`].
pub fn write_to<'a, W: Write + Seek>(
    out: W,
    arrays: impl IntoIterator<Item = (&'a str, &'a RawArray)>,
    compression: Compression,
) -> Result<W> {
    let mut builder = ZipBuilder::new(out);
    let mut names = std::collections::HashSet::new();
    for (name, array) in arrays {
        if !names.insert(name) {
            return Err(Problem::new(format!("two arrays are called `{}`", excerpt(name)))
                .expected("a name of its own for each array")
                .invalid());
        }
        let member = format!("{name}{EXTENSION}");
        builder.add(&member, compression.into(), npy::written_size(array), |out| {
            npy::write(array, out)
        })?;
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use std::io::Cursor;

    fn sample() -> Vec<(&'static str, RawArray)> {
        vec![
            ("y0", RawArray::from_slice(&[3], &[1i64, -2, 3]).unwrap()),
            ("x0", RawArray::from_slice(&[2, 2], &[0.5f32, 1.0, 1.5, 2.0]).unwrap()),
            ("scalar", RawArray::scalar(2.5f64)),
            ("empty", RawArray::from_slice::<f32>(&[0, 4], &[]).unwrap()),
        ]
    }

    fn bytes_of(arrays: &[(&str, RawArray)], compression: Compression) -> Result<Vec<u8>> {
        let arrays = arrays.iter().map(|(name, array)| (*name, array));
        write_to(Cursor::new(Vec::new()), arrays, compression).map(Cursor::into_inner)
    }

    #[test]
    fn arrays_come_back_in_their_order() {
        for compression in [Compression::Stored, Compression::Deflated] {
            let bytes = bytes_of(&sample(), compression).unwrap();
            assert_eq!(bytes, bytes_of(&sample(), compression).unwrap());
            let back = from_bytes(bytes).unwrap();
            let back: Vec<_> = back.iter().map(|(name, array)| (name.as_str(), array)).collect();
            let expected = sample();
            assert_eq!(back, expected.iter().map(|(n, a)| (*n, a)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_missing_array_is_named_with_those_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.npz");
        let arrays = sample();
        write(&path, arrays.iter().map(|(n, a)| (*n, a)), Compression::Stored).unwrap();
        let text = NpzReader::open(&path).unwrap().read("x1").unwrap_err().to_string();
        expect![[r#"
            there is no array `x1`
              received  `y0`, `x0`, `scalar`, `empty`
              at data.npz"#]]
        .assert_eq(&text.replace(&format!("{}/", folder.path().display()), ""));
    }

    #[test]
    fn the_member_that_is_wrong_is_named() {
        let mut builder = ZipBuilder::new(Cursor::new(Vec::new()));
        let header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }";
        builder
            .add("labels.npy", CompressionMethod::Stored, 0, |out| {
                let length = (header.len() as u16).to_le_bytes();
                for part in [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes()] {
                    out.write_all(part).map_err(FormatError::writing(""))?;
                }
                Ok(())
            })
            .unwrap();
        let error = from_bytes(builder.finish().unwrap().into_inner()).unwrap_err();
        expect![[r#"
            the array holds Python objects
              expected  float16/32/64, int8/16/32/64, uint8/16/32/64 or bool
              received  '|O'
              at labels.npy
              help: such a file can run code; save plain numbers instead"#]]
        .assert_eq(&error.to_string());
    }

    #[test]
    fn what_is_no_archive_says_so() {
        let error = from_bytes(b"not a zip file".to_vec()).err().unwrap();
        assert!(matches!(error, FormatError::Damaged(_)), "{error}");
        assert!(matches!(NpzReader::open("no/such.npz").err(), Some(FormatError::Io(_))));
    }

    #[test]
    fn names_are_checked_before_writing() {
        let one = RawArray::scalar(1.0f32);
        let twice = [("a", one.clone()), ("a", one.clone())];
        assert!(bytes_of(&twice, Compression::Stored).is_err());
        assert!(bytes_of(&[("../a", one)], Compression::Stored).is_err());
    }
}
