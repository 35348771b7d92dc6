//! Rows picked by index, and rows added to by index.
//!
//! Must not know: what the rows mean (embeddings, batches).

use crate::elementwise::{Binary, Form};
use crate::gemm::run_if;
use crate::pool::ThreadPool;

/// Floats copied by one task.
const TASK: usize = 1 << 14;

/// A pointer that tasks share.
struct Shared<T>(*mut T);

// SAFETY: the kernels below see to it that tasks write disjoint parts.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// The pointer: a method, so that closures capture the whole, which is `Sync`.
    fn get(&self) -> *mut T {
        self.0
    }
}

/// `out[i] = table[indices[i]]` for rows of `width` elements.
///
/// Returns the position of the first index outside `0 .. rows`, whose row is left as it was.
///
/// # Safety
/// `table` is valid for `rows · width` elements, `out` for `indices.len() · width`.
pub unsafe fn gather_rows<T: Copy + Sync>(
    pool: &ThreadPool,
    table: *const T,
    rows: usize,
    width: usize,
    indices: &[i64],
    out: *mut T,
) -> Result<(), usize> {
    let group = (TASK / width.max(1)).clamp(1, indices.len().max(1));
    let (from, to) = (Shared(table.cast_mut()), Shared(out));
    run_if(pool, indices.len() * width > TASK, indices.len().div_ceil(group), |task| {
        for place in task * group..indices.len().min((task + 1) * group) {
            if let Some(row) = within(indices[place], rows) {
                // SAFETY: the row exists, and the place is this task's own.
                unsafe {
                    let (from, to) = (from.get().add(row * width), to.get().add(place * width));
                    to.copy_from_nonoverlapping(from, width);
                }
            }
        }
    });
    first_outside(indices, rows)
}

fn within(index: i64, rows: usize) -> Option<usize> {
    usize::try_from(index).ok().filter(|&index| index < rows)
}

fn first_outside(indices: &[i64], rows: usize) -> Result<(), usize> {
    indices.iter().position(|&index| within(index, rows).is_none()).map_or(Ok(()), Err)
}

/// `table[indices[i]] += updates[i]` for rows of `width` floats, in the order of the indices.
///
/// Each row of the table is added to by one task, in that order, at any number of threads.
/// Returns the position of the first index outside `0 .. rows`, whose update is left out.
///
/// # Safety
/// `table` is valid for `rows · width` floats, `updates` for `indices.len() · width`.
pub unsafe fn scatter_add_rows(
    pool: &ThreadPool,
    updates: *const f32,
    indices: &[i64],
    width: usize,
    table: *mut f32,
    rows: usize,
) -> Result<(), usize> {
    /// A row of the table goes to one task: rows are dealt out by their number.
    const PARTS: usize = 8;
    let add = Binary::Add.function(Form::Vector, Form::Vector);
    let (from, to) = (Shared(updates.cast_mut()), Shared(table));
    run_if(pool, indices.len() * width > TASK, PARTS, |part| {
        for (place, &index) in indices.iter().enumerate() {
            let Some(row) = within(index, rows).filter(|row| row % PARTS == part) else { continue };
            // SAFETY: the row exists and belongs to this part alone.
            unsafe {
                let (update, row) = (from.get().add(place * width), to.get().add(row * width));
                add(row, update, row, width);
            }
        }
    });
    first_outside(indices, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers};

    #[test]
    fn rows_are_picked_and_an_index_outside_is_told() {
        let pool = ThreadPool::new(2);
        for width in [1, 5, 64, 3000] {
            let table = numbers(7 * width, 1);
            let indices = [6, 0, 3, 3, 1, 5, 2, 4, 6, 6, 0];
            let mut out = vec![0.0; indices.len() * width];
            // SAFETY: the vectors have these lengths.
            let done =
                unsafe { gather_rows(&pool, table.as_ptr(), 7, width, &indices, out.as_mut_ptr()) };
            assert_eq!(done, Ok(()));
            for (place, &index) in indices.iter().enumerate() {
                let row = &table[index as usize * width..][..width];
                assert_eq!(&out[place * width..][..width], row);
            }
            for bad in [-1, 7] {
                let indices = [0, bad];
                // SAFETY: as above.
                let done = unsafe {
                    gather_rows(&pool, table.as_ptr(), 7, width, &indices, out.as_mut_ptr())
                };
                assert_eq!(done, Err(1));
            }
        }
    }

    #[test]
    fn rows_are_added_in_the_order_of_the_indices_at_any_number_of_threads() {
        let (rows, width, count) = (11, 37, 2000);
        let indices: Vec<i64> = (0..count as i64).map(|i| i * i % 11).collect();
        let updates = numbers(count * width, 1);
        let mut expected = numbers(rows * width, 2);
        for (place, &index) in indices.iter().enumerate() {
            for column in 0..width {
                expected[index as usize * width + column] += updates[place * width + column];
            }
        }
        for threads in [1, 2, 3] {
            let pool = ThreadPool::new(threads);
            let mut table = numbers(rows * width, 2);
            // SAFETY: the vectors have these lengths.
            let done = unsafe {
                let table = table.as_mut_ptr();
                scatter_add_rows(&pool, updates.as_ptr(), &indices, width, table, rows)
            };
            assert_eq!(done, Ok(()));
            assert_eq!(bits(&table), bits(&expected));
        }
    }
}
