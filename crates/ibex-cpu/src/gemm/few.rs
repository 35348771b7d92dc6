//! Products with few columns: sums along the rows of A, a vector of steps at a time.
//!
//! A tile of one to four columns would leave most lanes of its vectors empty. Here the lanes lie
//! along the inner dimension, which A has in runs: whole rows, or the channels of a window's
//! pixels. Sums of lanes are taken for as many results at a time as a vector has lanes.

use std::mem::MaybeUninit;

use super::kernel::Tiles;
use super::{PARALLEL, Pointer, Product, View, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch};

/// The most columns.
pub(crate) const FEW: usize = 4;
/// The shortest runs, and the longest: what is read of B for each row has to stay near.
const RUNS: std::ops::RangeInclusive<usize> = 8..=4096;
/// Rows that are summed side by side.
const ROWS: usize = 4;
/// Rows whose runs are looked up at once.
const BLOCK: usize = 16;

/// The runs of a row of A: how many, and of how many steps.
fn runs(product: &Product) -> Option<(usize, usize)> {
    match product.a {
        View::Strided { column: 1, .. } => Some((1, product.k)),
        View::Windows { windows, .. } if product.k == windows.columns() => {
            Some((windows.taps(), windows.channels))
        }
        _ => None,
    }
}

/// Are there few columns, and rows in runs?
pub(super) fn fits(product: &Product) -> bool {
    (1..=FEW).contains(&product.n)
        && product.m >= BLOCK
        && runs(product).is_some_and(|(count, length)| {
            RUNS.contains(&length) && RUNS.contains(&(count * length))
        })
}

/// Computes the product.
///
/// # Safety
/// As for [`super::gemm`]; [`fits`] holds.
pub(super) unsafe fn run(pool: &ThreadPool, product: &Product) {
    let Some((count, length)) = runs(product) else { return };
    let lanes = Tiles::current().lanes;
    let padded = length.next_multiple_of(lanes);
    let rows = (PARALLEL / 8 / (product.k * product.n).max(1)).next_multiple_of(BLOCK);
    scratch::with(Slot::Shared, count * padded * product.n, |b| {
        // SAFETY: the scratch has room for B with its runs filled up.
        unsafe { turn(product, (count, length, padded), b) };
        let shared = Pointer(b);
        run_if(pool, product.work() >= PARALLEL, product.m.div_ceil(rows), |task| {
            let floats = BLOCK * count * scratch::POINTER;
            scratch::with(Slot::Private, floats + MAX_LANES, |table| {
                let table = table.cast::<*const f32>();
                let to = product.m.min((task + 1) * rows);
                for first in (task * rows..to).step_by(BLOCK) {
                    let some = BLOCK.min(to - first);
                    // SAFETY: the rows exist, and the scratch has room for their pointers.
                    unsafe { point(product, first, some, count, table) };
                    dispatch(Dots {
                        product,
                        first,
                        rows: some,
                        table,
                        b: shared.get(),
                        runs: (count, length, padded),
                    });
                }
            });
        });
    });
}

/// Copies B so that each run of a column is one of neighbours, filled up with zeros.
///
/// # Safety
/// B is valid for its size, and `to` for its columns with padded runs.
unsafe fn turn(product: &Product, (count, length, padded): (usize, usize, usize), to: *mut f32) {
    let View::Strided { data, row, column } = product.b else { return };
    // SAFETY: as the caller promises.
    unsafe {
        to.write_bytes(0, count * padded * product.n);
        for step in 0..count * length {
            let (run, at) = (step / length, step % length);
            for index in 0..product.n {
                let from = step.cast_signed() * row + index.cast_signed() * column;
                *to.add((run * product.n + index) * padded + at) = *data.offset(from);
            }
        }
    }
}

/// Fills the table with where some rows find their runs, run by run.
///
/// # Safety
/// The rows exist; the table has room.
unsafe fn point(
    product: &Product,
    first: usize,
    rows: usize,
    count: usize,
    table: *mut *const f32,
) {
    // SAFETY: as the caller promises.
    unsafe {
        match product.a {
            View::Strided { data, row, .. } => {
                for index in 0..rows {
                    *table.add(index) = data.offset((first + index).cast_signed() * row);
                }
            }
            View::Windows { data, windows } => {
                windows.point(data, first..first + rows, 0..count, table);
            }
            View::WindowsTransposed { .. } => {}
        }
    }
}

/// Some rows of the product.
struct Dots<'a, 'b> {
    product: &'a Product<'b>,
    first: usize,
    rows: usize,
    table: *const *const f32,
    b: *const f32,
    /// How many runs, their steps, and their steps when filled up.
    runs: (usize, usize, usize),
}

impl Kernel for Dots<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: whoever makes it promises that its pointers are valid for its sizes.
        unsafe {
            match self.product.n {
                1 => self.columns::<S, 1>(s),
                2 => self.columns::<S, 2>(s),
                3 => self.columns::<S, 3>(s),
                _ => self.columns::<S, FEW>(s),
            }
        }
    }
}

impl Dots<'_, '_> {
    /// # Safety
    /// The pointers are valid for the sizes.
    #[inline(always)]
    unsafe fn columns<S: Simd, const N: usize>(&self, s: S) {
        // The vectors of sums, result after result.
        let mut sums = Sums::uninit();
        let sums = sums.as_mut_ptr().cast::<f32>();
        let (count, length, padded) = self.runs;
        let whole = length / S::LANES * S::LANES;
        for first in (0..self.rows).step_by(ROWS) {
            let mut lanes = [[s.splat(0.0); N]; ROWS];
            for run in 0..count {
                // SAFETY: rows that do not exist read what the last one reads; steps lie within
                // their run, and B's runs are filled up.
                unsafe {
                    let a: [*const f32; ROWS] = std::array::from_fn(|row| {
                        *self.table.add(run * self.rows + (first + row).min(self.rows - 1))
                    });
                    let b = self.b.add(run * N * padded);
                    let mut step = 0;
                    while step < whole {
                        for column in 0..N {
                            let b = s.load(b.add(column * padded + step));
                            for row in 0..ROWS {
                                let a = s.load(a[row].add(step));
                                lanes[row][column] = s.mul_add(a, b, lanes[row][column]);
                            }
                        }
                        step += S::LANES;
                    }
                    if step < length {
                        for row in 0..ROWS {
                            let a = s.load_partial(a[row].add(step), length - step);
                            for column in 0..N {
                                let b = s.load(b.add(column * padded + step));
                                lanes[row][column] = s.mul_add(a, b, lanes[row][column]);
                            }
                        }
                    }
                }
            }
            for row in 0..ROWS {
                for column in 0..N {
                    // SAFETY: there is room for every result of a block.
                    unsafe {
                        let at = ((first + row) * N + column) * S::LANES;
                        s.store(sums.add(at), lanes[row][column]);
                    }
                }
            }
        }
        // SAFETY: the results belong to rows and columns of C.
        unsafe { self.write::<S, N>(s, sums) }
    }

    /// Adds up the lanes of each result, for as many results at a time as there are lanes.
    ///
    /// # Safety
    /// The rows exist, and all their vectors of sums.
    #[inline(always)]
    unsafe fn write<S: Simd, const N: usize>(&self, s: S, sums: *const f32) {
        let mut turned = MaybeUninit::<[f32; MAX_LANES * MAX_LANES]>::uninit();
        let turned = turned.as_mut_ptr().cast::<f32>();
        let all = self.rows * N;
        for first in (0..all).step_by(S::LANES) {
            // SAFETY: results that do not exist read what the last one reads.
            unsafe {
                let rows: [*const f32; MAX_LANES] =
                    std::array::from_fn(|index| sums.add((first + index).min(all - 1) * S::LANES));
                s.transpose(&rows, 0, turned, S::LANES, S::LANES);
                let mut width = S::LANES;
                while width > 1 {
                    width /= 2;
                    for lane in 0..width {
                        let [a, b] =
                            [lane, lane + width].map(|lane| s.load(turned.add(lane * S::LANES)));
                        s.store(turned.add(lane * S::LANES), s.add(a, b));
                    }
                }
                for index in first..all.min(first + S::LANES) {
                    let (row, column) = (self.first + index / N, index % N);
                    self.product.write(row, column, *turned.add(index - first));
                }
            }
        }
        // SAFETY: as the caller promises.
        unsafe { self.product.activate(self.first, self.rows, 0, N) };
    }
}

/// Vectors of sums for every result of a block.
type Sums = MaybeUninit<[f32; BLOCK * FEW * MAX_LANES]>;
