//! What a reduction does with two values: one row per reduction.

use crate::simd::Simd;

/// An associative operation, up to rounding.
pub(super) trait Fold: Sync {
    /// The result of nothing.
    const NOTHING: f32;
    /// Joins two vectors.
    fn join<S: Simd>(s: S, a: S::F, b: S::F) -> S::F;
    /// Joins the lanes of a vector.
    fn lanes<S: Simd>(s: S, a: S::F) -> f32;
    /// Joins two values, in double precision for the sake of sums of many blocks.
    fn values(a: f64, b: f64) -> f64;
}

pub(super) struct Sum;
pub(super) struct Product;
pub(super) struct Largest;
pub(super) struct Smallest;

impl Fold for Sum {
    const NOTHING: f32 = 0.0;
    #[inline(always)]
    fn join<S: Simd>(s: S, a: S::F, b: S::F) -> S::F {
        s.add(a, b)
    }
    #[inline(always)]
    fn lanes<S: Simd>(s: S, a: S::F) -> f32 {
        s.sum(a)
    }
    #[inline(always)]
    fn values(a: f64, b: f64) -> f64 {
        a + b
    }
}

impl Fold for Product {
    const NOTHING: f32 = 1.0;
    #[inline(always)]
    fn join<S: Simd>(s: S, a: S::F, b: S::F) -> S::F {
        s.mul(a, b)
    }
    #[inline(always)]
    fn lanes<S: Simd>(s: S, a: S::F) -> f32 {
        s.to_array(a)[..S::LANES].iter().product()
    }
    #[inline(always)]
    fn values(a: f64, b: f64) -> f64 {
        a * b
    }
}

impl Fold for Largest {
    const NOTHING: f32 = f32::NEG_INFINITY;
    #[inline(always)]
    fn join<S: Simd>(s: S, a: S::F, b: S::F) -> S::F {
        s.select(s.is_nan(a), a, s.max(a, b))
    }
    #[inline(always)]
    fn lanes<S: Simd>(s: S, a: S::F) -> f32 {
        s.max_lane(a)
    }
    #[inline(always)]
    fn values(a: f64, b: f64) -> f64 {
        if a > b || a.is_nan() { a } else { b }
    }
}

impl Fold for Smallest {
    const NOTHING: f32 = f32::INFINITY;
    #[inline(always)]
    fn join<S: Simd>(s: S, a: S::F, b: S::F) -> S::F {
        s.select(s.is_nan(a), a, s.min(a, b))
    }
    #[inline(always)]
    fn lanes<S: Simd>(s: S, a: S::F) -> f32 {
        s.min_lane(a)
    }
    #[inline(always)]
    fn values(a: f64, b: f64) -> f64 {
        if a < b || a.is_nan() { a } else { b }
    }
}
