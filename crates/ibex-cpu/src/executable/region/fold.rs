//! Folding the elements of one run, and one run into another.

use ibex_graph::ops::reduce::Reduction;
use ibex_graph::{DType, Element, with_element};

use crate::simd::{Kernel, Simd, dispatch};

/// The reduction of `count` elements (of the one at `data`, `count` times, if `single`).
///
/// # Safety
/// `data` holds the elements.
pub(super) unsafe fn fold_run(
    reduction: Reduction,
    dtype: DType,
    data: *const u8,
    single: bool,
    count: usize,
) -> f64 {
    if dtype == DType::F32 && !single {
        // SAFETY: as the caller promises.
        let run = unsafe { std::slice::from_raw_parts(data.cast::<f32>(), count) };
        return f64::from(dispatch(FoldRun { reduction, run }));
    }
    let step = usize::from(!single);
    let mut total = reduction.identity();
    with_element!(dtype, T => {
        for i in 0..count {
            // SAFETY: as the caller promises.
            let value = unsafe { *data.cast::<T>().add(i * step) };
            total = reduction.combine(total, value.to_f64());
        }
    });
    total
}

struct FoldRun<'a> {
    reduction: Reduction,
    run: &'a [f32],
}

impl Kernel for FoldRun<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        match self.reduction {
            Reduction::Sum => lanes(s, self.run, 0.0, |a, b| s.add(a, b), |a| s.sum(a)),
            Reduction::Product => {
                let product = |a| s.to_array(a)[..S::LANES].iter().product();
                lanes(s, self.run, 1.0, |a, b| s.mul(a, b), product)
            }
            Reduction::Maximum => {
                let larger = |a, b| s.select(s.is_nan(a), a, s.max(a, b));
                lanes(s, self.run, f32::NEG_INFINITY, larger, |a| s.max_lane(a))
            }
            Reduction::Minimum => {
                let smaller = |a, b| s.select(s.is_nan(a), a, s.min(a, b));
                lanes(s, self.run, f32::INFINITY, smaller, |a| s.min_lane(a))
            }
        }
    }
}

/// Four vectors of partial results, joined at the end; the tail is folded one by one.
#[inline(always)]
fn lanes<S: Simd>(
    s: S,
    run: &[f32],
    identity: f32,
    join: impl Fn(S::F, S::F) -> S::F,
    fold: impl Fn(S::F) -> f32,
) -> f32 {
    let mut parts = [s.splat(identity); 4];
    let blocks = run.chunks_exact(4 * S::LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (part, values) in parts.iter_mut().zip(block.chunks_exact(S::LANES)) {
            // SAFETY: the chunk has `LANES` floats.
            *part = join(*part, unsafe { s.load(values.as_ptr()) });
        }
    }
    let mut total = join(join(parts[0], parts[1]), join(parts[2], parts[3]));
    let vectors = rest.chunks_exact(S::LANES);
    let tail = vectors.remainder();
    for values in vectors {
        // SAFETY: the chunk has `LANES` floats.
        total = join(total, unsafe { s.load(values.as_ptr()) });
    }
    if !tail.is_empty() {
        let mut last = [identity; crate::simd::MAX_LANES];
        last[..tail.len()].copy_from_slice(tail);
        // SAFETY: the array has at least `LANES` floats.
        total = join(total, unsafe { s.load(last.as_ptr()) });
    }
    fold(total)
}

/// Writes `value` as element `index` of an array at `to`.
///
/// # Safety
/// `to` has room for it.
pub(super) unsafe fn put(dtype: DType, to: *mut u8, index: usize, value: f64) {
    let value = if dtype == DType::Bool { f64::from(u8::from(value != 0.0)) } else { value };
    with_element!(dtype, T => {
        // SAFETY: as the caller promises.
        unsafe { *to.cast::<T>().add(index) = T::from_f64(value) };
    });
}
