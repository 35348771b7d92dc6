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

/// Shorter runs along the inner dimension are copied one by one.
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
                if run < SHORT {
                    for lane in 0..height {
                        let from = find(lane);
                        for channel in 0..run {
                            *to.add(channel * panel.width + lane) = *from.add(channel);
                        }
                    }
                } else {
                    let rows: [*const f32; MAX_LANES] = std::array::from_fn(find);
                    transpose_run(s, &rows, height, run, to, panel.width);
                }
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
