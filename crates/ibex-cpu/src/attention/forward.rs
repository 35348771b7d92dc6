//! The result of attention, with a running maximum and sum for each query.

use super::block::{Block, Keys};
use super::{BLOCK, Dropout, HIDDEN, Inputs, KEYS, Mask, QUERIES, Shape, TASK};
use crate::gemm::{Epilogue, Pointer, Product, View, in_place, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch, math};

/// What attention writes.
#[derive(Clone, Copy, Debug)]
pub struct Forward {
    /// `(batch, queries, heads, value dim)`
    pub result: *mut f32,
    /// The largest score of each row, `(batch, queries, heads)`.
    pub largest: *mut f32,
    /// The logarithm of the sum of `exp(score - largest)`, likewise.
    pub log_sum: *mut f32,
}

/// Computes attention.
///
/// # Safety
/// All pointers are valid for the sizes of `shape`, the results overlap nothing, and nobody else
/// uses them meanwhile.
pub unsafe fn forward(pool: &ThreadPool, shape: &Shape, inputs: &Inputs, outputs: &Forward) {
    let blocks = shape.queries.div_ceil(QUERIES);
    let tasks = shape.batch * shape.heads * blocks;
    let work = shape.work() / blocks.max(1);
    let group = (TASK / work.max(1)).clamp(1, tasks.max(1));
    let [result, largest, log_sum] =
        [outputs.result, outputs.largest, outputs.log_sum].map(Pointer);
    run_if(pool, work.saturating_mul(tasks) >= 2 * TASK, tasks.div_ceil(group), |task| {
        let outputs =
            Forward { result: result.get(), largest: largest.get(), log_sum: log_sum.get() };
        for index in task * group..tasks.min((task + 1) * group) {
            let (head, index) = (index / blocks, index % blocks);
            let place = (head / shape.heads, head % shape.heads);
            let block = Block::new((shape, inputs), place, index);
            // SAFETY: as the caller promises; blocks write disjoint rows.
            unsafe { one(&block, &outputs) };
        }
    });
}

/// One block of queries.
///
/// # Safety
/// As for [`forward`]; the rows of the block are this task's own.
unsafe fn one(block: &Block, outputs: &Forward) {
    let Shape { dim, value_dim, .. } = *block.shape;
    let dropout = block.inputs.dropout;
    let blocks = if dropout.is_some() { 3 } else { 2 };
    let floats = (dim + value_dim + 3) * QUERIES + blocks * BLOCK;
    scratch::with(Slot::Private, floats, |buffer| {
        // SAFETY: the parts lie one after another in the buffer.
        unsafe {
            let query = buffer;
            let result = query.add(dim * QUERIES);
            let rows = Rows::begin(result.add(value_dim * QUERIES));
            let scores = rows.factors.add(QUERIES);
            let space = scores.add(BLOCK);
            let numbers = space.add(BLOCK);
            block.transposed(block.inputs.query, dim, query);
            let mut accumulate = false;
            for keys in Keys::of(block.shape) {
                if block.is_future(keys) && rows.all_see_some_key(block) {
                    break;
                }
                block.scores(keys, query, scores, space);
                let mut weigh =
                    Weigh { keys: keys.count, width: block.width(), scores, rows, dropped: None };
                if let Some(dropout) = &dropout {
                    block.numbers(keys, dropout, numbers, space);
                    weigh.dropped = Some((numbers, *dropout));
                }
                if dispatch(weigh) && accumulate {
                    dispatch(Rescale {
                        columns: result,
                        dim: value_dim,
                        width: block.width(),
                        rows,
                    });
                }
                in_place(&Product {
                    m: value_dim,
                    n: block.width(),
                    k: keys.count,
                    a: block.values(keys).transpose(),
                    b: View::rows(scores, QUERIES),
                    c: result,
                    c_row: QUERIES,
                    epilogue: Epilogue { accumulate, ..Epilogue::default() },
                });
                accumulate = true;
            }
            dispatch(Finish { rows, width: block.width() });
            block.store(result, rows.factors, outputs.result, value_dim);
            for lane in 0..block.count {
                let row = block.row() + lane * block.shape.heads;
                *outputs.largest.add(row) = *rows.largest.add(lane);
                *outputs.log_sum.add(row) = *rows.sums.add(lane);
            }
        }
    });
}

/// What is known of each query so far, one lane each.
#[derive(Clone, Copy)]
struct Rows {
    largest: *mut f32,
    sums: *mut f32,
    /// What earlier results are multiplied by.
    factors: *mut f32,
}

impl Rows {
    /// # Safety
    /// `memory` has room for `3 · QUERIES` floats.
    unsafe fn begin(memory: *mut f32) -> Rows {
        // SAFETY: as the caller promises.
        unsafe {
            let rows = Rows {
                largest: memory,
                sums: memory.add(QUERIES),
                factors: memory.add(2 * QUERIES),
            };
            // Not minus infinity, whose difference to itself is NaN.
            std::slice::from_raw_parts_mut(rows.largest, QUERIES).fill(f32::MIN);
            rows.sums.write_bytes(0, QUERIES);
            rows
        }
    }

    /// Whether no query would weigh hidden keys too.
    ///
    /// # Safety
    /// The memory is still there.
    unsafe fn all_see_some_key(&self, block: &Block) -> bool {
        // SAFETY: as the caller promises.
        let largest = unsafe { std::slice::from_raw_parts(self.largest, block.count) };
        matches!(block.inputs.mask, Mask::None) || largest.iter().all(|&score| score > HIDDEN)
    }
}

/// Scores become exponentials, and the rows' sums grow; says whether any maximum did.
struct Weigh {
    keys: usize,
    width: usize,
    scores: *mut f32,
    rows: Rows,
    /// Random numbers and what becomes of them.
    dropped: Option<(*const f32, Dropout)>,
}

impl Kernel for Weigh {
    type Output = bool;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> bool {
        let mut changed = false;
        for lane in (0..self.width).step_by(S::LANES) {
            // SAFETY: rows of a block and of `rows` hold whole vectors.
            unsafe {
                let old = s.load(self.rows.largest.add(lane));
                let scores = self.scores.add(lane);
                let largest = largest_of(s, scores, self.keys, old);
                let factor = math::exp(s, s.sub(old, largest));
                changed |= s.any(s.lt(factor, s.splat(1.0)));
                let sum = match &self.dropped {
                    None => exponentials(s, scores, self.keys, largest, |_, power| power),
                    Some((numbers, dropout)) => {
                        let numbers = numbers.add(lane);
                        let (kept, gain) = (s.splat(dropout.kept), s.splat(1.0 / dropout.kept));
                        exponentials(s, scores, self.keys, largest, |key, power| {
                            let number = s.load(numbers.add(key * QUERIES));
                            s.select(s.lt(number, kept), s.mul(power, gain), s.splat(0.0))
                        })
                    }
                };
                let sums = self.rows.sums.add(lane);
                s.store(sums, s.mul_add(s.load(sums), factor, sum));
                s.store(self.rows.largest.add(lane), largest);
                s.store(self.rows.factors.add(lane), factor);
            }
        }
        changed
    }
}

/// The largest score of each lane; NaN is left to the exponentials.
///
/// # Safety
/// `scores` has `keys` rows.
#[inline(always)]
unsafe fn largest_of<S: Simd>(s: S, scores: *const f32, keys: usize, old: S::F) -> S::F {
    let mut largest = [old; 4];
    for key in 0..keys {
        // SAFETY: as the caller promises.
        let score = unsafe { s.load(scores.add(key * QUERIES)) };
        largest[key % 4] = s.max(score, largest[key % 4]);
    }
    s.max(s.max(largest[0], largest[1]), s.max(largest[2], largest[3]))
}

/// Replaces scores by their exponentials, each changed by `f`; gives the sum of the unchanged.
///
/// # Safety
/// `scores` has `keys` rows, all of which may be written.
#[inline(always)]
unsafe fn exponentials<S: Simd>(
    s: S,
    scores: *mut f32,
    keys: usize,
    largest: S::F,
    f: impl Fn(usize, S::F) -> S::F,
) -> S::F {
    let mut sums = [s.splat(0.0); 2];
    for key in 0..keys {
        // SAFETY: as the caller promises.
        unsafe {
            let at = scores.add(key * QUERIES);
            let power = math::exp(s, s.sub(s.load(at), largest));
            sums[key % 2] = s.add(sums[key % 2], power);
            s.store(at, f(key, power));
        }
    }
    s.add(sums[0], sums[1])
}

/// Results so far, relative to larger maxima.
struct Rescale {
    columns: *mut f32,
    dim: usize,
    width: usize,
    rows: Rows,
}

impl Kernel for Rescale {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for lane in (0..self.width).step_by(S::LANES) {
            // SAFETY: as for `Weigh`.
            unsafe {
                let factor = s.load(self.rows.factors.add(lane));
                for row in 0..self.dim {
                    let at = self.columns.add(row * QUERIES + lane);
                    s.store(at, s.mul(s.load(at), factor));
                }
            }
        }
    }
}

/// Sums become their logarithms, and factors their inverse.
struct Finish {
    rows: Rows,
    width: usize,
}

impl Kernel for Finish {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for lane in (0..self.width).step_by(S::LANES) {
            // SAFETY: as for `Weigh`.
            unsafe {
                let sums = self.rows.sums.add(lane);
                let sum = s.load(sums);
                s.store(self.rows.factors.add(lane), s.div(s.splat(1.0), sum));
                s.store(sums, math::log(s, sum));
            }
        }
    }
}

const _: () = assert!(QUERIES.is_multiple_of(MAX_LANES) && KEYS <= QUERIES);
