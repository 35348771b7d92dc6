//! Pages of memory from the system, which another thread brings while the first goes on.
//!
//! A page that comes when it is touched costs several times as much as one that is asked for, most
//! of all when two threads meet it in the first step; asking for all of them at once makes a
//! program wait that has other things to do before it uses them, such as to compile the step.
//! So a thread of their own asks for the pages, a piece at a time; who wants to write to them
//! before they are all there asks for the rest alone.
//! (Tried and left: pages that come when they are touched, and large pages; figures in
//! `BENCHMARKS.md`.)
//! Pages that are no longer needed wait a while for who asks for as many: a batch of images is
//! followed by another one of the same size.
//! It must not know what the bytes mean.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use memmap2::{MmapMut, MmapOptions};

/// From how many bytes on another thread brings the pages.
const MANY: usize = 1 << 20;
/// The bytes of a piece, whole pages of every usual size: nobody else maps memory meanwhile.
const PIECE: usize = 1 << 18;
/// The most bytes that wait.
const WAITING: usize = 64 << 20;

/// Some pages, which wait for the next who needs them when they are dropped.
pub(crate) struct Pages(
    /// Always some until then; shared with whoever still brings pages of it.
    Option<Arc<MmapMut>>,
);

/// A part of a mapping whose pages are not there yet.
struct Piece {
    of: Arc<MmapMut>,
    range: Range<usize>,
}

/// The pieces to be brought, in the order in which they were asked for.
static PIECES: Mutex<VecDeque<Piece>> = Mutex::new(VecDeque::new());
/// Told when there are pieces.
static ASKED: Condvar = Condvar::new();
/// Told when a piece has been brought.
static BROUGHT: Condvar = Condvar::new();
/// The mappings that wait, those that do so the longest first.
static WAITERS: Mutex<VecDeque<MmapMut>> = Mutex::new(VecDeque::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pages {
    /// Bytes that nobody used before: all zero; none if the system has no more.
    pub(crate) fn fresh(bytes: usize) -> Option<Pages> {
        let options = MmapOptions::new();
        if bytes < MANY || !bringer_is_there() {
            let pages = options.clone().len(bytes).populate().map_anon().ok()?;
            return Some(Pages(Some(Arc::new(pages))));
        }
        let pages = Arc::new(options.clone().len(bytes).map_anon().ok()?);
        let ranges = (0..bytes).step_by(PIECE).map(|from| from..bytes.min(from + PIECE));
        locked(&PIECES).extend(ranges.map(|range| Piece { of: Arc::clone(&pages), range }));
        ASKED.notify_one();
        Some(Pages(Some(pages)))
    }

    /// Bytes of exactly this size that were used before, if some wait.
    pub(crate) fn used(bytes: usize) -> Option<Pages> {
        let mut waiters = locked(&WAITERS);
        // What was used last is the most likely to be in a cache.
        let place = waiters.iter().rposition(|pages| pages.len() == bytes)?;
        Some(Pages(Some(Arc::new(waiters.remove(place)?))))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |pages| pages)
    }

    /// The bytes, to be written: all pages are there.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let Some(pages) = &mut self.0 else { return &mut [] };
        while Arc::strong_count(pages) > 1 {
            bring_rest(pages);
        }
        // Nobody else shares them any more.
        Arc::get_mut(pages).map_or(&mut [], |pages| pages)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let Some(pages) = self.0.take() else { return };
        if Arc::strong_count(&pages) > 1 {
            locked(&PIECES).retain(|piece| !Arc::ptr_eq(&piece.of, &pages));
        }
        // Pages that are being brought go back to the system afterwards.
        if let Ok(pages) = Arc::try_unwrap(pages) {
            wait(pages);
        }
    }
}

/// Lets pages wait, and gives back to the system those that waited the longest.
fn wait(pages: MmapMut) {
    if pages.len() > WAITING {
        return;
    }
    let mut too_many = Vec::new();
    let mut waiters = locked(&WAITERS);
    waiters.push_back(pages);
    let mut bytes: usize = waiters.iter().map(|pages| pages.len()).sum();
    while bytes > WAITING {
        let Some(oldest) = waiters.pop_front() else { break };
        bytes -= oldest.len();
        too_many.push(oldest);
    }
    // Giving pages back takes a while, for which nobody has to wait.
    drop(waiters);
    drop(too_many);
}

/// Whether there is a thread that brings pages; the first who asks starts it.
fn bringer_is_there() -> bool {
    static BRINGER: OnceLock<bool> = OnceLock::new();
    let start = || thread::Builder::new().name("ibex-pages".into()).spawn(bring_forever).is_ok();
    cfg!(target_os = "linux") && *BRINGER.get_or_init(start)
}

fn bring_forever() {
    let mut pieces = locked(&PIECES);
    loop {
        match pieces.pop_front() {
            Some(piece) => {
                drop(pieces);
                piece.bring();
                pieces = locked(&PIECES);
                BROUGHT.notify_all();
            }
            None => pieces = ASKED.wait(pieces).unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// Brings a piece of a mapping, the last that is not there; if there is none, waits for one that
/// another thread brings.
fn bring_rest(pages: &Arc<MmapMut>) {
    let mut pieces = locked(&PIECES);
    let place = pieces.iter().rposition(|piece| Arc::ptr_eq(&piece.of, pages));
    match place.and_then(|place| pieces.remove(place)) {
        Some(piece) => {
            drop(pieces);
            piece.bring();
        }
        // It lets go of its share before it takes the lock.
        None if Arc::strong_count(pages) > 1 => {
            drop(BROUGHT.wait(pieces).unwrap_or_else(PoisonError::into_inner));
        }
        None => {}
    }
}

impl Piece {
    /// Asks the system for the pages, and lets go of the mapping.
    /// Where a system does not know the question, they come when they are touched.
    fn bring(self) {
        #[cfg(target_os = "linux")]
        let _ = self.of.advise_range(
            memmap2::Advice::PopulateWrite,
            self.range.start,
            self.range.len(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_were_used_are_found_again_and_only_some_wait() {
        // A size that no other test of this process asks for.
        let size = 3 * MANY + 64;
        let pages = || Pages::fresh(size).unwrap();
        let mut first = pages();
        first.bytes_mut().fill(5);
        drop(first);
        assert!(Pages::used(size).unwrap().bytes().iter().all(|&byte| byte == 5));
        let mut many: Vec<_> = (0..2 * WAITING / size).map(|_| pages()).collect();
        for pages in &mut many {
            pages.bytes_mut()[size - 1] = 1;
        }
        drop(many);
        let mut too_large = Pages::fresh(WAITING + 64).unwrap();
        too_large.bytes_mut()[WAITING] = 1;
        drop(too_large);
        let waiting: usize = locked(&WAITERS).iter().map(|pages| pages.len()).sum();
        assert!((size..=WAITING).contains(&waiting), "{waiting}");
    }

    #[test]
    fn pages_are_zero_and_keep_what_is_written_whoever_brings_them() {
        let size = 3 * PIECE + 5000;
        thread::scope(|scope| {
            for thread in 1..=4 {
                scope.spawn(move || {
                    let mut many: Vec<_> = (0..8).map(|_| Pages::fresh(size).unwrap()).collect();
                    assert!(many[0].bytes().iter().all(|&byte| byte == 0));
                    // Some are dropped while pages of theirs are on the way.
                    many.truncate(6);
                    for pages in many.iter_mut().rev() {
                        assert!(pages.bytes_mut().iter().all(|&byte| byte == 0));
                        pages.bytes_mut().fill(thread);
                    }
                    assert!(many.iter().all(|pages| pages.bytes().iter().all(|&b| b == thread)));
                });
            }
        });
        let mine = |piece: &Piece| piece.of.len() == size;
        assert!(!locked(&PIECES).iter().any(mine), "somebody left pieces behind");
    }
}
