//! `float32` pooling: vectors lie across channels, tasks are lines of positions or whole images.

use ibex_graph::ops::pooling::Pool;

use crate::gemm::{Pointer, Windows, run_if};
use crate::pool::ThreadPool;
use crate::simd::{Kernel, Simd, dispatch};

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

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Forward { windows, fold, first, x, y } = self;
        let mut cursor = windows.cursor(first);
        let pixels: usize = image(windows);
        for position in first..first + windows.output[2] {
            let mut channel = 0;
            while channel < windows.channels {
                let width = S::LANES.min(windows.channels - channel);
                let mut value = s.splat(0.0);
                let mut place = s.splat(0.0);
                let mut begun = false;
                for tap in 0..windows.taps() {
                    let Some(at) = windows.find(&cursor.start, windows.tap(tap)) else { continue };
                    // SAFETY: the pixel lies inside.
                    let pixel = unsafe { s.load_up_to(x.add(at + channel), width) };
                    match fold {
                        Fold::Sum => value = s.add(value, pixel),
                        Fold::Largest(_) => {
                            let here = (at % pixels / windows.pixel) as i32;
                            let here = s.from_bits(s.splat_i(here));
                            if begun {
                                // What is not below or equal wins, NaN too; NaN stays.
                                let winner = |stays, comes| {
                                    let comes = s.select(s.le(pixel, value), stays, comes);
                                    s.select(s.is_nan(value), stays, comes)
                                };
                                (value, place) = (winner(value, pixel), winner(place, here));
                            } else {
                                (value, place) = (pixel, here);
                            }
                        }
                    }
                    begun = true;
                }
                // SAFETY: the position exists.
                unsafe {
                    let to = position * windows.channels + channel;
                    s.store_up_to(y.add(to), value, width);
                    if let Fold::Largest(places) = fold {
                        s.store_up_to(places.add(to).cast::<f32>(), place, width);
                    }
                }
                channel += S::LANES;
            }
            cursor.advance(windows);
        }
    }
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
        // SAFETY: the image is this task's own.
        unsafe { dx.add(index * image(windows)).write_bytes(0, image(windows)) };
        for position in index * positions..(index + 1) * positions {
            for tap in 0..windows.taps() {
                let Some(at) = windows.find(&cursor.start, windows.tap(tap)) else { continue };
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
