//! Vectors in plain Rust: arrays that the compiler vectorises for the target's baseline.

use super::Simd;

/// The token of the portable set, which is everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

const LANES: usize = 4;
type F = [f32; LANES];
type I = [i32; LANES];
type M = [bool; LANES];

#[inline(always)]
fn map<A: Copy, R>(a: [A; LANES], f: impl Fn(A) -> R) -> [R; LANES] {
    std::array::from_fn(|lane| f(a[lane]))
}

#[inline(always)]
fn zip<A: Copy, B: Copy, R>(a: [A; LANES], b: [B; LANES], f: impl Fn(A, B) -> R) -> [R; LANES] {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

/// Adding and taking away 1.5·2²³ leaves the nearest integer, halves to even.
#[inline(always)]
fn round_even(a: f32) -> f32 {
    const MAGIC: f32 = 8_388_608.0;
    let rounded = (a.abs() + MAGIC) - MAGIC;
    if a.abs() < MAGIC { rounded.copysign(a) } else { a }
}

impl Simd for Portable {
    type F = F;
    type I = I;
    type M = M;
    const LANES: usize = LANES;

    #[inline(always)]
    fn splat(self, value: f32) -> F {
        [value; LANES]
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> F {
        // SAFETY: the caller promises `LANES` readable floats.
        unsafe { from.cast::<F>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, value: F) {
        // SAFETY: the caller promises `LANES` writable floats.
        unsafe { to.cast::<F>().write_unaligned(value) }
    }
    #[inline(always)]
    unsafe fn load_partial(self, from: *const f32, count: usize) -> F {
        // SAFETY: the caller promises `count` readable floats.
        std::array::from_fn(|lane| if lane < count { unsafe { *from.add(lane) } } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn store_partial(self, to: *mut f32, value: F, count: usize) {
        for lane in 0..count.min(LANES) {
            // SAFETY: the caller promises `count` writable floats.
            unsafe { *to.add(lane) = value[lane] };
        }
    }
    #[inline(always)]
    fn add(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn min(self, a: F, b: F) -> F {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, a: F, b: F) -> F {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn mul_add(self, a: F, b: F, c: F) -> F {
        // Not `f32::mul_add`: without the instruction that is a call into the C library.
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }
    #[inline(always)]
    fn sqrt(self, a: F) -> F {
        map(a, f32::sqrt)
    }
    #[inline(always)]
    fn floor(self, a: F) -> F {
        map(a, |a| {
            let near = round_even(a);
            (near - f32::from(u8::from(near > a))).copysign(a)
        })
    }
    #[inline(always)]
    fn ceil(self, a: F) -> F {
        map(a, |a| {
            let near = round_even(a);
            (near + f32::from(u8::from(near < a))).copysign(a)
        })
    }
    #[inline(always)]
    fn round(self, a: F) -> F {
        map(a, round_even)
    }
    #[inline(always)]
    fn lt(self, a: F, b: F) -> M {
        zip(a, b, |a, b| a < b)
    }
    #[inline(always)]
    fn le(self, a: F, b: F) -> M {
        zip(a, b, |a, b| a <= b)
    }
    #[inline(always)]
    fn eq(self, a: F, b: F) -> M {
        zip(a, b, |a, b| a == b)
    }
    #[inline(always)]
    fn is_nan(self, a: F) -> M {
        map(a, f32::is_nan)
    }
    #[inline(always)]
    fn select(self, mask: M, yes: F, no: F) -> F {
        std::array::from_fn(|lane| if mask[lane] { yes[lane] } else { no[lane] })
    }
    #[inline(always)]
    fn any(self, mask: M) -> bool {
        mask.iter().any(|&lane| lane)
    }
    #[inline(always)]
    fn splat_i(self, value: i32) -> I {
        [value; LANES]
    }
    #[inline(always)]
    fn add_i(self, a: I, b: I) -> I {
        zip(a, b, i32::wrapping_add)
    }
    #[inline(always)]
    fn sub_i(self, a: I, b: I) -> I {
        zip(a, b, i32::wrapping_sub)
    }
    #[inline(always)]
    fn and_i(self, a: I, b: I) -> I {
        zip(a, b, |a, b| a & b)
    }
    #[inline(always)]
    fn or_i(self, a: I, b: I) -> I {
        zip(a, b, |a, b| a | b)
    }
    #[inline(always)]
    fn xor_i(self, a: I, b: I) -> I {
        zip(a, b, |a, b| a ^ b)
    }
    #[inline(always)]
    fn shl<const BITS: u32>(self, a: I) -> I {
        map(a, |a| a << BITS)
    }
    #[inline(always)]
    fn mul_wide(self, a: I, b: I) -> (I, I) {
        let product = |a: i32, b: i32| u64::from(a.cast_unsigned()) * u64::from(b.cast_unsigned());
        let high = zip(a, b, |a, b| ((product(a, b) >> 32) as u32).cast_signed());
        (high, zip(a, b, |a, b| (product(a, b) as u32).cast_signed()))
    }
    #[inline(always)]
    fn shr<const BITS: u32>(self, a: I) -> I {
        map(a, |a| a >> BITS)
    }
    #[inline(always)]
    fn bits(self, a: F) -> I {
        map(a, |a| a.to_bits().cast_signed())
    }
    #[inline(always)]
    fn from_bits(self, a: I) -> F {
        map(a, |a| f32::from_bits(a.cast_unsigned()))
    }
    #[inline(always)]
    fn to_int(self, a: F) -> I {
        map(a, |a| round_even(a) as i32)
    }
    #[inline(always)]
    fn from_int(self, a: I) -> F {
        map(a, |a| a as f32)
    }
}
