//! Running the instructions of a region over one tile.

use ibex_graph::rng::Draw;
use ibex_graph::{DType, Element, with_element};

use super::code::{Code, Define, Home};
use crate::executable::memory::Memory;
use crate::{random, scratch};

/// The uniform registers of a run, shared by its tasks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Uniforms(pub(super) *const [u8; 8]);

// SAFETY: the slots are only read while tasks run.
unsafe impl Sync for Uniforms {}

/// What one thread needs to compute tiles.
pub(super) struct Frame<'a> {
    code: &'a Code,
    memory: &'a Memory,
    uniforms: Uniforms,
    buffers: *mut u8,
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
        if code.room == 0 {
            return body(&Frame { code, memory, uniforms, buffers: std::ptr::null_mut() });
        }
        scratch::with(scratch::Slot::Private, 2 * code.room, |buffers| {
            let frame = Frame { code, memory, uniforms, buffers: buffers.cast() };
            // SAFETY: the buffers have room for every repeated row, and the rows are there.
            unsafe { frame.repeat_rows() };
            body(&frame)
        })
    }

    /// Repeats the short rows.
    ///
    /// # Safety
    /// The rows are in memory, and the buffers have room for them.
    unsafe fn repeat_rows(&self) {
        for row in &self.code.repeated {
            let to = self.buffers.wrapping_add(row.from * 8);
            let all = row.elements * row.width;
            let mut done = row.row * row.width;
            // SAFETY: as the caller promises; what is there is copied behind itself.
            unsafe {
                to.copy_from_nonoverlapping(self.memory.at(row.place), done);
                while done < all {
                    let more = done.min(all - done);
                    to.add(done).copy_from_nonoverlapping(to, more);
                    done += more;
                }
            }
        }
    }

    /// Where a register lies for a tile that begins at `start`.
    #[inline]
    pub(super) fn lane(&self, register: usize, start: usize) -> Lane {
        let entry = &self.code.entries[register];
        match entry.home {
            Home::Uniform(slot) => {
                Lane { data: self.uniforms.0.wrapping_add(slot).cast_mut().cast(), single: true }
            }
            Home::Buffer(buffer) => {
                let data = self.buffers.wrapping_add(buffer * self.code.tile * 8);
                Lane { data, single: false }
            }
            Home::Memory(place) => {
                let data = self.memory.at(place).wrapping_add(start * entry.width);
                Lane { data, single: false }
            }
            Home::Repeated(index) => {
                let row = self.code.repeated[index];
                let data = self.buffers.wrapping_add(row.from * 8 + start % row.row * row.width);
                Lane { data, single: false }
            }
            Home::Row(place, row) => {
                let data = self.memory.at(place).wrapping_add(start % row * entry.width);
                Lane { data, single: false }
            }
        }
    }

    /// Computes positions `start .. start + count`, at most [`Code::together`], and stores what is
    /// stored element by element.
    ///
    /// # Safety
    /// The positions lie in the space, nobody else computes them, and as for `Launch::launch`.
    pub(super) unsafe fn evaluate(&self, start: usize, count: usize) {
        // SAFETY: as the caller promises.
        unsafe {
            self.compute(start, count);
            self.store(start, count);
        }
    }

    /// Computes the positions, and stores nothing over what registers still read.
    ///
    /// # Safety
    /// As for [`Frame::evaluate`].
    pub(super) unsafe fn compute(&self, start: usize, count: usize) {
        for (index, &register) in self.code.each.iter().enumerate() {
            let entry = &self.code.entries[register];
            self.ask(index, start + count, count);
            // SAFETY: registers hold a tile, operands every position of the space.
            unsafe {
                match &entry.define {
                    Define::Nothing => {}
                    Define::Call(call, read) => {
                        let to = self.lane(register, start).data;
                        call.run(read.map(|r| self.lane(r, start).data.cast_const()), to, count);
                    }
                    Define::Gather(place, walk) => {
                        let to = self.lane(register, start).data;
                        walk.gather(self.memory.at(*place), to, (start, count), entry.width);
                    }
                    Define::Iota(inner, extent) => {
                        let to = self.lane(register, start).data;
                        iota(entry.dtype, to, (start, count), *inner, *extent);
                    }
                    Define::Random(place, stream) => {
                        let state = self.memory.read::<i64>(*place, 2);
                        let draw = Draw::new(state[0] as u64, state[1] as u64, *stream);
                        let to = self.lane(register, start).data.cast::<f32>();
                        let to = std::slice::from_raw_parts_mut(to, count);
                        random::uniform(&draw, to, start as u64);
                    }
                    Define::Unpool(read, unpooling) => {
                        let [gradients, places] = read.map(|place| self.memory.at(place));
                        let to = self.lane(register, start).data;
                        unpooling.run(gradients, places.cast(), to, (start, count));
                    }
                }
            }
        }
    }

    /// Asks for the part of the next tile that falls to an instruction.
    #[inline]
    fn ask(&self, instruction: usize, next: usize, count: usize) {
        let parts = self.code.each.len();
        for &(place, width) in &self.code.ahead {
            let bytes = count * width;
            let (from, to) = (instruction * bytes / parts, (instruction + 1) * bytes / parts);
            let first = self.memory.at(place).wrapping_add(next * width);
            for at in (from / 64 * 64..to).step_by(64) {
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
            let Lane { data, single } = self.lane(copy.register, start);
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
