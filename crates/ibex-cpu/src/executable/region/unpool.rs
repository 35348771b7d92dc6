//! The gradient of a maximum pooling, position by position: an element asks the windows that cover
//! it which of them chose it.
//!
//! So it can be read by the loop that needs it, and is never spread over memory.
//! Must not know: registers, threads.

use half::{bf16, f16};
use ibex_graph::DType;
use ibex_graph::ops::max_pool_gradient::Unpool;
use ibex_graph::ops::window::Window;

use crate::elementwise::per_isa;
use crate::isa::Isa;
use crate::simd::Simd;

/// Computes a run of positions: gradients and places of the windows, result, first position and
/// count.
type RunFn = unsafe fn(&Unpooling, *const u8, *const i32, *mut u8, (usize, usize));

/// A resolved pooling.
#[derive(Debug, Clone)]
pub(super) struct Unpooling {
    /// For each element along each axis the windows that cover it: the first, and the end.
    covering: [Vec<(u32, u32)>; 3],
    /// How many windows there are along each axis.
    counts: [usize; 3],
    channels: usize,
    run: RunFn,
}

impl Unpooling {
    pub(super) fn new(unpool: &Unpool, dtype: DType) -> Unpooling {
        let axis = |axis: usize| covering(&unpool.windows[axis], unpool.extents[axis]);
        let covering = [axis(0), axis(1), axis(2)];
        let alone = covering.iter().flatten().all(|(first, end)| end - first <= 1);
        let count = |axis: usize| {
            let (window, extent): (&Window, usize) = (&unpool.windows[axis], unpool.extents[axis]);
            window.positions(extent).unwrap_or(0)
        };
        let isa = Isa::current();
        let run = match (alone, dtype) {
            (true, _) => match dtype.size() {
                2 => run::<u16, true>(isa),
                4 => run::<u32, true>(isa),
                _ => run::<u64, true>(isa),
            },
            (false, DType::F16) => run::<f16, false>(isa),
            (false, DType::BF16) => run::<bf16, false>(isa),
            (false, DType::F64) => run::<f64, false>(isa),
            (false, _) => run::<f32, false>(isa),
        };
        let counts = [count(0), count(1), count(2)];
        Unpooling { covering, counts, channels: unpool.channels, run }
    }

    /// Computes `count` positions from `start` on.
    ///
    /// # Safety
    /// Gradients and places are those of all windows, in elements of the pooling's dtype and
    /// `int32`; the positions lie in its input, and `to` has room for them.
    pub(super) unsafe fn run(
        &self,
        gradients: *const u8,
        places: *const i32,
        to: *mut u8,
        positions: (usize, usize),
    ) {
        // SAFETY: as the caller promises; the function is the one for the dtype.
        unsafe { (self.run)(self, gradients, places, to, positions) };
    }
}

/// For each of `extent` elements the windows that cover it: the first, and the end.
fn covering(window: &Window, extent: usize) -> Vec<(u32, u32)> {
    let count = window.positions(extent).unwrap_or(0);
    let of = |element: usize| {
        let at = element + window.low;
        let first = (at + 1).saturating_sub(window.size).div_ceil(window.stride);
        let end = (at / window.stride + 1).min(count);
        (first.min(end) as u32, end as u32)
    };
    (0..extent).map(of).collect()
}

/// Elements that can be handed on and added up; those that are only handed on are just bits.
trait Part: Copy {
    const ZERO: Self;
    fn plus(self, other: Self) -> Self;
}

macro_rules! parts {
    ($($type:ty: $zero:expr, |$a:ident, $b:ident| $sum:expr;)*) => {$(
        impl Part for $type {
            const ZERO: Self = $zero;
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                let ($a, $b) = (self, other);
                $sum
            }
        }
    )*};
}
parts! {
    u16: 0, |a, b| a | b;
    u32: 0, |a, b| a | b;
    u64: 0, |a, b| a | b;
    f16: f16::ZERO, |a, b| f16::from_f32(a.to_f32() + b.to_f32());
    bf16: bf16::ZERO, |a, b| bf16::from_f32(a.to_f32() + b.to_f32());
    f32: 0.0, |a, b| a + b;
    f64: 0.0, |a, b| a + b;
}

per_isa!(fn run<[T: Part, const ALONE: bool]; [T, ALONE]>(
    unpooling: &Unpooling, gradients: *const u8, places: *const i32, to: *mut u8,
    positions: (usize, usize)
) = pixels as RunFn);

/// The positions of one run; with `ALONE`, no element is covered twice.
///
/// # Safety
/// As for [`Unpooling::run`], for elements as wide as `T` (of type `T` unless `ALONE`).
#[inline(always)]
unsafe fn pixels<S: Simd, T: Part, const ALONE: bool>(
    _: S,
    unpooling: &Unpooling,
    gradients: *const u8,
    places: *const i32,
    to: *mut u8,
    (start, count): (usize, usize),
) {
    if count == 0 {
        return;
    }
    let Unpooling { covering: [planes, rows, columns], counts, channels, .. } = unpooling;
    let (gradients, to, channels) = (gradients.cast::<T>(), to.cast::<T>(), *channels);
    let (pixel, mut channel) = (start / channels, start % channels);
    let (rest, mut column) = (pixel / columns.len(), pixel % columns.len());
    let (rest, mut row) = (rest / rows.len(), rest % rows.len());
    let (mut image, mut plane) = (rest / planes.len(), rest % planes.len());
    let mut at = 0;
    while at < count {
        let length = (channels - channel).min(count - at);
        let place = ((plane * rows.len() + row) * columns.len() + column) as i32;
        let mut covered = false;
        for depth in planes[plane].0..planes[plane].1 {
            for height in rows[row].0..rows[row].1 {
                let line = (image * counts[0] + depth as usize) * counts[1] + height as usize;
                for width in columns[column].0..columns[column].1 {
                    let from = (line * counts[2] + width as usize) * channels + channel;
                    // SAFETY: the window is one of those that there are; as the caller promises.
                    unsafe {
                        let gradients = std::slice::from_raw_parts(gradients.add(from), length);
                        let places = std::slice::from_raw_parts(places.add(from), length);
                        let to = std::slice::from_raw_parts_mut(to.add(at), length);
                        match covered && !ALONE {
                            true => hand_on(gradients, places, place, to, |to, part| to.plus(part)),
                            false => hand_on(gradients, places, place, to, |_, part| part),
                        }
                    }
                    covered = true;
                }
            }
        }
        if !covered {
            // SAFETY: as the caller promises.
            (0..length).for_each(|i| unsafe { *to.add(at + i) = T::ZERO });
        }
        at += length;
        channel = 0;
        column += 1;
        if column == columns.len() {
            (row, column) = (row + 1, 0);
        }
        if row == rows.len() {
            (plane, row) = (plane + 1, 0);
        }
        if plane == planes.len() {
            (image, plane) = (image + 1, 0);
        }
    }
}

/// Hands the gradients of a window to the element at `place`, channel by channel.
#[inline(always)]
fn hand_on<T: Part>(
    gradients: &[T],
    places: &[i32],
    place: i32,
    to: &mut [T],
    join: impl Fn(T, T) -> T,
) {
    for ((to, &gradient), &chosen) in to.iter_mut().zip(gradients).zip(places) {
        *to = join(*to, if chosen == place { gradient } else { T::ZERO });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_knows_the_windows_that_cover_it() {
        for size in 1..5 {
            for stride in 1..5 {
                for low in 0..size {
                    let window = Window { size, stride, dilation: 1, low, high: 1 };
                    for (element, (first, end)) in covering(&window, 7).into_iter().enumerate() {
                        let covers = |position: &usize| {
                            (0..size).any(|tap| window.source(*position, tap, 7) == Some(element))
                        };
                        let want: Vec<usize> =
                            (0..window.positions(7).unwrap()).filter(covers).collect();
                        let have: Vec<usize> = (first as usize..end as usize).collect();
                        assert_eq!(have, want, "{window:?} at {element}");
                    }
                }
            }
        }
    }
}
