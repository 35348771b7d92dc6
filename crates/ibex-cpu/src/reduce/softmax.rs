//! Softmax and its logarithm along the last axis, with their gradients.

use super::TASK;
use super::fold::{Largest, Sum};
use super::rows::{PowerFrom, fold_mapped, fold_row};
use crate::gemm::{Pointer, run_if};
use crate::pool::ThreadPool;
use crate::simd::{Kernel, Simd, dispatch, math};

/// What a row is turned into.
#[derive(Clone, Copy)]
enum Wish {
    Softmax,
    Log,
    SoftmaxBackward,
    LogBackward,
}

/// `out = softmax(x)` for each of `rows` rows of `columns` values; `out` may be `x`.
///
/// # Safety
/// The pointers are valid for `rows · columns` floats.
pub unsafe fn softmax(
    pool: &ThreadPool,
    x: *const f32,
    rows: usize,
    columns: usize,
    out: *mut f32,
) {
    // SAFETY: as the caller promises.
    unsafe { each_row(pool, Wish::Softmax, x, x, rows, columns, out) }
}

/// `out = x - log(Σ e^x)` for each row; `out` may be `x`.
///
/// # Safety
/// The pointers are valid for `rows · columns` floats.
pub unsafe fn log_softmax(
    pool: &ThreadPool,
    x: *const f32,
    rows: usize,
    columns: usize,
    out: *mut f32,
) {
    // SAFETY: as the caller promises.
    unsafe { each_row(pool, Wish::Log, x, x, rows, columns, out) }
}

/// The gradient of softmax, from its result `y` and the gradient `dy`; `dx` may be either.
///
/// # Safety
/// The pointers are valid for `rows · columns` floats.
pub unsafe fn softmax_backward(
    pool: &ThreadPool,
    y: *const f32,
    dy: *const f32,
    rows: usize,
    columns: usize,
    dx: *mut f32,
) {
    // SAFETY: as the caller promises.
    unsafe { each_row(pool, Wish::SoftmaxBackward, y, dy, rows, columns, dx) }
}

/// The gradient of the logarithm of softmax, from its result `y` and the gradient `dy`.
///
/// # Safety
/// The pointers are valid for `rows · columns` floats; `dx` may be `y` or `dy`.
pub unsafe fn log_softmax_backward(
    pool: &ThreadPool,
    y: *const f32,
    dy: *const f32,
    rows: usize,
    columns: usize,
    dx: *mut f32,
) {
    // SAFETY: as the caller promises.
    unsafe { each_row(pool, Wish::LogBackward, y, dy, rows, columns, dx) }
}

unsafe fn each_row(
    pool: &ThreadPool,
    wish: Wish,
    first: *const f32,
    second: *const f32,
    rows: usize,
    columns: usize,
    out: *mut f32,
) {
    if columns == 0 {
        return;
    }
    let group = (TASK / 4 / columns).clamp(1, rows.max(1));
    let [a, b, to] = [first.cast_mut(), second.cast_mut(), out].map(Pointer);
    run_if(pool, rows * columns > TASK / 4, rows.div_ceil(group), |task| {
        let row = task * group;
        // SAFETY: the rows lie within the caller's memory; tasks write disjoint rows.
        unsafe {
            let at = row * columns;
            let [a, b, out] = [a, b, to].map(|pointer| pointer.get().add(at));
            dispatch(Rows { wish, a, b, rows: group.min(rows - row), columns, out });
        }
    });
}

struct Rows {
    wish: Wish,
    a: *const f32,
    b: *const f32,
    rows: usize,
    columns: usize,
    out: *mut f32,
}

impl Kernel for Rows {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for row in 0..self.rows {
            let at = row * self.columns;
            // SAFETY: whoever dispatches promises the rows.
            unsafe {
                let (a, b, out) = (self.a.add(at), self.b.add(at), self.out.add(at));
                match self.wish {
                    Wish::Softmax => forward(s, a, self.columns, out),
                    Wish::Log => forward_log(s, a, self.columns, out),
                    Wish::SoftmaxBackward => backward(s, a, b, self.columns, out),
                    Wish::LogBackward => backward_log(s, a, b, self.columns, out),
                }
            }
        }
    }
}

/// `out[i] = f(a[i], b[i])`
///
/// # Safety
/// The pointers are valid for `count` floats.
#[inline(always)]
pub(super) unsafe fn map2<S: Simd>(
    s: S,
    a: *const f32,
    b: *const f32,
    out: *mut f32,
    count: usize,
    f: impl Fn(S::F, S::F) -> S::F,
) {
    let mut at = 0;
    while at < count {
        let width = S::LANES.min(count - at);
        // SAFETY: `at + width` stays within `count`.
        unsafe {
            let value = f(s.load_up_to(a.add(at), width), s.load_up_to(b.add(at), width));
            s.store_up_to(out.add(at), value, width);
        }
        at += S::LANES;
    }
}

#[inline(always)]
unsafe fn forward<S: Simd>(s: S, x: *const f32, count: usize, out: *mut f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let shift = s.splat(fold_row::<S, Largest>(s, x, count) as f32);
        map2(s, x, x, out, count, |value, _| math::exp(s, s.sub(value, shift)));
        let share = s.splat((1.0 / fold_row::<S, Sum>(s, out, count)) as f32);
        map2(s, out, out, out, count, |value, _| s.mul(value, share));
    }
}

#[inline(always)]
unsafe fn forward_log<S: Simd>(s: S, x: *const f32, count: usize, out: *mut f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let largest = fold_row::<S, Largest>(s, x, count) as f32;
        let shift = s.splat(largest);
        let sum = fold_mapped::<S, Sum>(s, x, count, PowerFrom(shift));
        // Two steps: their sum would round away what the logarithm says.
        let rest = s.splat(sum.ln() as f32);
        map2(s, x, x, out, count, |value, _| s.sub(s.sub(value, shift), rest));
    }
}

#[inline(always)]
unsafe fn backward<S: Simd>(s: S, y: *const f32, dy: *const f32, count: usize, dx: *mut f32) {
    let mut sum = 0.0_f64;
    let mut at = 0;
    // SAFETY: as the caller promises.
    unsafe {
        while at < count {
            let width = S::LANES.min(count - at);
            let product = s.mul(s.load_up_to(y.add(at), width), s.load_up_to(dy.add(at), width));
            sum += f64::from(s.sum(product));
            at += S::LANES;
        }
        let sum = s.splat(sum as f32);
        map2(s, y, dy, dx, count, |y, dy| s.mul(y, s.sub(dy, sum)));
    }
}

#[inline(always)]
unsafe fn backward_log<S: Simd>(s: S, y: *const f32, dy: *const f32, count: usize, dx: *mut f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let sum = s.splat(-fold_row::<S, Sum>(s, dy, count) as f32);
        map2(s, y, dy, dx, count, |y, dy| s.mul_add(math::exp(s, y), sum, dy));
    }
}
