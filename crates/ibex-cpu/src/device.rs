//! The processor as a [`Device`].
//!
//! Must not know: graphs, layers, files.

use std::sync::Arc;

use ibex_compile::{Backend, Device, Executable, Program};
use ibex_graph::{DType, Error, Op};

use crate::executable::CpuExecutable;
use crate::isa::Isa;
use crate::pool::ThreadPool;

/// The processor of this machine, with a number of threads of its own.
///
/// `threads` counts the caller; `None` takes every core available to the process.
/// Programs of one device share its threads.
pub fn device(threads: Option<usize>) -> Device {
    let pool = threads.map_or_else(ThreadPool::default, ThreadPool::new);
    Device::new(Cpu { pool: Arc::new(pool) })
}

/// The backend that runs programs on the processor.
#[derive(Debug)]
struct Cpu {
    pool: Arc<ThreadPool>,
}

impl Backend for Cpu {
    fn name(&self) -> String {
        let threads = self.pool.threads();
        let plural = if threads == 1 { "" } else { "s" };
        format!("cpu ({}, {threads} thread{plural})", Isa::current().name())
    }

    fn supports(&self, op: &Op, dtype: DType) -> bool {
        crate::executable::supports(op, dtype)
    }

    fn ends(&self, op: &Op, dtype: DType) -> bool {
        dtype == DType::F32 && crate::executable::ends(op)
    }

    fn overwrites(&self, op: &Op) -> Option<(usize, usize)> {
        crate::executable::overwrites(op)
    }

    fn load(&self, program: Program) -> Result<Box<dyn Executable>, Error> {
        Ok(Box::new(CpuExecutable::load(program, self.pool.clone())?))
    }
}
