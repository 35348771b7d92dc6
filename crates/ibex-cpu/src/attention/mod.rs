//! Attention without a matrix of all scores, and its gradient.
//!
//! A block of queries meets the keys block by block.
//! Scores stand transposed, a row for each key: so queries are the lanes of vectors, nothing is
//! summed across lanes, and keys, values and gradients are read where they lie.
//! Blocks are cut by fixed sizes, so the bits do not depend on the number of threads.
//! Order to read: this file, `block` (scores of a block), `forward`, `backward`.
//! Must not know: graphs, layers, files.

mod backward;
mod block;
mod forward;

pub use backward::{Backward, backward};
pub use forward::{Forward, forward};

use ibex_graph::rng::Draw;

/// Queries of a block: floats from one row of scores to the next.
const QUERIES: usize = 64;
/// Keys of a block.
const KEYS: usize = 64;
/// Scores of a block.
const BLOCK: usize = QUERIES * KEYS;
/// Fewer multiply-adds than this are not worth a task.
const TASK: usize = 1 << 17;

/// The score of a key that is hidden from its query.
///
/// Finite, so that a query which sees nothing weighs all values alike.
pub const HIDDEN: f32 = -0.7 * f32::MAX;

/// Sizes and options of an attention.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Independent sequences.
    pub batch: usize,
    /// Positions that ask.
    pub queries: usize,
    /// Positions that are asked, at least one.
    pub keys: usize,
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of keys and values, a divisor of `heads`.
    pub key_heads: usize,
    /// Floats of a query and a key.
    pub dim: usize,
    /// Floats of a value.
    pub value_dim: usize,
    /// The factor of the scores.
    pub scale: f32,
    /// Whether a query sees only the keys up to its own position.
    pub causal: bool,
}

impl Shape {
    /// Multiply-adds of the products of one pair of heads of all positions.
    fn work(&self) -> usize {
        self.queries.saturating_mul(self.keys).saturating_mul(self.dim + self.value_dim)
    }
}

/// What hides keys from queries, or is added to the scores.
#[derive(Clone, Copy, Debug)]
pub enum Mask {
    /// Nothing.
    None,
    /// A key is hidden where the byte is 0.
    Hide(*const u8, MaskStrides),
    /// The number is added.
    Add(*const f32, MaskStrides),
}

/// Elements of a mask from one batch, head, query and key to the next; 0 repeats.
pub type MaskStrides = [usize; 4];

/// Weights that are dropped.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// The random numbers, by the position of the weight in (batch, heads, queries, keys).
    pub draw: Draw,
    /// The probability of a weight to be kept.
    pub kept: f32,
}

/// What both directions read.
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    /// `(batch, queries, heads, dim)`
    pub query: *const f32,
    /// `(batch, keys, key heads, dim)`
    pub key: *const f32,
    /// `(batch, keys, key heads, value dim)`
    pub value: *const f32,
    /// What hides keys.
    pub mask: Mask,
    /// Which weights are dropped.
    pub dropout: Option<Dropout>,
}

// SAFETY: the pointers are used only within a call of `forward` or `backward`, whose caller
// promises that they are valid for its duration; they are only read.
unsafe impl Sync for Inputs {}
// SAFETY: as above.
unsafe impl Send for Inputs {}
