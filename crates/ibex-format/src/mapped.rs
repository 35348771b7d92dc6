//! A file seen as memory: the one place outside the kernels where something is `unsafe`.
//!
//! It must not know what the bytes mean.

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::Mmap;

/// The bytes of a file, brought into memory by the system when they are looked at.
#[derive(Debug)]
pub(crate) struct Mapped(Mmap);

impl Mapped {
    /// Maps a regular file.
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: the map is read-only, and its bytes are only copied out or parsed as plain
        // bytes, for which every value is valid; another program that writes into the file
        // meanwhile can change what is read, not how it is treated.
        // One that cuts the file short ends this process, as with every mapped file.
        unsafe { Mmap::map(file) }.map(Self)
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
