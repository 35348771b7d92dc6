//! What the machine can do, measured: the rate of fused multiply-adds, and of a copy.

use std::hint::black_box;
use std::time::Instant;

use ibex_cpu::simd::{Kernel, Simd, dispatch};

/// Independent chains of fused multiply-adds: enough to hide the latency (four cycles, two units),
/// and few enough to stay in the sixteen registers of AVX2.
const CHAINS: usize = 12;

struct Peak(usize);

impl Kernel for Peak {
    type Output = f32;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let mut chains = [s.splat(1.0); CHAINS];
        let (factor, term) = (s.splat(black_box(0.999)), s.splat(black_box(0.001)));
        for _ in 0..self.0 {
            for chain in &mut chains {
                *chain = s.mul_add(*chain, factor, term);
            }
        }
        chains.iter().map(|&chain| s.sum(chain)).sum()
    }
}

/// Runs `rounds` of independent fused multiply-adds on this thread.
pub(crate) fn peak(rounds: usize) {
    black_box(dispatch(Peak(rounds)));
}

/// The operations of [`peak`].
pub(crate) fn peak_flops(rounds: usize) -> f64 {
    (rounds * CHAINS * 2 * lanes()) as f64
}

/// Floats in a vector of the instruction set in use.
pub(crate) fn lanes() -> usize {
    dispatch(Lanes)
}

struct Lanes;
impl Kernel for Lanes {
    type Output = usize;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::LANES
    }
}

/// Seconds of the median of `rounds` calls of each function, taken in turn.
pub(crate) fn medians<const N: usize>(
    rounds: usize,
    mut functions: [&mut dyn FnMut(); N],
) -> [f64; N] {
    let mut seconds: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    for round in 0..rounds + 2 {
        for (function, seconds) in functions.iter_mut().zip(&mut seconds) {
            let start = Instant::now();
            function();
            // The first rounds warm caches and buffers.
            if round >= 2 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
    seconds.map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2]
    })
}

/// A copy from one large vector to another.
pub(crate) fn copy_rate() -> f64 {
    let from = vec![1.0_f32; 1 << 25];
    let mut to = vec![0.0_f32; 1 << 25];
    let [seconds] = medians(5, [&mut || black_box(&mut to).copy_from_slice(black_box(&from))]);
    from.len() as f64 * 8.0 / seconds / 1e9
}
