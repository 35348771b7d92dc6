//! Convolutions whose channels lie in groups that do not meet.
//!
//! Each group is a convolution of its own over images of its own channels, which are copied: then
//! every way to compute one fits. Groups of few channels are taken together, with zeros in the
//! kernel where they do not meet: that is more multiplications, but of whole vectors.
//! Must not know: how a convolution without groups is computed.

use super::{
    Convolution, Weights, convolution, convolution_input_gradient, convolution_kernel_gradient,
};
use crate::gemm::{Bias, Epilogue, Pointer, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};

/// Channels of a group, of both sides, that fill the vectors of a product.
const ENOUGH: usize = 16;

/// A convolution of some groups at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grouped<'a> {
    shape: &'a Convolution,
    /// Groups that are taken together.
    together: usize,
}

/// A matrix of which some columns are copied to neighbours, or back.
#[derive(Clone, Copy)]
struct Slice {
    rows: usize,
    /// Floats from one row to the next.
    row: usize,
    first: usize,
    columns: usize,
}

impl<'a> Grouped<'a> {
    /// The convolution, if copies pay: one pixel of many channels is read in place.
    pub(super) fn new(shape: &'a Convolution) -> Option<Self> {
        let fewest = shape.group_inputs().min(shape.group_outputs());
        let pays = shape.groups > 1 && (fewest < ENOUGH || !shape.is_pointwise());
        let divides = |count: &usize| shape.groups.is_multiple_of(*count);
        let enough = |count: &usize| count * fewest >= ENOUGH;
        let mut counts = (1..=shape.groups).filter(divides);
        let together = counts.find(enough).unwrap_or(shape.groups);
        pays.then_some(Self { shape, together })
    }

    /// The convolution of the groups that are taken together.
    fn one(&self) -> Convolution {
        Convolution {
            input_channels: self.together * self.shape.group_inputs(),
            output_channels: self.together * self.shape.group_outputs(),
            groups: 1,
            ..*self.shape
        }
    }

    fn count(&self) -> usize {
        self.shape.groups / self.together
    }

    fn input(&self, index: usize) -> Slice {
        let columns = self.together * self.shape.group_inputs();
        let rows = self.shape.batch * self.shape.input.iter().product::<usize>();
        Slice { rows, row: self.shape.input_channels, first: index * columns, columns }
    }

    fn output(&self, index: usize) -> Slice {
        let columns = self.together * self.shape.group_outputs();
        let rows = self.shape.positions();
        Slice { rows, row: self.shape.output_channels, first: index * columns, columns }
    }

    /// Rows of the kernel of all groups: kernel positions and channels of a group.
    fn kernel_rows(&self) -> usize {
        self.shape.kernel.iter().product::<usize>() * self.shape.group_inputs()
    }

    /// Floats of the kernel of the groups that are taken together.
    fn kernel_floats(&self) -> usize {
        self.kernel_rows() * self.together * self.together * self.shape.group_outputs()
    }

    /// Calls `f` with where the filters of a channel of a group begin in the kernel of all groups,
    /// and in that of the groups that are taken together.
    fn each_run(&self, index: usize, mut f: impl FnMut(usize, usize)) {
        let (inputs, outputs) = (self.shape.group_inputs(), self.shape.group_outputs());
        for row in 0..self.kernel_rows() {
            let (tap, channel) = (row / inputs, row % inputs);
            for group in 0..self.together {
                let first = (index * self.together + group) * outputs;
                let wide = (tap * self.together + group) * inputs + channel;
                f(
                    row * self.shape.output_channels + first,
                    (wide * self.together + group) * outputs,
                );
            }
        }
    }

    /// Copies the kernel of some groups, with zeros where they do not meet.
    ///
    /// # Safety
    /// `kernel` is that of all groups, and `to` has room.
    unsafe fn widen(&self, index: usize, kernel: *const f32, to: *mut f32) {
        // SAFETY: as the caller promises.
        unsafe {
            to.write_bytes(0, self.kernel_floats());
            self.each_run(index, |from, at| {
                let from = kernel.add(from);
                to.add(at).copy_from_nonoverlapping(from, self.shape.group_outputs());
            });
        }
    }

    /// The convolution, unless it is added to what `y` holds.
    ///
    /// # Safety
    /// As for [`convolution`].
    pub(super) unsafe fn run(
        &self,
        pool: &ThreadPool,
        (x, kernel, y): (*const f32, *const f32, *mut f32),
        epilogue: Epilogue,
    ) {
        let one = self.one();
        self.with_scratch(|[from, weights, to]| {
            for index in 0..self.count() {
                let bias = match epilogue.bias {
                    Bias::Column(data) => Bias::Column(data.wrapping_add(self.output(index).first)),
                    other => other,
                };
                let data = (from.cast_const(), weights.cast_const(), to);
                // SAFETY: the scratch has room for the groups; the rest is as the caller promises.
                unsafe {
                    self.input(index).take(pool, x, from);
                    self.widen(index, kernel, weights);
                    convolution(pool, &one, data, Weights::Changing, Epilogue { bias, ..epilogue });
                    self.output(index).give(pool, to, y);
                }
            }
        });
    }

    /// The gradient of the input.
    ///
    /// # Safety
    /// As for [`convolution_input_gradient`].
    pub(super) unsafe fn input_gradient(
        &self,
        pool: &ThreadPool,
        (dy, kernel, dx): (*const f32, *const f32, *mut f32),
    ) {
        let one = self.one();
        self.with_scratch(|[to, weights, from]| {
            for index in 0..self.count() {
                // SAFETY: the scratch has room for the groups; the rest is as the caller promises.
                unsafe {
                    self.output(index).take(pool, dy, from);
                    self.widen(index, kernel, weights);
                    convolution_input_gradient(pool, &one, from, weights, to);
                    self.input(index).give(pool, to, dx);
                }
            }
        });
    }

    /// The gradient of the kernel.
    ///
    /// # Safety
    /// As for [`convolution_kernel_gradient`].
    pub(super) unsafe fn kernel_gradient(
        &self,
        pool: &ThreadPool,
        (x, dy, gradient): (*const f32, *const f32, *mut f32),
    ) {
        let one = self.one();
        self.with_scratch(|[from, sums, to]| {
            for index in 0..self.count() {
                // SAFETY: the scratch has room for the groups; the rest is as the caller promises.
                unsafe {
                    self.input(index).take(pool, x, from);
                    self.output(index).take(pool, dy, to);
                    let plain = Epilogue::default();
                    convolution_kernel_gradient(pool, &one, from, to, sums, plain);
                    self.each_run(index, |at, from| {
                        let to = gradient.add(at);
                        to.copy_from_nonoverlapping(sums.add(from), self.shape.group_outputs());
                    });
                }
            }
        });
    }

    /// Calls `body` with room for the input, the kernel and the output of the groups that are taken
    /// together.
    fn with_scratch(&self, body: impl FnOnce([*mut f32; 3])) {
        let sides = [self.input(0), self.output(0)].map(|side| side.rows * side.columns);
        let kernel = self.kernel_floats().next_multiple_of(ENOUGH);
        let [input, output] = sides.map(|floats| floats.next_multiple_of(ENOUGH));
        scratch::with(Slot::Group, input + kernel + output, |room| {
            // SAFETY: the scratch has room for all three.
            body(unsafe { [room, room.add(input), room.add(input + kernel)] });
        });
    }
}

impl Slice {
    /// Copies the columns to neighbours.
    ///
    /// # Safety
    /// `from` is the whole matrix, and `to` has room.
    unsafe fn take(&self, pool: &ThreadPool, from: *const f32, to: *mut f32) {
        let (from, to) = (Pointer(from.cast_mut()), Pointer(to));
        self.each_row(pool, |row| {
            // SAFETY: as the caller promises.
            unsafe {
                let from = from.get().add(row * self.row + self.first);
                to.get().add(row * self.columns).copy_from_nonoverlapping(from, self.columns);
            }
        });
    }

    /// Copies neighbours to the columns.
    ///
    /// # Safety
    /// `to` is the whole matrix, and `from` holds the columns.
    unsafe fn give(&self, pool: &ThreadPool, from: *const f32, to: *mut f32) {
        let (from, to) = (Pointer(from.cast_mut()), Pointer(to));
        self.each_row(pool, |row| {
            // SAFETY: as the caller promises.
            unsafe {
                let from = from.get().add(row * self.columns);
                let to = to.get().add(row * self.row + self.first);
                to.copy_from_nonoverlapping(from, self.columns);
            }
        });
    }

    fn each_row(&self, pool: &ThreadPool, copy: impl Fn(usize) + Sync) {
        /// Rows of one task.
        const ROWS: usize = 1024;
        let pays = self.rows * self.columns > 1 << 15;
        run_if(pool, pays, self.rows.div_ceil(ROWS), |task| {
            (task * ROWS..self.rows.min((task + 1) * ROWS)).for_each(&copy);
        });
    }
}
