//! The memory of arrays: aligned to 64 bytes (parts of shared memory to an element), zero at first.
//!
//! Much memory comes straight from the system, in pages.
//! It must not know what the bytes mean.

use std::ops::Range;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use crate::pages::Pages;

/// From how many bytes on memory comes straight from the system.
const LARGE: usize = 1 << 18;

/// 64 bytes that begin at a multiple of 64.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Line([u8; 64]);

/// Some bytes; there may be up to 63 more of them than were asked for.
pub(crate) enum Storage {
    /// From the allocator.
    Lines(Vec<Line>),
    /// From the system.
    Pages(Pages),
    /// Part of what several share; who writes to it makes a copy first.
    Part(Arc<Storage>, Range<usize>),
}

impl Storage {
    /// At least as many bytes, all zero.
    pub(crate) fn zeros(bytes: usize) -> Storage {
        if bytes >= LARGE
            && let Some(mut pages) = Pages::used(bytes)
        {
            pages.bytes_mut().fill(0);
            return Storage::Pages(pages);
        }
        Storage::fresh(bytes)
    }

    /// At least as many bytes of no particular value.
    pub(crate) fn unset(bytes: usize) -> Storage {
        match (bytes >= LARGE).then(|| Pages::used(bytes)).flatten() {
            Some(pages) => Storage::Pages(pages),
            None => Storage::fresh(bytes),
        }
    }

    /// Bytes that nobody used before: all zero.
    fn fresh(bytes: usize) -> Storage {
        // A system that gives no pages is asked by the allocator, which knows how to fail.
        match (bytes >= LARGE).then(|| Pages::fresh(bytes)).flatten() {
            None => Storage::Lines(bytemuck::zeroed_vec(bytes.div_ceil(64))),
            Some(pages) => Storage::Pages(pages),
        }
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Storage::Lines(lines) => bytemuck::cast_slice(lines),
            Storage::Pages(pages) => pages.bytes(),
            Storage::Part(whole, range) => &whole.bytes()[range.clone()],
        }
    }

    /// Lets others share the first `len` bytes, which are those that were asked for.
    pub(crate) fn share(&mut self, len: usize) {
        if !matches!(self, Storage::Part(..)) {
            let whole = std::mem::replace(self, Storage::Lines(Vec::new()));
            *self = Storage::Part(Arc::new(whole), 0..len);
        }
    }

    /// These bytes of them without a copy, if they are shared and there are so many.
    pub(crate) fn part(&self, bytes: Range<usize>) -> Option<Storage> {
        let Storage::Part(whole, range) = self else { return None };
        let part = range.start + bytes.start..range.start + bytes.end;
        (part.end <= range.end).then(|| Storage::Part(Arc::clone(whole), part))
    }

    /// The bytes, to be written.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Storage::Lines(lines) => bytemuck::cast_slice_mut(lines),
            Storage::Pages(pages) => pages.bytes_mut(),
            Storage::Part(..) => {
                *self = self.copied();
                self.bytes_mut()
            }
        }
    }

    /// A copy of its own.
    fn copied(&self) -> Storage {
        let mut copy = Storage::unset(self.bytes().len());
        // Both round up to the same size, whichever way they got it.
        copy.bytes_mut()[..self.bytes().len()].copy_from_slice(self.bytes());
        copy
    }
}

impl Clone for Storage {
    fn clone(&self) -> Storage {
        match self {
            Storage::Part(whole, range) => Storage::Part(Arc::clone(whole), range.clone()),
            Storage::Lines(_) | Storage::Pages(_) => self.copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_and_much_memory_is_zero_aligned_and_copied() {
        for size in [0, 1, 64, 1000, LARGE - 1, LARGE, LARGE + 1, 5 * LARGE + 3] {
            let mut storage = Storage::zeros(size);
            assert!(storage.bytes().len() >= size);
            assert!(storage.bytes().iter().all(|&byte| byte == 0));
            assert_eq!(storage.bytes().as_ptr() as usize % 64, 0);
            if size > 0 {
                storage.bytes_mut()[size - 1] = 7;
                let copy = storage.clone();
                storage.bytes_mut()[size - 1] = 8;
                assert_eq!(copy.bytes()[..size - 1], storage.bytes()[..size - 1]);
                assert_eq!(copy.bytes()[size - 1], 7);
            }
        }
    }
}
