//! Elementary functions of vectors, of known error.
//!
//! The errors stated are the largest found by the sweep in the tests, in units of the last place;
//! without fused multiply-add (the portable set) they are at most one unit larger.
//! Polynomials are least-maximum fits made for this file; the degree is the smallest that keeps
//! the fit's error below the rounding.
//! Must not know: loops, tensors.

#![allow(
    clippy::excessive_precision,
    clippy::approx_constant,
    reason = "coefficients of fits are kept as the fit gave them"
)]

use std::f32::consts::{FRAC_2_PI, LOG2_E};

use super::Simd;

/// ln 2 in two parts: the first has so few bits that small multiples of it are exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// `x` times powers of the coefficients' places, the highest first.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::F, coefficients: [f32; N]) -> S::F {
    let mut sum = s.splat(coefficients[0]);
    for coefficient in &coefficients[1..] {
        sum = s.mul_add(sum, x, s.splat(*coefficient));
    }
    sum
}

/// `2^n` for `-126 <= n <= 127`.
#[inline(always)]
fn power_of_two<S: Simd>(s: S, n: S::I) -> S::F {
    s.from_bits(s.shl::<23>(s.add_i(n, s.splat_i(127))))
}

/// `n` and `e^r - 1` with `x = n·ln 2 + r`, `|r| <= ln 2 / 2`.
#[inline(always)]
fn reduce_exp<S: Simd>(s: S, x: S::F) -> (S::F, S::F) {
    let n = s.round(s.mul(x, s.splat(LOG2_E)));
    let r = s.mul_add(n, s.splat(-LN2_HIGH), x);
    let r = s.mul_add(n, s.splat(-LN2_LOW), r);
    const Q: [f32; 6] =
        [0.000_198_919_81, 0.001_393_454_2, 0.008_333_31, 0.041_666_456, 0.166_666_67, 0.5];
    let rest = s.mul(s.mul(r, r), polynomial(s, r, Q));
    (n, s.add(r, rest))
}

/// Keeps `x` within bounds; NaN passes.
#[inline(always)]
fn clamp<S: Simd>(s: S, x: S::F, low: f32, high: f32) -> S::F {
    s.max(s.splat(low), s.min(s.splat(high), x))
}

/// `e^x`, within 1 unit; subnormal results are right.
#[inline(always)]
pub fn exp<S: Simd>(s: S, x: S::F) -> S::F {
    let (n, fraction) = reduce_exp(s, clamp(s, x, -104.0, 89.0));
    let n = s.to_int(n);
    // Two factors: one alone would leave the range of normal numbers.
    let half = s.shr::<1>(n);
    let value = s.add(fraction, s.splat(1.0));
    let value = s.mul(value, power_of_two(s, half));
    s.mul(value, power_of_two(s, s.sub_i(n, half)))
}

/// `e^x - 1`, within 2 units.
#[inline(always)]
pub fn expm1<S: Simd>(s: S, x: S::F) -> S::F {
    let (n, fraction) = reduce_exp(s, clamp(s, x, -20.0, 89.0));
    // Half of the power: the whole one may overflow where the result does not.
    let power = power_of_two(s, s.sub_i(s.to_int(n), s.splat_i(1)));
    let half = s.mul_add(power, fraction, s.sub(power, s.splat(0.5)));
    let tiny = s.lt(s.abs(x), s.splat(1e-20));
    s.select(tiny, x, s.add(half, half))
}

/// The natural logarithm, within 1 unit; minus infinity at 0, NaN below.
#[inline(always)]
pub fn log<S: Simd>(s: S, x: S::F) -> S::F {
    let subnormal = s.lt(x, s.splat(f32::MIN_POSITIVE));
    let scaled = s.select(subnormal, s.mul(x, s.splat(33_554_432.0)), x);
    let bits = s.bits(scaled);
    // The mantissa in √½ .. √2, so that the logarithm of 1 comes out exact.
    let sqrt_half = s.splat_i(0x3f35_04f3);
    let exponent = s.shr::<23>(s.sub_i(bits, sqrt_half));
    let f = s.from_bits(s.sub_i(bits, s.shl::<23>(exponent)));
    let f = s.sub(f, s.splat(1.0));
    let e = s.from_int(exponent);
    let e = s.select(subnormal, s.sub(e, s.splat(25.0)), e);
    const P: [f32; 9] = [
        0.069_716_115,
        -0.114_797_34,
        0.116_854_2,
        -0.124_256_87,
        0.142_490_58,
        -0.166_678_02,
        0.200_007_16,
        -0.249_999_97,
        0.333_333_3,
    ];
    let square = s.mul(f, f);
    let low = s.mul(s.mul(square, f), polynomial(s, f, P));
    let low = s.mul_add(e, s.splat(LN2_LOW), low);
    let low = s.mul_add(square, s.splat(-0.5), low);
    let value = s.mul_add(e, s.splat(LN2_HIGH), s.add(f, low));
    let value = s.select(s.eq(x, s.splat(f32::INFINITY)), x, value);
    let value = s.select(s.eq(x, s.splat(0.0)), s.splat(f32::NEG_INFINITY), value);
    let value = s.select(s.lt(x, s.splat(0.0)), s.splat(f32::NAN), value);
    s.select(s.is_nan(x), x, value)
}

/// `ln(1 + x)`, within 3 units.
#[inline(always)]
pub fn log1p<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    let u = s.add(x, one);
    // What rounding `1 + x` lost, to first order.
    let lost = s.div(s.sub(x, s.sub(u, one)), u);
    let lost = s.select(s.is_nan(lost), s.splat(0.0), lost);
    s.select(s.lt(s.abs(x), s.splat(1e-20)), x, s.add(log(s, u), lost))
}

/// The hyperbolic tangent, within 3 units.
#[inline(always)]
pub fn tanh<S: Simd>(s: S, x: S::F) -> S::F {
    let e = expm1(s, s.mul(s.abs(x), s.splat(-2.0)));
    s.copy_sign(s.div(e, s.add(e, s.splat(2.0))), x)
}

/// `1 / (1 + e^-x)`, within 3 units.
#[inline(always)]
pub fn sigmoid<S: Simd>(s: S, x: S::F) -> S::F {
    let e = exp(s, s.neg(s.abs(x)));
    let one = s.splat(1.0);
    let numerator = s.select(s.lt(x, s.splat(0.0)), e, one);
    s.div(numerator, s.add(one, e))
}

/// The error function, within 3 units.
#[inline(always)]
pub fn erf<S: Simd>(s: S, x: S::F) -> S::F {
    const SMALL: [f32; 7] = [
        7.875_875e-5,
        -0.000_801_686_43,
        0.005_189_087_4,
        -0.026_854_212,
        0.112_835_95,
        -0.376_126_27,
        1.128_379_2,
    ];
    // Beyond 1: `1 - e^-g(x)`, where `g` is close to a parabola.
    const LARGE: [f32; 10] = [
        8.813_475_9e-8,
        -3.595_711e-6,
        6.494_944e-5,
        -0.000_700_442_2,
        0.005_115_367,
        -0.027_212_46,
        0.111_218_93,
        0.630_804_57,
        1.130_751_2,
        -0.000_433_129_18,
    ];
    let magnitude = s.abs(x);
    let small = s.mul(x, polynomial(s, s.mul(x, x), SMALL));
    let g = polynomial(s, s.min(s.splat(4.1), magnitude), LARGE);
    let large = s.sub(s.splat(1.0), exp(s, s.neg(g)));
    s.select(s.lt(magnitude, s.splat(1.0)), small, s.copy_sign(large, x))
}

/// The inverse of [`erf`], within 5 units; infinite at ±1, NaN beyond.
#[inline(always)]
pub fn erfinv<S: Simd>(s: S, x: S::F) -> S::F {
    const CENTRE: [f32; 9] = [
        2.260_597_8e-8,
        3.422_247e-7,
        -3.454_779_5e-6,
        -4.380_347e-6,
        0.000_218_312_98,
        -0.001_253_758_9,
        -0.004_177_346_5,
        0.246_640_77,
        1.501_409_4,
    ];
    const TAIL: [f32; 9] = [
        -0.000_119_660_33,
        3.456_942e-5,
        0.001_248_650_9,
        -0.003_603_283_7,
        0.005_781_243,
        -0.007_643_271,
        0.009_432_914,
        1.001_675_6,
        2.832_977,
    ];
    let one = s.splat(1.0);
    let w = s.neg(log(s, s.mul(s.sub(one, x), s.add(one, x))));
    let centre = polynomial(s, s.sub(w, s.splat(2.5)), CENTRE);
    let tail = polynomial(s, s.sub(s.sqrt(w), s.splat(3.0)), TAIL);
    let value = s.mul(x, s.select(s.lt(w, s.splat(5.0)), centre, tail));
    let infinite = s.copy_sign(s.splat(f32::INFINITY), x);
    s.select(s.eq(s.abs(x), one), infinite, value)
}

/// Beyond this the reduction in single precision loses digits.
const FAR: f32 = 8192.0;

/// The sine of `x` plus a quarter turn as often as `turns` says.
#[inline(always)]
fn sine<S: Simd>(s: S, x: S::F, turns: i32) -> S::F {
    let n = s.round(s.mul(x, s.splat(FRAC_2_PI)));
    // π/2 in three parts; the first two have so few bits that multiples of them are exact.
    let r = s.mul_add(n, s.splat(-1.570_312_5), x);
    let r = s.mul_add(n, s.splat(-4.837_513e-4), r);
    let r = s.mul_add(n, s.splat(-7.549_79e-8), r);
    let z = s.mul(r, r);
    const SIN: [f32; 4] = [2.724_378e-6, -0.000_198_400_39, 0.008_333_332, -0.166_666_67];
    const COS: [f32; 4] = [-2.729_583e-7, 2.480_056e-5, -0.001_388_888_8, 0.041_666_668];
    let sin = s.mul_add(s.mul(z, r), polynomial(s, z, SIN), r);
    let cos = s.mul_add(z, s.splat(-0.5), s.splat(1.0));
    let cos = s.mul_add(s.mul(z, z), polynomial(s, z, COS), cos);
    let quarter = s.add_i(s.to_int(n), s.splat_i(turns));
    let odd = s.from_int(s.and_i(quarter, s.splat_i(1)));
    let value = s.select(s.eq(odd, s.splat(1.0)), cos, sin);
    let sign = s.shl::<30>(s.and_i(quarter, s.splat_i(2)));
    s.from_bits(s.xor_i(s.bits(value), sign))
}

/// Replaces the lanes that lie far out by what `exact` gives in double precision.
#[inline(always)]
fn mend_far<S: Simd>(s: S, x: S::F, value: S::F, exact: impl Fn(f64) -> f64) -> S::F {
    if !s.any(s.lt(s.splat(FAR), s.abs(x))) {
        return value;
    }
    let arguments = s.to_array(x);
    let mut values = s.to_array(value);
    for lane in 0..S::LANES {
        if arguments[lane].abs() > FAR {
            values[lane] = exact(f64::from(arguments[lane])) as f32;
        }
    }
    // SAFETY: the array holds at least `LANES` floats.
    unsafe { s.load(values.as_ptr()) }
}

/// The sine, within 1.5e-7 absolutely.
#[inline(always)]
pub fn sin<S: Simd>(s: S, x: S::F) -> S::F {
    mend_far(s, x, sine(s, x, 0), f64::sin)
}

/// The cosine, within 1.5e-7 absolutely.
#[inline(always)]
pub fn cos<S: Simd>(s: S, x: S::F) -> S::F {
    mend_far(s, x, sine(s, x, 1), f64::cos)
}

/// `x^y` with the C library's single-precision function, lane by lane, within 1 unit.
#[inline(always)]
pub fn pow<S: Simd>(s: S, x: S::F, y: S::F) -> S::F {
    let (bases, exponents) = (s.to_array(x), s.to_array(y));
    let mut values = [0.0; super::MAX_LANES];
    for lane in 0..S::LANES {
        values[lane] = bases[lane].powf(exponents[lane]);
    }
    // SAFETY: the array holds at least `LANES` floats.
    unsafe { s.load(values.as_ptr()) }
}
