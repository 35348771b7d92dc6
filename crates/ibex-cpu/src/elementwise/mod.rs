//! Element-wise loops over tiles of `f32`, one function per operation, operand form and set.
//!
//! The caller looks a function up once ([`Unary::function`], [`Binary::function`], …) and then
//! calls it tile by tile, with tiles that stay in the first cache (256–4096 elements).
//! Outputs may be the very memory of an operand; they must not overlap it otherwise.
//! Order to read: this file, then `unary`, `binary`, `pair`, `ternary`, `cast`.
//! Must not know: shapes, broadcasting, graphs.

mod binary;
mod cast;
mod pair;
mod ternary;
mod unary;

#[cfg(test)]
mod tests;

pub use binary::{Binary, BinaryFn, Comparison, ComparisonFn};
pub use cast::{Element, cast, fill};
pub use pair::{First, PairFn, pair};
pub use ternary::{SelectFn, select};
pub use unary::{Unary, UnaryFn};

/// How an operand is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One value per element.
    Vector,
    /// One value for all: the pointer is to a single value.
    Scalar,
}

/// Defines a function that picks, for an instruction set, the loop compiled for it.
///
/// `per_isa!(fn NAME<[GENERICS]; [ARGUMENTS]>(parameters) = LOOP as TYPE)`, where `LOOP` is an
/// `#[inline(always)] unsafe fn<S: Simd, GENERICS>(s: S, parameters)`.
macro_rules! per_isa {
    (fn $name:ident<[$($generic:tt)*]; [$($use:tt)*]>($($argument:ident: $kind:ty),*)
        = $body:ident as $type:ty) => {
        fn $name<$($generic)*>(isa: $crate::isa::Isa) -> $type {
            unsafe fn portable<$($generic)*>($($argument: $kind),*) {
                // SAFETY: as the type of the function asks of its caller.
                unsafe { $body::<_, $($use)*>($crate::simd::Portable, $($argument),*) }
            }
            #[cfg(target_arch = "aarch64")]
            #[target_feature(enable = "neon")]
            unsafe fn neon<$($generic)*>($($argument: $kind),*) {
                // SAFETY: likewise; the set is there, because an `Isa` names it.
                unsafe { $body::<_, $($use)*>($crate::simd::Neon::assume(), $($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2<$($generic)*>($($argument: $kind),*) {
                // SAFETY: likewise; the set is there, because an `Isa` names it.
                unsafe { $body::<_, $($use)*>($crate::simd::Avx2::assume(), $($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            unsafe fn avx512<$($generic)*>($($argument: $kind),*) {
                // SAFETY: likewise; the set is there, because an `Isa` names it.
                unsafe { $body::<_, $($use)*>($crate::simd::Avx512::assume(), $($argument),*) }
            }
            match isa {
                $crate::isa::Isa::Portable => portable::<$($use)*>,
                #[cfg(target_arch = "aarch64")]
                $crate::isa::Isa::Neon => neon::<$($use)*>,
                #[cfg(target_arch = "x86_64")]
                $crate::isa::Isa::Avx2 => avx2::<$($use)*>,
                #[cfg(target_arch = "x86_64")]
                $crate::isa::Isa::Avx512 => avx512::<$($use)*>,
            }
        }
    };
}
pub(crate) use per_isa;

/// Reads an operand: one vector of it, or its single value.
///
/// # Safety
/// A scalar is valid for one float, a vector for `count` floats from `at` on.
#[inline(always)]
unsafe fn read<S: crate::simd::Simd, const SCALAR: bool>(
    s: S,
    from: *const f32,
    at: usize,
    count: usize,
) -> S::F {
    // SAFETY: as the caller promises.
    unsafe { if SCALAR { s.splat(*from) } else { s.load_up_to(from.add(at), count) } }
}
