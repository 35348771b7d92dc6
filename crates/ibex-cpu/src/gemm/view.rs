//! What a matrix operand looks like in memory: strided, or the windows of a convolution.
//!
//! Must not know: packing, tiles, threads.

use std::ops::Range;

use super::pack::ZEROS;

/// Kernel positions whose pixels are looked up at once.
const MAX_TAPS: usize = 32;

/// The windows that a convolution lays over an image, as the rows of a matrix that is never built.
///
/// The matrix has a row per output position (batch, depth, height, width) and a column per kernel
/// position and channel; positions outside the image are zeros. Dimensions that a 1-D or 2-D
/// convolution lacks are 1, the first ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Images.
    pub batch: usize,
    /// Depth, height and width of the image.
    pub input: [usize; 3],
    /// Channels that the windows read.
    pub channels: usize,
    /// Floats from one pixel to the next: all channels of the image.
    pub pixel: usize,
    /// Depth, height and width of the result.
    pub output: [usize; 3],
    /// Depth, height and width of the kernel.
    pub kernel: [usize; 3],
    /// Pixels from one output position to the next.
    pub stride: [isize; 3],
    /// Pixels from one kernel position to the next.
    pub dilation: [isize; 3],
    /// The pixel that kernel position 0 of output position 0 reads: minus the padding before.
    pub origin: [isize; 3],
}

impl Windows {
    /// Rows of the matrix: output positions.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.batch * self.output.iter().product::<usize>()
    }

    /// Kernel positions.
    #[must_use]
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Columns of the matrix.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.taps() * self.channels
    }

    /// Floats of one image.
    pub(crate) fn image(&self) -> usize {
        self.input.iter().product::<usize>() * self.pixel
    }

    /// A cursor over the windows, beginning at an output position.
    #[inline]
    pub(crate) fn cursor(&self, position: usize) -> Cursor {
        let (rest, w) = (position / self.output[2], position % self.output[2]);
        let (rest, h) = (rest / self.output[1], rest % self.output[1]);
        let (batch, d) = (rest / self.output[0], rest % self.output[0]);
        let mut cursor =
            Cursor { start: Start { image: batch * self.image(), at: [0; 3] }, index: [d, h, w] };
        for axis in 0..3 {
            cursor.start.at[axis] = self.begin(cursor.index[axis], axis);
        }
        cursor
    }

    #[inline]
    fn begin(&self, index: usize, axis: usize) -> isize {
        index.cast_signed() * self.stride[axis] + self.origin[axis]
    }

    /// The offset in pixels of a kernel position.
    #[inline]
    pub(crate) fn tap(&self, tap: usize) -> [isize; 3] {
        let (rest, w) = (tap / self.kernel[2], tap % self.kernel[2]);
        let (d, h) = (rest / self.kernel[1], rest % self.kernel[1]);
        [
            d as isize * self.dilation[0],
            h as isize * self.dilation[1],
            w as isize * self.dilation[2],
        ]
    }

    /// The kernel positions from one on, in order.
    pub(crate) fn taps_from(&self, first: usize) -> impl Iterator<Item = [isize; 3]> {
        let mut index = [
            first / (self.kernel[1] * self.kernel[2]),
            first / self.kernel[2] % self.kernel[1],
            first % self.kernel[2],
        ];
        let mut offset = [0, 1, 2].map(|axis| index[axis] as isize * self.dilation[axis]);
        std::iter::from_fn(move || {
            let this = offset;
            for axis in [2, 1, 0] {
                index[axis] += 1;
                offset[axis] += self.dilation[axis];
                if index[axis] < self.kernel[axis] {
                    break;
                }
                (index[axis], offset[axis]) = (0, 0);
            }
            Some(this)
        })
    }

    /// Floats from a pixel to the one so many pixels further along each axis.
    #[inline]
    pub(crate) fn floats(&self, pixels: [isize; 3]) -> isize {
        let [_, height, width] = self.input.map(usize::cast_signed);
        ((pixels[0] * height + pixels[1]) * width + pixels[2]) * self.pixel.cast_signed()
    }

    /// Fills a table with where some windows find their pixels, kernel position by kernel position;
    /// outside the image there are zeros.
    ///
    /// # Safety
    /// `data` holds the images, a pixel has at most `MAX_ZEROS` channels, and the table has room.
    pub(crate) unsafe fn point(
        &self,
        data: *const f32,
        positions: Range<usize>,
        taps: Range<usize>,
        table: *mut *const f32,
    ) {
        let (rows, first) = (positions.len(), taps.start);
        let mut offsets = [([0; 3], 0); MAX_TAPS];
        for taps in
            (taps.start..taps.end).step_by(MAX_TAPS).map(|at| at..taps.end.min(at + MAX_TAPS))
        {
            let offsets = &mut offsets[..taps.len()];
            for (offset, tap) in offsets.iter_mut().zip(self.taps_from(taps.start)) {
                *offset = (tap, self.floats(tap));
            }
            let mut cursor = self.cursor(positions.start);
            for row in 0..rows {
                let start = &cursor.start;
                let is_inside = self.is_inside(start);
                let begin = data.wrapping_add(start.image).wrapping_offset(self.floats(start.at));
                for (index, &(tap, floats)) in offsets.iter().enumerate() {
                    let segment = taps.start - first + index;
                    // SAFETY: pixels inside are within the images; the table has room.
                    unsafe {
                        *table.add(segment * rows + row) = match is_inside {
                            true => begin.offset(floats),
                            false => match self.find(start, tap) {
                                Some(at) => data.add(at),
                                None => ZEROS.as_ptr(),
                            },
                        };
                    }
                }
                cursor.advance(self);
            }
        }
    }

    /// Whether every kernel position of a window finds a pixel.
    #[inline]
    pub(crate) fn is_inside(&self, start: &Start) -> bool {
        (0..3).all(|axis| {
            let reach = (self.kernel[axis].cast_signed() - 1) * self.dilation[axis];
            let (low, high) = (start.at[axis] + reach.min(0), start.at[axis] + reach.max(0));
            low >= 0 && high < self.input[axis].cast_signed()
        })
    }

    /// The float at which a pixel begins, or none outside the image.
    #[inline]
    pub(crate) fn find(&self, start: &Start, tap: [isize; 3]) -> Option<usize> {
        let [d, h, w] = [0, 1, 2].map(|axis| (start.at[axis] + tap[axis]) as usize);
        // A negative coordinate has become a huge one.
        let inside = d < self.input[0] && h < self.input[1] && w < self.input[2];
        let pixel = || (d * self.input[1] + h) * self.input[2] + w;
        inside.then(|| start.image + pixel() * self.pixel)
    }
}

/// Where a window begins: its image's first float and a pixel that may lie outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) image: usize,
    pub(crate) at: [isize; 3],
}

/// Walks over the windows in order, without a division per step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    /// The window it stands at.
    pub(crate) start: Start,
    index: [usize; 3],
}

impl Cursor {
    /// Goes on to the next window.
    #[inline]
    pub(crate) fn advance(&mut self, windows: &Windows) {
        for axis in [2, 1, 0] {
            self.index[axis] += 1;
            self.start.at[axis] += windows.stride[axis];
            if self.index[axis] < windows.output[axis] {
                return;
            }
            self.index[axis] = 0;
            self.start.at[axis] = windows.origin[axis];
        }
        self.start.image += windows.image();
    }
}

/// A matrix operand.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// Element `(i, j)` is `data[i · row + j · column]`.
    Strided {
        /// Element `(0, 0)`.
        data: *const f32,
        /// Floats from one row to the next.
        row: isize,
        /// Floats from one column to the next.
        column: isize,
    },
    /// The rows are the windows of an image.
    Windows {
        /// The first pixel of the first image.
        data: *const f32,
        /// How the windows lie.
        windows: &'a Windows,
    },
    /// The columns are the windows of an image.
    WindowsTransposed {
        /// The first pixel of the first image.
        data: *const f32,
        /// How the windows lie.
        windows: &'a Windows,
    },
}

impl View<'_> {
    /// A matrix in rows of neighbouring elements, `row` floats apart.
    #[must_use]
    pub fn rows(data: *const f32, row: usize) -> Self {
        View::Strided { data, row: row.cast_signed(), column: 1 }
    }

    /// The transpose of a matrix in rows of neighbouring elements, `row` floats apart.
    #[must_use]
    pub fn columns(data: *const f32, row: usize) -> Self {
        View::Strided { data, row: 1, column: row.cast_signed() }
    }

    /// The transpose.
    #[must_use]
    pub fn transpose(self) -> Self {
        match self {
            View::Strided { data, row, column } => View::Strided { data, row: column, column: row },
            View::Windows { data, windows } => View::WindowsTransposed { data, windows },
            View::WindowsTransposed { data, windows } => View::Windows { data, windows },
        }
    }

    /// The same view of memory `floats` further on.
    ///
    /// # Safety
    /// The pointer stays within its allocation.
    #[must_use]
    pub unsafe fn offset(self, floats: isize) -> Self {
        // SAFETY: the caller promises the allocation.
        unsafe {
            match self {
                View::Strided { data, row, column } => {
                    View::Strided { data: data.offset(floats), row, column }
                }
                View::Windows { data, windows } => {
                    View::Windows { data: data.offset(floats), windows }
                }
                View::WindowsTransposed { data, windows } => {
                    View::WindowsTransposed { data: data.offset(floats), windows }
                }
            }
        }
    }
}
