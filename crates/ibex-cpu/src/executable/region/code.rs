//! What is known about a region before it runs: where each register lies and what defines it.

use ibex_compile::program::{InstructionKind, Operand, Region, Step};
use ibex_graph::DType;

use super::function::{Call, call};
use super::strided::Walk;
use super::tile::Uniforms;
use super::unpool::Unpooling;
use crate::executable::memory::{Layout, Located, Memory};
use crate::scratch;

/// Most uniform registers of a region that are kept on the stack.
pub(super) const UNIFORMS: usize = 96;

/// Bytes that the registers of a tile may take together: half of a first cache of 32 KiB.
const REGISTERS: usize = 16 << 10;

/// Rows of at least so many positions are read where they lie; shorter ones are repeated for each
/// task, since tiles of one short row each would cost more.
const ROW: usize = 1024;

/// Bytes of a line of the cache.
pub(super) const LINE: usize = 64;

/// Operands of so many bytes come from beyond the second cache.
const LARGE: usize = 1 << 20;

/// Positions of the next tile that an instruction asks for, at most: more lines at once than a
/// cache can wait for keep the instruction from its work.
const ASKED: usize = 512;

/// Where a register lies while a tile is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// One value for all positions, in this slot of eight bytes.
    Uniform(usize),
    /// In the tile's buffer of this number.
    Buffer(usize),
    /// In a contiguous operand.
    Memory(Located),
    /// In an operand that is one row of so many elements, the same for all rows of the space.
    Row(Located, usize),
    /// In such an operand, repeated as often as a tile needs: the one of this number.
    Repeated(usize),
}

/// Where a register lies that gets a buffer: they are numbered once it is known how long each is
/// needed.
const PENDING: Home = Home::Buffer(usize::MAX);

/// Where a register lies that nobody reads: any place would do.
const NOWHERE: Home = Home::Uniform(0);

/// A short row that each task repeats for itself, so that tiles may reach over many rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeated {
    pub(super) place: Located,
    /// Elements of the row.
    pub(super) row: usize,
    /// Bytes of an element.
    pub(super) width: usize,
    /// Where its repetitions begin among the buffers, and how many bytes they take: enough for a
    /// tile from any position of the row on.
    pub(super) from: usize,
    pub(super) bytes: usize,
}

/// How a register comes about.
#[derive(Debug, Clone)]
pub(super) enum Define {
    /// It is there already.
    Nothing,
    /// Elements collected from a strided operand.
    Gather(Located, Walk),
    /// A loop over registers.
    Call(Call, [usize; 3]),
    /// The index along an axis.
    Iota(usize, usize),
    /// Random numbers from the state at this place.
    Random(Located, u32),
    /// The gradient of a maximum pooling, from the gradients and places of windows.
    Unpool([Located; 2], Box<Unpooling>),
}

/// One register.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) width: usize,
    pub(super) dtype: DType,
    pub(super) home: Home,
    pub(super) define: Define,
}

/// A register that is copied to memory when the tile is done.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) register: usize,
    pub(super) to: Located,
    /// How the operand lies; `None` if it is contiguous.
    pub(super) walk: Option<Walk>,
}

/// A resolved region.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) entries: Vec<Entry>,
    /// Uniform registers, computed once per run.
    pub(super) once: Vec<usize>,
    /// Those that are computed for each tile.
    pub(super) each: Vec<usize>,
    /// Registers that lie elsewhere for each tile.
    pub(super) moving: Vec<usize>,
    pub(super) copies: Vec<Copy>,
    constants: Vec<(usize, [u8; 8])>,
    /// Positions of a tile.
    pub(super) tile: usize,
    /// Positions of a row, if no tile may reach from one row into the next.
    pub(super) row: Option<usize>,
    /// Where the buffers begin, in bytes.
    pub(super) buffers: Vec<usize>,
    pub(super) repeated: Vec<Repeated>,
    /// Bytes that a task needs for buffers and repeated rows.
    pub(super) room: usize,
    uniforms: usize,
    /// Large operands that are read or written where they lie, with the bytes of their elements:
    /// the lines of the next tile are asked for while this one is computed. A line that is
    /// written has to come from memory as well, and the processor waits for too many of them.
    pub(super) ahead: Vec<(Located, usize)>,
}

impl Entry {
    /// Where an operand lies that is read there, and the bytes of an element.
    fn read_in_place(&self) -> Option<(Located, usize)> {
        match (self.home, &self.define) {
            (Home::Memory(place), Define::Nothing) => Some((place, self.width)),
            _ => None,
        }
    }
}

impl Code {
    pub(super) fn new(region: &Region, step: &Step, layout: &Layout) -> Code {
        let mut code = Code {
            entries: Vec::with_capacity(region.code.len()),
            once: Vec::new(),
            each: Vec::new(),
            moving: Vec::new(),
            copies: Vec::new(),
            constants: Vec::new(),
            tile: 0,
            row: None,
            buffers: Vec::new(),
            repeated: Vec::new(),
            room: 0,
            uniforms: 0,
            ahead: Vec::new(),
        };
        for (register, instruction) in region.code.iter().enumerate() {
            let entry = code.entry(register, instruction.kind, instruction.dtype, step, layout);
            code.entries.push(entry);
        }
        code.join_pairs(region);
        code.ask_ahead(region, step, layout);
        code.stores(region, step, layout);
        code.allocate(region);
        let moves = |home: &Home| !matches!(home, Home::Uniform(_) | Home::Buffer(_));
        code.moving = (0..code.entries.len()).filter(|&r| moves(&code.entries[r].home)).collect();
        if region.space.contains(&0) {
            // Operands without elements have no first one to read.
            code.once.clear();
        }
        code.lay_out();
        code
    }

    /// Chooses the length of a tile, and where buffers and repeated rows lie: one behind another,
    /// without gaps, so that they share the sets of the first cache evenly.
    fn lay_out(&mut self) {
        // A buffer holds registers of several widths, one after another.
        let mut widths = vec![0; self.buffers.len()];
        for entry in &self.entries {
            if let Home::Buffer(buffer) = entry.home {
                widths[buffer] = entry.width.max(widths[buffer]);
            }
        }
        let rows = self.repeated.iter().map(|row| row.width);
        let each: usize = widths.iter().copied().chain(rows).sum();
        self.tile = (REGISTERS / each.max(1)).clamp(256, 2048) / 64 * 64;
        if !self.ahead.is_empty() && !self.each.is_empty() {
            self.tile = self.tile.min(ASKED * self.each.len());
        }
        self.room = 0;
        let mut take = |bytes: usize| {
            self.room += bytes.next_multiple_of(LINE);
            self.room - bytes.next_multiple_of(LINE)
        };
        self.buffers = widths.iter().map(|width| take(self.tile * width)).collect();
        for row in &mut self.repeated {
            row.bytes = (self.tile / row.row + 2) * row.row * row.width;
            row.from = take(row.bytes);
        }
    }

    /// How many of the positions from `at` on may be computed together, at most `count`.
    #[inline]
    pub(super) fn together(&self, at: usize, count: usize) -> usize {
        match self.row {
            Some(row) => count.min(self.tile).min(row - at % row),
            None => count.min(self.tile),
        }
    }

    fn uniform(&mut self) -> Home {
        self.uniforms += 1;
        Home::Uniform(self.uniforms - 1)
    }

    fn entry(
        &mut self,
        register: usize,
        kind: InstructionKind,
        dtype: DType,
        step: &Step,
        layout: &Layout,
    ) -> Entry {
        let entry = |home, define| Entry { width: dtype.size(), dtype, home, define };
        match kind {
            InstructionKind::Load(input) => self.load(register, &step.inputs[input], layout),
            InstructionKind::Constant(number) => {
                let home = self.uniform();
                if let Home::Uniform(slot) = home {
                    self.constants.push((slot, super::function::bits(dtype, number)));
                }
                entry(home, Define::Nothing)
            }
            InstructionKind::Iota { inner, extent } => {
                self.each.push(register);
                entry(PENDING, Define::Iota(inner, extent))
            }
            InstructionKind::RandomUniform { state, stream } => {
                self.each.push(register);
                let place = layout.locate(&step.inputs[state]);
                entry(PENDING, Define::Random(place, stream))
            }
            InstructionKind::Unpool { gradients, places, unpool } => {
                self.each.push(register);
                let read = [gradients, places].map(|input| layout.locate(&step.inputs[input]));
                entry(PENDING, Define::Unpool(read, Box::new(Unpooling::new(&unpool, dtype))))
            }
            InstructionKind::Unary(..)
            | InstructionKind::Binary(..)
            | InstructionKind::Compare(..)
            | InstructionKind::Select(..)
            | InstructionKind::Cast(_) => {
                let mut read = [register; 3];
                for (to, from) in read.iter_mut().zip(kind.registers()) {
                    *to = from;
                }
                let is_uniform =
                    |r: &usize| *r == register || matches!(self.entries[*r].home, Home::Uniform(_));
                let forms = read.map(|r| is_uniform(&r));
                let from = self.entries.get(read[0]).map_or(dtype, |e| e.dtype);
                let define = Define::Call(call(kind, from, dtype, forms), read);
                if forms == [true; 3] {
                    self.once.push(register);
                    return entry(self.uniform(), define);
                }
                self.each.push(register);
                entry(PENDING, define)
            }
        }
    }

    /// A register that holds the elements of an operand.
    fn load(&mut self, register: usize, operand: &Operand, layout: &Layout) -> Entry {
        let dtype = operand.dtype;
        let entry = |home, define| Entry { width: dtype.size(), dtype, home, define };
        let place = layout.locate(operand);
        let walk = Walk::new(&operand.shape, &operand.strides);
        if operand.strides.iter().zip(&operand.shape).all(|(&s, &d)| s == 0 || d == 1) {
            self.once.push(register);
            return entry(self.uniform(), Define::Gather(place, walk));
        }
        if operand.is_contiguous() {
            return entry(Home::Memory(place), Define::Nothing);
        }
        match walk.repeated_row().filter(|&row| row > 0) {
            Some(row) if row < ROW => {
                let width = dtype.size();
                self.repeated.push(Repeated { place, row, width, from: 0, bytes: 0 });
                entry(Home::Repeated(self.repeated.len() - 1), Define::Nothing)
            }
            Some(row) => {
                // Rows are inner axes together, so the shortest divides the others.
                self.row = Some(self.row.map_or(row, |shortest| shortest.min(row)));
                entry(Home::Row(place, row), Define::Nothing)
            }
            None => {
                self.each.push(register);
                entry(PENDING, Define::Gather(place, walk))
            }
        }
    }

    /// Computes what only one instruction takes together with it, where there is a loop for both.
    fn join_pairs(&mut self, region: &Region) {
        let mut uses = vec![0; region.code.len()];
        let read = region.code.iter().flat_map(|instruction| instruction.kind.registers());
        let stored = region.stores.iter().map(|store| store.register);
        read.chain(stored).for_each(|register| uses[register] += 1);
        let mut joined = vec![false; region.code.len()];
        for (register, instruction) in region.code.iter().enumerate() {
            let single = |r: usize| {
                let entry = &self.entries[r];
                entry.dtype == DType::F32 && entry.home == PENDING && !joined[r]
            };
            let of = instruction.kind.registers().find(|&of| uses[of] == 1 && single(of));
            let Some(of) = of.filter(|_| single(register)) else { continue };
            let is_uniform = |r: usize| matches!(self.entries[r].home, Home::Uniform(_));
            let first = region.code[of].kind;
            if !first.registers().all(|r| self.entries[r].dtype == DType::F32) {
                continue;
            }
            let found = super::function::pair(of, first, instruction.kind, is_uniform);
            let Some((call, read)) = found else { continue };
            self.entries[register].define = Define::Call(call, read);
            (self.entries[of].define, self.entries[of].home) = (Define::Nothing, NOWHERE);
            self.each.retain(|&other| other != of);
            joined[register] = true;
        }
    }

    /// The registers that are read where this one is computed.
    fn reads(&self, register: usize) -> impl Iterator<Item = usize> {
        let read = match &self.entries[register].define {
            Define::Call(_, read) => *read,
            _ => [register; 3],
        };
        read.into_iter().filter(move |&r| r != register)
    }

    /// Notes the large operands that lie in memory as they are read or written.
    fn ask_ahead(&mut self, region: &Region, step: &Step, layout: &Layout) {
        let size: usize = region.space.iter().product();
        let read = self.entries.iter().filter_map(Entry::read_in_place);
        let stores = region.stores.iter().filter(|store| store.reduction.is_none());
        let outputs = stores.map(|store| &step.outputs[store.output]);
        let written = outputs.filter(|operand| operand.is_contiguous());
        let written = written.map(|operand| (layout.locate(operand), operand.dtype.size()));
        for operand in read.chain(written) {
            if size * operand.1 >= LARGE && !self.ahead.contains(&operand) {
                self.ahead.push(operand);
            }
        }
    }

    /// Decides for each store whether its register may be computed where it is stored.
    fn stores(&mut self, region: &Region, step: &Step, layout: &Layout) {
        for store in region.stores.iter().filter(|store| store.reduction.is_none()) {
            let operand = &step.outputs[store.output];
            let to = layout.locate(operand);
            let contiguous = operand.is_contiguous();
            let free = matches!(self.entries[store.register].home, Home::Buffer(_));
            if contiguous && free && !self.read_later(region, store.register, to) {
                self.entries[store.register].home = Home::Memory(to);
                continue;
            }
            let walk = (!contiguous).then(|| Walk::new(&operand.shape, &operand.strides));
            self.copies.push(Copy { register: store.register, to, walk });
        }
    }

    /// Whether an operand that lies at `to` is still read after `register` is computed, so that
    /// it must not be overwritten so early.
    ///
    /// The plan lets an output share memory with an input of the step only from the same first
    /// element on.
    fn read_later(&self, region: &Region, register: usize, to: Located) -> bool {
        let lies_there = |r: usize| match (&self.entries[r].home, &self.entries[r].define) {
            (Home::Memory(place) | Home::Row(place, _), Define::Nothing) => *place == to,
            (Home::Repeated(index), _) => self.repeated[*index].place == to,
            (_, Define::Gather(place, _)) => *place == to && r > register,
            _ => false,
        };
        let later = register + 1..region.code.len();
        let by_code = later.clone().any(|r| self.reads(r).any(lies_there));
        let gathered = later
            .clone()
            .any(|r| matches!(&self.entries[r].define, Define::Gather(place, _) if *place == to));
        let by_store = region
            .stores
            .iter()
            .any(|store| lies_there(store.register) && store.register != register);
        by_code || gathered || by_store
    }

    /// Gives registers their buffers, reusing those of registers that are not needed any more.
    fn allocate(&mut self, region: &Region) {
        let count = region.code.len();
        let mut last: Vec<usize> = (0..count).collect();
        for at in 0..count {
            self.reads(at).for_each(|r| last[r] = at);
        }
        let copied = self.copies.iter().map(|copy| copy.register);
        let reduced = region.stores.iter().filter(|s| s.reduction.is_some()).map(|s| s.register);
        copied.chain(reduced).for_each(|register| last[register] = count);
        let mut free: Vec<usize> = Vec::new();
        for at in 0..count {
            // An output may be the very memory of an operand: kernels read before they write.
            for register in 0..at {
                if last[register] == at
                    && let Home::Buffer(buffer) = self.entries[register].home
                    && self.entries[register].width == self.entries[at].width
                    && !free.contains(&buffer)
                {
                    free.push(buffer);
                }
            }
            if matches!(self.entries[at].home, Home::Buffer(_)) {
                let buffer = free.pop().unwrap_or_else(|| {
                    self.buffers.push(0);
                    self.buffers.len() - 1
                });
                self.entries[at].home = Home::Buffer(buffer);
            }
            for register in 0..=at {
                if last[register] == at
                    && let Home::Buffer(buffer) = self.entries[register].home
                    && self.entries[at].home != Home::Buffer(buffer)
                    && !free.contains(&buffer)
                {
                    free.push(buffer);
                }
            }
        }
    }

    /// Computes what is the same everywhere and hands it to `body`.
    ///
    /// # Safety
    /// As for `Launch::launch`.
    pub(super) unsafe fn with_uniforms<R>(
        &self,
        memory: &Memory,
        body: impl FnOnce(Uniforms) -> R,
    ) -> R {
        let run = |slots: *mut [u8; 8]| {
            // SAFETY: there is a slot for every uniform register.
            unsafe {
                for &(slot, bits) in &self.constants {
                    *slots.add(slot) = bits;
                }
                for &register in &self.once {
                    self.define_uniform(register, slots, memory);
                }
            }
            body(Uniforms(slots))
        };
        if self.uniforms <= UNIFORMS {
            let mut slots = [[0u8; 8]; UNIFORMS];
            return run(slots.as_mut_ptr());
        }
        scratch::with(scratch::Slot::Partial, self.uniforms * 2, |slots| run(slots.cast()))
    }

    /// # Safety
    /// As for `Launch::launch`; `slots` has room for every uniform register.
    unsafe fn define_uniform(&self, register: usize, slots: *mut [u8; 8], memory: &Memory) {
        let slot = |r: usize| match self.entries[r].home {
            // SAFETY: there is a slot for every uniform register.
            Home::Uniform(slot) => unsafe { slots.add(slot).cast::<u8>() },
            Home::Buffer(_) | Home::Memory(_) | Home::Row(..) | Home::Repeated(_) => {
                slots.cast::<u8>()
            }
        };
        let entry = &self.entries[register];
        // SAFETY: the operand's first element is there; registers hold one element each.
        unsafe {
            match &entry.define {
                Define::Gather(place, _) => {
                    slot(register).copy_from_nonoverlapping(memory.at(*place), entry.width);
                }
                Define::Call(call, read) => {
                    call.run(read.map(|r| slot(r).cast_const()), slot(register), 1);
                }
                Define::Nothing | Define::Iota(..) | Define::Random(..) | Define::Unpool(..) => {}
            }
        }
    }
}
