//! Fused element-wise loops, run tile by tile by a vectorised interpreter.
//!
//! A tile is a run of positions of the iteration space short enough for every register to stay in
//! the first cache; each instruction is one call of a precompiled loop over the tile.
//! Two functions may be one loop, and each asks for its share of the next tile while it runs.
//! Registers that are the same everywhere are computed once per run; loads of contiguous operands
//! and the last instruction before a contiguous store work on memory directly.
//! Read in this order: `code` (what is resolved at load), `tile` (running it), `function` (which
//! loop computes what), `strided` (operands that are not contiguous), `unpool`, `fold`,
//! `reduction`.
//! Must not know: operations that are not element-wise, threads beyond the pool.

mod code;
mod fold;
mod function;
mod reduction;
mod strided;
mod tile;
mod unpool;

use ibex_compile::program::{Region, Step};

use super::Launch;
use super::memory::{Layout, Memory};
use crate::pool::ThreadPool;
use code::Code;
pub(crate) use function::{bits, vector_loop};
use tile::Frame;

/// Positions that one task covers: a fixed number, whatever the number of threads.
const TASK: usize = 1 << 14;

/// Positions times instructions, some ten microseconds of them, below which a fork costs more than
/// it saves.
const PARALLEL: usize = 1 << 18;

/// Resolves a region.
pub(crate) fn load(region: &Region, step: &Step, layout: &Layout) -> Box<dyn Launch> {
    let code = Code::new(region, step, layout);
    match region.stores.iter().any(|store| store.reduction.is_some()) {
        true => Box::new(reduction::Reducing::new(code, region, step, layout)),
        false => {
            let size = region.space.iter().product();
            Box::new(Map { parallel: size * region.code.len() >= PARALLEL, size, code })
        }
    }
}

/// A region that stores every element.
struct Map {
    code: Code,
    size: usize,
    parallel: bool,
}

impl Launch for Map {
    unsafe fn launch(&self, memory: &Memory, pool: &ThreadPool) {
        // SAFETY: tasks cover disjoint positions, which is where they write.
        unsafe {
            self.code.with_uniforms(memory, |uniforms| {
                let run = |from: usize, to: usize| {
                    Frame::with(&self.code, memory, uniforms, |frame| {
                        let mut at = from;
                        while at < to {
                            let count = self.code.together(at, to - at);
                            frame.evaluate(at, count);
                            at += count;
                        }
                    });
                };
                if !self.parallel {
                    return run(0, self.size);
                }
                pool.run(self.size.div_ceil(TASK), |task| {
                    run(task * TASK, self.size.min((task + 1) * TASK));
                });
            });
        }
    }
}
