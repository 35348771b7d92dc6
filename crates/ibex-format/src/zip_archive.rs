//! Zip archives, read with bounds and written with the same bytes every time.
//!
//! It must not know what the members hold.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::bytes::{ByteCursor, ByteSource};
use crate::error::{FormatError, Problem, Result, excerpt};

/// More than this, DEFLATE cannot expand: 258 bytes from two bits.
const MAX_EXPANSION: u64 = 1032;

/// Members of at least this size need the 64-bit form of the zip format.
const LARGE_MEMBER: u64 = 0xf000_0000;

/// A member as the directory of the archive claims it.
#[derive(Debug, Clone)]
struct Member {
    name: String,
    size: u64,
    stored: bool,
}

/// An archive whose claims have been checked against the bytes that are there.
pub(crate) struct ZipReader {
    source: ByteSource,
    archive: ZipArchive<BufReader<ByteCursor>>,
    members: Vec<Member>,
}

impl ZipReader {
    /// Reads the directory of an archive.
    ///
    /// # Errors
    /// When it is no zip archive, when a path leaves it, when a name occurs twice, or when
    /// the claimed sizes cannot come from the bytes that are there.
    pub(crate) fn new(source: ByteSource) -> Result<Self> {
        let mut archive = ZipArchive::new(BufReader::new(source.cursor())).map_err(zip_error)?;
        let mut members = Vec::with_capacity(archive.len());
        let mut names = std::collections::HashSet::new();
        let mut packed = 0u64;
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(zip_error)?;
            let name = entry.name().map_err(zip_error)?.into_owned();
            check_member_path(name.trim_end_matches('/'))?;
            let stored = entry.compression() == CompressionMethod::Stored;
            check_expansion(stored, entry.compressed_size(), entry.size())
                .map_err(|error| error.in_member(excerpt(&name)))?;
            packed = packed.saturating_add(entry.compressed_size());
            if !names.insert(name.clone()) {
                return Err(Problem::new("the archive holds two members of one name")
                    .damaged()
                    .in_member(excerpt(&name)));
            }
            members.push(Member { name, size: entry.size(), stored });
        }
        // Members that share their bytes make a small archive unfold into a huge one.
        if packed > source.len() {
            return Err(Problem::new("the members of the archive overlap")
                .expected(format!("members of at most {} bytes together", source.len()))
                .received(format!("{packed} bytes"))
                .refused());
        }
        Ok(Self { source, archive, members })
    }

    /// The names of the members that are files, in the order of the archive.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|m| m.name.as_str()).filter(|name| !name.ends_with('/'))
    }

    /// Whether there is a member of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name == name)
    }

    /// The size of a member as the archive states it.
    pub(crate) fn size(&self, name: &str) -> Option<u64> {
        self.members.iter().find(|member| member.name == name).map(|member| member.size)
    }

    /// Whether a member is there, and not packed.
    pub(crate) fn is_stored(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name == name && member.stored)
    }

    /// The bytes of a member, checked against its checksum.
    pub(crate) fn read(&mut self, name: &str) -> Result<Vec<u8>> {
        let index = self.index_of(name)?;
        let claimed = self.members[index].size;
        let unpack = |archive: &mut ZipArchive<_>| -> Result<Vec<u8>> {
            let entry = archive.by_index(index).map_err(zip_error)?;
            // Room for what is certain to come; the rest is made as the bytes arrive.
            let certain = claimed.min(entry.compressed_size().saturating_mul(4));
            let mut bytes = Vec::with_capacity(usize::try_from(certain).unwrap_or(0));
            entry.take(claimed.saturating_add(1)).read_to_end(&mut bytes).map_err(unpack_error)?;
            check_size(claimed, bytes.len() as u64)?;
            Ok(bytes)
        };
        unpack(&mut self.archive).map_err(|error| error.in_member(name))
    }

    /// The bytes of a member as a source: in place when it is stored, unpacked when it is not.
    pub(crate) fn source(&mut self, name: &str) -> Result<ByteSource> {
        let index = self.index_of(name)?;
        if !self.members[index].stored {
            return Ok(ByteSource::from_bytes(self.read(name)?));
        }
        let source = &self.source;
        let locate = |archive: &mut ZipArchive<_>| -> Result<ByteSource> {
            let mut entry = archive.by_index(index).map_err(zip_error)?;
            let start = entry.data_start().ok_or_else(|| damaged("a member without a place"))?;
            let (size, sum) = (entry.compressed_size(), entry.crc32());
            check_size(entry.size(), size)?;
            let past_the_end = || damaged("a member past the end");
            let section = source.section(start, size).ok_or_else(past_the_end)?;
            match section.memory() {
                Some(bytes) if crc32fast::hash(bytes) == sum => {}
                Some(_) => return Err(damaged("a member whose bytes have another checksum")),
                // Reading it once is what verifies the checksum, at the price of no memory.
                None => {
                    io::copy(&mut entry, &mut io::sink()).map_err(unpack_error)?;
                }
            }
            Ok(section)
        };
        locate(&mut self.archive).map_err(|error| error.in_member(name))
    }

    fn index_of(&self, name: &str) -> Result<usize> {
        self.members.iter().position(|member| member.name == name).ok_or_else(|| {
            let names: Vec<String> =
                self.members.iter().take(8).map(|m| format!("`{}`", excerpt(&m.name))).collect();
            Problem::new(format!("the archive has no member `{}`", excerpt(name)))
                .received(format!("{} members: {}", self.members.len(), names.join(", ")))
                .missing()
        })
    }
}

/// Refuses a member path that could name anything outside its archive.
pub(crate) fn check_member_path(name: &str) -> Result<()> {
    let parts_are_plain = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if parts_are_plain && !name.contains(['\\', ':', '\0']) {
        return Ok(());
    }
    Err(Problem::new("a member path leaves its archive")
        .expected("a relative path with `/` between its parts, without `..`, `:` or `\\`")
        .received(format!("`{}`", excerpt(name)))
        .refused())
}

fn check_expansion(stored: bool, packed: u64, size: u64) -> Result<()> {
    let most = if stored { packed } else { packed.saturating_mul(MAX_EXPANSION) };
    if size <= most {
        return Ok(());
    }
    Err(Problem::new("a member claims more bytes than it can hold")
        .expected(format!("at most {most} bytes from {packed} packed ones"))
        .received(format!("{size} bytes"))
        .refused())
}

fn check_size(claimed: u64, received: u64) -> Result<()> {
    if claimed == received {
        return Ok(());
    }
    let received =
        if received > claimed { "more".to_string() } else { format!("{received} bytes") };
    Err(Problem::new("a member is not of the size that the archive states")
        .expected(format!("{claimed} bytes"))
        .received(received)
        .damaged())
}

fn damaged(reason: &str) -> FormatError {
    Problem::new("the zip archive is damaged").received(reason).damaged()
}

/// An error met while bytes are unpacked: of the disk, or of the bytes themselves.
fn unpack_error(error: io::Error) -> FormatError {
    match error.kind() {
        io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::Other => damaged(&error.to_string()),
        _ => FormatError::reading("")(error),
    }
}

fn zip_error(error: ZipError) -> FormatError {
    match error {
        ZipError::Io(error) => unpack_error(error),
        ZipError::UnsupportedArchive(reason) => {
            Problem::new("the zip archive uses something that is not read here")
                .expected("members stored or deflated, without encryption")
                .received(reason)
                .unsupported()
        }
        error => Problem::new("the file is no sound zip archive")
            .received(error.to_string())
            .help("it may be of another format, or cut short while it was copied")
            .damaged(),
    }
}

/// An archive being written: fixed times and permissions, so that equal content is equal bytes.
pub(crate) struct ZipBuilder<W: Write + Seek> {
    writer: ZipWriter<UntilFailure<W>>,
}

/// A writer that takes everything after its first failure.
///
/// The archive tries to end itself when it is dropped, and complains on stderr if it cannot; the
/// failure has been reported by then.
struct UntilFailure<W> {
    inner: W,
    failed: bool,
    /// Where the next byte goes, or would go: the archive reckons sizes from it.
    position: u64,
}

impl<W> UntilFailure<W> {
    fn noting<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.failed |= matches!(&result, Err(e) if e.kind() != io::ErrorKind::Interrupted);
        result
    }
}

impl<W: Write> Write for UntilFailure<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = if self.failed { Ok(bytes.len()) } else { self.inner.write(bytes) };
        self.position += *result.as_ref().unwrap_or(&0) as u64;
        self.noting(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.failed {
            return Ok(());
        }
        let result = self.inner.flush();
        self.noting(result)
    }
}

impl<W: Seek> Seek for UntilFailure<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let result = match (self.failed, to) {
            (false, to) => self.inner.seek(to),
            (true, SeekFrom::Start(position)) => Ok(position),
            (true, SeekFrom::Current(by)) => Ok(self.position.saturating_add_signed(by)),
            (true, SeekFrom::End(_)) => Ok(self.position),
        };
        self.position = *result.as_ref().unwrap_or(&self.position);
        self.noting(result)
    }
}

impl<W: Write + Seek> ZipBuilder<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { writer: ZipWriter::new(UntilFailure { inner, failed: false, position: 0 }) }
    }

    /// Adds a member; `size` is about how many bytes `write` is going to give.
    pub(crate) fn add(
        &mut self,
        name: &str,
        method: CompressionMethod,
        size: u64,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        check_member_path(name)?;
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(size >= LARGE_MEMBER);
        self.writer.start_file(name, options).map_err(write_error)?;
        write(&mut self.writer).map_err(|error| error.in_member(name))
    }

    /// Writes the directory and gives the writer back.
    pub(crate) fn finish(self) -> Result<W> {
        Ok(self.writer.finish().map_err(write_error)?.inner)
    }
}

fn write_error(error: ZipError) -> FormatError {
    match error {
        ZipError::Io(error) => FormatError::writing("")(error),
        error => {
            Problem::new("the zip archive cannot be written").received(error.to_string()).invalid()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn archive(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
        let mut builder = ZipBuilder::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            let size = bytes.len() as u64;
            let write =
                |out: &mut dyn Write| out.write_all(bytes).map_err(FormatError::writing(""));
            builder.add(name, method, size, write).unwrap();
        }
        builder.finish().unwrap().into_inner()
    }

    #[test]
    fn members_come_back_stored_and_deflated() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let bytes = archive(&[("a", b"one"), ("b/c", &[7; 5000])], method);
            assert_eq!(bytes, archive(&[("a", b"one"), ("b/c", &[7; 5000])], method));
            let mut reader = ZipReader::new(ByteSource::from_bytes(bytes)).unwrap();
            assert_eq!(reader.names().collect::<Vec<_>>(), ["a", "b/c"]);
            assert_eq!(reader.read("b/c").unwrap(), [7; 5000]);
            let source = reader.source("a").unwrap();
            let mut text = String::new();
            source.cursor().read_to_string(&mut text).unwrap();
            assert_eq!(text, "one");
            assert!(matches!(reader.read("z"), Err(FormatError::Missing(_))));
        }
    }

    #[test]
    fn paths_that_leave_the_archive_are_refused() {
        for path in ["", "/a", "../a", "a/../b", "a//b", "./a", "C:/a", "a\\b", "a\0"] {
            assert!(check_member_path(path).is_err(), "{path:?}");
        }
        for path in ["a", "assets/layers/text/vocabulary.txt", "..a", "a..b/c"] {
            assert!(check_member_path(path).is_ok(), "{path:?}");
        }
    }

    #[test]
    fn a_claim_beyond_the_packed_bytes_is_refused() {
        let mut bytes = archive(&[("a", &[0; 1000])], CompressionMethod::Deflated);
        // The uncompressed size in the directory entry, which is the last one of the file.
        let entry = bytes.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
        bytes[entry + 24..entry + 28].copy_from_slice(&0x7fff_0000u32.to_le_bytes());
        let error = ZipReader::new(ByteSource::from_bytes(bytes)).err().unwrap();
        assert!(matches!(error, FormatError::Refused(_)), "{error}");
    }

    #[test]
    fn a_flipped_byte_is_noticed() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let content: Vec<u8> = (0..200u8).collect();
            let mut bytes = archive(&[("a", &content)], method);
            bytes[60] ^= 0x40;
            let mut reader = ZipReader::new(ByteSource::from_bytes(bytes)).unwrap();
            assert!(matches!(reader.read("a"), Err(FormatError::Damaged(_))));
            assert!(matches!(reader.source("a"), Err(FormatError::Damaged(_))));
        }
    }
}
