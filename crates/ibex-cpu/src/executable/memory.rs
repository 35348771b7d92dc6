//! Where the buffers of a run begin, and which of them hold what they held before.
//!
//! Must not know: what lies in them.

use std::sync::Arc;

use ibex_compile::Program;
use ibex_compile::program::{Operand, Place};
use ibex_graph::Array;

/// The first byte of every buffer of a program: arena, arguments, results, constants, variables.
#[derive(Debug)]
pub(crate) struct Memory {
    bases: Vec<*mut u8>,
    /// What tells the contents of each buffer from other contents; none where nothing does.
    versions: Vec<Option<u64>>,
}

/// A place in memory, known but for the base of its buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Located {
    base: usize,
    bytes: isize,
}

/// How many buffers of each kind a program has, which gives each its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    inputs: usize,
    outputs: usize,
    constants: usize,
}

// SAFETY: the pointers are only used under the contract of `Launch::launch`, which gives every
// task places of its own to write.
unsafe impl Sync for Memory {}

impl Memory {
    pub(crate) fn new(program: &Program) -> Memory {
        let count = program.inputs.len() + program.outputs.len() + program.constants.len();
        let count = 1 + count + program.variables.len();
        Memory { bases: Vec::with_capacity(count), versions: Vec::with_capacity(count) }
    }

    /// Forgets the last run and takes the buffers of the next, without its variables.
    pub(crate) fn begin(
        &mut self,
        arena: &mut Array,
        inputs: &[&Array],
        outputs: impl Iterator<Item = *mut u8>,
        constants: &[Arc<Array>],
    ) {
        self.bases.clear();
        self.bases.push(arena.bytes_mut().as_mut_ptr());
        // Programs never write arguments and constants.
        self.bases.extend(inputs.iter().map(|input| input.bytes().as_ptr().cast_mut()));
        self.bases.extend(outputs);
        self.versions.clear();
        self.versions.resize(self.bases.len(), None);
        self.bases.extend(constants.iter().map(|value| value.bytes().as_ptr().cast_mut()));
        self.versions.resize(self.bases.len(), Some(0));
    }

    /// The next variable, in the program's order, which the program writes.
    pub(crate) fn add_variable(&mut self, bytes: &mut [u8]) {
        self.bases.push(bytes.as_mut_ptr());
        self.versions.push(None);
    }

    /// The next variable, in the program's order, which the program only reads.
    pub(crate) fn add_weight(&mut self, bytes: &[u8], version: u64) {
        self.bases.push(bytes.as_ptr().cast_mut());
        self.versions.push(Some(version));
    }

    /// A number that is another one whenever the buffer of a place may hold something else; none
    /// if it changes within a run.
    pub(crate) fn version(&self, place: Located) -> Option<u64> {
        self.versions[place.base]
    }

    /// The address of a place.
    #[inline]
    pub(crate) fn at(&self, place: Located) -> *mut u8 {
        self.bases[place.base].wrapping_offset(place.bytes)
    }

    /// `count` elements at a place.
    ///
    /// # Safety
    /// They are there, of this type, and nobody writes them while the slice is alive.
    pub(crate) unsafe fn read<T>(&self, place: Located, count: usize) -> &[T] {
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts(self.at(place).cast(), count) }
    }

    /// `count` elements at a place, to be written.
    ///
    /// # Safety
    /// They are there, of this type, and nobody else uses them while the slice is alive.
    #[expect(clippy::mut_from_ref, reason = "the memory holds pointers; steps own what they write")]
    pub(crate) unsafe fn write<T>(&self, place: Located, count: usize) -> &mut [T] {
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.at(place).cast(), count) }
    }
}

impl Layout {
    pub(crate) fn of(program: &Program) -> Layout {
        Layout {
            inputs: program.inputs.len(),
            outputs: program.outputs.len(),
            constants: program.constants.len(),
        }
    }

    /// The place of an operand's first element.
    pub(crate) fn locate(&self, operand: &Operand) -> Located {
        let (base, bytes) = match operand.place {
            Place::Arena(offset) => (0, offset),
            Place::Input(index) => (1 + index, 0),
            Place::Output(index) => (1 + self.inputs + index, 0),
            Place::Constant(index) => (1 + self.inputs + self.outputs + index, 0),
            Place::Variable(index) => (1 + self.inputs + self.outputs + self.constants + index, 0),
        };
        let offset = operand.offset * operand.dtype.size() as isize;
        Located { base, bytes: bytes as isize + offset }
    }
}
