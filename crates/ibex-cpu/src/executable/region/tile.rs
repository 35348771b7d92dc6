//! Running the instructions of a region over one tile.

use std::mem::MaybeUninit;

use ibex_graph::rng::Draw;
use ibex_graph::{DType, Element, with_element};

use super::code::{Code, Define, Home, LINE};
use super::strided::repeat;
use crate::executable::memory::Memory;
use crate::{random, scratch};

/// The uniform registers of a run, shared by its tasks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Uniforms(pub(super) *const [u8; 8]);

// SAFETY: the slots are only read while tasks run.
unsafe impl Sync for Uniforms {}

/// Registers of a region whose places a thread keeps on its stack; those of larger regions lie in
/// working memory.
const FEW: usize = 32;

/// What one thread needs to compute tiles.
pub(super) struct Frame<'a> {
    code: &'a Code,
    memory: &'a Memory,
    uniforms: Uniforms,
    buffers: *mut u8,
    /// Where each register lies for the current tile.
    lanes: *mut Lane,
}

/// A register of the current tile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    pub(super) data: *mut u8,
    /// Whether there is one value for all positions.
    pub(super) single: bool,
}

impl<'a> Frame<'a> {
    /// Calls `body` with this thread's buffers.
    pub(super) fn with<R>(
        code: &'a Code,
        memory: &'a Memory,
        uniforms: Uniforms,
        body: impl FnOnce(&Frame<'a>) -> R,
    ) -> R {
        let mut few = [const { MaybeUninit::<Lane>::uninit() }; FEW];
        let many =
            if code.entries.len() > FEW { size_of::<Lane>() * code.entries.len() } else { 0 };
        let run = |buffers: *mut u8| {
            let lanes = match many {
                0 => few.as_mut_ptr().cast(),
                _ => buffers.wrapping_add(code.room).cast(),
            };
            let frame = Frame { code, memory, uniforms, buffers, lanes };
            // SAFETY: the buffers have room for every repeated row, and the rows are there; there
            // is a place for every register.
            unsafe {
                frame.repeat_rows();
                for register in 0..code.entries.len() {
                    frame.place(register, 0);
                }
            }
            body(&frame)
        };
        match code.room + many {
            0 => run(std::ptr::null_mut()),
            room => scratch::with(scratch::Slot::Private, room.div_ceil(4), |all| run(all.cast())),
        }
    }

    /// Repeats the short rows.
    ///
    /// # Safety
    /// The rows are in memory, and the buffers have room for them.
    unsafe fn repeat_rows(&self) {
        for row in &self.code.repeated {
            let (to, bytes) = (self.buffers.wrapping_add(row.from), row.row * row.width);
            // SAFETY: as the caller promises.
            unsafe {
                to.copy_from_nonoverlapping(self.memory.at(row.place), bytes);
                repeat(to, bytes, row.bytes);
            }
        }
    }

    /// Where a register lies for the tile that was computed last.
    #[inline(always)]
    pub(super) fn lane(&self, register: usize) -> Lane {
        debug_assert!(register < self.code.entries.len());
        // SAFETY: every register was given its place when the frame was made.
        unsafe { *self.lanes.add(register) }
    }

    /// Notes where a register lies for a tile that begins at `start`.
    ///
    /// # Safety
    /// The register is one of the code's.
    #[inline(always)]
    unsafe fn place(&self, register: usize, start: usize) {
        let entry = &self.code.entries[register];
        let (data, single) = match entry.home {
            Home::Uniform(slot) => {
                (self.uniforms.0.wrapping_add(slot).cast_mut().cast::<u8>(), true)
            }
            Home::Buffer(buffer) => (self.buffers.wrapping_add(self.code.buffers[buffer]), false),
            Home::Memory(place) => (self.memory.at(place).wrapping_add(start * entry.width), false),
            Home::Repeated(index) => {
                let row = self.code.repeated[index];
                (self.buffers.wrapping_add(row.from + start % row.row * row.width), false)
            }
            Home::Row(place, row) => {
                (self.memory.at(place).wrapping_add(start % row * entry.width), false)
            }
        };
        // SAFETY: as the caller promises.
        unsafe { self.lanes.add(register).write(Lane { data, single }) };
    }

    /// Computes positions `start .. start + count`, at most [`Code::together`], and stores what is
    /// stored element by element.
    ///
    /// # Safety
    /// The positions lie in the space, nobody else computes them, and as for `Launch::launch`.
    pub(super) unsafe fn evaluate(&self, start: usize, count: usize) {
        // SAFETY: as the caller promises.
        unsafe {
            self.compute(start, count, start + count);
            self.store(start, count);
        }
    }

    /// Computes the positions, and stores nothing over what registers still read; `next` is where
    /// the next ones, as many, are likely to begin.
    ///
    /// # Safety
    /// As for [`Frame::evaluate`].
    pub(super) unsafe fn compute(&self, start: usize, count: usize, next: usize) {
        // SAFETY: registers hold a tile, operands every position of the space.
        unsafe {
            self.code.moving.iter().for_each(|&register| self.place(register, start));
            // Each instruction asks for its share of the next tile.
            let share = count.div_ceil(self.code.each.len().max(1)).next_multiple_of(LINE);
            let mut asked = 0;
            for &register in &self.code.each {
                self.ask(next + asked, share.min(count - asked));
                asked = count.min(asked + share);
                match &self.code.entries[register].define {
                    Define::Call(call, read) => {
                        let to = self.lane(register).data;
                        call.run(read.map(|r| self.lane(r).data.cast_const()), to, count);
                    }
                    _ => self.define(register, start, count),
                }
            }
            // The processor itself asks for what follows; it does not see where a row goes on.
            if self.code.each.is_empty() && next != start + count {
                self.ask(next, count);
            }
        }
    }

    /// Computes a register that does not come from others.
    ///
    /// # Safety
    /// As for [`Frame::evaluate`].
    #[inline(never)]
    unsafe fn define(&self, register: usize, start: usize, count: usize) {
        let entry = &self.code.entries[register];
        let to = self.lane(register).data;
        // SAFETY: registers hold a tile, operands every position of the space.
        unsafe {
            match &entry.define {
                Define::Nothing | Define::Call(..) => {}
                Define::Gather(place, walk) => {
                    walk.gather(self.memory.at(*place), to, (start, count), entry.width);
                }
                Define::Iota(inner, extent) => {
                    iota(entry.dtype, to, (start, count), *inner, *extent);
                }
                Define::Random(place, stream) => {
                    let state = self.memory.read::<i64>(*place, 2);
                    let draw = Draw::new(state[0] as u64, state[1] as u64, *stream);
                    let to = std::slice::from_raw_parts_mut(to.cast::<f32>(), count);
                    random::uniform(&draw, to, start as u64);
                }
                Define::Unpool(read, unpooling) => {
                    let [gradients, places] = read.map(|place| self.memory.at(place));
                    unpooling.run(gradients, places.cast(), to, (start, count));
                }
            }
        }
    }

    /// Asks for large operands at `count` positions from `start` on.
    #[inline]
    fn ask(&self, start: usize, count: usize) {
        for &(place, width) in &self.code.ahead {
            let first = self.memory.at(place).wrapping_add(start * width);
            for at in (0..count * width).step_by(LINE) {
                crate::simd::ask(first.wrapping_add(at));
            }
        }
    }

    /// Stores what was computed; an output may be the very memory of an operand, so that whoever
    /// reads registers does it before.
    ///
    /// # Safety
    /// As for [`Frame::evaluate`], after [`Frame::compute`] for the same positions.
    pub(super) unsafe fn store(&self, start: usize, count: usize) {
        for copy in &self.code.copies {
            let Lane { data, single } = self.lane(copy.register);
            let width = self.code.entries[copy.register].width;
            let to = self.memory.at(copy.to);
            // SAFETY: as above; the positions of an output are this task's own.
            unsafe {
                match &copy.walk {
                    Some(walk) => walk.scatter((data, single), to, (start, count), width),
                    None if single => {
                        for i in start..start + count {
                            to.add(i * width).copy_from_nonoverlapping(data, width);
                        }
                    }
                    // The register may be an operand that lies where it is stored.
                    None => to.add(start * width).copy_from(data, count * width),
                }
            }
        }
    }
}

/// # Safety
/// `to` has room for `count` elements.
unsafe fn iota(
    dtype: DType,
    to: *mut u8,
    (start, count): (usize, usize),
    inner: usize,
    extent: usize,
) {
    with_element!(dtype, T => {
        for i in 0..count {
            let index = (start + i) / inner % extent;
            // SAFETY: as the caller promises.
            unsafe { *to.cast::<T>().add(i) = T::from_f64(index as f64) };
        }
    });
}
