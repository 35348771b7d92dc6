//! Uniform random numbers in runs, the same as [`Draw::uniform`] gives one by one.
//!
//! Must not know: what they are drawn for.

use ibex_graph::rng::{Draw, to_unit};

use crate::simd::{Kernel, Simd, dispatch};

/// Numbers `first ..` of a draw.
pub(crate) fn uniform(draw: &Draw, to: &mut [f32], first: u64) {
    let head = to.len().min(((4 - first % 4) % 4) as usize);
    let (head, rest) = to.split_at_mut(head);
    let one = |position: u64| draw.uniform(position);
    head.iter_mut().zip(first..).for_each(|(to, position)| *to = one(position));
    let first = first + head.len() as u64;
    let whole = rest.len() / (4 * BLOCKS) * (4 * BLOCKS);
    let (blocks, tail) = rest.split_at_mut(whole);
    dispatch(Blocks { draw, to: blocks, first: first / 4 });
    let first = first + blocks.len() as u64;
    tail.iter_mut().zip(first..).for_each(|(to, position)| *to = one(position));
}

/// Blocks of four numbers that are computed side by side.
const BLOCKS: usize = 16;

/// Whole groups of blocks of a draw.
struct Blocks<'a> {
    draw: &'a Draw,
    to: &'a mut [f32],
    first: u64,
}

impl Kernel for Blocks<'_> {
    type Output = ();

    /// The body is plain: the compiler vectorises it for the set.
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (group, to) in self.to.chunks_exact_mut(4 * BLOCKS).enumerate() {
            let first = self.first + (group * BLOCKS) as u64;
            let words: [[u32; BLOCKS]; 4] = self.draw.blocks(first);
            let units = words.map(|words| words.map(to_unit));
            for block in 0..BLOCKS {
                for word in 0..4 {
                    to[4 * block + word] = units[word][block];
                }
            }
        }
    }
}
