//! Pixels of images at places between them, channels last.
//!
//! A task finds the neighbours of a block of places with vectors across the places, and then adds
//! up pixel by pixel, with vectors across the channels. Sums are in a fixed order and rounded
//! after every step, so that every instruction set gives the same bits.
//! Must not know: where the places come from, layers, graphs.

use crate::gemm::{Pointer, run_if};
use crate::pool::ThreadPool;
use crate::simd::{Kernel, Simd, dispatch};

/// Places whose neighbours are held at a time.
const BLOCK: usize = 256;
/// Places of one task.
const TASK: usize = 16 * BLOCK;

/// What is beyond the borders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Border {
    /// One value.
    Constant(f32),
    /// The last pixel.
    Nearest,
    /// The opposite end.
    Wrap,
    /// The mirror image about the last pixel.
    Mirror,
    /// The mirror image about the border.
    Reflect,
}

/// What is looked up in which images.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    /// The number of images.
    pub images: usize,
    /// Their rows, at least one.
    pub height: usize,
    /// Their columns, at least one.
    pub width: usize,
    /// The numbers of a pixel.
    pub channels: usize,
    /// Results of each image.
    pub places: usize,
    /// Whether the places of one image are those of all.
    pub shared: bool,
    /// What is beyond the borders.
    pub border: Border,
    /// Straight lines between pixels instead of the nearest one.
    pub linear: bool,
}

/// Writes the pixels at `rows` and `columns`.
///
/// # Safety
/// `images` and `to` hold the pixels and the results, `rows` and `columns` the places, of all
/// images or of one that stands for all.
pub unsafe fn sample(
    pool: &ThreadPool,
    sampling: &Sampling,
    images: *const f32,
    rows: *const f32,
    columns: *const f32,
    to: *mut f32,
) {
    let pieces = sampling.places.div_ceil(TASK);
    let [images, rows, columns] = [images, rows, columns].map(|from| Pointer(from.cast_mut()));
    let to = Pointer(to);
    let pays = sampling.images * sampling.places * sampling.channels > 1 << 14;
    run_if(pool, pays, sampling.images * pieces, |task| {
        let (image, first) = (task / pieces, task % pieces * TASK);
        let own = if sampling.shared { 0 } else { image * sampling.places };
        let size = sampling.height * sampling.width * sampling.channels;
        // SAFETY: the image and the places are among those that the caller promises.
        let piece = unsafe {
            Piece {
                sampling,
                image: images.get().add(image * size),
                rows: rows.get().add(own + first),
                columns: columns.get().add(own + first),
                to: to.get().add((image * sampling.places + first) * sampling.channels),
                count: TASK.min(sampling.places - first),
            }
        };
        dispatch(piece);
    });
}

/// Some places of one image.
struct Piece<'a> {
    sampling: &'a Sampling,
    image: *const f32,
    rows: *const f32,
    columns: *const f32,
    to: *mut f32,
    count: usize,
}

/// The lower and the upper neighbours of places along an axis; only lower ones for the nearest.
struct Neighbours {
    /// The lanes are integers.
    at: [[f32; BLOCK]; 2],
    weight: [[f32; BLOCK]; 2],
    /// 1 for a neighbour inside the image.
    inside: [[f32; BLOCK]; 2],
}

impl Neighbours {
    const NONE: Neighbours =
        Neighbours { at: [[0.0; BLOCK]; 2], weight: [[1.0; BLOCK]; 2], inside: [[1.0; BLOCK]; 2] };

    /// The neighbours of `count` places along an axis of this extent.
    ///
    /// # Safety
    /// `places` holds them; they are at most [`BLOCK`].
    #[inline(always)]
    unsafe fn find<S: Simd>(
        &mut self,
        s: S,
        sampling: &Sampling,
        extent: usize,
        places: *const f32,
        count: usize,
    ) {
        let mut first = 0;
        while first < count {
            // SAFETY: the places are there, and whole vectors fit into a block.
            let place = unsafe { s.load_up_to(places.add(first), S::LANES.min(count - first)) };
            if sampling.linear {
                let lower = s.floor(place);
                let upper = s.sub(place, lower);
                self.put(s, sampling.border, extent, [first, 0], lower, s.sub(s.splat(1.0), upper));
                let next = s.add(lower, s.splat(1.0));
                self.put(s, sampling.border, extent, [first, 1], next, upper);
            } else {
                // Ties go away from zero; adding one half would round the number below it up.
                let size = s.abs(place);
                let whole = s.floor(size);
                let tie = s.le(s.splat(0.5), s.sub(size, whole));
                let up = s.select(tie, s.splat(1.0), s.splat(0.0));
                let nearest = s.copy_sign(s.add(whole, up), place);
                self.put(s, sampling.border, extent, [first, 0], nearest, s.splat(1.0));
            }
            first += S::LANES;
        }
    }

    /// Keeps the pixels at whole-numbered places with their weights.
    #[inline(always)]
    fn put<S: Simd>(
        &mut self,
        s: S,
        border: Border,
        extent: usize,
        [first, which]: [usize; 2],
        place: S::F,
        weight: S::F,
    ) {
        let (size, zero) = (extent as f32, s.splat(0.0));
        // Floats hold integers up to here: beyond, a rounded one could leave the image.
        let last = s.splat(extent.min(1 << 24) as f32 - 1.0);
        // The distance from the middle of a wave that has this length.
        let wave = |place: S::F, length: f32, middle: f32| {
            let whole = s.floor(s.div(place, s.splat(length)));
            let rest = s.sub(place, s.mul(whole, s.splat(length)));
            s.sub(s.splat(middle), s.abs(s.sub(rest, s.splat(middle))))
        };
        let found = match border {
            Border::Constant(_) | Border::Nearest => place,
            Border::Wrap => {
                let whole = s.floor(s.div(place, s.splat(size)));
                s.sub(place, s.mul(whole, s.splat(size)))
            }
            Border::Mirror => wave(place, 2.0 * size - 2.0, size - 1.0),
            Border::Reflect => wave(place, 2.0 * size, size - 0.5),
        };
        // NaN, which is nowhere, becomes the first pixel: the zero is the second operand.
        let at = s.to_int(s.min(last, s.max(found, zero)));
        // SAFETY: whole vectors fit into a block.
        unsafe {
            s.store(self.at[which].as_mut_ptr().add(first), s.from_bits(at));
            s.store(self.weight[which].as_mut_ptr().add(first), weight);
        }
        if let Border::Constant(_) = border {
            let below = s.select(s.lt(place, s.splat(size)), s.splat(1.0), zero);
            let inside = s.select(s.le(zero, place), below, zero);
            // SAFETY: likewise.
            unsafe { s.store(self.inside[which].as_mut_ptr().add(first), inside) };
        }
    }
}

impl Kernel for Piece<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let sampling = self.sampling;
        let [mut rows, mut columns] = [Neighbours::NONE; 2];
        for first in (0..self.count).step_by(BLOCK) {
            let count = BLOCK.min(self.count - first);
            // SAFETY: these are places of the piece.
            unsafe {
                rows.find(s, sampling, sampling.height, self.rows.add(first), count);
                columns.find(s, sampling, sampling.width, self.columns.add(first), count);
            }
            let block = Block { sampling, image: self.image, rows: &rows, columns: &columns };
            block.ask(s, count);
            // SAFETY: the results of these places belong to this piece.
            unsafe {
                let to = self.to.add(first * sampling.channels);
                match (sampling.linear, sampling.channels) {
                    (true, 3) => block.fours::<3, 4>(to, count),
                    (true, 4) => block.fours::<4, 4>(to, count),
                    (true, _) => (0..count).for_each(|at| block.one::<4>(to, at)),
                    (false, 3) => block.fours::<3, 1>(to, count),
                    (false, _) => (0..count).for_each(|at| block.one::<1>(to, at)),
                }
            }
        }
    }
}

/// The neighbours of a block of places.
struct Block<'a> {
    sampling: &'a Sampling,
    image: *const f32,
    rows: &'a Neighbours,
    columns: &'a Neighbours,
}

/// The neighbours of a place in the order in which they are added: lower or upper row and column.
const CORNERS: [[usize; 2]; 4] = [[0, 0], [1, 0], [0, 1], [1, 1]];

impl Block<'_> {
    /// Asks for the pixels of all places: they lie along slanting lines, which the processor does
    /// not foresee, and waiting for each would take most of the time.
    #[inline(always)]
    fn ask<S: Simd>(&self, s: S, count: usize) {
        for at in (0..count).step_by(2) {
            for corner in [[0, 0], [1, 0]] {
                s.prefetch(
                    self.image.wrapping_add(self.pixel(at, corner) * self.sampling.channels),
                );
            }
        }
    }

    /// The number of the pixel at a corner.
    #[inline(always)]
    fn pixel(&self, at: usize, [row, column]: [usize; 2]) -> usize {
        let index = |of: f32| of.to_bits() as usize;
        index(self.rows.at[row][at]) * self.sampling.width + index(self.columns.at[column][at])
    }

    #[inline(always)]
    fn weight(&self, at: usize, [row, column]: [usize; 2]) -> f32 {
        self.rows.weight[row][at] * self.columns.weight[column][at]
    }

    /// Whether a corner lies inside the image.
    #[inline(always)]
    fn is_inside(&self, at: usize, [row, column]: [usize; 2]) -> bool {
        self.rows.inside[row][at] * self.columns.inside[column][at] != 0.0
    }

    /// What a corner adds to a channel, without its weight.
    ///
    /// # Safety
    /// The image is there.
    #[inline(always)]
    unsafe fn value(&self, at: usize, corner: [usize; 2], channel: usize) -> f32 {
        match self.sampling.border {
            Border::Constant(value) if !self.is_inside(at, corner) => value,
            _ => {
                let from = self.pixel(at, corner) * self.sampling.channels + channel;
                // SAFETY: neighbours were moved into the image.
                unsafe { *self.image.add(from) }
            }
        }
    }

    /// One result: of four corners, or the pixel at the first of them.
    ///
    /// # Safety
    /// `to` holds the results of the block.
    #[inline(always)]
    unsafe fn one<const OF: usize>(&self, to: *mut f32, at: usize) {
        let channels = self.sampling.channels;
        let weights: [f32; OF] = std::array::from_fn(|i| self.weight(at, CORNERS[i]));
        for channel in 0..channels {
            // SAFETY: as the caller promises.
            unsafe {
                let value = |i: usize| self.value(at, CORNERS[i], channel);
                *to.add(at * channels + channel) = weighted(std::array::from_fn(value), weights);
            }
        }
    }

    /// Results of three or four channels, which are read and written four numbers at a time: the
    /// fourth of three belongs to the next pixel, and is written again.
    ///
    /// # Safety
    /// `to` holds the results.
    #[inline(always)]
    unsafe fn fours<const CHANNELS: usize, const OF: usize>(&self, to: *mut f32, count: usize) {
        let last = self.sampling.height * self.sampling.width - 1;
        let is_constant = matches!(self.sampling.border, Border::Constant(_));
        for at in 0..count {
            let pixels: [usize; OF] = std::array::from_fn(|i| self.pixel(at, CORNERS[i]));
            // No four numbers begin at the last pixel of three.
            let short = CHANNELS < 4 && (at + 1 == count || pixels.contains(&last));
            let beyond = || !CORNERS[..OF].iter().all(|&corner| self.is_inside(at, corner));
            if short || (is_constant && beyond()) {
                // SAFETY: as the caller promises.
                unsafe { self.one::<OF>(to, at) };
                continue;
            }
            let weights: [f32; OF] = std::array::from_fn(|i| self.weight(at, CORNERS[i]));
            // SAFETY: the pixels lie in the image, and behind each that is not the last there is
            // a number more; likewise for results.
            unsafe {
                let read = |i: usize| {
                    self.image.add(pixels[i] * CHANNELS).cast::<[f32; 4]>().read_unaligned()
                };
                let values: [[f32; 4]; OF] = std::array::from_fn(read);
                let sum: [f32; 4] = std::array::from_fn(|lane| {
                    weighted(std::array::from_fn(|i| values[i][lane]), weights)
                });
                to.add(at * CHANNELS).cast::<[f32; 4]>().write_unaligned(sum);
            }
        }
    }
}

/// The sum of the corners, in their order; a single one as it is.
#[inline(always)]
fn weighted<const OF: usize>(values: [f32; OF], weights: [f32; OF]) -> f32 {
    if OF == 1 {
        return values[0];
    }
    let mut sum = values[0] * weights[0];
    for i in 1..OF {
        sum += values[i] * weights[i];
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::simd::dispatch_on;

    #[test]
    fn every_instruction_set_gives_the_same_bits_and_writes_no_more() {
        const COUNT: usize = BLOCK + 43;
        let place = |i: usize, by: usize| ((i * by) % 997) as f32 * 0.05 - 20.0;
        let rows: Vec<f32> = (0..COUNT).map(|i| place(i, 131)).collect();
        let columns: Vec<f32> = (0..COUNT).map(|i| place(i, 377)).collect();
        let borders =
            [Border::Constant(0.5), Border::Nearest, Border::Wrap, Border::Mirror, Border::Reflect];
        for (channels, linear) in [(1, true), (2, true), (3, true), (4, true), (3, false)] {
            let image: Vec<f32> = (0..5 * 7 * channels).map(|i| place(i, 53)).collect();
            for border in borders {
                let sampling = Sampling {
                    images: 1,
                    height: 5,
                    width: 7,
                    channels,
                    places: COUNT,
                    shared: false,
                    border,
                    linear,
                };
                let on = |isa| {
                    let mut to = vec![-1.0; COUNT * channels + 1];
                    let piece = Piece {
                        sampling: &sampling,
                        image: image.as_ptr(),
                        rows: rows.as_ptr(),
                        columns: columns.as_ptr(),
                        to: to.as_mut_ptr(),
                        count: COUNT,
                    };
                    dispatch_on(isa, piece);
                    assert_eq!(to.pop(), Some(-1.0));
                    to.into_iter().map(f32::to_bits).collect::<Vec<u32>>()
                };
                let expected = on(Isa::Portable);
                for isa in Isa::available() {
                    assert_eq!(on(isa), expected, "{isa:?} {border:?} {channels} {linear}");
                }
            }
        }
    }
}
