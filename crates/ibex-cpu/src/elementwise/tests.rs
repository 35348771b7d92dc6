//! Every function on every set against double precision, edge values and forms included.

use super::binary::Comparison;
use super::pair::pair_on;
use super::ternary::select_on;
use super::*;
use crate::isa::Isa;
use crate::testing::numbers;

/// Floats over the whole range: every exponent, both signs, and the edges.
fn sweep() -> Vec<f32> {
    let mut values: Vec<f32> = (0..=255_u32)
        .flat_map(|exponent| {
            (0..64_u32).map(move |step| {
                let mantissa = (step * 131_101 + exponent * 977) & 0x7f_ffff;
                f32::from_bits(exponent << 23 | mantissa)
            })
        })
        .filter(|value| value.is_finite())
        .collect();
    // Densely where the functions bend.
    values.extend((0..200_000).map(|step| step as f32 * 1e-4));
    values.extend([0.0, f32::MIN_POSITIVE, 1e-45, f32::MAX, 0.5, 1.5, 2.5, 8_388_607.5, 1.0]);
    values.extend([88.72, 88.73, 87.4, 103.9, 0.999_999_94, 0.99, 17.0]);
    let negative: Vec<f32> = values.iter().map(|&value| -value).collect();
    values.extend(negative);
    values
}

/// What double precision gives, and the largest error in units of the last place: with fused
/// multiply-add, and without. Sines and cosines are held to an absolute error instead.
fn exact(function: Unary) -> (fn(f64) -> f64, f64, f64) {
    match function {
        Unary::Copy => (|x| x, 0.0, 0.0),
        Unary::Neg => (|x| -x, 0.0, 0.0),
        Unary::Abs => (f64::abs, 0.0, 0.0),
        Unary::Square => (|x| x * x, 0.5, 0.5),
        Unary::Reciprocal => (|x| 1.0 / x, 0.5, 0.5),
        Unary::Sqrt => (f64::sqrt, 0.5, 0.5),
        Unary::Rsqrt => (|x| 1.0 / x.sqrt(), 2.0, 2.0),
        Unary::Exp => (f64::exp, 1.0, 1.5),
        Unary::Expm1 => (f64::exp_m1, 2.0, 3.0),
        Unary::Log => (f64::ln, 1.0, 1.5),
        Unary::Log1p => (f64::ln_1p, 3.0, 3.0),
        Unary::Tanh => (f64::tanh, 3.0, 4.0),
        Unary::Sigmoid => (|x| 1.0 / (1.0 + (-x).exp()), 3.0, 3.0),
        Unary::Erf => (libm::erf, 3.0, 4.0),
        Unary::Erfinv => (inverse_erf, 5.0, 6.0),
        Unary::Sin => (f64::sin, f64::NAN, f64::NAN),
        Unary::Cos => (f64::cos, f64::NAN, f64::NAN),
        Unary::Floor => (f64::floor, 0.0, 0.0),
        Unary::Ceil => (f64::ceil, 0.0, 0.0),
        Unary::Round => (f64::round_ties_even, 0.0, 0.0),
        Unary::Sign => (|x| if x == 0.0 { x } else { x.signum() }, 0.0, 0.0),
        Unary::Relu => (|x| x.max(0.0), 0.0, 0.0),
    }
}

/// By Halley's method on the error function, from a starting value good to a percent.
fn inverse_erf(x: f64) -> f64 {
    if x.abs() >= 1.0 {
        return if x.abs() == 1.0 { x * f64::INFINITY } else { f64::NAN };
    }
    let a = 0.147;
    let l = (1.0 - x * x).ln();
    let t = 2.0 / (std::f64::consts::PI * a) + l / 2.0;
    let mut y = (((t * t - l / a).sqrt() - t).max(0.0)).sqrt().copysign(x);
    if x.abs() < 0.1 {
        y = x * 0.886;
    }
    for _ in 0..30 {
        let slope = std::f64::consts::FRAC_2_SQRT_PI * (-y * y).exp();
        // The complement keeps the digits that the function itself loses near one.
        let rest = if y > 0.5 {
            (1.0 - x) - libm::erfc(y)
        } else if y < -0.5 {
            libm::erfc(-y) - (1.0 + x)
        } else {
            libm::erf(y) - x
        };
        let step = rest / slope;
        y -= step / (1.0 + y * step);
    }
    y
}

/// The size of the last place of a value in single precision.
fn unit(value: f64) -> f64 {
    let magnitude = (value.abs() as f32).max(f32::MIN_POSITIVE);
    f64::from(f32::from_bits(magnitude.to_bits() + 1)) - f64::from(magnitude)
}

#[test]
fn every_function_is_as_exact_as_it_says() {
    let arguments = sweep();
    let mut found = vec![0.0; arguments.len()];
    for isa in Isa::available() {
        for &function in Unary::ALL {
            let (exact, fused, plain) = exact(function);
            let bound = if isa == Isa::Portable { plain } else { fused };
            // SAFETY: both vectors have that length.
            unsafe {
                let run = function.function_for(isa);
                run(arguments.as_ptr(), found.as_mut_ptr(), arguments.len());
            }
            let mut worst = (0.0, 0.0_f32);
            for (&x, &y) in arguments.iter().zip(&found) {
                let expected = exact(f64::from(x));
                if expected.is_nan() {
                    assert!(y.is_nan(), "{function:?}({x:e}) on {isa:?} is {y}, not NaN");
                    continue;
                }
                if f64::from(y) == expected || f64::from(y) == f64::from(expected as f32) {
                    continue;
                }
                let absolute = (f64::from(y) - expected).abs();
                let error =
                    if bound.is_nan() { absolute / 1.5e-7 } else { absolute / unit(expected) };
                assert!(error.is_finite(), "{function:?}({x:e}) on {isa:?} is {y}: {expected:e}");
                if error > worst.0 {
                    worst = (error, x);
                }
            }
            println!("{:<9} {function:?}: {:.2} at {:e}", isa.name(), worst.0, worst.1);
            let bound = if bound.is_nan() { 1.0 } else { bound.max(1e-9) };
            assert!(worst.0 <= bound * 1.001, "{function:?} on {isa:?}: {worst:?}, bound {bound}");
        }
    }
}

#[test]
fn infinities_and_nans_come_out_as_in_double_precision() {
    for isa in Isa::available() {
        for &function in Unary::ALL {
            for x in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
                let mut found = [0.0_f32; 3];
                // SAFETY: three floats in, three out.
                unsafe { function.function_for(isa)([x; 3].as_ptr(), found.as_mut_ptr(), 3) };
                let expected = match function {
                    // `f64::max` would hide the NaN, and so does the sign.
                    Unary::Relu | Unary::Sign if x.is_nan() => f64::NAN,
                    _ => exact(function).0(f64::from(x)),
                };
                for y in found {
                    let same = f64::from(y) == expected || (y.is_nan() && expected.is_nan());
                    assert!(same, "{function:?}({x}) on {isa:?} is {y}, expected {expected}");
                }
            }
        }
    }
}

const FORMS: [Form; 2] = [Form::Vector, Form::Scalar];

/// The operand's value at `index`.
fn at(values: &[f32], form: Form, index: usize) -> f32 {
    values[if form == Form::Vector { index } else { 0 }]
}

#[test]
fn functions_of_two_operands_match_in_every_form_and_length() {
    for isa in Isa::available() {
        for count in [0, 1, 3, 16, 37, 64] {
            let mut a = numbers(count.max(1), 1);
            let mut b = numbers(count.max(1), 2);
            if count > 16 {
                (a[4], b[5], b[6]) = (f32::NAN, f32::NAN, a[6]);
            }
            for (left, right) in FORMS.into_iter().flat_map(|l| FORMS.map(|r| (l, r))) {
                for &function in Binary::ALL {
                    let mut out = vec![7.0; count];
                    // SAFETY: the vectors have that length, and at least one value.
                    unsafe {
                        let run = function.function_for(isa, left, right);
                        run(a.as_ptr(), b.as_ptr(), out.as_mut_ptr(), count);
                    }
                    for index in 0..count {
                        let (x, y) = (at(&a, left, index), at(&b, right, index));
                        let nan = x.is_nan() || y.is_nan();
                        let expected = match function {
                            Binary::Add => x + y,
                            Binary::Sub => x - y,
                            Binary::Mul => x * y,
                            Binary::Div => x / y,
                            Binary::Max if nan => f32::NAN,
                            Binary::Min if nan => f32::NAN,
                            Binary::Max => x.max(y),
                            Binary::Min => x.min(y),
                            Binary::Pow => x.powf(y),
                            Binary::SquaredDifference => (x - y) * (x - y),
                        };
                        let same =
                            out[index] == expected || (out[index].is_nan() && expected.is_nan());
                        assert!(same, "{function:?} on {isa:?}: {x} {y} gives {}", out[index]);
                    }
                }
                for &comparison in Comparison::ALL {
                    let mut out = vec![7_u8; count];
                    // SAFETY: the vectors have that length, and at least one value.
                    unsafe {
                        let run = comparison.function_for(isa, left, right);
                        run(a.as_ptr(), b.as_ptr(), out.as_mut_ptr(), count);
                    }
                    for index in 0..count {
                        let (x, y) = (at(&a, left, index), at(&b, right, index));
                        let expected = match comparison {
                            Comparison::Less => x < y,
                            Comparison::LessEqual => x <= y,
                            Comparison::Greater => x > y,
                            Comparison::GreaterEqual => x >= y,
                            Comparison::Equal => x == y,
                            Comparison::NotEqual => x != y,
                        };
                        assert_eq!(
                            out[index],
                            u8::from(expected),
                            "{comparison:?} {x} {y} {isa:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn choices_match_in_every_form_and_length() {
    for isa in Isa::available() {
        for count in [0, 1, 5, 16, 39] {
            let [a, b] = [1, 2].map(|seed| numbers(count.max(1), seed));
            let mask: Vec<u8> = (0..count).map(|index| (index % 3) as u8).collect();
            for (left, right) in FORMS.into_iter().flat_map(|l| FORMS.map(|r| (l, r))) {
                let mut out = vec![7.0; count];
                // SAFETY: the vectors have that length, and at least one value.
                unsafe {
                    let run = select_on(isa, left, right);
                    run(mask.as_ptr(), a.as_ptr(), b.as_ptr(), out.as_mut_ptr(), count);
                }
                for index in 0..count {
                    let (x, y) = (at(&a, left, index), at(&b, right, index));
                    assert_eq!(out[index], if mask[index] != 0 { x } else { y });
                }
            }
        }
    }
}

#[test]
fn conversions_keep_what_the_other_type_can_hold() {
    let floats = [0.0_f32, -1.9, 2.5, 300.0, -1e20, f32::NAN, f32::INFINITY];
    let mut integers = [0_i32; 7];
    let mut bytes = [0_u8; 7];
    let mut flags = [false; 7];
    let large = [i64::MAX, (1 << 53) + 1];
    let mut same = [0_i64; 2];
    let mut halves = [half::bf16::ZERO; 7];
    // SAFETY: the arrays have these lengths.
    unsafe {
        cast(floats.as_ptr(), integers.as_mut_ptr(), 7);
        cast(floats.as_ptr(), bytes.as_mut_ptr(), 7);
        cast(floats.as_ptr(), flags.as_mut_ptr(), 7);
        cast(large.as_ptr(), same.as_mut_ptr(), 2);
        cast(floats.as_ptr(), halves.as_mut_ptr(), 7);
        fill(bytes.as_mut_ptr(), 9, 2);
    }
    assert_eq!(integers, [0, -1, 2, 300, i32::MIN, 0, i32::MAX]);
    assert_eq!(bytes, [9, 9, 2, 255, 0, 0, 255]);
    assert_eq!(flags, [false, true, true, true, true, true, true]);
    assert_eq!(same, large);
    assert_eq!(halves[2].to_f32(), 2.5);
}

#[test]
fn pairs_round_as_two_functions_do() {
    let function = |f: Binary| -> fn(f32, f32) -> f32 {
        match f {
            Binary::Add => |a, b| a + b,
            Binary::Sub => |a, b| a - b,
            Binary::Mul => |a, b| a * b,
            _ => |a, b| a / b,
        }
    };
    let arithmetic = [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div];
    let mut firsts = arithmetic.map(|f| (First::Function(f), function(f))).to_vec();
    firsts.push((First::Sqrt, |a, _| a.sqrt()));
    let operands = [1, 2, 3].map(|salt| numbers(77, salt));
    for isa in Isa::available() {
        for (first, f) in &firsts {
            for (next, swapped) in arithmetic[..3].iter().flat_map(|&n| [(n, false), (n, true)]) {
                for set in 0..8 {
                    let forms = [0, 1, 2].map(|bit| match set >> bit & 1 {
                        0 => Form::Vector,
                        _ => Form::Scalar,
                    });
                    let found = pair_on(isa, *first, next, swapped, forms).unwrap();
                    let value = |operand: usize, i: usize| match forms[operand] {
                        Form::Vector => operands[operand][i],
                        Form::Scalar => operands[operand][0],
                    };
                    let g = function(next);
                    let want = |i: usize| {
                        let (inner, c) = (f(value(0, i), value(1, i)), value(2, i));
                        if swapped { g(c, inner) } else { g(inner, c) }
                    };
                    for count in [0, 1, 15, 16, 31, 77] {
                        for place in 0..3 {
                            let mut all = operands.clone();
                            let out = all[place].as_mut_ptr();
                            let [a, b, c] = [0, 1, 2].map(|i| all[i].as_ptr());
                            // SAFETY: all have 77 elements; the result may be any operand.
                            unsafe { found(a, b, c, out, count) };
                            for i in 0..count {
                                let (have, want) = (all[place][i], want(i));
                                let same = have.to_bits() == want.to_bits()
                                    || have.is_nan() && want.is_nan();
                                let what = (isa, first, next, swapped, forms, count);
                                assert!(same, "{what:?} at {i}: {have}, expected {want}");
                            }
                            assert_eq!(all[place][count..], operands[place][count..]);
                        }
                    }
                }
            }
        }
    }
    let vectors = [Form::Vector; 3];
    let power = First::Function(Binary::Pow);
    assert!(pair_on(Isa::Portable, power, Binary::Add, false, vectors).is_none());
    assert!(pair_on(Isa::Portable, First::Sqrt, Binary::Max, false, vectors).is_none());
}
