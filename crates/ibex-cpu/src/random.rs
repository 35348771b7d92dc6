//! Uniform random numbers in runs, the same as [`Draw::uniform`] gives one by one.
//!
//! Must not know: what they are drawn for.

use ibex_graph::rng::{Draw, Lanes};

use crate::simd::{Kernel, MAX_LANES, Simd, dispatch};

/// Numbers `first ..` of a draw.
pub(crate) fn uniform(draw: &Draw, to: &mut [f32], first: u64) {
    let head = to.len().min(((4 - first % 4) % 4) as usize);
    let (head, rest) = to.split_at_mut(head);
    let one = |position: u64| draw.uniform(position);
    head.iter_mut().zip(first..).for_each(|(to, position)| *to = one(position));
    let first = first + head.len() as u64;
    let whole = rest.len() / (4 * MAX_LANES) * (4 * MAX_LANES);
    let (blocks, tail) = rest.split_at_mut(whole);
    dispatch(Blocks { draw, to: blocks, first: first / 4 });
    let first = first + blocks.len() as u64;
    tail.iter_mut().zip(first..).for_each(|(to, position)| *to = one(position));
}

/// The lanes of an instruction set as words.
#[derive(Clone, Copy)]
struct Words<S>(S);

impl<S: Simd> Lanes for Words<S> {
    type Words = S::I;
    #[inline(always)]
    fn splat(self, word: u32) -> S::I {
        self.0.splat_i(word.cast_signed())
    }
    #[inline(always)]
    fn count(self, first: u64) -> [S::I; 2] {
        let (mut low, mut high) = ([0.0_f32; MAX_LANES], [0.0_f32; MAX_LANES]);
        for (lane, (low, high)) in low.iter_mut().zip(&mut high).enumerate() {
            let number = first.wrapping_add(lane as u64);
            (*low, *high) = (f32::from_bits(number as u32), f32::from_bits((number >> 32) as u32));
        }
        // SAFETY: a vector has at most that many lanes.
        [&low, &high].map(|words| unsafe { self.0.bits(self.0.load(words.as_ptr())) })
    }
    #[inline(always)]
    fn xor(self, a: S::I, b: S::I) -> S::I {
        self.0.xor_i(a, b)
    }
    #[inline(always)]
    fn mul_wide(self, a: S::I, b: S::I) -> (S::I, S::I) {
        self.0.mul_wide(a, b)
    }
}

/// Whole groups of as many blocks of four numbers as the longest vector has lanes.
struct Blocks<'a> {
    draw: &'a Draw,
    to: &'a mut [f32],
    first: u64,
}

impl Kernel for Blocks<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Blocks { draw, to, first } = self;
        let mut numbers = [[0.0_f32; MAX_LANES]; 4];
        for (group, to) in to.chunks_exact_mut(4 * S::LANES).enumerate() {
            let first = first + (group * S::LANES) as u64;
            let words = draw.blocks(Words(s), first);
            for (numbers, word) in numbers.iter_mut().zip(words) {
                // As `to_unit` does.
                let upper = s.and_i(s.shr::<8>(word), s.splat_i(0x00ff_ffff));
                let unit = s.mul(s.from_int(upper), s.splat(1.0 / 16_777_216.0));
                // SAFETY: a vector has at most that many lanes.
                unsafe { s.store(numbers.as_mut_ptr(), unit) };
            }
            // SAFETY: the group has four numbers for each lane; other rows repeat these four.
            unsafe {
                let rows: [*const f32; MAX_LANES] =
                    std::array::from_fn(|row| numbers[row % 4].as_ptr());
                s.transpose(&rows, 0, to.as_mut_ptr(), 4, 4);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_have_the_numbers_that_come_one_by_one() {
        let draw = Draw::new(7 << 33, 3 << 40, 1);
        // The lower word of a block's number overflows in the third.
        for (first, length) in [(0, 257), (3, 1000), (4 * (u64::from(u32::MAX) - 7) + 2, 300)] {
            let mut found = vec![-1.0; length];
            uniform(&draw, &mut found, first);
            let expected = (first..).take(length).map(|position| draw.uniform(position));
            assert!(found.into_iter().eq(expected), "from {first} on");
        }
    }
}
