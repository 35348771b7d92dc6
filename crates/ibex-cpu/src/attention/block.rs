//! A block of queries of one head and its scores with a block of keys.
//!
//! Rows of scores are [`QUERIES`] floats apart, one row for each key.

use super::{BLOCK, Dropout, HIDDEN, Inputs, KEYS, Mask, QUERIES, Shape};
use crate::gemm::{Epilogue, Panel, Product, View, in_place};
use crate::random;
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch};

/// A few neighbouring queries of one head.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) shape: &'a Shape,
    pub(super) inputs: &'a Inputs,
    pub(super) batch: usize,
    pub(super) head: usize,
    /// The first query.
    pub(super) first: usize,
    /// How many there are, at most [`QUERIES`].
    pub(super) count: usize,
}

/// A few neighbouring keys.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    pub(super) first: usize,
    /// How many there are, at most [`KEYS`].
    pub(super) count: usize,
}

impl Keys {
    /// The keys of a shape, block by block.
    pub(super) fn of(shape: &Shape) -> impl Iterator<Item = Keys> + use<> {
        let keys = shape.keys;
        (0..keys).step_by(KEYS).map(move |first| Keys { first, count: KEYS.min(keys - first) })
    }
}

impl<'a> Block<'a> {
    /// Block number `index` of the queries of one head.
    pub(super) fn new(
        (shape, inputs): (&'a Shape, &'a Inputs),
        (batch, head): (usize, usize),
        index: usize,
    ) -> Block<'a> {
        let first = index * QUERIES;
        Block { shape, inputs, batch, head, first, count: QUERIES.min(shape.queries - first) }
    }

    /// Lanes that are computed: the queries and some more to fill vectors.
    pub(super) fn width(&self) -> usize {
        self.count.next_multiple_of(MAX_LANES)
    }

    /// The number of the first query's row in order of batch, queries, heads.
    pub(super) fn row(&self) -> usize {
        (self.batch * self.shape.queries + self.first) * self.shape.heads + self.head
    }

    /// The number of a key's row in order of batch, keys, key heads.
    pub(super) fn key_row(&self, key: usize) -> usize {
        let Shape { keys, heads, key_heads, .. } = *self.shape;
        (self.batch * keys + key) * key_heads + self.head / (heads / key_heads)
    }

    /// The keys as the left operand of a product.
    ///
    /// # Safety
    /// The keys are there.
    pub(super) unsafe fn keys(&self, keys: Keys) -> View<'static> {
        let dim = self.shape.dim;
        // SAFETY: as the caller promises.
        let data = unsafe { self.inputs.key.add(self.key_row(keys.first) * dim) };
        View::rows(data, self.shape.key_heads * dim)
    }

    /// The values as the left operand of a product.
    ///
    /// # Safety
    /// The keys are there.
    pub(super) unsafe fn values(&self, keys: Keys) -> View<'static> {
        let dim = self.shape.value_dim;
        // SAFETY: as the caller promises.
        let data = unsafe { self.inputs.value.add(self.key_row(keys.first) * dim) };
        View::rows(data, self.shape.key_heads * dim)
    }

    /// Copies `dim` floats of each query's row transposed: a row for each of them.
    ///
    /// # Safety
    /// `rows` is valid for all rows of queries, and `to` for `dim · QUERIES` floats.
    pub(super) unsafe fn transposed(&self, rows: *const f32, dim: usize, to: *mut f32) {
        let (count, width) = (self.count, self.width());
        // SAFETY: as the caller promises.
        unsafe {
            for row in 0..dim {
                // Lanes without a query are computed too, and not used.
                to.add(row * QUERIES + count).write_bytes(0, width - count);
            }
            let view = View::rows(rows.add(self.row() * dim), self.shape.heads * dim);
            Panel { view, first: 0, count, from: 0, steps: dim, width: QUERIES, to }.pack();
        }
    }

    /// Copies columns to the queries' rows of `dim` floats, each times its factor.
    ///
    /// # Safety
    /// As for [`Block::transposed`]; the rows are this block's own, `factors` has one per lane.
    pub(super) unsafe fn store(
        &self,
        columns: *const f32,
        factors: *const f32,
        rows: *mut f32,
        dim: usize,
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            let to = rows.add(self.row() * dim);
            let step = self.shape.heads * dim;
            dispatch(Store { columns, factors, to, step, dim, count: self.count });
        }
    }

    /// Are all these keys behind every query of the block?
    pub(super) fn is_future(&self, keys: Keys) -> bool {
        self.shape.causal && keys.first >= self.first + self.count
    }

    /// Whether any score may be [`HIDDEN`].
    pub(super) fn hides(&self) -> bool {
        self.shape.causal || matches!(self.inputs.mask, Mask::Hide(..))
    }

    /// Computes the scores, hidden ones included; `space` is overwritten.
    ///
    /// # Safety
    /// `query` is what [`Block::transposed`] gave; `scores` and `space` have room for a block.
    pub(super) unsafe fn scores(
        &self,
        keys: Keys,
        query: *const f32,
        scores: *mut f32,
        space: *mut f32,
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            in_place(&Product {
                m: keys.count,
                n: self.width(),
                k: self.shape.dim,
                a: self.keys(keys),
                b: View::rows(query, QUERIES),
                c: scores,
                c_row: QUERIES,
                epilogue: Epilogue { alpha: self.shape.scale, ..Epilogue::default() },
            });
            match self.inputs.mask {
                Mask::None => {}
                Mask::Hide(data, strides) => {
                    self.hide(keys, data.add(self.at_mask(keys, strides)), strides, scores);
                }
                Mask::Add(data, strides) => {
                    let data = data.add(self.at_mask(keys, strides));
                    self.add(keys, data, strides, scores, space);
                }
            }
            if self.shape.causal {
                self.hide_future(keys, scores);
            }
        }
    }

    fn at_mask(&self, keys: Keys, strides: [usize; 4]) -> usize {
        let index = [self.batch, self.head, self.first, keys.first];
        index.iter().zip(strides).map(|(index, stride)| index * stride).sum()
    }

    /// Hides the keys whose byte is 0.
    ///
    /// # Safety
    /// `data` points to the byte of the first query and key; `scores` is a block.
    unsafe fn hide(&self, keys: Keys, data: *const u8, strides: [usize; 4], scores: *mut f32) {
        let [_, _, by_query, by_key] = strides;
        // SAFETY: as the caller promises.
        unsafe {
            if by_query == 0 {
                for key in (0..keys.count).filter(|key| *data.add(key * by_key) == 0) {
                    fill(scores.add(key * QUERIES), self.width());
                }
                return;
            }
            for query in 0..self.count {
                let seen = data.add(query * by_query);
                let mut key = 0;
                while key < keys.count {
                    // Most bytes are 1: eight of them at a look.
                    let eight = by_key == 1 && key + 8 <= keys.count;
                    if eight && seen.add(key).cast::<[u8; 8]>().read() == [1; 8] {
                        key += 8;
                        continue;
                    }
                    let until = keys.count.min(key + 8);
                    for key in (key..until).filter(|key| *seen.add(key * by_key) == 0) {
                        *scores.add(key * QUERIES + query) = HIDDEN;
                    }
                    key = until;
                }
            }
        }
    }

    /// Adds the mask's numbers.
    ///
    /// # Safety
    /// As for [`Block::hide`]; `space` has room for a block.
    unsafe fn add(
        &self,
        keys: Keys,
        data: *const f32,
        strides: [usize; 4],
        scores: *mut f32,
        space: *mut f32,
    ) {
        let [_, _, by_query, by_key] = strides.map(usize::cast_signed);
        let view = View::Strided { data, row: by_query, column: by_key };
        let (count, steps) = (self.count, keys.count);
        // SAFETY: as the caller promises; lanes without a query have been given a number.
        unsafe {
            space.write_bytes(0, BLOCK);
            Panel { view, first: 0, count, from: 0, steps, width: QUERIES, to: space }.pack();
            dispatch(Add { scores, more: space, count: steps * QUERIES });
        }
    }

    /// Hides from each query the keys behind it.
    ///
    /// # Safety
    /// `scores` is a block.
    unsafe fn hide_future(&self, keys: Keys, scores: *mut f32) {
        for key in 0..keys.count {
            // Queries before this position are the first lanes.
            let before = (keys.first + key).saturating_sub(self.first).min(self.width());
            // SAFETY: as the caller promises.
            unsafe { fill(scores.add(key * QUERIES), before) };
        }
    }

    /// The random numbers of the weights, in the places of their scores.
    ///
    /// # Safety
    /// `numbers` and `space` have room for a block each.
    pub(super) unsafe fn numbers(
        &self,
        keys: Keys,
        dropout: &Dropout,
        numbers: *mut f32,
        space: *mut f32,
    ) {
        let Shape { queries, heads, keys: all, .. } = *self.shape;
        // SAFETY: as the caller promises.
        unsafe {
            numbers.write_bytes(0, BLOCK);
            for query in 0..self.count {
                let row = (self.batch * heads + self.head) * queries + self.first + query;
                let first = (row * all + keys.first) as u64;
                let to = std::slice::from_raw_parts_mut(space.add(query * KEYS), keys.count);
                random::uniform(&dropout.draw, to, first);
            }
            let view = View::rows(space, KEYS);
            let (count, steps) = (self.count, keys.count);
            Panel { view, first: 0, count, from: 0, steps, width: QUERIES, to: numbers }.pack();
        }
    }
}

/// # Safety
/// `row` is valid for `count` floats.
unsafe fn fill(row: *mut f32, count: usize) {
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts_mut(row, count) }.fill(HIDDEN);
}

/// `scores += more`
struct Add {
    scores: *mut f32,
    more: *const f32,
    count: usize,
}

impl Kernel for Add {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for at in (0..self.count).step_by(S::LANES) {
            // SAFETY: rows of a block are whole vectors.
            unsafe {
                let to = self.scores.add(at);
                s.store(to, s.add(s.load(to), s.load(self.more.add(at))));
            }
        }
    }
}

/// Columns, each times its factor, to rows.
struct Store {
    columns: *const f32,
    factors: *const f32,
    to: *mut f32,
    step: usize,
    dim: usize,
    count: usize,
}

impl Kernel for Store {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut rows = [[0.0_f32; MAX_LANES]; MAX_LANES];
        // SAFETY: as for `Block::store`: lanes beyond the queries are there, but not written.
        unsafe {
            for query in (0..self.count).step_by(S::LANES) {
                let factor = s.load(self.factors.add(query));
                let lanes = S::LANES.min(self.count - query);
                for first in (0..self.dim).step_by(S::LANES) {
                    let height = S::LANES.min(self.dim - first);
                    for row in 0..height {
                        let from = self.columns.add((first + row) * QUERIES + query);
                        s.store(rows[row].as_mut_ptr(), s.mul(s.load(from), factor));
                    }
                    let to = self.to.add(query * self.step + first);
                    if lanes == S::LANES {
                        let pointers = rows.each_ref().map(|row| row.as_ptr());
                        s.transpose(&pointers, 0, to, self.step, height);
                        continue;
                    }
                    for lane in 0..lanes {
                        for row in 0..height {
                            *to.add(lane * self.step + row) = rows[row][lane];
                        }
                    }
                }
            }
        }
    }
}
