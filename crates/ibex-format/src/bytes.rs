//! Bytes that can be read at any place: a file on disk, or memory, or a section of either.
//!
//! It must not know what the bytes mean.
//! Nothing here allocates by a length that a file claims.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{FormatError, Problem, Result};
use crate::mapped::Mapped;

/// A run of bytes, shared and cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ByteSource {
    store: Arc<Store>,
    start: u64,
    length: u64,
}

/// Bytes that belong to somebody else.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

enum Store {
    Memory(Vec<u8>),
    Lent(SharedBytes),
    Mapped(Mapped),
    // The position of a file belongs to all who hold it, hence the lock.
    File(Mutex<File>),
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Store::Memory(bytes) => write!(f, "{} bytes", bytes.len()),
            Store::Lent(bytes) => write!(f, "{} bytes, lent", (**bytes).as_ref().len()),
            Store::Mapped(mapped) => write!(f, "{} bytes, mapped", mapped.len()),
            Store::File(_) => f.write_str("a file"),
        }
    }
}

impl ByteSource {
    /// Opens a regular file without reading it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let (file, length) = open_file(path)?;
        Ok(Self { store: Arc::new(Store::File(Mutex::new(file))), start: 0, length })
    }

    /// Maps a regular file into memory, for readers that want all of its bytes at once.
    pub(crate) fn map(path: &Path) -> Result<Self> {
        let (file, length) = open_file(path)?;
        if length == 0 {
            return Ok(Self::from_bytes(Vec::new()));
        }
        let mapped = Mapped::new(&file).map_err(FormatError::reading(path))?;
        let length = mapped.len() as u64;
        Ok(Self { store: Arc::new(Store::Mapped(mapped)), start: 0, length })
    }

    /// Takes bytes that are in memory already.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        let length = bytes.len() as u64;
        Self { store: Arc::new(Store::Memory(bytes)), start: 0, length }
    }

    /// Shares bytes that are in memory and belong to somebody else, too.
    pub(crate) fn lent(bytes: SharedBytes) -> Self {
        let length = (*bytes).as_ref().len() as u64;
        Self { store: Arc::new(Store::Lent(bytes)), start: 0, length }
    }

    /// The number of bytes.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// A part of the bytes; `None` when it does not lie within them.
    pub(crate) fn section(&self, start: u64, length: u64) -> Option<Self> {
        let end = start.checked_add(length)?;
        (end <= self.length).then(|| Self {
            store: Arc::clone(&self.store),
            start: self.start + start,
            length,
        })
    }

    /// Fills `buffer` from `offset` on.
    pub(crate) fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let inside = self.section(offset, buffer.len() as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::UnexpectedEof, "read past the end of the bytes")
        })?;
        if let Store::File(file) = &*self.store {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(inside.start))?;
            return file.read_exact(buffer);
        }
        buffer.copy_from_slice(inside.memory().ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    /// The bytes where they lie; `None` for a file that is not mapped.
    pub(crate) fn memory(&self) -> Option<&[u8]> {
        let bytes: &[u8] = match &*self.store {
            Store::Memory(bytes) => bytes,
            Store::Lent(bytes) => (**bytes).as_ref(),
            Store::Mapped(mapped) => mapped,
            Store::File(_) => return None,
        };
        let start = usize::try_from(self.start).ok()?;
        bytes.get(start..start.checked_add(usize::try_from(self.length).ok()?)?)
    }

    /// A copy of a part of the bytes.
    ///
    /// Room is made only for bytes that are there.
    pub(crate) fn read_vec_at(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let inside = self.section(offset, length).ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut bytes = vec![0; length];
        inside.read_exact_at(0, &mut bytes)?;
        Ok(bytes)
    }

    /// A reader that starts at the first byte.
    pub(crate) fn cursor(&self) -> ByteCursor {
        ByteCursor { source: self.clone(), position: 0 }
    }
}

/// A regular file and its length.
fn open_file(path: &Path) -> Result<(File, u64)> {
    let file = File::open(path).map_err(FormatError::reading(path))?;
    let metadata = file.metadata().map_err(FormatError::reading(path))?;
    if !metadata.is_file() {
        let received = if metadata.is_dir() { "a folder" } else { "a device or a pipe" };
        return Err(Problem::new("this path cannot be read as a file")
            .expected("a regular file")
            .received(received)
            .invalid()
            .in_file(path));
    }
    Ok((file, metadata.len()))
}

/// A position in a [`ByteSource`].
#[derive(Debug)]
pub(crate) struct ByteCursor {
    source: ByteSource,
    position: u64,
}

impl Read for ByteCursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.source.len().saturating_sub(self.position);
        let count = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        if count == 0 {
            return Ok(0);
        }
        self.source.read_exact_at(self.position, &mut buffer[..count])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for ByteCursor {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(delta) => self.source.len().checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_never_leaves_its_source() {
        let source = ByteSource::from_bytes((0..10).collect());
        let section = source.section(4, 3).unwrap();
        let mut two = [0; 2];
        section.read_exact_at(1, &mut two).unwrap();
        assert_eq!(two, [5, 6]);
        assert!(section.read_exact_at(2, &mut two).is_err());
        assert!(source.section(8, 3).is_none());
        assert!(source.section(u64::MAX, 1).is_none());
    }

    #[test]
    fn only_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let error = ByteSource::open(folder.path()).unwrap_err();
        assert!(matches!(error, FormatError::Invalid(_)), "{error}");
        let error = ByteSource::open(&folder.path().join("missing")).unwrap_err();
        assert!(matches!(error, FormatError::Io(_)), "{error}");
    }

    #[test]
    fn a_cursor_reads_to_the_end_and_past_it_reads_nothing() {
        let mut cursor = ByteSource::from_bytes(vec![1, 2, 3]).cursor();
        cursor.seek(SeekFrom::End(-1)).unwrap();
        let mut rest = Vec::new();
        cursor.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, [3]);
        cursor.seek(SeekFrom::Start(u64::MAX)).unwrap();
        assert_eq!(cursor.read(&mut [0; 4]).unwrap(), 0);
    }
}
