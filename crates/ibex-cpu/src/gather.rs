//! Rows picked by index, and rows added to by index.
//!
//! An index counts from the end if it is negative, and is moved into the table if it is outside, as
//! [`resolve_index`] says.
//! Must not know: what the rows mean (embeddings, pixels).

use ibex_graph::ops::along_axis::resolve_index;

use crate::gemm::{Pointer, run_if};
use crate::pool::ThreadPool;
use crate::simd::{Kernel, Simd, dispatch};

/// Bytes that one task copies, or clears.
const TASK: usize = 1 << 16;

/// The row that an index means; nearly every index is one already, a negative one has become huge.
pub(crate) fn row(index: impl Into<i64>, rows: usize) -> usize {
    let index = index.into();
    match (index as usize) < rows {
        true => index as usize,
        false => resolve_index(index, rows),
    }
}

/// A number of bytes, known when compiling or not.
trait Width: Copy + Sync {
    fn bytes(self) -> usize;
}

/// A width that is known when compiling.
#[derive(Clone, Copy)]
struct Known<const BYTES: usize>;

impl<const BYTES: usize> Width for Known<BYTES> {
    fn bytes(self) -> usize {
        BYTES
    }
}

impl Width for usize {
    fn bytes(self) -> usize {
        self
    }
}

/// Tables of rows, one behind the other.
#[derive(Clone, Copy)]
pub(crate) struct Tables {
    /// How many tables.
    pub(crate) count: usize,
    /// Rows of each.
    pub(crate) rows: usize,
    /// Elements of a row of floats, bytes of any other.
    pub(crate) width: usize,
}

/// `out[t][i] = table[t][indices[i]]`, for each table; the width is in bytes.
///
/// # Safety
/// `from` is valid for the tables, `out` for as many rows as there are indices, for each table.
pub(crate) unsafe fn gather_rows<I: Copy + Sync + Into<i64>>(
    pool: &ThreadPool,
    tables: Tables,
    from: *const u8,
    indices: &[I],
    out: *mut u8,
) {
    // SAFETY: as the caller promises; a width that is known is copied without a call.
    unsafe {
        match tables.width {
            1 => gather(pool, tables, Known::<1>, from, indices, out),
            2 => gather(pool, tables, Known::<2>, from, indices, out),
            4 => gather(pool, tables, Known::<4>, from, indices, out),
            8 => gather(pool, tables, Known::<8>, from, indices, out),
            12 => gather(pool, tables, Known::<12>, from, indices, out),
            16 => gather(pool, tables, Known::<16>, from, indices, out),
            width => gather(pool, tables, width, from, indices, out),
        }
    }
}

/// [`gather_rows`] for one kind of width.
///
/// # Safety
/// As for [`gather_rows`].
unsafe fn gather<I: Copy + Sync + Into<i64>>(
    pool: &ThreadPool,
    tables: Tables,
    width: impl Width,
    from: *const u8,
    indices: &[I],
    out: *mut u8,
) {
    let count = indices.len();
    let group = (TASK / width.bytes().max(1)).clamp(1, count.max(1));
    let (groups, size) = (count.div_ceil(group), tables.count * count * width.bytes());
    let (from, out) = (Pointer(from.cast_mut()), Pointer(out));
    run_if(pool, size > TASK, tables.count * groups, |task| {
        let (table, first) = (task / groups, task % groups * group);
        let (width, places) = (width.bytes(), first..count.min(first + group));
        // SAFETY: the row exists, and the place is this task's own.
        unsafe {
            let from = from.get().add(table * tables.rows * width);
            let out = out.get().add((table * count + first) * width);
            for (place, &index) in indices[places].iter().enumerate() {
                let row = from.add(row(index, tables.rows) * width);
                out.add(place * width).copy_from_nonoverlapping(row, width);
            }
        }
    });
}

/// `table[t][indices[i]] += updates[t][i]` from zeros, for each table, in the order of the indices.
///
/// Each row of a table is added to by one task, in that order, at any number of threads.
///
/// # Safety
/// `to` is valid for the tables, `updates` for as many rows as there are indices, for each table.
pub(crate) unsafe fn scatter_add_rows<I: Copy + Sync + Into<i64>>(
    pool: &ThreadPool,
    tables: Tables,
    updates: *const f32,
    indices: &[I],
    to: *mut f32,
) {
    /// Rows are dealt out by their number.
    const PARTS: usize = 8;
    let Tables { count, rows, width } = tables;
    let (updates, to) = (Pointer(updates.cast_mut()), Pointer(to));
    let (size, piece) = (count * rows * width, TASK / size_of::<f32>());
    run_if(pool, size > piece, size.div_ceil(piece), |task| {
        let first = task * piece;
        // SAFETY: pieces of the tables are disjoint.
        unsafe { to.get().add(first).write_bytes(0, piece.min(size - first)) };
    });
    let parallel = count * indices.len() * width > piece;
    let parts = if parallel { PARTS } else { 1 };
    run_if(pool, parallel, count * parts, |task| {
        let (table, part) = (task / parts, task % parts);
        let (updates, to) = (updates.get(), to.get());
        dispatch(Part {
            indices,
            rows,
            width,
            part,
            parts,
            updates: updates.wrapping_add(table * indices.len() * width),
            to: to.wrapping_add(table * rows * width),
        });
    });
}

/// The rows of a table that are `part` when divided by `parts`, and what is added to them.
struct Part<'a, I> {
    indices: &'a [I],
    rows: usize,
    width: usize,
    part: usize,
    parts: usize,
    updates: *const f32,
    to: *mut f32,
}

/// Rows that are asked for before the first of them is added to: their order is that of words in a
/// text, which nobody foresees.
const AHEAD: usize = 8;
/// Floats of a cache line.
const LINE: usize = 16;

impl<I: Copy + Into<i64>> Kernel for Part<'_, I> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let width = self.width;
        // Those that wait, from the oldest on.
        let mut waiting = [(self.updates, self.to); AHEAD];
        let mut found = 0;
        for (place, &index) in self.indices.iter().enumerate() {
            let row = row(index, self.rows);
            if row % self.parts != self.part {
                continue;
            }
            let update = self.updates.wrapping_add(place * width);
            let row = self.to.wrapping_add(row * width);
            for line in (0..width).step_by(LINE) {
                s.prefetch(update.wrapping_add(line));
                s.prefetch(row.wrapping_add(line));
            }
            let oldest = std::mem::replace(&mut waiting[found % AHEAD], (update, row));
            if found >= AHEAD {
                // SAFETY: whoever scatters promises the rows, which belong to this part alone.
                unsafe { self.add(s, oldest) };
            }
            found += 1;
        }
        for at in found.saturating_sub(AHEAD)..found {
            // SAFETY: as above.
            unsafe { self.add(s, waiting[at % AHEAD]) };
        }
    }
}

impl<I> Part<'_, I> {
    /// Adds an update to a row.
    ///
    /// # Safety
    /// Both are valid for the width.
    #[inline(always)]
    unsafe fn add<S: Simd>(&self, s: S, (update, row): (*const f32, *mut f32)) {
        for column in (0..self.width).step_by(S::LANES) {
            let count = S::LANES.min(self.width - column);
            // SAFETY: as the caller promises.
            unsafe {
                let (at, value) = (row.add(column), s.load_up_to(update.add(column), count));
                s.store_up_to(at, s.add(s.load_up_to(at, count), value), count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers};

    #[test]
    fn rows_are_picked_and_an_index_outside_is_moved_into_the_table() {
        let pool = ThreadPool::new(2);
        for width in [1, 2, 3, 4, 5, 64, 3000] {
            for count in [1, 3] {
                let table = numbers(count * 7 * width, 1);
                let indices: Vec<i32> =
                    (0..4000 / width as i32 + 9).map(|i| i * 5 % 11 - 2).collect();
                let mut out = vec![0.0_f32; count * indices.len() * width];
                let tables = Tables { count, rows: 7, width: 4 * width };
                let (from, to) = (table.as_ptr().cast(), out.as_mut_ptr().cast());
                // SAFETY: the vectors have these lengths.
                unsafe { gather_rows(&pool, tables, from, &indices, to) };
                for (place, found) in out.chunks_exact(width).enumerate() {
                    let index = indices[place % indices.len()];
                    let index = if index < 0 { index + 7 } else { index.min(6) };
                    let row = place / indices.len() * 7 + index as usize;
                    assert_eq!(found, &table[row * width..][..width]);
                }
            }
        }
    }

    #[test]
    fn rows_are_added_in_the_order_of_the_indices_at_any_number_of_threads() {
        let (rows, width, count) = (13, 96, 2);
        let indices: Vec<i64> = (0..1000).map(|i| i * i % 17 - 3).collect();
        let updates = numbers(count * indices.len() * width, 2);
        let add = |threads| {
            let mut table = vec![7.0; count * rows * width];
            let tables = Tables { count, rows, width };
            let (from, to) = (updates.as_ptr(), table.as_mut_ptr());
            // SAFETY: the vectors have these lengths.
            unsafe { scatter_add_rows(&ThreadPool::new(threads), tables, from, &indices, to) };
            table
        };
        let mut expected = vec![0.0_f32; count * rows * width];
        for (place, update) in updates.chunks_exact(width).enumerate() {
            let index = indices[place % indices.len()];
            let index = if index < 0 { index + rows as i64 } else { index.min(rows as i64 - 1) };
            let row = place / indices.len() * rows + index as usize;
            expected[row * width..][..width].iter_mut().zip(update).for_each(|(x, y)| *x += y);
        }
        for threads in [1, 2, 3] {
            assert_eq!(bits(&add(threads)), bits(&expected));
        }
    }
}
