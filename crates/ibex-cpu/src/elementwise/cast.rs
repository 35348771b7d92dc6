//! Conversions between element types, and filling.

use std::any::TypeId;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::simd::{Kernel, Simd, dispatch};

/// An element type that converts to and from every other.
///
/// Floats become integers by truncation, saturating, NaN as 0; anything not zero becomes true.
pub trait Element: Copy + 'static {
    /// The value in double precision; exact for all but large 64-bit integers.
    fn to_f64(self) -> f64;
    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// The value as an integer, when its type is one.
    fn to_i64(self) -> Option<i64>;
    /// The value of an integer in this type, wrapping.
    fn from_i64(value: i64) -> Self;
}

macro_rules! integer {
    ($($type:ty)*) => {$(
        impl Element for $type {
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as Self
            }
            #[inline(always)]
            fn to_i64(self) -> Option<i64> {
                Some(self as i64)
            }
            #[inline(always)]
            fn from_i64(value: i64) -> Self {
                value as Self
            }
        }
    )*};
}

macro_rules! float {
    ($($type:ty: |$value:ident| $to:expr, |$double:ident| $from:expr;)*) => {$(
        impl Element for $type {
            #[inline(always)]
            fn to_f64(self) -> f64 {
                let $value = self;
                $to
            }
            #[inline(always)]
            fn from_f64($double: f64) -> Self {
                $from
            }
            #[inline(always)]
            fn to_i64(self) -> Option<i64> {
                None
            }
            #[inline(always)]
            fn from_i64(value: i64) -> Self {
                Self::from_f64(value as f64)
            }
        }
    )*};
}

integer!(i8 i16 i32 i64 u8 u16 u32 u64);
float! {
    f32: |value| f64::from(value), |double| double as f32;
    f64: |value| value, |double| double;
    f16: |value| value.to_f64(), |double| f16::from_f64(double);
    bf16: |value| value.to_f64(), |double| bf16::from_f64(double);
}

impl Element for bool {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(u8::from(self))
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value != 0.0
    }
    #[inline(always)]
    fn to_i64(self) -> Option<i64> {
        Some(i64::from(self))
    }
    #[inline(always)]
    fn from_i64(value: i64) -> Self {
        value != 0
    }
}

/// Converts `count` elements; integers to integers do not pass through floats.
///
/// # Safety
/// The pointers are valid for `count` elements of their types.
pub unsafe fn cast<From: Element, To: Element>(from: *const From, to: *mut To, count: usize) {
    let pair = (TypeId::of::<From>(), TypeId::of::<To>());
    // SAFETY: the types are those that the identifiers say; else as the caller promises.
    unsafe {
        if pair == (TypeId::of::<bf16>(), TypeId::of::<f32>()) {
            return widen_bf16(from.cast(), to.cast(), count);
        }
        if pair == (TypeId::of::<f32>(), TypeId::of::<bf16>()) {
            return narrow_bf16(from.cast(), to.cast(), count);
        }
        if pair == (TypeId::of::<f16>(), TypeId::of::<f32>()) {
            let from = std::slice::from_raw_parts(from.cast::<f16>(), count);
            return from.convert_to_f32_slice(std::slice::from_raw_parts_mut(to.cast(), count));
        }
        if pair == (TypeId::of::<f32>(), TypeId::of::<f16>()) {
            let from = std::slice::from_raw_parts(from.cast::<f32>(), count);
            let to = std::slice::from_raw_parts_mut(to.cast::<f16>(), count);
            return to.convert_from_f32_slice(from);
        }
    }
    for index in 0..count {
        // SAFETY: as the caller promises.
        unsafe {
            let value = *from.add(index);
            *to.add(index) = match value.to_i64() {
                Some(integer) => To::from_i64(integer),
                None => To::from_f64(value.to_f64()),
            };
        }
    }
}

/// `bfloat16` to `float32`: the upper half of its bits.
///
/// # Safety
/// The pointers are valid for `count` elements.
unsafe fn widen_bf16(from: *const u16, to: *mut u32, count: usize) {
    dispatch(Each(
        |index: usize| {
            // SAFETY: as the caller promises.
            unsafe { *to.add(index) = u32::from(*from.add(index)) << 16 };
        },
        count,
    ));
}

/// `float32` to `bfloat16`: rounds to the nearest, ties to even; NaN stays NaN.
///
/// # Safety
/// The pointers are valid for `count` elements.
unsafe fn narrow_bf16(from: *const u32, to: *mut u16, count: usize) {
    dispatch(Each(
        |index: usize| {
            // SAFETY: as the caller promises.
            let bits = unsafe { *from.add(index) };
            let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
            let quiet = (bits >> 16) | 0x40;
            let is_nan = bits & 0x7fff_ffff > 0x7f80_0000;
            let result = if is_nan { quiet } else { rounded };
            // SAFETY: as the caller promises.
            unsafe { *to.add(index) = result as u16 };
        },
        count,
    ));
}

/// A function of every index below a count.
///
/// Without branches in the function the compiler makes vectors of it, as wide as the set allows.
struct Each<F>(F, usize);

impl<F: Fn(usize)> Kernel for Each<F> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        (0..self.1).for_each(self.0);
    }
}

/// Writes the same value to `count` places.
///
/// # Safety
/// `out` is valid for `count` elements.
pub unsafe fn fill<T: Element>(out: *mut T, value: T, count: usize) {
    for index in 0..count {
        // SAFETY: as the caller promises.
        unsafe { *out.add(index) = value };
    }
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::cast;

    /// Every pattern of the upper bits of a `float32`, with lower bits around the ties.
    fn floats() -> Vec<f32> {
        let low = [0u32, 1, 0x0fff, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001, 0xffff];
        (0..=u16::MAX)
            .step_by(7)
            .flat_map(|high| low.map(|low| f32::from_bits(u32::from(high) << 16 | low)))
            .collect()
    }

    #[test]
    fn half_precision_rounds_as_the_crate_half_does() {
        let from = floats();
        let mut narrow = vec![bf16::ZERO; from.len()];
        let mut half = vec![f16::ZERO; from.len()];
        let mut wide = vec![0f32; from.len()];
        // SAFETY: all have the same length.
        unsafe {
            cast(from.as_ptr(), narrow.as_mut_ptr(), from.len());
            cast(from.as_ptr(), half.as_mut_ptr(), from.len());
        }
        for ((&x, &y), &z) in from.iter().zip(&narrow).zip(&half) {
            assert_eq!(y.to_bits(), bf16::from_f32(x).to_bits(), "{x:e}");
            let same = z.is_nan() && x.is_nan() || z.to_bits() == f16::from_f32(x).to_bits();
            assert!(same, "{x:e}");
        }
        // SAFETY: as above.
        unsafe { cast(narrow.as_ptr(), wide.as_mut_ptr(), narrow.len()) };
        assert!(wide.iter().zip(&narrow).all(|(w, n)| w.to_bits() == n.to_f32().to_bits()));
    }
}
