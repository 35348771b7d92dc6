//! Pooling of 1 to 3 dimensions over images with channels last, and its gradients.
//!
//! Vectors lie across channels. Pixels outside the image count neither for the maximum nor, unless
//! asked, for the mean. Global pooling is a reduction: see `reduce`.
//! Must not know: padding names, layers, graphs.

mod places;

pub use places::{add_at_places, max_pool_with_places};

use crate::gemm::{Pointer, Start, Windows, run_if};
use crate::pool::ThreadPool;
use crate::simd::{Kernel, Simd, dispatch};

/// Channels of one task of a gradient.
const STRIP: usize = 64;

/// What becomes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// The largest value; in the gradient, the first largest takes all.
    Max,
    /// The mean of the pixels inside the image.
    Average,
    /// The mean over the whole window, zeros outside the image.
    AverageWithPadding,
    /// The sum.
    Sum,
}

/// `y[position, channel]` is the pool of the window there; `windows.channels` are pooled.
///
/// # Safety
/// `x` holds the images of `windows`, `y` its positions times channels.
pub unsafe fn pool_forward(
    pool: &ThreadPool,
    pooling: Pooling,
    windows: &Windows,
    x: *const f32,
    y: *mut f32,
) {
    let across = windows.output[2];
    let lines = windows.batch * windows.output[0] * windows.output[1];
    let (x, y) = (Pointer(x.cast_mut()), Pointer(y));
    let pays = windows.positions() * windows.columns() > 1 << 15;
    run_if(pool, pays, lines, |line| {
        let (x, y) = (x.get(), y.get());
        dispatch(Forward { pooling, windows, first: line * across, x, y });
    });
}

/// The share that each pixel of a window has in a mean.
#[inline(always)]
fn share(pooling: Pooling, windows: &Windows, inside: usize) -> f32 {
    let count = match pooling {
        Pooling::Average => inside,
        Pooling::AverageWithPadding => windows.taps(),
        Pooling::Max | Pooling::Sum => 1,
    };
    1.0 / count.max(1) as f32
}

struct Forward<'a> {
    pooling: Pooling,
    windows: &'a Windows,
    first: usize,
    x: *const f32,
    y: *mut f32,
}

/// Where the pixels of a window inside the image begin: found once for all channels.
struct Inside {
    at: [usize; Self::MOST],
    count: usize,
}

impl Inside {
    /// Larger windows are looked up again for each vector of channels.
    const MOST: usize = 64;

    #[inline(always)]
    fn new(windows: &Windows, start: &Start) -> Self {
        let mut inside = Self { at: [0; Self::MOST], count: 0 };
        for at in lookup(windows, start).take(Self::MOST) {
            inside.at[inside.count] = at;
            inside.count += 1;
        }
        inside
    }

    #[inline(always)]
    fn pixels(&self) -> impl Iterator<Item = usize> + Clone {
        self.at[..self.count].iter().copied()
    }
}

/// The pixels of a window inside the image, in order.
#[inline(always)]
fn lookup<'a>(windows: &'a Windows, start: &'a Start) -> impl Iterator<Item = usize> + Clone + 'a {
    (0..windows.taps()).filter_map(|tap| windows.find(start, windows.tap(tap)))
}

impl Kernel for Forward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let windows = self.windows;
        let mut cursor = windows.cursor(self.first);
        for position in self.first..self.first + windows.output[2] {
            if windows.taps() <= Inside::MOST {
                let inside = Inside::new(windows, &cursor.start);
                self.position(s, position, inside.pixels());
            } else {
                self.position(s, position, lookup(windows, &cursor.start));
            }
            cursor.advance(windows);
        }
    }
}

impl Forward<'_> {
    /// Pools one window, whose pixels inside the image are given.
    #[inline(always)]
    fn position<S: Simd>(
        &self,
        s: S,
        position: usize,
        pixels: impl Iterator<Item = usize> + Clone,
    ) {
        let windows = self.windows;
        let largest = self.pooling == Pooling::Max;
        let count = if largest { 0 } else { pixels.clone().count() };
        let share = s.splat(share(self.pooling, windows, count));
        let mut channel = 0;
        while channel < windows.channels {
            let width = S::LANES.min(windows.channels - channel);
            let mut value = s.splat(if largest { f32::NEG_INFINITY } else { 0.0 });
            for at in pixels.clone() {
                // SAFETY: the pixel lies inside.
                let pixel = unsafe { s.load_up_to(self.x.add(at + channel), width) };
                value = if largest {
                    s.select(s.is_nan(value), value, s.max(value, pixel))
                } else {
                    s.add(value, pixel)
                };
            }
            if !largest {
                value = s.mul(value, share);
            }
            // SAFETY: the position exists.
            unsafe {
                let to = self.y.add(position * windows.channels + channel);
                s.store_up_to(to, value, width);
            }
            channel += S::LANES;
        }
    }
}

/// The gradient of the images, written whole; `x` and `y` are read for [`Pooling::Max`] only.
///
/// # Safety
/// `x` and `dx` hold the images of `windows`, `y` and `dy` its positions times channels; the
/// windows read all channels of a pixel.
pub unsafe fn pool_backward(
    pool: &ThreadPool,
    pooling: Pooling,
    windows: &Windows,
    x: *const f32,
    y: *const f32,
    dy: *const f32,
    dx: *mut f32,
) {
    let strips = windows.channels.div_ceil(STRIP);
    let [x, y, dy, dx] = [x.cast_mut(), y.cast_mut(), dy.cast_mut(), dx].map(Pointer);
    let pays = windows.positions() * windows.columns() > 1 << 15;
    run_if(pool, pays, windows.batch * strips, |task| {
        let (image, strip) = (task / strips, task % strips);
        let channels = strip * STRIP..windows.channels.min((strip + 1) * STRIP);
        let (x, y, dy, dx) = (x.get(), y.get(), dy.get(), dx.get());
        dispatch(Backward { pooling, windows, image, channels, x, y, dy, dx });
    });
}

/// Some channels of one image.
struct Backward<'a> {
    pooling: Pooling,
    windows: &'a Windows,
    image: usize,
    channels: std::ops::Range<usize>,
    x: *const f32,
    y: *const f32,
    dy: *const f32,
    dx: *mut f32,
}

impl Kernel for Backward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let windows = self.windows;
        let pixels: usize = windows.input.iter().product();
        for pixel in self.image * pixels..(self.image + 1) * pixels {
            // SAFETY: the pixel lies within the images, and these channels are this task's own.
            unsafe {
                let to = self.dx.add(pixel * windows.pixel + self.channels.start);
                to.write_bytes(0, self.channels.len());
            }
        }
        let positions: usize = windows.output.iter().product();
        let first = self.image * positions;
        let mut cursor = windows.cursor(first);
        for position in first..first + positions {
            if windows.taps() <= Inside::MOST {
                let inside = Inside::new(windows, &cursor.start);
                self.position(s, position, inside.pixels());
            } else {
                self.position(s, position, lookup(windows, &cursor.start));
            }
            cursor.advance(windows);
        }
    }
}

impl Backward<'_> {
    /// Deals out the gradient of one window, whose pixels inside the image are given.
    #[inline(always)]
    fn position<S: Simd>(
        &self,
        s: S,
        position: usize,
        pixels: impl Iterator<Item = usize> + Clone,
    ) {
        let windows = self.windows;
        let count = if self.pooling == Pooling::Average { pixels.clone().count() } else { 0 };
        let factor = s.splat(share(self.pooling, windows, count));
        let mut channel = self.channels.start;
        while channel < self.channels.end {
            let width = S::LANES.min(self.channels.end - channel);
            let at = position * windows.channels + channel;
            // SAFETY: the position and the pixels exist.
            unsafe {
                let gradient = s.load_up_to(self.dy.add(at), width);
                if self.pooling == Pooling::Max {
                    let largest = s.load_up_to(self.y.add(at), width);
                    self.give_to_first(s, pixels.clone(), channel, width, gradient, largest);
                } else {
                    let part = s.mul(gradient, factor);
                    for pixel in pixels.clone() {
                        let to = self.dx.add(pixel + channel);
                        s.store_up_to(to, s.add(s.load_up_to(to, width), part), width);
                    }
                }
            }
            channel += S::LANES;
        }
    }

    /// Adds the gradient to the first pixel that is the largest, channel by channel.
    #[inline(always)]
    unsafe fn give_to_first<S: Simd>(
        &self,
        s: S,
        pixels: impl Iterator<Item = usize>,
        channel: usize,
        width: usize,
        gradient: S::F,
        largest: S::F,
    ) {
        let nothing = s.splat(0.0);
        let mut left = gradient;
        for pixel in pixels {
            // SAFETY: the pixel exists.
            unsafe {
                let hit = s.eq(s.load_up_to(self.x.add(pixel + channel), width), largest);
                let to = self.dx.add(pixel + channel);
                let sum = s.add(s.load_up_to(to, width), s.select(hit, left, nothing));
                s.store_up_to(to, sum, width);
                left = s.select(hit, nothing, left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, bits, numbers};

    fn shapes() -> [Windows; 5] {
        let plain = Windows {
            batch: 2,
            input: [1, 8, 9],
            channels: 5,
            pixel: 5,
            output: [1, 4, 4],
            kernel: [1, 2, 2],
            stride: [1, 2, 2],
            dilation: [1; 3],
            origin: [0; 3],
        };
        [
            plain,
            // Overlapping windows that leave the image on both sides.
            Windows { kernel: [1, 3, 3], origin: [0, -1, -1], output: [1, 4, 5], ..plain },
            Windows { channels: 70, pixel: 70, ..plain },
            // More pixels than are looked up at once.
            Windows {
                kernel: [1, 9, 9],
                origin: [0, -1, -1],
                output: [1, 2, 3],
                stride: [1; 3],
                ..plain
            },
            Windows {
                batch: 3,
                input: [4, 5, 6],
                channels: 17,
                pixel: 17,
                output: [2, 3, 3],
                kernel: [3, 2, 3],
                stride: [2; 3],
                dilation: [1; 3],
                origin: [-1, 0, -1],
            },
        ]
    }

    /// The floats of a window's pixels, for one channel.
    fn pixels(windows: &Windows, position: usize, channel: usize) -> Vec<usize> {
        let start = windows.cursor(position).start;
        (0..windows.taps())
            .filter_map(|tap| windows.find(&start, windows.tap(tap)))
            .map(|at| at + channel)
            .collect()
    }

    #[test]
    fn pools_and_gradients_match_plain_loops_at_any_number_of_threads() {
        for windows in shapes() {
            let image = windows.batch * windows.image();
            // Few different values, so that the largest is often there twice.
            let x: Vec<f32> = numbers(image, 1).iter().map(|x| (x * 4.0).round()).collect();
            let results = windows.positions() * windows.channels;
            let dy = numbers(results, 2);
            let sums = [Pooling::Average, Pooling::AverageWithPadding, Pooling::Sum];
            for pooling in sums.into_iter().chain([Pooling::Max]) {
                let mut expected = vec![0.0_f64; results];
                let mut expected_dx = vec![0.0_f64; image];
                for at in 0..results {
                    let (position, channel) = (at / windows.channels, at % windows.channels);
                    let inside = pixels(&windows, position, channel);
                    let values = inside.iter().map(|&at| f64::from(x[at]));
                    if pooling == Pooling::Max {
                        expected[at] = values.fold(f64::NEG_INFINITY, f64::max);
                        let first = inside.iter().find(|&&p| f64::from(x[p]) == expected[at]);
                        expected_dx[*first.unwrap()] += f64::from(dy[at]);
                    } else {
                        let count = match pooling {
                            Pooling::Average => inside.len() as f64,
                            Pooling::Sum => 1.0,
                            _ => windows.taps() as f64,
                        };
                        expected[at] = values.sum::<f64>() / count;
                        for &pixel in &inside {
                            expected_dx[pixel] += f64::from(dy[at]) / count;
                        }
                    }
                }
                let mut first: Option<Vec<u32>> = None;
                for threads in [1, 2, 3] {
                    let pool = ThreadPool::new(threads);
                    let (mut y, mut dx) = (vec![0.0; results], vec![f32::NAN; image]);
                    // SAFETY: the vectors have these lengths.
                    unsafe {
                        pool_forward(&pool, pooling, &windows, x.as_ptr(), y.as_mut_ptr());
                        let (x, y, dy) = (x.as_ptr(), y.as_ptr(), dy.as_ptr());
                        pool_backward(&pool, pooling, &windows, x, y, dy, dx.as_mut_ptr());
                    }
                    assert_close(&y, &expected, 1e-6, "pool");
                    assert_close(&dx, &expected_dx, 1e-6, "gradient of pool");
                    let all = [bits(&y), bits(&dx)].concat();
                    assert_eq!(*first.get_or_insert_with(|| all.clone()), all);
                }
            }
        }
    }

    #[test]
    fn maxima_tell_their_places_and_values_go_back_there() {
        for windows in shapes() {
            let image = windows.batch * windows.image();
            let mut x: Vec<f32> = numbers(image, 1).iter().map(|x| (x * 4.0).round()).collect();
            (x[3], x[8]) = (f32::NAN, f32::NEG_INFINITY);
            let (results, channels) = (windows.positions() * windows.channels, windows.channels);
            let size: usize = windows.input.iter().product();
            let count = windows.positions() / windows.batch;
            let dy = numbers(results, 2);
            for threads in [1, 3] {
                let pool = ThreadPool::new(threads);
                let (mut y, mut places) = (vec![0.0; results], vec![-1; results]);
                let mut dx = vec![f32::NAN; image];
                // SAFETY: the vectors have these lengths.
                unsafe {
                    let (y, places) = (y.as_mut_ptr(), places.as_mut_ptr());
                    max_pool_with_places(&pool, &windows, x.as_ptr(), y, places);
                    let shape = (windows.batch, count, channels);
                    add_at_places(&pool, shape, dy.as_ptr(), places, size, dx.as_mut_ptr());
                }
                let mut expected_dx = vec![0.0_f32; image];
                for at in 0..results {
                    let inside = pixels(&windows, at / channels, at % channels);
                    let mut best = inside[0];
                    for &pixel in &inside[1..] {
                        let nan = x[pixel].is_nan() && !x[best].is_nan();
                        if x[pixel] > x[best] || nan {
                            best = pixel;
                        }
                    }
                    assert_eq!(y[at].to_bits(), x[best].to_bits());
                    let start = at / channels / count * windows.image();
                    assert_eq!(places[at] as usize, (best - start) / windows.pixel);
                    expected_dx[best] += dy[at];
                }
                assert_eq!(bits(&dx), bits(&expected_dx));
            }
        }
    }
}
