//! Products with a single row or column: bound by reading the matrix once.

use super::{PARALLEL, Product, View, run_if};
use crate::pool::ThreadPool;
use crate::scratch::{self, Slot};
use crate::simd::{Kernel, MAX_LANES, Simd, dispatch};

/// Columns per task when the matrix lies in rows; four pages of floats would only cost balance.
const STRIP: usize = 8 * MAX_LANES;
/// Columns per task when the matrix lies in columns.
const DOTS: usize = 32;

/// The product as a row times a matrix: `y[j] = Σ x[p] · matrix[p, j]`.
#[derive(Clone, Copy)]
struct RowTimesMatrix {
    x: *const f32,
    x_step: isize,
    matrix: *const f32,
    /// Floats from one `p` to the next.
    inner: isize,
    /// Floats from one `j` to the next.
    outer: isize,
    inner_size: usize,
    outer_size: usize,
}

// SAFETY: only read, by tasks of a product whose caller promises the memory.
unsafe impl Sync for RowTimesMatrix {}

fn shape(product: &Product) -> Option<RowTimesMatrix> {
    let View::Strided { data: a, row: a_row, column: a_column } = product.a else { return None };
    let View::Strided { data: b, row: b_row, column: b_column } = product.b else { return None };
    let shape = if product.m == 1 {
        let (x, x_step, matrix, inner, outer) = (a, a_column, b, b_row, b_column);
        (x, x_step, matrix, inner, outer, product.n)
    } else if product.n == 1 {
        (b, b_row, a, a_column, a_row, product.m)
    } else {
        return None;
    };
    let (x, x_step, matrix, inner, outer, outer_size) = shape;
    let inner_size = product.k;
    (inner == 1 || outer == 1).then_some(RowTimesMatrix {
        x,
        x_step,
        matrix,
        inner,
        outer,
        inner_size,
        outer_size,
    })
}

/// Is one of the operands a vector, and the other readable in runs?
pub(super) fn fits(product: &Product) -> bool {
    shape(product).is_some()
}

/// Computes the product.
///
/// # Safety
/// As for [`super::gemm`]; [`fits`] holds.
pub(super) unsafe fn run(pool: &ThreadPool, product: &Product) {
    let Some(shape) = shape(product) else { return };
    if shape.inner == 1 && shape.x_step != 1 {
        scratch::with(Slot::Shared, shape.inner_size, |x| {
            // SAFETY: the buffer has room for the vector, which the caller promises.
            unsafe {
                for step in 0..shape.inner_size {
                    *x.add(step) = *shape.x.offset(step.cast_signed() * shape.x_step);
                }
                strips(pool, product, &RowTimesMatrix { x, x_step: 1, ..shape });
            }
        });
    } else {
        // SAFETY: as the caller promises.
        unsafe { strips(pool, product, &shape) };
    }
}

/// Cuts the result into strips.
///
/// # Safety
/// As for [`run`].
unsafe fn strips(pool: &ThreadPool, product: &Product, shape: &RowTimesMatrix) {
    let width = if shape.inner == 1 { DOTS } else { STRIP };
    let tasks = shape.outer_size.div_ceil(width);
    run_if(pool, product.work() >= PARALLEL, tasks, |task| {
        let first = task * width;
        let count = width.min(shape.outer_size - first);
        let sums = dispatch(Strip { shape, first, count });
        for (index, sum) in (first..first + count).zip(sums) {
            let (row, column) = if product.m == 1 { (0, index) } else { (index, 0) };
            // SAFETY: the place is within C, and this task's own.
            unsafe { product.write(row, column, sum) };
        }
        // SAFETY: likewise.
        unsafe {
            if product.m == 1 {
                product.activate(0, 1, first, count);
            } else {
                product.activate(first, count, 0, 1);
            }
        }
    });
}

/// A few neighbouring results.
struct Strip<'a> {
    shape: &'a RowTimesMatrix,
    first: usize,
    count: usize,
}

impl Kernel for Strip<'_> {
    type Output = [f32; STRIP];
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> [f32; STRIP] {
        let mut sums = [0.0; STRIP];
        let shape = self.shape;
        let mut done = 0;
        // SAFETY: the strip lies within the matrix; `sums` holds `count` and more.
        unsafe {
            let matrix = shape.matrix.offset(self.first.cast_signed() * shape.outer);
            if shape.inner == 1 {
                while done < self.count {
                    let width = 4.min(self.count - done);
                    dots(
                        s,
                        shape,
                        matrix.offset(done.cast_signed() * shape.outer),
                        width,
                        &mut sums[done..],
                    );
                    done += width;
                }
                return sums;
            }
            while done + 8 * S::LANES <= self.count {
                rows::<S, 8>(s, shape, matrix.add(done), &mut sums[done..]);
                done += 8 * S::LANES;
            }
            while done + 2 * S::LANES <= self.count {
                rows::<S, 2>(s, shape, matrix.add(done), &mut sums[done..]);
                done += 2 * S::LANES;
            }
            while done < self.count {
                let width = S::LANES.min(self.count - done);
                let mut sum = s.splat(0.0);
                for step in 0..shape.inner_size.cast_signed() {
                    let x = s.splat(*shape.x.offset(step * shape.x_step));
                    let from = matrix.add(done).offset(step * shape.inner);
                    sum = s.mul_add(x, s.load_up_to(from, width), sum);
                }
                s.store_up_to(sums[done..].as_mut_ptr(), sum, width);
                done += width;
            }
        }
        sums
    }
}

/// `VECTORS` vectors of results of a matrix in rows.
///
/// # Safety
/// The matrix is valid for them at every step, and `sums` holds them.
#[inline(always)]
unsafe fn rows<S: Simd, const VECTORS: usize>(
    s: S,
    shape: &RowTimesMatrix,
    matrix: *const f32,
    sums: &mut [f32],
) {
    let mut totals = [s.splat(0.0); VECTORS];
    // SAFETY: as the caller promises.
    unsafe {
        for step in 0..shape.inner_size.cast_signed() {
            let x = s.splat(*shape.x.offset(step * shape.x_step));
            let from = matrix.offset(step * shape.inner);
            for vector in 0..VECTORS {
                let value = s.load(from.add(vector * S::LANES));
                totals[vector] = s.mul_add(x, value, totals[vector]);
            }
        }
        for vector in 0..VECTORS {
            s.store(sums[vector * S::LANES..].as_mut_ptr(), totals[vector]);
        }
    }
}

/// Up to four results of a matrix in columns: dot products that share the reads of `x`.
///
/// # Safety
/// The matrix is valid for `width` columns, `x` for the inner size.
#[inline(always)]
unsafe fn dots<S: Simd>(
    s: S,
    shape: &RowTimesMatrix,
    matrix: *const f32,
    width: usize,
    sums: &mut [f32],
) {
    // SAFETY: as the caller promises; columns that do not exist repeat the first.
    unsafe {
        let columns: [*const f32; 4] = std::array::from_fn(|index| {
            matrix.offset(if index < width { index.cast_signed() * shape.outer } else { 0 })
        });
        let mut totals = [[s.splat(0.0); 2]; 4];
        let mut step = 0;
        while step < shape.inner_size {
            let (here, next) = (step, step + S::LANES);
            let first = S::LANES.min(shape.inner_size - here);
            let second = S::LANES.min(shape.inner_size.saturating_sub(next));
            let x = s.load_up_to(shape.x.add(here), first);
            for column in 0..4 {
                let value = s.load_up_to(columns[column].add(here), first);
                totals[column][0] = s.mul_add(x, value, totals[column][0]);
            }
            if second > 0 {
                let x = s.load_up_to(shape.x.add(next), second);
                for column in 0..4 {
                    let value = s.load_up_to(columns[column].add(next), second);
                    totals[column][1] = s.mul_add(x, value, totals[column][1]);
                }
            }
            step += 2 * S::LANES;
        }
        for column in 0..width {
            sums[column] = s.sum(s.add(totals[column][0], totals[column][1]));
        }
    }
}
