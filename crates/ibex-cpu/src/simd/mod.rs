//! Vectors of `f32`, one trait for every instruction set, so that a kernel is written once.
//!
//! A kernel is a generic `#[inline(always)]` body over [`Simd`]; [`dispatch`] compiles it for each
//! set and calls the one in use. Read on with `math` (exp, tanh, …) after this file.
//! Must not know: tensors, or any kernel.

pub mod math;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::isa::Isa;
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
pub use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

/// The widest vector of any set, in floats.
pub const MAX_LANES: usize = 16;

/// Asks for the line of the cache at `from`, which need not exist, as far as the second cache.
#[inline(always)]
pub(crate) fn ask(from: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has the instruction, and it reads nothing that can fail.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(from.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = from;
}

/// A token that proves that the processor has an instruction set, with its vector operations.
///
/// Comparisons with NaN are false; `min` and `max` give the second operand when either is NaN.
#[allow(clippy::wrong_self_convention, reason = "the token is not what is converted")]
pub trait Simd: Copy + Send + Sync + 'static {
    /// A vector of floats.
    type F: Copy;
    /// A vector of 32-bit integers of the same number of lanes.
    type I: Copy;
    /// The result of a comparison.
    type M: Copy;
    /// Floats in a vector.
    const LANES: usize;

    /// The same value in every lane.
    fn splat(self, value: f32) -> Self::F;
    /// Reads `LANES` floats.
    ///
    /// # Safety
    /// `from` is valid for reading them; it need not be aligned.
    unsafe fn load(self, from: *const f32) -> Self::F;
    /// Writes `LANES` floats.
    ///
    /// # Safety
    /// `to` is valid for writing them; it need not be aligned.
    unsafe fn store(self, to: *mut f32, value: Self::F);
    /// Reads `count < LANES` floats; the other lanes are zero.
    ///
    /// # Safety
    /// `from` is valid for reading `count` floats.
    unsafe fn load_partial(self, from: *const f32, count: usize) -> Self::F;
    /// Writes the first `count < LANES` floats.
    ///
    /// # Safety
    /// `to` is valid for writing `count` floats.
    unsafe fn store_partial(self, to: *mut f32, value: Self::F, count: usize);

    /// Asks for the cache line at `from`, which need not exist.
    #[inline(always)]
    fn prefetch(self, from: *const f32) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 has the instruction, and it reads nothing that can fail.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(from.cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = from;
    }

    /// Asks for the line of the cache that holds `from`, as far as the second cache.
    #[inline(always)]
    fn prefetch_second(self, from: *const f32) {
        ask(from.cast());
    }

    /// `a + b`
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a · b`
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a / b`
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// The smaller; `b` if either is NaN.
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    /// The larger; `b` if either is NaN.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a · b + c`, rounded once where the set has fused multiply-add.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The square root.
    fn sqrt(self, a: Self::F) -> Self::F;
    /// Rounds towards minus infinity.
    fn floor(self, a: Self::F) -> Self::F;
    /// Rounds towards plus infinity.
    fn ceil(self, a: Self::F) -> Self::F;
    /// Rounds to the nearest integer, halves to even.
    fn round(self, a: Self::F) -> Self::F;

    /// `a < b`
    fn lt(self, a: Self::F, b: Self::F) -> Self::M;
    /// `a <= b`
    fn le(self, a: Self::F, b: Self::F) -> Self::M;
    /// `a == b`
    fn eq(self, a: Self::F, b: Self::F) -> Self::M;
    /// Is `a` a NaN?
    fn is_nan(self, a: Self::F) -> Self::M;
    /// `yes` where the mask holds, else `no`.
    fn select(self, mask: Self::M, yes: Self::F, no: Self::F) -> Self::F;
    /// Does any lane hold?
    fn any(self, mask: Self::M) -> bool;

    /// The same integer in every lane.
    fn splat_i(self, value: i32) -> Self::I;
    /// `a + b`, wrapping.
    fn add_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// `a - b`, wrapping.
    fn sub_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// Bitwise and.
    fn and_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// Bitwise or.
    fn or_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// Bitwise exclusive or.
    fn xor_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// The upper and the lower halves of `a · b`, both without signs.
    fn mul_wide(self, a: Self::I, b: Self::I) -> (Self::I, Self::I);
    /// Shifts left.
    fn shl<const BITS: u32>(self, a: Self::I) -> Self::I;
    /// Shifts right, keeping the sign.
    fn shr<const BITS: u32>(self, a: Self::I) -> Self::I;
    /// The bits of the floats.
    fn bits(self, a: Self::F) -> Self::I;
    /// The floats with these bits.
    fn from_bits(self, a: Self::I) -> Self::F;
    /// To the nearest integer, halves to even; for values within `i32` only.
    fn to_int(self, a: Self::F) -> Self::I;
    /// The integers as floats.
    fn from_int(self, a: Self::I) -> Self::F;

    /// Writes the transpose of `LANES` rows of `LANES` floats: column `j` goes to
    /// `to + j · step`, its first `height <= LANES` entries only.
    ///
    /// # Safety
    /// Each of the first `LANES` pointers in `rows` is valid for reading `LANES` floats from
    /// `offset` on, and every place written is valid.
    #[inline(always)]
    unsafe fn transpose(
        self,
        rows: &[*const f32; MAX_LANES],
        offset: usize,
        to: *mut f32,
        step: usize,
        height: usize,
    ) {
        for column in 0..Self::LANES {
            for row in 0..height {
                // SAFETY: as this function's caller promises.
                unsafe { *to.add(column * step + row) = *rows[row].add(offset + column) };
            }
        }
    }

    /// Reads `LANES` bytes; a lane holds where its byte is not 0.
    ///
    /// # Safety
    /// `from` is valid for reading them.
    #[inline(always)]
    unsafe fn load_mask(self, from: *const u8) -> Self::M {
        let mut lanes = [0.0_f32; MAX_LANES];
        for lane in 0..Self::LANES {
            // SAFETY: the caller promises the bytes.
            lanes[lane] = f32::from(unsafe { *from.add(lane) });
        }
        // SAFETY: the array holds at least `LANES` floats.
        self.lt(self.splat(0.0), unsafe { self.load(lanes.as_ptr()) })
    }
    /// Writes `LANES` bytes: 1 where the mask holds, else 0.
    ///
    /// # Safety
    /// `to` is valid for writing them.
    #[inline(always)]
    unsafe fn store_mask(self, to: *mut u8, mask: Self::M) {
        let lanes = self.to_array(self.select(mask, self.splat(1.0), self.splat(0.0)));
        for lane in 0..Self::LANES {
            // SAFETY: the caller promises the bytes.
            unsafe { *to.add(lane) = lanes[lane] as u8 };
        }
    }

    /// `-a`
    #[inline(always)]
    fn neg(self, a: Self::F) -> Self::F {
        self.from_bits(self.xor_i(self.bits(a), self.splat_i(i32::MIN)))
    }
    /// `|a|`
    #[inline(always)]
    fn abs(self, a: Self::F) -> Self::F {
        self.from_bits(self.and_i(self.bits(a), self.splat_i(i32::MAX)))
    }
    /// The magnitude of `a` with the sign of `b`.
    #[inline(always)]
    fn copy_sign(self, a: Self::F, b: Self::F) -> Self::F {
        let sign = self.and_i(self.bits(b), self.splat_i(i32::MIN));
        self.from_bits(self.or_i(self.bits(self.abs(a)), sign))
    }
    /// The lanes as an array; those beyond `LANES` are zero.
    #[inline(always)]
    fn to_array(self, a: Self::F) -> [f32; MAX_LANES] {
        let mut lanes = [0.0; MAX_LANES];
        // SAFETY: the array holds at least `LANES` floats.
        unsafe { self.store(lanes.as_mut_ptr(), a) };
        lanes
    }
    /// The sum of the lanes, by halves.
    #[inline(always)]
    fn sum(self, a: Self::F) -> f32 {
        halves(self.to_array(a), Self::LANES, |x, y| x + y)
    }
    /// The largest lane; NaN if any lane is.
    #[inline(always)]
    fn max_lane(self, a: Self::F) -> f32 {
        halves(self.to_array(a), Self::LANES, |x, y| if x > y || x.is_nan() { x } else { y })
    }
    /// The smallest lane; NaN if any lane is.
    #[inline(always)]
    fn min_lane(self, a: Self::F) -> f32 {
        halves(self.to_array(a), Self::LANES, |x, y| if x < y || x.is_nan() { x } else { y })
    }
    /// Reads `count <= LANES` floats; the other lanes are zero.
    ///
    /// # Safety
    /// `from` is valid for reading `count` floats.
    #[inline(always)]
    unsafe fn load_up_to(self, from: *const f32, count: usize) -> Self::F {
        // SAFETY: as this function's caller promises.
        unsafe {
            if count >= Self::LANES { self.load(from) } else { self.load_partial(from, count) }
        }
    }
    /// Writes the first `count <= LANES` floats.
    ///
    /// # Safety
    /// `to` is valid for writing `count` floats.
    #[inline(always)]
    unsafe fn store_up_to(self, to: *mut f32, value: Self::F, count: usize) {
        // SAFETY: as this function's caller promises.
        unsafe {
            if count >= Self::LANES {
                self.store(to, value);
            } else {
                self.store_partial(to, value, count);
            }
        }
    }
}

#[inline(always)]
fn halves(mut lanes: [f32; MAX_LANES], count: usize, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut width = count / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] = join(lanes[lane], lanes[lane + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// A computation written once for every instruction set.
pub trait Kernel {
    /// What it gives back.
    type Output;
    /// The body; mark it `#[inline(always)]`, or it is not compiled for the set.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Runs `kernel` with the instruction set in use.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_on(Isa::current(), kernel)
}

/// Runs `kernel` with a given instruction set, which must be one of [`Isa::available`].
#[inline]
pub(crate) fn dispatch_on<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    match isa {
        Isa::Portable => kernel.run(Portable),
        #[cfg(target_arch = "aarch64")]
        // SAFETY: an `Isa` value names a set that the processor has.
        Isa::Neon => unsafe { neon::run(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an `Isa` value names a set that the processor has.
        Isa::Avx2 => unsafe { x86::run_avx2(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an `Isa` value names a set that the processor has.
        Isa::Avx512 => unsafe { x86::run_avx512(kernel) },
    }
}

/// Defines safe methods of a token from unsafe intrinsics.
macro_rules! operations {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: $type),*) -> $result {
            // SAFETY: the token exists only where the processor has these instructions.
            unsafe { $body }
        }
    )*};
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use operations;
