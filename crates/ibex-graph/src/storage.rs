//! The memory of arrays: aligned to 64 bytes, zero at first.
//!
//! Much memory comes straight from the system, all of it at once: a fault for every page costs
//! several times as much, most of all when two threads meet them in the first step.
//! (Tried and left: pages that come when they are touched, and large pages; figures in
//! `BENCHMARKS.md`.)
//! Pages that are no longer needed wait a while for who asks for as many: a batch of images is
//! followed by another one of the same size.
//! It must not know what the bytes mean.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytemuck::{Pod, Zeroable};
use memmap2::{MmapMut, MmapOptions};

/// From how many bytes on memory comes straight from the system.
const LARGE: usize = 1 << 18;
/// The most bytes that wait.
const WAITING: usize = 64 << 20;

/// 64 bytes that begin at a multiple of 64.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Line([u8; 64]);

/// Some bytes, aligned to 64; there may be up to 63 more of them than were asked for.
pub(crate) enum Storage {
    /// From the allocator.
    Lines(Vec<Line>),
    /// From the system.
    Pages(Pages),
}

/// Pages that wait for the next who needs them when they are dropped; always some until then.
pub(crate) struct Pages(Option<MmapMut>);

/// The pages that wait, those that do so the longest first.
static WAITERS: Mutex<VecDeque<MmapMut>> = Mutex::new(VecDeque::new());

/// Does something with the pages that wait.
fn waiters<T>(f: impl FnOnce(&mut VecDeque<MmapMut>) -> T) -> T {
    f(&mut WAITERS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Pages of exactly this size that were used before, if some wait.
fn used(bytes: usize) -> Option<MmapMut> {
    waiters(|waiters| {
        // What was used last is the most likely to be in a cache.
        let place = waiters.iter().rposition(|pages| pages.len() == bytes)?;
        waiters.remove(place)
    })
}

/// Lets pages wait, and gives back to the system those that waited the longest.
fn wait(pages: MmapMut) {
    if pages.len() > WAITING {
        return;
    }
    let mut too_many = Vec::new();
    waiters(|waiters| {
        waiters.push_back(pages);
        let mut bytes: usize = waiters.iter().map(|pages| pages.len()).sum();
        while bytes > WAITING {
            let Some(oldest) = waiters.pop_front() else { break };
            bytes -= oldest.len();
            too_many.push(oldest);
        }
    });
    // Giving pages back takes a while, for which nobody has to wait.
    drop(too_many);
}

impl Storage {
    /// At least as many bytes, all zero.
    pub(crate) fn zeros(bytes: usize) -> Storage {
        if bytes >= LARGE
            && let Some(mut pages) = used(bytes)
        {
            pages.fill(0);
            return Storage::Pages(Pages(Some(pages)));
        }
        Storage::fresh(bytes)
    }

    /// At least as many bytes of no particular value.
    pub(crate) fn unset(bytes: usize) -> Storage {
        match (bytes >= LARGE).then(|| used(bytes)).flatten() {
            Some(pages) => Storage::Pages(Pages(Some(pages))),
            None => Storage::fresh(bytes),
        }
    }

    /// Bytes that nobody used before: all zero.
    fn fresh(bytes: usize) -> Storage {
        // A system that gives no pages is asked by the allocator, which knows how to fail.
        let whole = || MmapOptions::new().len(bytes).populate().map_anon().ok();
        match (bytes >= LARGE).then(whole).flatten() {
            None => Storage::Lines(bytemuck::zeroed_vec(bytes.div_ceil(64))),
            Some(pages) => Storage::Pages(Pages(Some(pages))),
        }
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Storage::Lines(lines) => bytemuck::cast_slice(lines),
            Storage::Pages(pages) => pages.0.as_deref().unwrap_or_default(),
        }
    }

    /// The bytes, to be written.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Storage::Lines(lines) => bytemuck::cast_slice_mut(lines),
            Storage::Pages(pages) => pages.0.as_deref_mut().unwrap_or_default(),
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(wait);
    }
}

impl Clone for Storage {
    fn clone(&self) -> Storage {
        let mut copy = Storage::unset(self.bytes().len());
        // Both round up to the same size, whichever way they got it.
        copy.bytes_mut()[..self.bytes().len()].copy_from_slice(self.bytes());
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_were_used_are_zero_again_and_only_some_wait() {
        // A size that no other test of this process asks for.
        let size = 3 * LARGE + 64;
        let mut storage = Storage::zeros(size);
        storage.bytes_mut().fill(5);
        drop(storage);
        assert!(Storage::zeros(size).bytes().iter().all(|&byte| byte == 0));
        drop((0..2 * WAITING / size).map(|_| Storage::unset(size)).collect::<Vec<_>>());
        drop(Storage::unset(WAITING + 64));
        let waiting: usize = waiters(|waiters| waiters.iter().map(|pages| pages.len()).sum());
        assert!(waiting <= WAITING, "{waiting}");
    }

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
