//! Working memory of the kernels: one growing buffer per thread and purpose, kept for ever.
//!
//! After the first call of the largest size a kernel allocates nothing.
//! Must not know: what is kept in the buffers.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::NonNull;

/// Alignment of every buffer: a cache line, which is also the widest vector.
const ALIGN: usize = 64;

/// Floats that take as much room as a pointer.
pub(crate) const POINTER: usize = size_of::<*const f32>() / size_of::<f32>();

/// What a buffer is for; a thread may hold one of each at a time without allocating.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    /// An operand packed for all threads.
    Shared = 0,
    /// An operand packed by one task for itself.
    Private = 1,
    /// Partial results, reduced in fixed order afterwards.
    Partial = 2,
    /// Rearranged operands of a convolution, or of a recurrence.
    Rearranged = 3,
    /// Results that are used up, or spread over their places, afterwards.
    Phase = 4,
    /// Images and kernels of some groups of channels.
    Group = 5,
}

/// Aligned memory of at least the asked number of floats, uninitialised.
#[derive(Debug)]
pub(crate) struct Buffer {
    data: NonNull<f32>,
    bytes: usize,
}

impl Buffer {
    /// Nothing yet.
    pub(crate) const EMPTY: Self = Self { data: NonNull::dangling(), bytes: 0 };

    /// The first float.
    pub(crate) fn data(&self) -> *mut f32 {
        self.data.as_ptr()
    }

    /// Makes room for so many bytes; what was there may be lost.
    pub(crate) fn grow(&mut self, bytes: usize) {
        if bytes <= self.bytes {
            return;
        }
        let bytes = bytes.next_multiple_of(1 << 16);
        let Ok(layout) = Layout::from_size_align(bytes, ALIGN) else {
            // invariant: a kernel's buffers are smaller than its operands, which fit in memory.
            panic!("a kernel asks for {bytes} bytes of working memory: more than can be addressed")
        };
        // SAFETY: the layout has a size above zero.
        let data = unsafe { alloc(layout) };
        let Some(data) = NonNull::new(data.cast::<f32>()) else { handle_alloc_error(layout) };
        *self = Self { data, bytes };
    }
}

// SAFETY: a buffer owns its memory, as a `Vec` does.
unsafe impl Send for Buffer {}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.bytes > 0 {
            // SAFETY: allocated in `grow` with this very layout.
            unsafe {
                let layout = Layout::from_size_align_unchecked(self.bytes, ALIGN);
                dealloc(self.data.as_ptr().cast(), layout);
            }
        }
    }
}

thread_local! {
    static BUFFERS: [Cell<Option<Buffer>>; 6] = const { [const { Cell::new(None) }; 6] };
}

/// Calls `body` with this thread's buffer of at least `floats` floats, 64-byte aligned and
/// uninitialised.
pub(crate) fn with<R>(slot: Slot, floats: usize, body: impl FnOnce(*mut f32) -> R) -> R {
    // Taken out while in use: a nested call of the same slot gets a buffer of its own.
    let taken = BUFFERS.with(|buffers| buffers[slot as usize].take());
    let mut buffer = taken.unwrap_or(Buffer::EMPTY);
    buffer.grow(floats.saturating_mul(size_of::<f32>()));
    let result = body(buffer.data());
    BUFFERS.with(|buffers| buffers[slot as usize].set(Some(buffer)));
    result
}

/// Reserves what most kernels need, so that a thread which first takes part in a later call
/// allocates nothing then. Memory that is never touched costs nothing.
pub(crate) fn reserve() {
    with(Slot::Private, 1 << 17, |_| ());
    with(Slot::Shared, 1 << 18, |_| ());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_kept_and_not_shared_by_nested_calls() {
        let first = with(Slot::Shared, 1000, |data| {
            let inner = with(Slot::Shared, 10, |other| other as usize);
            assert_ne!(inner, data as usize);
            data as usize
        });
        assert_eq!(first % ALIGN, 0);
        assert_eq!(with(Slot::Shared, 500, |data| data as usize), first);
    }
}
