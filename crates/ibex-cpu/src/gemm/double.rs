//! The matrix product in double precision, for generality rather than speed.

use crate::pool::ThreadPool;

/// A double-precision operand: element `(i, j)` is `data[i · row + j · column]`.
#[derive(Clone, Copy, Debug)]
pub struct View64 {
    /// Element `(0, 0)`.
    pub data: *const f64,
    /// Values from one row to the next.
    pub row: isize,
    /// Values from one column to the next.
    pub column: isize,
}

// SAFETY: the pointer is used only within a call of `gemm_f64`, whose caller promises it.
unsafe impl Sync for View64 {}

/// C = A·B for an `m × k` A and a `k × n` B; C has neighbouring columns, rows `c_row` apart.
///
/// # Safety
/// The operands are valid for their sizes; C overlaps nothing and nobody else touches it.
pub unsafe fn gemm_f64(
    pool: &ThreadPool,
    (m, n, k): (usize, usize, usize),
    a: View64,
    b: View64,
    c: *mut f64,
    c_row: usize,
) {
    struct Target(*mut f64);
    // SAFETY: tasks write disjoint rows.
    unsafe impl Sync for Target {}
    let target = Target(c);
    // References to the wholes: a closure would capture the bare pointers otherwise.
    let (target, a, b) = (&target, &a, &b);
    let pays = m.saturating_mul(n).saturating_mul(k) >= super::PARALLEL;
    super::run_if(pool, pays, m, |row| {
        // SAFETY: the indices stay below m, n and k, and the row is this task's own.
        unsafe {
            let to = target.0.add(row * c_row);
            for column in 0..n {
                *to.add(column) = 0.0;
            }
            for step in 0..k {
                let at = row.cast_signed() * a.row + step.cast_signed() * a.column;
                let x = *a.data.offset(at);
                for column in 0..n {
                    let at = step.cast_signed() * b.row + column.cast_signed() * b.column;
                    *to.add(column) += x * *b.data.offset(at);
                }
            }
        }
    });
}
