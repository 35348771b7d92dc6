//! Programs made ready to run: every operand has its pointer and every step its kernel.
//!
//! [`CpuExecutable::run`] resolves pointers, locks the variables and walks the steps; it allocates
//! nothing and looks nothing up.
//! Read in this order: this file, `memory`, `region` (fused element-wise loops), `op` (the table
//! of all other operations) and the files that it names.
//! Must not know: graphs, layers, files.

mod attention;
mod contraction;
mod convolution;
mod indexing;
mod kept;
mod lines;
mod matrices;
mod memory;
mod movement;
mod op;
mod pooling;
mod recurrent;
mod region;
mod sampling;
mod taps;
mod windows;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ibex_compile::program::{Place, Work};
use ibex_compile::{Executable, Program};
use ibex_graph::{Array, Error, Reading, Type, Writing};

use crate::pool::ThreadPool;
use memory::{Layout, Memory};
pub(crate) use op::{ends, overwrites, supports};

/// A step with everything resolved that does not change from run to run.
pub(crate) trait Launch: Send {
    /// Does the work of the step.
    ///
    /// # Safety
    /// `memory` holds every buffer of the program, in its full size, and nobody else reads or
    /// writes what the step writes, or writes what it reads, until it returns.
    unsafe fn launch(&self, memory: &Memory, pool: &ThreadPool);
}

/// A loaded program.
pub(crate) struct CpuExecutable {
    program: Program,
    pool: Arc<ThreadPool>,
    steps: Vec<Box<dyn Launch>>,
    outputs: Vec<Array>,
    memory: Memory,
    arena: Array,
    /// For each variable, whether a step writes it.
    written: Vec<bool>,
    /// Empty between runs; keeps its capacity.
    guards: Vec<Held>,
}

/// A variable, locked for the length of a run.
enum Held {
    Written(Writing<'static>),
    Read(Reading<'static>),
}

impl Held {
    fn value(&self) -> &Array {
        match self {
            Held::Written(guard) => guard,
            Held::Read(guard) => guard,
        }
    }
}

// SAFETY: `guards` is empty between calls of `run`, so no lock moves to another thread; the
// pointers in `memory` are replaced at the beginning of every run.
unsafe impl Send for CpuExecutable {}

impl fmt::Debug for CpuExecutable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CpuExecutable").field("steps", &self.steps.len()).finish_non_exhaustive()
    }
}

/// Asks whether the memory of a program is to be had, which allocating it would not survive.
fn check_memory(program: &Program) -> Result<(), Error> {
    let outputs = program.outputs.iter().map(Type::bytes);
    let bytes = outputs.fold(program.arena_bytes, usize::saturating_add);
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| {
        Error::Call(format!(
            "the program does not fit into memory\n  expected  {} MB of memory for its values\n  \
             help: use a smaller batch size, or a smaller model",
            bytes / 1_000_000
        ))
    })
}

impl CpuExecutable {
    pub(crate) fn load(program: Program, pool: Arc<ThreadPool>) -> Result<CpuExecutable, Error> {
        check_memory(&program)?;
        let layout = &Layout::of(&program);
        let steps = program.steps.iter().map(|step| match &step.work {
            Work::Elementwise(region) => Ok(region::load(region, step, layout)),
            Work::Op(op) => op::load(op, step, layout),
            Work::Product(product) => op::load_product(product, step, layout),
        });
        let steps = steps.collect::<Result<Vec<_>, Error>>()?;
        let outputs =
            program.outputs.iter().map(|ty| Array::zeros(ty.dtype, ty.shape.clone())).collect();
        let arena = Array::zeros(ibex_graph::DType::U8, [program.arena_bytes]);
        let guards = Vec::with_capacity(program.variables.len());
        let memory = Memory::new(&program);
        let mut written = vec![false; program.variables.len()];
        for operand in program.steps.iter().flat_map(|step| &step.outputs) {
            if let Place::Variable(index) = operand.place {
                written[index] = true;
            }
        }
        Ok(CpuExecutable { program, pool, steps, outputs, memory, arena, written, guards })
    }

    fn check(&self, inputs: &[&Array]) -> Result<(), Error> {
        if inputs.len() != self.program.inputs.len() {
            return Err(Error::Call(format!(
                "wrong number of inputs\n  expected  {}\n  received  {}",
                self.program.inputs.len(),
                inputs.len()
            )));
        }
        for (argument, input) in self.program.inputs.iter().zip(inputs) {
            if input.dtype() != argument.ty.dtype || *input.shape() != argument.ty.shape {
                return Err(Error::Call(format!(
                    "input `{}` has the wrong type\n  expected  {}\n  received  {}",
                    argument.name,
                    argument.ty,
                    Type::new(input.dtype(), input.shape())
                )));
            }
        }
        Ok(())
    }

    /// Runs the steps and calls `done` after each.
    fn run_steps(
        &mut self,
        inputs: &[&Array],
        into: Option<&mut [&mut [u8]]>,
        mut done: impl FnMut(usize),
    ) -> Result<(), Error> {
        self.check(inputs)?;
        let resolved = self.resolve(inputs, into);
        let CpuExecutable { steps, memory, pool, guards, .. } = self;
        let _unlock = Unlock(guards);
        resolved?;
        for (index, step) in steps.iter().enumerate() {
            // SAFETY: `resolve` pointed the memory at buffers of the sizes of the program's types;
            // the variables are locked, outputs and arena belong to this executable, and steps
            // run one after another.
            unsafe { step.launch(memory, pool) };
            done(index);
        }
        Ok(())
    }

    /// Whether the caller's memory is that of the outputs.
    fn check_room(&self, outputs: &[&mut [u8]]) -> Result<(), Error> {
        let expected: Vec<usize> = self.program.outputs.iter().map(Type::bytes).collect();
        let received: Vec<usize> = outputs.iter().map(|output| output.len()).collect();
        match expected == received {
            true => Ok(()),
            false => Err(Error::Call(format!(
                "the memory for the outputs has other sizes\n  expected  {expected:?} bytes\n  \
                 received  {received:?} bytes"
            ))),
        }
    }

    /// Locks every variable and points the memory at what this run reads and writes.
    fn resolve(&mut self, inputs: &[&Array], into: Option<&mut [&mut [u8]]>) -> Result<(), Error> {
        let CpuExecutable { program, memory, guards, outputs, arena, written, .. } = self;
        match into {
            Some(into) => {
                let places = into.iter_mut().map(|output| output.as_mut_ptr());
                memory.begin(arena, inputs, places, &program.constants);
            }
            None => {
                let places = outputs.iter_mut().map(|output| output.bytes_mut().as_mut_ptr());
                memory.begin(arena, inputs, places, &program.constants);
            }
        }
        for (variable, &written) in program.variables.iter().zip(&*written) {
            // SAFETY: the program keeps the variable alive as long as this executable, and `run`
            // drops every guard before it returns.
            let mut held = unsafe {
                match written {
                    true => Held::Written(std::mem::transmute::<Writing<'_>, Writing<'static>>(
                        variable.lock(),
                    )),
                    false => Held::Read(std::mem::transmute::<Reading<'_>, Reading<'static>>(
                        variable.read(),
                    )),
                }
            };
            let value = held.value();
            if value.bytes().len() != variable.ty().bytes() {
                return Err(Error::Call(format!(
                    "the value of variable `{}` was replaced\n  expected  {}\n  received  {}",
                    variable.name(),
                    variable.ty(),
                    Type::new(value.dtype(), value.shape())
                )));
            }
            match &mut held {
                Held::Written(guard) => memory.add_variable(guard.bytes_mut()),
                Held::Read(guard) => memory.add_weight(guard.bytes(), guard.version()),
            }
            guards.push(held);
        }
        Ok(())
    }
}

/// Gives the locks back, also when a kernel panics.
struct Unlock<'a>(&'a mut Vec<Held>);

impl Drop for Unlock<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}

impl Executable for CpuExecutable {
    fn run(&mut self, inputs: &[&Array]) -> Result<(), Error> {
        self.run_steps(inputs, None, |_| {})
    }

    fn run_into(&mut self, inputs: &[&Array], outputs: &mut [&mut [u8]]) -> Result<(), Error> {
        self.check_room(outputs)?;
        self.run_steps(inputs, Some(outputs), |_| {})
    }

    fn profile(&mut self, inputs: &[&Array]) -> Result<Vec<Duration>, Error> {
        let mut times = Vec::with_capacity(self.steps.len());
        let mut before = Instant::now();
        self.run_steps(inputs, None, |_| {
            let now = Instant::now();
            times.push(now - before);
            before = now;
        })?;
        Ok(times)
    }

    fn outputs(&self) -> &[Array] {
        &self.outputs
    }

    fn program(&self) -> &Program {
        &self.program
    }
}
