//! Conversions between element types, and filling.

use half::{bf16, f16};

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
