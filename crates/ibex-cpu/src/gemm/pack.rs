//! Copies a panel of an operand into the order in which the tiles read it.
//!
//! A panel is a few lanes (rows of A, columns of B) over a range of the inner dimension: all
//! lanes of one step side by side, step after step.
//! Must not know: blocking, threads, what becomes of the panel.

use super::view::{Start, View, Windows};
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch};

/// Zeros to read where a window leaves its image.
pub(crate) static ZEROS: [f32; MAX_ZEROS + MAX_LANES] = [0.0; MAX_ZEROS + MAX_LANES];
/// The longest run of [`ZEROS`] that may be read.
pub(crate) const MAX_ZEROS: usize = 4096;

/// Steps further apart than this many floats are not foreseen by the processor: each lies in
/// another part of a page, so they are asked for early.
const NEAR: isize = 64;
/// How many steps early.
const AHEAD: isize = 16;

/// Fewer channels than this are copied by lines of output instead of by pixels.
const SHORT: usize = 8;

/// One panel to pack: lanes `first .. first + count` over steps `from .. from + steps`.
pub(crate) struct Panel<'a> {
    /// The operand, turned so that its rows are the lanes.
    pub(crate) view: View<'a>,
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) from: usize,
    pub(crate) steps: usize,
    /// Floats from one packed step to the next, at least `count`.
    pub(crate) width: usize,
    pub(crate) to: *mut f32,
}

impl Panel<'_> {
    /// Packs the panel; lanes beyond `count` are left as they are.
    ///
    /// # Safety
    /// The view is valid for the lanes and steps, and `to` for `steps · width` floats.
    pub(crate) unsafe fn pack(self) {
        dispatch(self);
    }
}

impl Kernel for Panel<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: whoever packs promises that view and target are valid for the panel.
        unsafe {
            match self.view {
                View::Strided { data, row, column } => {
                    let lane = self.first.cast_signed() * row;
                    let data = data.offset(lane + self.from.cast_signed() * column);
                    if column == 1 {
                        pack_long(s, &self, |lane| data.offset(lane.cast_signed() * row));
                    } else if row == 1 {
                        pack_wide(s, &self, data, column);
                    } else {
                        pack_scattered(&self, data, row, column);
                    }
                }
                View::Windows { data, windows } if windows.channels < SHORT => {
                    pack_lines(&self, data, windows, false);
                }
                View::WindowsTransposed { data, windows } if windows.channels < SHORT => {
                    pack_lines(&self, data, windows, true);
                }
                View::Windows { data, windows } => pack_positions(s, &self, data, windows),
                View::WindowsTransposed { data, windows } => pack_taps(s, &self, data, windows),
            }
        }
    }
}

/// Lanes whose steps are neighbours: a transposition.
///
/// # Safety
/// `lane(i)` is valid for reading the panel's steps, and the target for writing them.
#[inline(always)]
unsafe fn pack_long<S: Simd>(s: S, panel: &Panel, lane: impl Fn(usize) -> *const f32) {
    let mut group = 0;
    while group < panel.count {
        let height = S::LANES.min(panel.count - group);
        let rows: [*const f32; MAX_LANES] =
            std::array::from_fn(|index| lane(group + if index < height { index } else { 0 }));
        // SAFETY: the target has `width` floats per step.
        unsafe { transpose_run(s, &rows, height, panel.steps, panel.to.add(group), panel.width) };
        group += S::LANES;
    }
}

/// Transposes `height` runs of `steps` floats.
///
/// # Safety
/// All pointers in `rows` are valid for `steps` floats, and `to` for `steps` groups of `height`.
#[inline(always)]
unsafe fn transpose_run<S: Simd>(
    s: S,
    rows: &[*const f32; MAX_LANES],
    height: usize,
    steps: usize,
    to: *mut f32,
    width: usize,
) {
    // SAFETY: offsets stay below `steps`.
    unsafe {
        let whole = steps / S::LANES * S::LANES;
        let mut step = 0;
        while step < whole {
            s.transpose(rows, step, to.add(step * width), width, height);
            step += S::LANES;
        }
        for step in whole..steps {
            for row in 0..height {
                *to.add(step * width + row) = *rows[row].add(step);
            }
        }
    }
}

/// Lanes that are neighbours: a copy.
///
/// # Safety
/// `data` is valid for the panel's lanes at each of its steps, and the target likewise.
#[inline(always)]
unsafe fn pack_wide<S: Simd>(s: S, panel: &Panel, data: *const f32, column: isize) {
    for step in 0..panel.steps {
        // SAFETY: as the caller promises.
        unsafe {
            let from = data.offset(step.cast_signed() * column);
            if column > NEAR {
                // Into the second cache: in the first, rows a power of two apart share few sets.
                let ahead = from.wrapping_offset(AHEAD * column);
                s.prefetch_second(ahead);
                s.prefetch_second(ahead.wrapping_add(MAX_LANES));
            }
            copy(s, from, panel.to.add(step * panel.width), panel.count);
        }
    }
}

/// Copies a short run.
///
/// # Safety
/// Both pointers are valid for `count` floats.
#[inline(always)]
unsafe fn copy<S: Simd>(s: S, from: *const f32, to: *mut f32, count: usize) {
    let mut done = 0;
    // SAFETY: `done` stays below `count`.
    unsafe {
        while done + S::LANES <= count {
            s.store(to.add(done), s.load(from.add(done)));
            done += S::LANES;
        }
        if done < count {
            s.store_partial(
                to.add(done),
                s.load_partial(from.add(done), count - done),
                count - done,
            );
        }
    }
}

/// Neither lanes nor steps are neighbours.
///
/// # Safety
/// As for [`pack_wide`].
#[inline(always)]
unsafe fn pack_scattered(panel: &Panel, data: *const f32, row: isize, column: isize) {
    for step in 0..panel.steps {
        for lane in 0..panel.count {
            let from = lane.cast_signed() * row + step.cast_signed() * column;
            // SAFETY: as the caller promises.
            unsafe { *panel.to.add(step * panel.width + lane) = *data.offset(from) };
        }
    }
}

/// Lanes are output positions, steps are kernel positions and channels.
///
/// # Safety
/// `data` holds the images of `windows`, the lanes and steps exist, the target has room.
#[inline(always)]
unsafe fn pack_positions<S: Simd>(s: S, panel: &Panel, data: *const f32, windows: &Windows) {
    let mut cursor = windows.cursor(panel.first);
    let mut group = 0;
    while group < panel.count {
        let height = S::LANES.min(panel.count - group);
        // Lanes that do not exist read what the first one reads.
        let mut starts: [Start; MAX_LANES] = [cursor.start; MAX_LANES];
        for start in starts.iter_mut().take(height) {
            *start = cursor.start;
            cursor.advance(windows);
        }
        let end = panel.from + panel.steps;
        let mut step = panel.from;
        while step < end {
            let (tap, channel) = (step / windows.channels, step % windows.channels);
            let run = (windows.channels - channel).min(end - step).min(MAX_ZEROS);
            let tap = windows.tap(tap);
            let find = |index: usize| match windows.find(&starts[index], tap) {
                // SAFETY: `find` gives floats within the images.
                Some(at) => unsafe { data.add(at + channel) },
                None => ZEROS.as_ptr(),
            };
            // SAFETY: the runs lie within their pixels or the zeros; the target has room.
            unsafe {
                let to = panel.to.add((step - panel.from) * panel.width + group);
                let rows: [*const f32; MAX_LANES] = std::array::from_fn(find);
                transpose_run(s, &rows, height, run, to, panel.width);
            }
            step += run;
        }
        group += S::LANES;
    }
}

/// Lanes are kernel positions and channels, steps are output positions.
///
/// # Safety
/// As for [`pack_positions`].
#[inline(always)]
unsafe fn pack_taps<S: Simd>(s: S, panel: &Panel, data: *const f32, windows: &Windows) {
    // The runs of channels that the lanes fall into: at most one per lane.
    let mut runs = [Run::default(); MAX_PANEL];
    let (mut lane, mut count) = (0, 0);
    while lane < panel.count {
        let (tap, channel) =
            ((panel.first + lane) / windows.channels, (panel.first + lane) % windows.channels);
        let length = (windows.channels - channel).min(panel.count - lane);
        runs[count] = Run { tap: windows.tap(tap), channel, lane, length };
        lane += length;
        count += 1;
    }
    let mut cursor = windows.cursor(panel.from);
    for step in 0..panel.steps {
        for run in &runs[..count] {
            // SAFETY: the runs lie within their pixels; the target has room.
            unsafe {
                let to = panel.to.add(step * panel.width + run.lane);
                match windows.find(&cursor.start, run.tap) {
                    Some(at) => copy(s, data.add(at + run.channel), to, run.length),
                    None => to.write_bytes(0, run.length),
                }
            }
        }
        cursor.advance(windows);
    }
}

/// Few channels, either way round: along a line of output, the pixels that one kernel position and
/// channel meets are evenly spaced, so whole lines are copied instead of single pixels looked up.
///
/// `turned`: lanes are kernel positions and channels, steps are output positions.
///
/// # Safety
/// As for [`pack_positions`].
#[inline(always)]
unsafe fn pack_lines(panel: &Panel, data: *const f32, windows: &Windows, turned: bool) {
    let lanes = (panel.first, panel.count, 1);
    let steps = (panel.from, panel.steps, panel.width);
    let (positions, columns) = if turned { (steps, lanes) } else { (lanes, steps) };
    let (first, count, to_step) = positions;
    let mut cursor = windows.cursor(first);
    let mut done = 0;
    while done < count {
        let line = windows.output[2] - (first + done) % windows.output[2];
        let line = line.min(count - done);
        let mut column = Column::new(windows, columns.0);
        for index in 0..columns.1 {
            // SAFETY: the target has room for every lane at every step.
            unsafe {
                let to = panel.to.add(done * to_step + index * columns.2);
                copy_line(data, windows, &cursor.start, &column, line, to, to_step);
            }
            column.advance(windows);
        }
        (0..line).for_each(|_| cursor.advance(windows));
        done += line;
    }
}

/// Copies what one kernel position and channel meets along a line of output.
///
/// # Safety
/// `to` has room for `line` floats, `to_step` apart.
#[inline(always)]
unsafe fn copy_line(
    data: *const f32,
    windows: &Windows,
    start: &Start,
    column: &Column,
    line: usize,
    to: *mut f32,
    to_step: usize,
) {
    let (stride, line) = (windows.stride[2], line.cast_signed());
    let begin = start.at[2] + column.offset[2];
    let room = windows.input[2].cast_signed() - 1 - begin;
    // Positions `low .. high` of the line meet a pixel inside; mostly no division is needed.
    let low = if begin >= 0 { 0 } else { (stride - 1 - begin) / stride }.min(line);
    let high = if room >= (line - 1) * stride { line } else { room.div_euclid(stride) + 1 };
    let offset = [column.offset[0], column.offset[1], column.offset[2] + low * stride];
    let found = if low < high { windows.find(start, offset) } else { None };
    let (low, high) = if found.is_some() { (low, high) } else { (line, line) };
    // SAFETY: the positions lie within the line, the pixels within the image.
    unsafe {
        for position in (0..low).chain(high..line) {
            *to.offset(position * to_step.cast_signed()) = 0.0;
        }
        if let Some(at) = found {
            let from = data.add(at + column.channel);
            let from_step = stride * windows.pixel.cast_signed();
            let to = to.offset(low * to_step.cast_signed());
            for index in 0..high - low {
                *to.offset(index * to_step.cast_signed()) = *from.offset(index * from_step);
            }
        }
    }
}

/// A kernel position and channel, walked without divisions.
struct Column {
    index: [usize; 3],
    offset: [isize; 3],
    channel: usize,
}

impl Column {
    fn new(windows: &Windows, column: usize) -> Self {
        let (tap, channel) = (column / windows.channels, column % windows.channels);
        let [_, height, width] = windows.kernel;
        let index = [tap / (height * width), tap / width % height, tap % width];
        Self { index, offset: windows.tap(tap), channel }
    }

    #[inline(always)]
    fn advance(&mut self, windows: &Windows) {
        self.channel += 1;
        if self.channel < windows.channels {
            return;
        }
        self.channel = 0;
        for axis in [2, 1, 0] {
            self.index[axis] += 1;
            self.offset[axis] += windows.dilation[axis];
            if self.index[axis] < windows.kernel[axis] {
                return;
            }
            self.index[axis] = 0;
            self.offset[axis] = 0;
        }
    }
}

/// The most lanes of a panel.
pub(crate) const MAX_PANEL: usize = 2 * MAX_LANES;

/// Neighbouring lanes of one kernel position.
#[derive(Clone, Copy, Default)]
struct Run {
    tap: [isize; 3],
    channel: usize,
    lane: usize,
    length: usize,
}
