//! Maxima together with where they were found, and sums of values back to such places.
//!
//! A place is the number of a pixel within its image, depth first and width last.

use super::{Inside, STRIP, lookup};
use crate::gemm::{Pointer, Windows, run_if};
use crate::pool::ThreadPool;
use crate::simd::{Kernel, Simd, dispatch};

/// The largest value of each window and its place: the first of several, the first NaN if any.
///
/// # Safety
/// `x` holds the images of `windows`, `y` and `places` its positions times channels.
pub unsafe fn max_pool_with_places(
    pool: &ThreadPool,
    windows: &Windows,
    x: *const f32,
    y: *mut f32,
    places: *mut i32,
) {
    let across = windows.output[2];
    let lines = windows.batch * windows.output[0] * windows.output[1];
    // Places travel as floats of the same bits: a blend of vectors keeps them.
    let [x, y, places] = [x.cast_mut(), y, places.cast::<f32>()].map(Pointer);
    let pays = windows.positions() * windows.columns() > 1 << 15;
    run_if(pool, pays, lines, |line| {
        let (x, y, places) = (x.get(), y.get(), places.get());
        dispatch(Line { windows, first: line * across, x, y, places });
    });
}

struct Line<'a> {
    windows: &'a Windows,
    first: usize,
    x: *const f32,
    y: *mut f32,
    places: *mut f32,
}

impl Kernel for Line<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let windows = self.windows;
        let mut cursor = windows.cursor(self.first);
        for position in self.first..self.first + windows.output[2] {
            let image = cursor.start.image;
            if windows.taps() <= Inside::MOST {
                let inside = Inside::new(windows, &cursor.start);
                self.position(s, position, image, inside.pixels());
            } else {
                self.position(s, position, image, lookup(windows, &cursor.start));
            }
            cursor.advance(windows);
        }
    }
}

impl Line<'_> {
    /// One window, whose pixels inside the image are given.
    #[inline(always)]
    fn position<S: Simd>(
        &self,
        s: S,
        position: usize,
        image: usize,
        pixels: impl Iterator<Item = usize> + Clone,
    ) {
        let windows = self.windows;
        let number = |at: usize| {
            let number = (at - image) / windows.pixel;
            s.from_bits(s.splat_i(number as i32))
        };
        let first = number(pixels.clone().next().unwrap_or(image));
        let mut channel = 0;
        while channel < windows.channels {
            let width = S::LANES.min(windows.channels - channel);
            let (mut best, mut place) = (s.splat(f32::NEG_INFINITY), first);
            for at in pixels.clone() {
                // SAFETY: the pixel lies inside.
                let value = unsafe { s.load_up_to(self.x.add(at + channel), width) };
                let here = number(at);
                let (settled, nan) = (s.is_nan(best), s.is_nan(value));
                // Value and place are chosen by the same masks: then they agree on zeros' signs.
                let larger = s.lt(best, value);
                let choose = |new, old| {
                    s.select(settled, old, s.select(nan, new, s.select(larger, new, old)))
                };
                (best, place) = (choose(value, best), choose(here, place));
            }
            let to = position * windows.channels + channel;
            // SAFETY: the position exists.
            unsafe {
                s.store_up_to(self.y.add(to), best, width);
                s.store_up_to(self.places.add(to), place, width);
            }
            channel += S::LANES;
        }
    }
}

/// `out[image, places[image, i, channel], channel] += updates[image, i, channel]` after zeroing:
/// the gradient of [`max_pool_with_places`]. `out` has `size` places per image.
///
/// Places outside are left out. Additions run in the order of `i`.
///
/// # Safety
/// `updates` and `places` are valid for `images · count · channels` elements, `out` for
/// `images · size · channels`.
pub unsafe fn add_at_places(
    pool: &ThreadPool,
    (images, count, channels): (usize, usize, usize),
    updates: *const f32,
    places: *const i32,
    size: usize,
    out: *mut f32,
) {
    let strips = channels.div_ceil(STRIP);
    let [updates, places, out] =
        [updates.cast_mut(), places.cast_mut().cast::<f32>(), out].map(Pointer);
    let pays = images * (count + size) * channels > 1 << 15;
    run_if(pool, pays, images * strips, |task| {
        let (image, strip) = (task / strips, task % strips);
        let (from, to) = (strip * STRIP, channels.min((strip + 1) * STRIP));
        // SAFETY: image and channels are this task's own, and every place is checked.
        unsafe {
            let out = out.get().add(image * size * channels);
            for pixel in 0..size {
                out.add(pixel * channels + from).write_bytes(0, to - from);
            }
            for index in 0..count {
                let at = (image * count + index) * channels;
                let updates = updates.get().add(at);
                let places = places.get().cast::<i32>().add(at);
                for channel in from..to {
                    let place = usize::try_from(*places.add(channel)).unwrap_or(usize::MAX);
                    if place < size {
                        *out.add(place * channels + channel) += *updates.add(channel);
                    }
                }
            }
        }
    });
}
