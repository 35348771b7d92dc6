//! `keras.ops.numpy`: functions of each element.

use std::f64::consts::PI;

use ibex_graph::{DType, Tensor};

use super::given::{Given, float_of, truth};
use super::table::{Outcome, operations};

operations! {
    /// Functions of each element.
    ELEMENTWISE, "numpy";
    Abs [] (x) -> |g| g.one(absolute);
    Absolute [] (x) -> |g| g.one(absolute);
    Add [] (x1 x2) -> |g| g.two(|a, b| on_truths(a, b, Tensor::logical_or, Tensor::add));
    AllClose [rtol atol equal_nan] (x1 x2) -> |g| {
        is_close(g).map(|close| close.all(&close.all_axes(), false))
    };
    Angle [] (x) -> |g| g.of_float(|x| {
        let pi = Tensor::full(x.dtype(), x.shape(), PI);
        x.less(&x.zeros_like()).select(&pi, &x.zeros_like())
    });
    Arccos [] (x) -> |g| g.of_float(Tensor::acos);
    Arccosh [] (x) -> |g| g.of_float(Tensor::acosh);
    Arcsin [] (x) -> |g| g.of_float(Tensor::asin);
    Arcsinh [] (x) -> |g| g.of_float(Tensor::asinh);
    Arctan [] (x) -> |g| g.of_float(Tensor::atan);
    Arctan2 [] (x1 x2) -> |g| g.two_floats(Tensor::atan2);
    Arctanh [] (x) -> |g| g.of_float(Tensor::atanh);
    Array [dtype] (x) -> converted;
    BitwiseAnd [] (x y) -> |g| g.two(|a, b| on_truths(a, b, Tensor::logical_and, Tensor::bit_and));
    BitwiseInvert [] (x) -> |g| g.one(inverted);
    BitwiseLeftShift [] (x y) -> |g| g.two(Tensor::shift_left);
    BitwiseNot [] (x) -> |g| g.one(inverted);
    BitwiseOr [] (x y) -> |g| g.two(|a, b| on_truths(a, b, Tensor::logical_or, Tensor::bit_or));
    BitwiseRightShift [] (x y) -> |g| g.two(Tensor::shift_right);
    BitwiseXor [] (x y) -> |g| g.two(|a, b| on_truths(a, b, Tensor::logical_xor, Tensor::bit_xor));
    Cbrt [] (x) -> |g| g.of_float(Tensor::cube_root);
    Ceil [] (x) -> |g| g.of_float(Tensor::ceil);
    Clip [x_min x_max] (x) -> |g| {
        let x = g.first()?;
        let bound = |name| g.tensor(name).map(|bound| bound.cast(x.dtype()));
        Ok(x.maximum(&bound("x_min")?).minimum(&bound("x_max")?))
    };
    Conj [] (x) -> |g| g.first();
    Conjugate [] (x) -> |g| g.first();
    Copy [] (x) -> |g| g.first();
    Cos [] (x) -> |g| g.of_float(Tensor::cos);
    Cosh [] (x) -> |g| g.of_float(Tensor::cosh);
    Deg2rad [] (x) -> |g| g.of_float(|x| x * (PI / 180.0));
    Divide [] (x1 x2) -> |g| g.two_floats(Tensor::divide);
    DivideNoNan [] (x1 x2) -> |g| g.two_floats(|a, b| {
        let zero = b.equal(&b.zeros_like());
        let quotient = a / zero.select(&b.ones_like(), b);
        let zero = zero.broadcast_to(quotient.shape());
        zero.select(&quotient.zeros_like(), &quotient)
    });
    EmptyLike [dtype] (x) -> |g| like(g, 0.0);
    Equal [] (x1 x2) -> |g| g.two(Tensor::equal);
    Exp [] (x) -> |g| g.of_float(Tensor::exp);
    Exp2 [] (x) -> |g| g.of_float(|x| (x * std::f64::consts::LN_2).exp());
    Expm1 [] (x) -> |g| g.of_float(Tensor::expm1);
    Fabs [] (x) -> |g| g.of_float(Tensor::abs);
    Floor [] (x) -> |g| g.of_float(Tensor::floor);
    FloorDivide [] (x1 x2) -> |g| g.two(Tensor::floor_divide);
    Fmax [] (x1 x2) -> |g| g.two(|a, b| unless_nan(a, b, Tensor::maximum));
    Fmin [] (x1 x2) -> |g| g.two(|a, b| unless_nan(a, b, Tensor::minimum));
    Fmod [] (x1 x2) -> |g| g.two(|a, b| match a.dtype().is_float() {
        true => a.truncated_remainder(b),
        false => a.cast(DType::F64).truncated_remainder(&b.cast(DType::F64)).cast(a.dtype()),
    });
    FullLike [dtype] (x fill_value) -> |g| {
        let x = g.first()?;
        let dtype = g.dtype("dtype")?.unwrap_or(x.dtype());
        Ok(g.tensor("fill_value")?.cast(dtype).broadcast_to(x.shape()))
    };
    Gcd [] (x1 x2) -> |g| g.two(Tensor::greatest_common_divisor);
    Greater [] (x1 x2) -> |g| g.two(Tensor::greater);
    GreaterEqual [] (x1 x2) -> |g| g.two(Tensor::greater_equal);
    Heaviside [] (x1 x2) -> |g| g.two_floats(|x, middle| {
        let middle = middle.broadcast_to(x.shape());
        let beyond = x.greater(&x.zeros_like()).cast(x.dtype());
        x.equal(&x.zeros_like()).select(&middle, &beyond)
    });
    Hypot [] (x1 x2) -> |g| g.two_floats(|a, b| (a * a + b * b).sqrt());
    I0 [] (x) -> |g| g.of_float(Tensor::bessel_i0);
    Imag [] (x) -> |g| g.one(Tensor::zeros_like);
    IsIn [assume_unique invert] (x1 x2) -> |g| {
        let [x, values] = g.pair(|dtype| dtype)?;
        let among = x.expand_dims(-1).equal(&values.flatten());
        let found = among.any(&[x.rank()], false);
        Ok(if g.flag("invert", false)? { found.logical_not() } else { found })
    };
    Isclose [equal_nan] (x1 x2 rtol atol) -> is_close;
    Isfinite [] (x) -> |g| g.of_float(Tensor::is_finite);
    Isinf [] (x) -> |g| g.of_float(Tensor::is_inf);
    Isnan [] (x) -> |g| g.of_float(Tensor::is_nan);
    Isneginf [] (x) -> |g| g.of_float(|x| x.is_inf().logical_and(&x.less(&x.zeros_like())));
    Isposinf [] (x) -> |g| g.of_float(|x| x.is_inf().logical_and(&x.greater(&x.zeros_like())));
    Isreal [] (x) -> |g| g.one(|x| Tensor::full(DType::Bool, x.shape(), 1.0));
    Lcm [] (x1 x2) -> |g| g.two(|a, b| {
        let divisor = a.greatest_common_divisor(b);
        let safe = divisor.maximum(&divisor.ones_like());
        (a * b).abs().floor_divide(&safe)
    });
    Ldexp [] (x1 x2) -> |g| g.two_floats(|a, b| a * Tensor::scalar(b.dtype(), 2.0).power(b));
    LeftShift [] (x y) -> |g| g.two(Tensor::shift_left);
    Less [] (x1 x2) -> |g| g.two(Tensor::less);
    LessEqual [] (x1 x2) -> |g| g.two(Tensor::less_equal);
    Log [] (x) -> |g| g.of_float(Tensor::log);
    Log10 [] (x) -> |g| g.of_float(|x| x.log() / std::f64::consts::LN_10);
    Log1p [] (x) -> |g| g.of_float(Tensor::log1p);
    Log2 [] (x) -> |g| g.of_float(|x| x.log() / std::f64::consts::LN_2);
    Logaddexp [] (x1 x2) -> |g| g.two_floats(|a, b| log_add(a, b, 1.0));
    Logaddexp2 [] (x1 x2) -> |g| g.two_floats(|a, b| log_add(a, b, std::f64::consts::LN_2));
    LogicalAnd [] (x1 x2) -> |g| g.two_truths(Tensor::logical_and);
    LogicalNot [] (x) -> |g| g.one(|x| truth(x).logical_not());
    LogicalOr [] (x1 x2) -> |g| g.two_truths(Tensor::logical_or);
    LogicalXor [] (x1 x2) -> |g| g.two_truths(Tensor::logical_xor);
    Maximum [] (x1 x2) -> |g| g.two(|a, b| on_truths(a, b, Tensor::logical_or, Tensor::maximum));
    Minimum [] (x1 x2) -> |g| g.two(|a, b| on_truths(a, b, Tensor::logical_and, Tensor::minimum));
    Mod [] (x1 x2) -> |g| g.two(Tensor::remainder);
    Multiply [] (x1 x2) -> |g| g.two(|a, b| on_truths(a, b, Tensor::logical_and, Tensor::multiply));
    NanToNum [nan posinf neginf] (x) -> |g| {
        let x = g.first()?;
        if !x.dtype().is_float() {
            return Ok(x);
        }
        let largest = match x.dtype() {
            DType::F16 => 65504.0,
            DType::BF16 => 3.389_531_389_251_535e38,
            DType::F64 => f64::MAX,
            _ => f64::from(f32::MAX),
        };
        let all = |value| Tensor::full(x.dtype(), x.shape(), value);
        let zero = x.zeros_like();
        let beyond = x.is_inf().logical_and(&x.greater(&zero));
        let below = x.is_inf().logical_and(&x.less(&zero));
        let finite = beyond.select(&all(g.number("posinf")?.unwrap_or(largest)), &x);
        let finite = below.select(&all(g.number("neginf")?.unwrap_or(-largest)), &finite);
        Ok(x.is_nan().select(&all(g.number("nan")?.unwrap_or(0.0)), &finite))
    };
    Negative [] (x) -> |g| g.one(Tensor::negative);
    Nextafter [] (x1 x2) -> |g| g.two_floats(Tensor::next_after);
    NotEqual [] (x1 x2) -> |g| g.two(Tensor::not_equal);
    OnesLike [dtype] (x) -> |g| like(g, 1.0);
    Power [] (x1 x2) -> |g| g.two(|a, b| match a.dtype().is_float() {
        true => a.power(b),
        false => a.cast(DType::F64).power(&b.cast(DType::F64)).round().cast(a.dtype()),
    });
    Rad2deg [] (x) -> |g| g.of_float(|x| x * (180.0 / PI));
    Real [] (x) -> |g| g.first();
    Reciprocal [] (x) -> |g| g.of_float(Tensor::reciprocal);
    RightShift [] (x y) -> |g| g.two(Tensor::shift_right);
    Round [decimals] (x) -> |g| {
        let x = g.first()?;
        let scale = 10f64.powi(g.integer("decimals")?.unwrap_or(0).clamp(-300, 300) as i32);
        Ok(match x.dtype().is_float() {
            true if scale == 1.0 => x.round(),
            true => (&x * scale).round() / scale,
            false => {
                let rounded = (x.cast(DType::F64) * scale).round() / scale;
                rounded.cast(x.dtype())
            }
        })
    };
    Sign [] (x) -> |g| g.one(Tensor::sign);
    Signbit [] (x) -> |g| g.of_float(|x| {
        let zero = x.zeros_like();
        let minus_zero = x.equal(&zero).logical_and(&x.reciprocal().less(&zero));
        x.less(&zero).logical_or(&minus_zero)
    });
    Sin [] (x) -> |g| g.of_float(Tensor::sin);
    Sinc [] (x) -> |g| g.of_float(|x| {
        let zero = x.equal(&x.zeros_like());
        let angle = zero.select(&x.ones_like(), x) * PI;
        zero.select(&x.ones_like(), &(angle.sin() / &angle))
    });
    Sinh [] (x) -> |g| g.of_float(Tensor::sinh);
    Sqrt [] (x) -> |g| g.of_float(Tensor::sqrt);
    Square [] (x) -> |g| g.one(|x| match x.dtype() {
        DType::Bool => x.cast(DType::I32),
        _ => x.square(),
    });
    Subtract [] (x1 x2) -> |g| g.two(Tensor::subtract);
    Tan [] (x) -> |g| g.of_float(Tensor::tan);
    Tanh [] (x) -> |g| g.of_float(Tensor::tanh);
    TrueDivide [] (x1 x2) -> |g| g.two_floats(Tensor::divide);
    Trunc [] (x) -> |g| g.one(|x| match x.dtype().is_float() {
        true => x.truncate(),
        false => x.clone(),
    });
    Where [] (condition x1 x2) -> |g| {
        let condition = truth(&g.tensor("condition")?);
        if !g.has("x1") {
            return Err(g.wrong("the shape of the result depends on values", "x1 and x2", "none"));
        }
        let [a, b] = &g.together(&["x1", "x2"], |dtype| dtype)?[..] else {
            return Err(g.wrong("too few arguments", "x1 and x2", "one of them"));
        };
        Ok(choose(&condition, a, b))
    };
    Select [] (condlist choicelist default) -> |g| {
        let conditions = g.tensors("condlist")?;
        let choices = g.tensors("choicelist")?;
        let otherwise = match g.has("default") {
            true => g.tensor("default")?,
            false => Tensor::scalar(DType::I32, 0.0),
        };
        let dtype = choices.first().map_or(DType::F32, Tensor::dtype);
        let mut result = otherwise.cast(dtype);
        for (condition, choice) in conditions.iter().zip(&choices).rev() {
            result = choose(&truth(condition), choice, &result);
        }
        Ok(result)
    };
    ZerosLike [dtype] (x) -> |g| like(g, 0.0);
}

/// `a` where the condition holds and `b` elsewhere, all broadcast.
pub(super) fn choose(condition: &Tensor, a: &Tensor, b: &Tensor) -> Tensor {
    let shape = a.shape().broadcast(b.shape()).and_then(|both| both.broadcast(condition.shape()));
    match shape {
        None => condition.select(a, b),
        Some(shape) => {
            condition.broadcast_to(&shape).select(&a.broadcast_to(&shape), &b.broadcast_to(&shape))
        }
    }
}

fn absolute(x: &Tensor) -> Tensor {
    if x.dtype() == DType::Bool { x.clone() } else { x.abs() }
}

fn inverted(x: &Tensor) -> Tensor {
    if x.dtype() == DType::Bool { x.logical_not() } else { -x - 1.0 }
}

type Function = fn(&Tensor, &Tensor) -> Tensor;

/// One function of truth values and another of numbers.
fn on_truths(a: &Tensor, b: &Tensor, truths: Function, numbers: Function) -> Tensor {
    if a.dtype() == DType::Bool { truths(a, b) } else { numbers(a, b) }
}

/// The other one where one is not a number.
fn unless_nan(a: &Tensor, b: &Tensor, f: Function) -> Tensor {
    if !a.dtype().is_float() {
        return f(a, b);
    }
    let shape = a.shape().broadcast(b.shape());
    let spread = |x: &Tensor| shape.as_ref().map_or(x.clone(), |shape| x.broadcast_to(shape));
    let (a, b) = (spread(a), spread(b));
    let (first, second) = (a.is_nan().select(&b, &a), b.is_nan().select(&a, &b));
    f(&first, &second)
}

/// `log(e^a + e^b)` with another base, whose logarithm is `base`.
fn log_add(a: &Tensor, b: &Tensor, base: f64) -> Tensor {
    let distance = (a - b).abs() * -base;
    a.maximum(b) + distance.exp().log1p() / base
}

fn is_close(g: &Given<'_>) -> Outcome<Tensor> {
    let [a, b] = g.pair(float_of)?;
    let relative = g.number("rtol")?.unwrap_or(1e-5);
    let absolute = g.number("atol")?.unwrap_or(1e-8);
    let near = (&a - &b).abs().less_equal(&(b.abs() * relative + absolute));
    let close = near.logical_and(&(&a - &b).is_finite()).logical_or(&a.equal(&b));
    Ok(match g.flag("equal_nan", false)? {
        true => close.logical_or(&a.is_nan().logical_and(&b.is_nan())),
        false => close,
    })
}

fn like(g: &Given<'_>, value: f64) -> Outcome<Tensor> {
    let x = g.first()?;
    Ok(Tensor::full(g.dtype("dtype")?.unwrap_or(x.dtype()), x.shape(), value))
}

/// The tensor itself, as another dtype if one is asked for.
pub(super) fn converted(g: &Given<'_>) -> Outcome<Tensor> {
    let x = g.first()?;
    Ok(match g.dtype("dtype")? {
        Some(dtype) => x.cast(dtype),
        None => x,
    })
}
