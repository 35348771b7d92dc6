//! The function of three operands: the choice by a mask of bytes.

use super::{Form, per_isa, read};
use crate::isa::Isa;
use crate::simd::Simd;

/// `out[i] = if mask[i] != 0 { yes[i] } else { no[i] }` for `i < count`.
///
/// # Safety
/// `out` and vector operands are valid for `count` floats, scalar operands for one, `mask` for
/// `count` bytes.
pub type SelectFn =
    unsafe fn(mask: *const u8, yes: *const f32, no: *const f32, out: *mut f32, count: usize);

#[inline(always)]
unsafe fn choose<S: Simd, const YES: bool, const NO: bool>(
    s: S,
    mask: *const u8,
    yes: *const f32,
    no: *const f32,
    out: *mut f32,
    count: usize,
) {
    let mut at = 0;
    // SAFETY: `at` stays below `count`, for which the caller's pointers are valid.
    unsafe {
        while at < count {
            let rest = S::LANES.min(count - at);
            let lanes = if rest == S::LANES {
                s.load_mask(mask.add(at))
            } else {
                let mut bytes = [0_u8; crate::simd::MAX_LANES];
                bytes.as_mut_ptr().copy_from_nonoverlapping(mask.add(at), rest);
                s.load_mask(bytes.as_ptr())
            };
            let x = read::<S, YES>(s, yes, at, rest);
            let y = read::<S, NO>(s, no, at, rest);
            s.store_up_to(out.add(at), s.select(lanes, x, y), rest);
            at += S::LANES;
        }
    }
}

per_isa!(fn select_for<[const YES: bool, const NO: bool]; [YES, NO]>(
    mask: *const u8, yes: *const f32, no: *const f32, out: *mut f32, count: usize)
    = choose as SelectFn);

/// The choosing loop for the instruction set in use, for operands of these forms.
#[must_use]
pub fn select(yes: Form, no: Form) -> SelectFn {
    select_on(Isa::current(), yes, no)
}

pub(crate) fn select_on(isa: Isa, yes: Form, no: Form) -> SelectFn {
    match (yes, no) {
        (Form::Vector, Form::Vector) => select_for::<false, false>(isa),
        (Form::Vector, Form::Scalar) => select_for::<false, true>(isa),
        (Form::Scalar, Form::Vector) => select_for::<true, false>(isa),
        (Form::Scalar, Form::Scalar) => select_for::<true, true>(isa),
    }
}
