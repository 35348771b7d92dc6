//! `float32` pooling: vectors lie across channels, tasks are lines of positions or whole images.

use ibex_graph::ops::pooling::Pool;

use crate::gemm::{Pointer, Windows, run_if};
use crate::pool::ThreadPool;
use crate::simd::{Kernel, Simd, dispatch};

/// Most elements that a window may cover here.
pub(super) const TAPS: usize = 256;

/// Elements under all windows from which on a fork pays.
const PARALLEL: usize = 1 << 15;

/// The windows of `pool` over images of shape `input`, giving `output`.
pub(super) fn windows(pool: &Pool, input: &[usize], output: &[usize]) -> Windows {
    let last = input.len() - 1;
    let fill = |values: &[usize], missing: usize| {
        let mut all = [missing; 3];
        all[3 - values.len()..].copy_from_slice(values);
        all
    };
    let low: Vec<usize> = pool.padding.iter().map(|&(low, _)| low).collect();
    Windows {
        batch: input[0],
        input: fill(&input[1..last], 1),
        channels: input[last],
        pixel: input[last],
        output: fill(&output[1..last], 1),
        kernel: fill(&pool.window, 1),
        stride: fill(&pool.strides, 1).map(usize::cast_signed),
        dilation: [1; 3],
        origin: fill(&low, 0).map(|low| -low.cast_signed()),
    }
}

fn image(windows: &Windows) -> usize {
    windows.input.iter().product::<usize>() * windows.pixel
}

/// What becomes of the elements under a window.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fold {
    /// Their sum.
    Sum,
    /// The largest, and its place among the pixels of the image.
    Largest(*mut i32),
}

// SAFETY: tasks write disjoint lines.
unsafe impl Sync for Fold {}

/// Folds the elements under each window.
///
/// # Safety
/// `x` holds the images, `y` (and the places) one element for each position and channel.
pub(super) unsafe fn forward(
    pool: &ThreadPool,
    windows: &Windows,
    fold: Fold,
    x: *const f32,
    y: *mut f32,
) {
    let across = windows.output[2];
    let lines = windows.batch * windows.output[0] * windows.output[1];
    let (x, y, fold) = (Pointer(x.cast_mut()), Pointer(y), &fold);
    let pays = windows.positions() * windows.columns() > PARALLEL;
    run_if(pool, pays, lines, |line| {
        let (x, y) = (x.get(), y.get());
        dispatch(Forward { windows, fold: *fold, first: line * across, x, y });
    });
}

struct Forward<'a> {
    windows: &'a Windows,
    fold: Fold,
    first: usize,
    x: *const f32,
    y: *mut f32,
}

/// The pixels that lie under the window at a cursor, by their place in the image.
#[derive(Debug)]
struct Covered {
    places: [usize; TAPS],
    count: usize,
}

impl Covered {
    fn new() -> Covered {
        Covered { places: [0; TAPS], count: 0 }
    }

    /// Finds them anew.
    #[inline(always)]
    fn find(&mut self, windows: &Windows, at: [isize; 3]) -> &[usize] {
        self.count = 0;
        let [depth, height, width] = windows.kernel;
        let inside = |start: isize, tap: usize, axis: usize| {
            let here = (start + tap as isize) as usize;
            // A negative coordinate has become a huge one.
            (here < windows.input[axis]).then_some(here)
        };
        for d in 0..depth {
            let Some(d) = inside(at[0], d, 0) else { continue };
            for h in 0..height {
                let Some(h) = inside(at[1], h, 1) else { continue };
                let line = (d * windows.input[1] + h) * windows.input[2];
                for w in 0..width {
                    let Some(w) = inside(at[2], w, 2) else { continue };
                    self.places[self.count % TAPS] = line + w;
                    self.count += 1;
                }
            }
        }
        &self.places[..self.count.min(TAPS)]
    }
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Forward { windows, fold, first, x, y } = self;
        let mut cursor = windows.cursor(first);
        let mut covered = Covered::new();
        for position in first..first + windows.output[2] {
            let places = covered.find(windows, cursor.start.at);
            let mut channel = 0;
            while channel < windows.channels {
                let width = S::LANES.min(windows.channels - channel);
                let base = cursor.start.image + channel;
                // SAFETY: the pixels lie inside, the position exists.
                unsafe {
                    let pixel =
                        |place: usize| s.load_up_to(x.add(base + place * windows.pixel), width);
                    let to = position * windows.channels + channel;
                    match fold {
                        Fold::Sum => {
                            let zero = s.splat(0.0);
                            let sum = places.iter().fold(zero, |sum, &p| s.add(sum, pixel(p)));
                            s.store_up_to(y.add(to), sum, width);
                        }
                        Fold::Largest(to_places) => {
                            let (value, place) = largest(s, places, pixel);
                            s.store_up_to(y.add(to), value, width);
                            s.store_up_to(to_places.add(to).cast::<f32>(), place, width);
                        }
                    }
                }
                channel += S::LANES;
            }
            cursor.advance(windows);
        }
    }
}

/// The largest of some pixels and the bits of its place; the first of equals.
#[inline(always)]
fn largest<S: Simd>(s: S, places: &[usize], pixel: impl Fn(usize) -> S::F) -> (S::F, S::F) {
    let bits = |place: usize| s.from_bits(s.splat_i(place as i32));
    let Some((&first, rest)) = places.split_first() else { return (s.splat(0.0), bits(0)) };
    let (mut value, mut place) = (pixel(first), bits(first));
    for &next in rest {
        let comes = pixel(next);
        // What is not below or equal wins, NaN too; NaN stays.
        let (below, stays) = (s.le(comes, value), s.is_nan(value));
        place = s.select(stays, place, s.select(below, place, bits(next)));
        value = s.select(stays, value, s.select(below, value, comes));
    }
    (value, place)
}

/// Spreads the gradient of each sum over the elements under its window.
///
/// # Safety
/// `dy` holds one element for each position and channel, `dx` the images.
pub(super) unsafe fn backward(pool: &ThreadPool, windows: &Windows, dy: *const f32, dx: *mut f32) {
    let (dy, dx) = (Pointer(dy.cast_mut()), Pointer(dx));
    let pays = windows.positions() * windows.columns() > PARALLEL;
    run_if(pool, pays, windows.batch, |index| {
        dispatch(Backward { windows, index, dy: dy.get(), dx: dx.get() });
    });
}

struct Backward<'a> {
    windows: &'a Windows,
    index: usize,
    dy: *const f32,
    dx: *mut f32,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward { windows, index, dy, dx } = self;
        let positions: usize = windows.output.iter().product();
        let mut cursor = windows.cursor(index * positions);
        let mut covered = Covered::new();
        // SAFETY: the image is this task's own.
        unsafe { dx.add(index * image(windows)).write_bytes(0, image(windows)) };
        for position in index * positions..(index + 1) * positions {
            for &place in covered.find(windows, cursor.start.at) {
                let at = cursor.start.image + place * windows.pixel;
                let mut channel = 0;
                while channel < windows.channels {
                    let width = S::LANES.min(windows.channels - channel);
                    // SAFETY: the pixel lies inside, the position exists.
                    unsafe {
                        let from = dy.add(position * windows.channels + channel);
                        let to = dx.add(at + channel);
                        let sum = s.add(s.load_up_to(to, width), s.load_up_to(from, width));
                        s.store_up_to(to, sum, width);
                    }
                    channel += S::LANES;
                }
            }
            cursor.advance(windows);
        }
    }
}
