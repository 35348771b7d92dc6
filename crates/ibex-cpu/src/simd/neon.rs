//! Vectors of AArch64 Advanced SIMD.

use std::arch::aarch64::*;

use super::{Kernel, Simd, operations};

/// The token of Advanced SIMD.
#[derive(Clone, Copy, Debug)]
pub struct Neon(());

impl Neon {
    /// The token.
    ///
    /// # Safety
    /// The processor has Advanced SIMD.
    #[inline(always)]
    #[must_use]
    pub unsafe fn assume() -> Self {
        Self(())
    }
}

/// Runs `kernel` compiled for Advanced SIMD.
///
/// # Safety
/// The processor has it, as every AArch64 processor does.
#[target_feature(enable = "neon")]
pub(crate) unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Neon(()))
}

impl Simd for Neon {
    type F = float32x4_t;
    type I = int32x4_t;
    type M = uint32x4_t;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> float32x4_t {
        // SAFETY: the token proves the set; the caller promises the memory.
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, value: float32x4_t) {
        // SAFETY: the token proves the set; the caller promises the memory.
        unsafe { vst1q_f32(to, value) }
    }
    #[inline(always)]
    unsafe fn load_partial(self, from: *const f32, count: usize) -> float32x4_t {
        let mut lanes = [0.0_f32; 4];
        // SAFETY: `count` floats are read, which the caller promises, into an array of four.
        unsafe {
            std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), count.min(4));
            vld1q_f32(lanes.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn store_partial(self, to: *mut f32, value: float32x4_t, count: usize) {
        let mut lanes = [0.0_f32; 4];
        // SAFETY: `count` floats are written, which the caller promises, from an array of four.
        unsafe {
            vst1q_f32(lanes.as_mut_ptr(), value);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, count.min(4));
        }
    }
    operations! {
        splat(value: f32) -> float32x4_t = vdupq_n_f32(value);
        add(a: float32x4_t, b: float32x4_t) -> float32x4_t = vaddq_f32(a, b);
        sub(a: float32x4_t, b: float32x4_t) -> float32x4_t = vsubq_f32(a, b);
        mul(a: float32x4_t, b: float32x4_t) -> float32x4_t = vmulq_f32(a, b);
        div(a: float32x4_t, b: float32x4_t) -> float32x4_t = vdivq_f32(a, b);
        // The instructions `fmin` and `fmax` give NaN for NaN on either side; the trait asks for
        // the second operand.
        min(a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(vcltq_f32(a, b), a, b);
        max(a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(vcgtq_f32(a, b), a, b);
        mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t =
            vfmaq_f32(c, a, b);
        sqrt(a: float32x4_t) -> float32x4_t = vsqrtq_f32(a);
        floor(a: float32x4_t) -> float32x4_t = vrndmq_f32(a);
        ceil(a: float32x4_t) -> float32x4_t = vrndpq_f32(a);
        round(a: float32x4_t) -> float32x4_t = vrndnq_f32(a);
        lt(a: float32x4_t, b: float32x4_t) -> uint32x4_t = vcltq_f32(a, b);
        le(a: float32x4_t, b: float32x4_t) -> uint32x4_t = vcleq_f32(a, b);
        eq(a: float32x4_t, b: float32x4_t) -> uint32x4_t = vceqq_f32(a, b);
        is_nan(a: float32x4_t) -> uint32x4_t = vmvnq_u32(vceqq_f32(a, a));
        select(mask: uint32x4_t, yes: float32x4_t, no: float32x4_t) -> float32x4_t =
            vbslq_f32(mask, yes, no);
        any(mask: uint32x4_t) -> bool = vmaxvq_u32(mask) != 0;
        splat_i(value: i32) -> int32x4_t = vdupq_n_s32(value);
        add_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = vaddq_s32(a, b);
        sub_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = vsubq_s32(a, b);
        and_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = vandq_s32(a, b);
        or_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = vorrq_s32(a, b);
        xor_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = veorq_s32(a, b);
        mul_wide(a: int32x4_t, b: int32x4_t) -> (int32x4_t, int32x4_t) = {
            let (a, b) = (vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b));
            let first = vreinterpretq_s32_u64(vmull_u32(vget_low_u32(a), vget_low_u32(b)));
            let second = vreinterpretq_s32_u64(vmull_high_u32(a, b));
            (vuzp2q_s32(first, second), vuzp1q_s32(first, second))
        };
        bits(a: float32x4_t) -> int32x4_t = vreinterpretq_s32_f32(a);
        from_bits(a: int32x4_t) -> float32x4_t = vreinterpretq_f32_s32(a);
        to_int(a: float32x4_t) -> int32x4_t = vcvtnq_s32_f32(a);
        from_int(a: int32x4_t) -> float32x4_t = vcvtq_f32_s32(a);
    }
    #[inline(always)]
    fn shl<const BITS: u32>(self, a: int32x4_t) -> int32x4_t {
        // SAFETY: the token proves the set.
        unsafe { vshlq_s32(a, vdupq_n_s32(BITS.cast_signed())) }
    }
    #[inline(always)]
    fn shr<const BITS: u32>(self, a: int32x4_t) -> int32x4_t {
        // SAFETY: the token proves the set; a negative count shifts right.
        unsafe { vshlq_s32(a, vdupq_n_s32(-BITS.cast_signed())) }
    }
}
