//! The gradients of attention: weights are computed again, block by block.

use super::block::{Block, Keys};
use super::{BLOCK, Dropout, HIDDEN, Inputs, QUERIES, Shape, TASK};
use crate::gemm::{Epilogue, Pointer, Product, View, in_place, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{Kernel, Simd, dispatch, math};

/// Fewer pairs of batch and key head than this are cut into parts of their queries.
const PAIRS: usize = 8;

/// What the gradient reads beside the inputs, and what it writes.
#[derive(Clone, Copy, Debug)]
pub struct Backward {
    /// The gradient of the result, `(batch, queries, heads, value dim)`.
    pub grad: *const f32,
    /// What [`super::forward`] gave.
    pub largest: *const f32,
    /// What [`super::forward`] gave.
    pub log_sum: *const f32,
    /// The sum of the products of result and gradient of each row, `(batch, queries, heads)`.
    pub mean: *const f32,
    /// The gradient of the queries.
    pub by_query: *mut f32,
    /// The gradient of the keys.
    pub by_key: *mut f32,
    /// The gradient of the values.
    pub by_value: *mut f32,
}

// SAFETY: the pointers are used only within a call of `backward`, whose caller promises that they
// are valid for its duration; tasks write disjoint parts.
unsafe impl Sync for Backward {}
// SAFETY: as above.
unsafe impl Send for Backward {}

/// Where the gradients of the keys and values of one task are added up.
#[derive(Clone, Copy)]
struct Sums {
    by_key: *mut f32,
    by_value: *mut f32,
    /// Rows of floats from one key to the next.
    step: usize,
}

/// Computes the gradients.
///
/// # Safety
/// All pointers are valid for the sizes of `shape`, what is written overlaps nothing, and nobody
/// else uses it meanwhile.
pub unsafe fn backward(pool: &ThreadPool, shape: &Shape, inputs: &Inputs, operands: &Backward) {
    let pairs = shape.batch * shape.key_heads;
    if pairs == 0 {
        return;
    }
    let blocks = shape.queries.div_ceil(QUERIES);
    let parts = PAIRS.div_ceil(pairs).clamp(1, blocks.max(1));
    let work = (shape.work() * 5 / 2).saturating_mul(shape.heads / shape.key_heads);
    let pays = work.saturating_mul(pairs) >= 2 * TASK;
    if parts == 1 {
        let group = (TASK / work.max(1)).clamp(1, pairs);
        run_if(pool, pays, pairs.div_ceil(group), |task| {
            for pair in task * group..pairs.min((task + 1) * group) {
                let sums = own(shape, operands, pair);
                // SAFETY: as the caller promises; pairs write disjoint parts.
                unsafe { part((shape, inputs), operands, pair, 0..blocks, sums) };
            }
        });
        return;
    }
    let size = shape.keys * (shape.dim + shape.value_dim);
    scratch::with(Slot::Partial, pairs * parts * size, |memory| {
        let memory = Pointer(memory);
        run_if(pool, pays, pairs * parts, |task| {
            let (pair, index) = (task / parts, task % parts);
            let range = index * blocks / parts..(index + 1) * blocks / parts;
            // SAFETY: as the caller promises; every task has sums and queries of its own.
            unsafe {
                let by_key = memory.get().add(task * size);
                let by_value = by_key.add(shape.keys * shape.dim);
                let sums = Sums { by_key, by_value, step: 1 };
                part((shape, inputs), operands, pair, range, sums);
            }
        });
        run_if(pool, pays, pairs, |pair| {
            let to = own(shape, operands, pair);
            // SAFETY: the parts of the pair lie one after another; the rows are the pair's own.
            unsafe {
                let first = memory.get().add(pair * parts * size);
                let values = first.add(shape.keys * shape.dim);
                let (dim, value_dim) = (shape.dim, shape.value_dim);
                add_up((first, size, parts), shape.keys, dim, to.by_key, to.step);
                add_up((values, size, parts), shape.keys, value_dim, to.by_value, to.step);
            }
        });
    });
}

/// The places of the gradients of one pair of batch and key head.
fn own(shape: &Shape, operands: &Backward, pair: usize) -> Sums {
    let (batch, head) = (pair / shape.key_heads, pair % shape.key_heads);
    let row = batch * shape.keys * shape.key_heads + head;
    Sums {
        by_key: operands.by_key.wrapping_add(row * shape.dim),
        by_value: operands.by_value.wrapping_add(row * shape.value_dim),
        step: shape.key_heads,
    }
}

/// Adds parts in order: row `i` of `dim` floats goes to `to + i · step · dim`.
///
/// # Safety
/// The parts and the rows are there.
unsafe fn add_up(
    (first, size, parts): (*const f32, usize, usize),
    rows: usize,
    dim: usize,
    to: *mut f32,
    step: usize,
) {
    for row in 0..rows {
        // SAFETY: as the caller promises.
        unsafe {
            let to = std::slice::from_raw_parts_mut(to.add(row * step * dim), dim);
            to.fill(0.0);
            for part in 0..parts {
                let from = std::slice::from_raw_parts(first.add(part * size + row * dim), dim);
                to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
            }
        }
    }
}

/// Some blocks of queries of all heads that share one head of keys.
///
/// # Safety
/// As for [`backward`]; the queries and the sums are this task's own.
unsafe fn part(
    (shape, inputs): (&Shape, &Inputs),
    operands: &Backward,
    pair: usize,
    blocks: std::ops::Range<usize>,
    sums: Sums,
) {
    let Shape { dim, value_dim, .. } = *shape;
    for key in 0..shape.keys {
        // SAFETY: the sums have a row for each key.
        unsafe {
            sums.by_key.add(key * sums.step * dim).write_bytes(0, dim);
            sums.by_value.add(key * sums.step * value_dim).write_bytes(0, value_dim);
        }
    }
    let group = shape.heads / shape.key_heads;
    let (batch, first) = (pair / shape.key_heads, pair % shape.key_heads * group);
    let count = if inputs.dropout.is_some() { 4 } else { 3 };
    let floats = (2 * dim + value_dim + 4) * QUERIES + count * BLOCK;
    scratch::with(Slot::Private, floats, |buffer| {
        for head in first..first + group {
            for index in blocks.clone() {
                let block = Block::new((shape, inputs), (batch, head), index);
                // SAFETY: the buffer has room for what a block needs.
                unsafe { one(&block, operands, sums, buffer) };
            }
        }
    });
}

/// One block of queries.
///
/// # Safety
/// As for [`part`].
unsafe fn one(block: &Block, operands: &Backward, sums: Sums, buffer: *mut f32) {
    let Shape { dim, value_dim, scale, heads, .. } = *block.shape;
    let width = block.width();
    // SAFETY: the parts lie one after another in the buffer.
    unsafe {
        let query = buffer;
        let grad = query.add(dim * QUERIES);
        let by_query = grad.add(value_dim * QUERIES);
        let rows = Rows::load(block, operands, by_query.add(dim * QUERIES));
        let scores = rows.ones.add(QUERIES);
        let by_score = scores.add(BLOCK);
        let space = by_score.add(BLOCK);
        let numbers = space.add(BLOCK);
        block.transposed(block.inputs.query, dim, query);
        block.transposed(operands.grad, value_dim, grad);
        by_query.write_bytes(0, dim * QUERIES);
        let own_query = View::rows(block.inputs.query.add(block.row() * dim), heads * dim);
        let own_grad = View::rows(operands.grad.add(block.row() * value_dim), heads * value_dim);
        let product = |m, n, k, a, b, c, c_row, alpha, accumulate| {
            let epilogue = Epilogue { alpha, accumulate, ..Epilogue::default() };
            in_place(&Product { m, n, k, a, b, c, c_row, epilogue });
        };
        for keys in Keys::of(block.shape) {
            if block.is_future(keys) && rows.all_see_some_key(block) {
                break;
            }
            block.scores(keys, query, scores, space);
            let values = block.values(keys);
            let lanes = |data: *const f32| View::rows(data, QUERIES);
            product(
                keys.count,
                width,
                value_dim,
                values,
                lanes(grad),
                by_score,
                QUERIES,
                1.0,
                false,
            );
            let mut blame = Blame {
                keys: keys.count,
                width,
                scores,
                by_score,
                rows,
                hides: block.hides(),
                dropped: None,
            };
            if let Some(dropout) = &block.inputs.dropout {
                block.numbers(keys, dropout, numbers, space);
                blame.dropped = Some((numbers, *dropout));
            }
            dispatch(blame);
            let count = block.count;
            let (to, row) =
                (sums.by_value.add(keys.first * sums.step * value_dim), sums.step * value_dim);
            product(keys.count, value_dim, count, lanes(scores), own_grad, to, row, 1.0, true);
            let (to, row) = (sums.by_key.add(keys.first * sums.step * dim), sums.step * dim);
            product(keys.count, dim, count, lanes(by_score), own_query, to, row, scale, true);
            let turned = block.keys(keys).transpose();
            product(
                dim,
                width,
                keys.count,
                turned,
                lanes(by_score),
                by_query,
                QUERIES,
                scale,
                true,
            );
        }
        block.store(by_query, rows.ones, operands.by_query, dim);
    }
}

/// What is known of each query, one lane each.
#[derive(Clone, Copy)]
struct Rows {
    largest: *mut f32,
    log_sum: *mut f32,
    mean: *mut f32,
    ones: *mut f32,
}

impl Rows {
    /// # Safety
    /// As for [`part`]; `memory` has room for `4 · QUERIES` floats.
    unsafe fn load(block: &Block, operands: &Backward, memory: *mut f32) -> Rows {
        // SAFETY: as the caller promises.
        unsafe {
            memory.write_bytes(0, 3 * QUERIES);
            let [largest, log_sum, mean, ones] =
                [0, 1, 2, 3].map(|index| memory.add(index * QUERIES));
            std::slice::from_raw_parts_mut(ones, QUERIES).fill(1.0);
            for lane in 0..block.count {
                let row = block.row() + lane * block.shape.heads;
                *largest.add(lane) = *operands.largest.add(row);
                *log_sum.add(lane) = *operands.log_sum.add(row);
                *mean.add(lane) = *operands.mean.add(row);
            }
            Rows { largest, log_sum, mean, ones }
        }
    }

    /// Whether no query weighs hidden keys too.
    ///
    /// # Safety
    /// The memory is still there.
    unsafe fn all_see_some_key(&self, block: &Block) -> bool {
        // SAFETY: as the caller promises.
        let largest = unsafe { std::slice::from_raw_parts(self.largest, block.count) };
        largest.iter().all(|&score| score > HIDDEN)
    }
}

/// Scores become weights, and the gradients by weights those by scores.
struct Blame {
    keys: usize,
    width: usize,
    scores: *mut f32,
    by_score: *mut f32,
    rows: Rows,
    /// Whether any score may be hidden.
    hides: bool,
    /// Random numbers and what becomes of them.
    dropped: Option<(*const f32, Dropout)>,
}

impl Kernel for Blame {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let zero = s.splat(0.0);
        let hidden = s.splat(HIDDEN);
        for lane in (0..self.width).step_by(S::LANES) {
            // SAFETY: rows of a block and of `rows` hold whole vectors.
            unsafe {
                let largest = s.load(self.rows.largest.add(lane));
                let log_sum = s.load(self.rows.log_sum.add(lane));
                let mean = s.load(self.rows.mean.add(lane));
                for key in 0..self.keys {
                    let at = key * QUERIES + lane;
                    let score = s.load(self.scores.add(at));
                    let weight = math::exp(s, s.sub(s.sub(score, largest), log_sum));
                    let mut by_weight = s.load(self.by_score.add(at));
                    let mut kept = weight;
                    if let Some((numbers, dropout)) = &self.dropped {
                        let keep = s.lt(s.load(numbers.add(at)), s.splat(dropout.kept));
                        let gain = s.splat(1.0 / dropout.kept);
                        kept = s.select(keep, s.mul(weight, gain), zero);
                        by_weight = s.select(keep, s.mul(by_weight, gain), zero);
                    }
                    let mut by_score = s.mul(weight, s.sub(by_weight, mean));
                    if self.hides {
                        by_score = s.select(s.eq(score, hidden), zero, by_score);
                    }
                    s.store(self.scores.add(at), kept);
                    s.store(self.by_score.add(at), by_score);
                }
            }
        }
    }
}
