//! Operands that are not contiguous: collecting their elements into a tile, and spreading a tile
//! over one.
//!
//! Must not know: dtypes beyond their width.

/// The loop over an operand, outermost axis first, in elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Walk {
    axes: Vec<(usize, isize)>,
    /// The elements within the innermost axis that repeats several, and within that axis and what
    /// it repeats.
    period: Option<(usize, usize)>,
}

/// Most axes that a walk has after merging; more are folded into the position arithmetic.
const AXES: usize = 8;

impl Walk {
    /// The loop of an operand: axes that are walked as one are merged.
    pub(super) fn new(shape: &[usize], strides: &[isize]) -> Walk {
        let mut axes: Vec<(usize, isize)> = Vec::with_capacity(shape.len());
        for (&extent, &stride) in shape.iter().zip(strides).filter(|&(&d, _)| d != 1) {
            match axes.last_mut() {
                Some((outer, step)) if *step == stride * extent as isize => {
                    *outer *= extent;
                    *step = stride;
                }
                _ => axes.push((extent, stride)),
            }
        }
        if axes.is_empty() {
            axes.push((1, 0));
        }
        let repeats = axes[..axes.len() - 1].iter().rposition(|&(_, stride)| stride == 0);
        let period = repeats.map(|axis| {
            let within = axes[axis + 1..].iter().map(|&(extent, _)| extent).product();
            (within, within * axes[axis].0)
        });
        Walk { axes, period }
    }

    /// The length of the row that is repeated, if the operand is one row for all rows.
    pub(super) fn repeated_row(&self) -> Option<usize> {
        match *self.axes {
            [(_, 0), (row, 1)] => Some(row),
            _ => None,
        }
    }

    /// Calls `run(at, offset, stride, length)` for each run along the innermost axis among
    /// positions `start .. start + count`: `at` counts from `start`, `offset` from the operand's
    /// first element.
    #[inline]
    fn runs(&self, start: usize, count: usize, run: impl FnMut(usize, isize, isize, usize)) {
        Walk::runs_of(&self.axes, start, count, run);
    }

    /// [`Walk::runs`] along some axes.
    #[inline]
    fn runs_of(
        axes: &[(usize, isize)],
        start: usize,
        count: usize,
        mut run: impl FnMut(usize, isize, isize, usize),
    ) {
        let rank = axes.len();
        let mut index = [0usize; AXES];
        let (inner, stride) = axes[rank - 1];
        let mut rest = start;
        let mut offset = 0;
        for (axis, &(extent, step)) in axes.iter().enumerate().rev() {
            let here = if axis == 0 { rest } else { rest % extent };
            rest /= extent;
            offset += here as isize * step;
            if axis < AXES {
                index[axis] = here;
            }
        }
        if rank > AXES {
            return Walk::runs_anew(axes, start, count, run);
        }
        let mut at = 0;
        while at < count {
            let length = (inner - index[rank - 1]).min(count - at);
            run(at, offset, stride, length);
            at += length;
            offset -= index[rank - 1] as isize * stride;
            index[rank - 1] = 0;
            for axis in (0..rank - 1).rev() {
                let (extent, step) = axes[axis];
                index[axis] += 1;
                offset += step;
                if index[axis] < extent {
                    break;
                }
                offset -= extent as isize * step;
                index[axis] = 0;
            }
        }
    }

    /// The same for walks of very many axes: every run finds its place by division.
    #[cold]
    fn runs_anew(
        axes: &[(usize, isize)],
        start: usize,
        count: usize,
        mut run: impl FnMut(usize, isize, isize, usize),
    ) {
        let (inner, stride) = axes[axes.len() - 1];
        let mut at = 0;
        while at < count {
            let mut rest = start + at;
            let mut offset = 0;
            for &(extent, step) in axes.iter().rev() {
                offset += (rest % extent) as isize * step;
                rest /= extent;
            }
            let length = (inner - (start + at) % inner).min(count - at);
            run(at, offset, stride, length);
            at += length;
        }
    }

    /// Collects `count` elements from position `start` on.
    ///
    /// # Safety
    /// `from` is the operand's first element, all positions are within its shape, and `to` has
    /// room for `count` elements of `width` bytes.
    pub(super) unsafe fn gather(
        &self,
        from: *const u8,
        to: *mut u8,
        (start, count): (usize, usize),
        width: usize,
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            match width {
                1 => self.gather_periods::<u8>(from, to, start, count),
                2 => self.gather_periods::<u16>(from, to, start, count),
                4 => self.gather_periods::<u32>(from, to, start, count),
                _ => self.gather_periods::<u64>(from, to, start, count),
            }
        }
    }

    /// Collects what is repeated once, and repeats it in the tile.
    ///
    /// # Safety
    /// As for `gather`, for elements of the size of `T`.
    unsafe fn gather_periods<T: Copy>(
        &self,
        from: *const u8,
        to: *mut u8,
        start: usize,
        count: usize,
    ) {
        let (period, all) = self.period.unwrap_or((count, count));
        let mut at = 0;
        while at < count {
            let here = (count - at).min(all - (start + at) % all);
            let first = here.min(period);
            // SAFETY: as the caller promises.
            unsafe {
                let to = to.add(at * size_of::<T>());
                self.gather_as::<T>(from, to, start + at, first);
                repeat(to, first * size_of::<T>(), here * size_of::<T>());
            }
            at += here;
        }
    }

    /// # Safety
    /// As for `gather`, for elements of the size of `T`.
    unsafe fn gather_as<T: Copy>(&self, from: *const u8, to: *mut u8, start: usize, count: usize) {
        let (from, to) = (from.cast::<T>(), to.cast::<T>());
        if let [outer @ .., (channels @ (3 | 4), 1)] = self.axes.as_slice()
            && !outer.is_empty()
        {
            // SAFETY: as the caller promises.
            unsafe {
                return match channels {
                    3 => self.gather_pixels::<T, 3>(outer, from, to, start, count),
                    _ => self.gather_pixels::<T, 4>(outer, from, to, start, count),
                };
            }
        }
        // SAFETY: as the caller promises.
        unsafe { self.gather_runs(from, to, start, count) };
    }

    /// Colours of images that were turned over or turned round: many runs of few elements, which
    /// are moved one as a whole.
    ///
    /// # Safety
    /// As for `gather`; the innermost axis has so many channels, one after the other.
    unsafe fn gather_pixels<T: Copy, const CHANNELS: usize>(
        &self,
        outer: &[(usize, isize)],
        from: *const T,
        to: *mut T,
        start: usize,
        count: usize,
    ) {
        let before = ((CHANNELS - start % CHANNELS) % CHANNELS).min(count);
        let (first, pixels) = ((start + before) / CHANNELS, (count - before) / CHANNELS);
        let after = before + pixels * CHANNELS;
        // SAFETY: the three parts are those of the caller's positions.
        unsafe {
            self.gather_runs(from, to, start, before);
            Walk::runs_of(outer, first, pixels, |at, offset, stride, length| {
                let to = to.add(before + at * CHANNELS).cast::<[T; CHANNELS]>();
                for i in 0..length {
                    let from = from.offset(offset + i as isize * stride).cast::<[T; CHANNELS]>();
                    to.add(i).write_unaligned(from.read_unaligned());
                }
            });
            self.gather_runs(from, to.add(after), start + after, count - after);
        }
    }

    /// # Safety
    /// As for `gather`.
    unsafe fn gather_runs<T: Copy>(&self, from: *const T, to: *mut T, start: usize, count: usize) {
        self.runs(start, count, |at, offset, stride, length| {
            // SAFETY: `runs` stays within the operand and within `count`.
            unsafe {
                let (from, to) = (from.offset(offset), to.add(at));
                match stride {
                    1 if length < 16 => (0..length).for_each(|i| *to.add(i) = *from.add(i)),
                    1 => to.copy_from_nonoverlapping(from, length),
                    0 => {
                        let value = *from;
                        (0..length).for_each(|i| *to.add(i) = value);
                    }
                    _ => (0..length).for_each(|i| *to.add(i) = *from.offset(i as isize * stride)),
                }
            }
        });
    }

    /// Spreads `count` elements over positions from `start` on.
    ///
    /// # Safety
    /// `to` is the operand's first element, all positions are within its shape and nobody else
    /// uses them, and `from` holds `count` elements of `width` bytes, or one if `single`.
    pub(super) unsafe fn scatter(
        &self,
        (from, single): (*const u8, bool),
        to: *mut u8,
        (start, count): (usize, usize),
        width: usize,
    ) {
        let step = if single { 0 } else { width };
        self.runs(start, count, |at, offset, stride, length| {
            for i in 0..length {
                // SAFETY: `runs` stays within the operand and within `count`.
                unsafe {
                    let to = to.offset((offset + i as isize * stride) * width as isize);
                    to.copy_from_nonoverlapping(from.add((at + i) * step), width);
                }
            }
        });
    }
}

/// Repeats the first `period` bytes until there are `all`.
///
/// # Safety
/// The first ones are there, and room for all.
pub(super) unsafe fn repeat(to: *mut u8, period: usize, all: usize) {
    let mut done = period;
    while done < all {
        let more = done.min(all - done);
        // SAFETY: as the caller promises; what is there is copied behind itself.
        unsafe { to.add(done).copy_from_nonoverlapping(to, more) };
        done += more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_of_any_walk_is_collected() {
        let data: Vec<u32> = (0..120).collect();
        let cases: [(&[usize], &[isize]); 10] = [
            (&[2, 3, 4, 5], &[60, 20, 5, 1]),
            (&[5, 4, 3, 2], &[1, 5, 20, 60]),
            (&[4, 3, 5], &[0, 5, 1]),
            (&[7], &[0]),
            // Groups of channels, the same for all places of an image.
            (&[2, 5, 3, 4], &[3, 0, 1, 0]),
            (&[2, 3, 4, 2, 5], &[60, 0, 1, 0, 4]),
            (&[2, 1, 2, 1, 2, 3, 2, 1, 2, 1], &[60, 3, 0, 9, 30, 5, 0, 8, 0, 1]),
            // Colours, mirrored and turned.
            (&[4, 10, 3], &[30, -3, 1]),
            (&[3, 10, 4], &[-40, 4, 1]),
            (&[10, 4, 3], &[3, 30, 1]),
        ];
        for (shape, strides) in cases {
            let back =
                |(&extent, &step): (&usize, &isize)| (extent - 1) * step.min(0).unsigned_abs();
            let first: usize = shape.iter().zip(strides).map(back).sum();
            let walk = Walk::new(shape, strides);
            let mut want = Vec::new();
            ibex_graph::interpreter::for_each_index(shape, |index| {
                let offset: isize = index.iter().zip(strides).map(|(&i, &s)| i as isize * s).sum();
                want.push(data[first.wrapping_add_signed(offset)]);
            });
            for start in 0..want.len() {
                let count = want.len() - start;
                let mut have = vec![0u32; count];
                // SAFETY: the strides above stay within the 120 elements.
                unsafe {
                    walk.gather(
                        data[first..].as_ptr().cast(),
                        have.as_mut_ptr().cast(),
                        (start, count),
                        4,
                    );
                }
                assert_eq!(have, want[start..], "{shape:?} {strides:?} from {start}");
            }
        }
    }
}
