//! Functions of one number, applied to each element: one row of the table each.
//!
//! A row holds the name, the formula in `f64`, the gradient from input `x`, output `y` and
//! output gradient `g`, and an interval in which the function is smooth.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Tensor, Type};

macro_rules! unary_functions {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:ident $on:ident $domain:expr, $f:expr, $vjp:expr;
    )*) => {
        /// A function of one number.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Unary {
            $($(#[$doc])* $variant,)*
        }

        impl Unary {
            /// Every function of the table.
            pub const ALL: &[Unary] = &[$(Unary::$variant,)*];

            /// The function on one number.
            pub fn eval(self, x: f64) -> f64 {
                match self { $(Unary::$variant => { let f: fn(f64) -> f64 = $f; f(x) })* }
            }

            fn function_name(self) -> &'static str {
                match self { $(Unary::$variant => stringify!($name),)* }
            }

            fn on(self) -> On {
                match self { $(Unary::$variant => On::$on,)* }
            }

            fn domain(self) -> (f64, f64) {
                match self { $(Unary::$variant => $domain,)* }
            }

            fn gradient(self, x: &Tensor, y: &Tensor, g: &Tensor) -> Option<Tensor> {
                match self { $(Unary::$variant => {
                    let vjp: fn(&Tensor, &Tensor, &Tensor) -> Option<Tensor> = $vjp;
                    vjp(x, y, g)
                })* }
            }
        }

        impl Tensor {
            $($(#[$doc])* #[track_caller] pub fn $name(&self) -> Tensor {
                Tensor::apply(Unary::$variant, &[self])
            })*
        }
    };
}

/// The dtypes that a function takes and gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    /// Floats to floats.
    Floats,
    /// Numbers (not bool) to numbers of the same dtype.
    Numbers,
    /// Floats to bool.
    Tests,
    /// Bool to bool.
    Bools,
}

const ANY: (f64, f64) = (-2.0, 2.0);
const POSITIVE: (f64, f64) = (0.3, 3.0);
const INNER: (f64, f64) = (-0.9, 0.9);
const FLAT: fn(&Tensor, &Tensor, &Tensor) -> Option<Tensor> = |_, _, _| None;

unary_functions! {
    /// `-x`.
    Negative negative Numbers ANY, |x| -x, |_, _, g| Some(-g);
    /// The absolute value, with gradient 1 at 0, as in Keras on JAX.
    Abs abs Numbers (0.2, 2.0), f64::abs,
        |x, _, g| Some(x.less(&x.zeros_like()).select(&-g, g));
    /// -1, 0 or 1.
    Sign sign Numbers (0.2, 2.0), |x| if x == 0.0 { 0.0 } else { x.signum() }, FLAT;
    /// `e^x`.
    Exp exp Floats ANY, f64::exp, |_, y, g| Some(g * y);
    /// `e^x - 1`, exact near zero.
    Expm1 expm1 Floats ANY, f64::exp_m1, |_, y, g| Some(g * (y + 1.0));
    /// The natural logarithm.
    Log log Floats POSITIVE, f64::ln, |x, _, g| Some(g / x);
    /// `log(1 + x)`, exact near zero.
    Log1p log1p Floats (-0.7, 2.0), f64::ln_1p, |x, _, g| Some(g / (x + 1.0));
    /// The square root.
    Sqrt sqrt Floats POSITIVE, f64::sqrt, |_, y, g| Some(g * 0.5 / y);
    /// `1 / sqrt(x)`.
    Rsqrt rsqrt Floats POSITIVE, |x| 1.0 / x.sqrt(), |x, y, g| Some(g * -0.5 * y / x);
    /// `1 / x`.
    Reciprocal reciprocal Floats POSITIVE, |x| 1.0 / x, |_, y, g| Some(-(g * y * y));
    /// `x * x`.
    Square square Numbers ANY, |x| x * x, |x, _, g| Some(g * x * 2.0);
    /// The sine, in radians.
    Sin sin Floats ANY, f64::sin, |x, _, g| Some(g * x.cos());
    /// The cosine, in radians.
    Cos cos Floats ANY, f64::cos, |x, _, g| Some(-(g * x.sin()));
    /// The tangent, in radians.
    Tan tan Floats (-1.0, 1.0), f64::tan, |_, y, g| Some(g * (y * y + 1.0));
    /// The inverse sine.
    Asin asin Floats INNER, f64::asin, |x, _, g| Some(g * (1.0 - x * x).rsqrt());
    /// The inverse cosine.
    Acos acos Floats INNER, f64::acos, |x, _, g| Some(-(g * (1.0 - x * x).rsqrt()));
    /// The inverse tangent.
    Atan atan Floats ANY, f64::atan, |x, _, g| Some(g / (x * x + 1.0));
    /// The hyperbolic sine.
    Sinh sinh Floats ANY, f64::sinh, |x, _, g| Some(g * x.cosh());
    /// The hyperbolic cosine.
    Cosh cosh Floats ANY, f64::cosh, |x, _, g| Some(g * x.sinh());
    /// The inverse hyperbolic sine.
    Asinh asinh Floats ANY, f64::asinh, |x, _, g| Some(g * (x * x + 1.0).rsqrt());
    /// The inverse hyperbolic cosine.
    Acosh acosh Floats (1.2, 3.0), f64::acosh, |x, _, g| Some(g * (x * x - 1.0).rsqrt());
    /// The inverse hyperbolic tangent.
    Atanh atanh Floats INNER, f64::atanh, |x, _, g| Some(g / (1.0 - x * x));
    /// The hyperbolic tangent.
    Tanh tanh Floats ANY, f64::tanh, |_, y, g| Some(g * (1.0 - y * y));
    /// `1 / (1 + e^-x)`.
    Sigmoid sigmoid Floats ANY, |x| 1.0 / (1.0 + (-x).exp()), |_, y, g| Some(g * (y * (1.0 - y)));
    /// `max(x, 0)`, with gradient 0 at 0.
    Relu relu Floats (0.2, 2.0), |x| if x < 0.0 { 0.0 } else { x },
        |_, y, g| Some(y.greater(&y.zeros_like()).select(g, &g.zeros_like()));
    /// The error function.
    Erf erf Floats ANY, libm::erf,
        |x, _, g| Some(g * std::f64::consts::FRAC_2_SQRT_PI * (-(x * x)).exp());
    /// The inverse of the error function.
    Erfinv erfinv Floats INNER, erfinv,
        |_, y, g| Some(g * (0.5 / std::f64::consts::FRAC_2_SQRT_PI * 2.0) * (y * y).exp());
    /// The largest integer not above `x`.
    Floor floor Floats (0.2, 0.8), f64::floor, FLAT;
    /// The smallest integer not below `x`.
    Ceil ceil Floats (0.2, 0.8), f64::ceil, FLAT;
    /// The nearest integer, ties to even.
    Round round Floats (0.1, 0.4), f64::round_ties_even, FLAT;
    /// Whether `x` is not a number.
    IsNan is_nan Tests ANY, |x| x.is_nan() as u8 as f64, FLAT;
    /// Whether `x` is an infinity.
    IsInf is_inf Tests ANY, |x| x.is_infinite() as u8 as f64, FLAT;
    /// Whether `x` is neither infinite nor not a number.
    IsFinite is_finite Tests ANY, |x| x.is_finite() as u8 as f64, FLAT;
    /// The opposite truth value.
    Not logical_not Bools (0.0, 1.0), |x| (x == 0.0) as u8 as f64, FLAT;
}

/// The inverse error function in `f64`: Winitzki's estimate polished by Newton steps.
fn erfinv(y: f64) -> f64 {
    if !(-1.0 < y && y < 1.0) {
        return match y.abs() == 1.0 {
            true => y * f64::INFINITY,
            false => f64::NAN,
        };
    }
    if y == 0.0 {
        return y;
    }
    let log = (1.0 - y * y).ln();
    let a = 0.147;
    let b = 2.0 / (std::f64::consts::PI * a) + log / 2.0;
    let mut x = ((b * b - log / a).sqrt() - b).sqrt().copysign(y);
    for _ in 0..4 {
        // Far out erf rounds to ±1; its complement keeps the digits.
        let error = match y > 0.0 {
            true => libm::erfc(x) - (1.0 - y),
            false => (1.0 + y) - libm::erfc(-x),
        };
        x += error * (x * x).exp() / std::f64::consts::FRAC_2_SQRT_PI;
    }
    x
}

impl Rule for Unary {
    fn name(&self) -> &'static str {
        self.function_name()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs(self.name(), inputs)?;
        let (fits, expected, dtype) = match self.on() {
            On::Floats => (x.dtype.is_float(), "a floating-point dtype", x.dtype),
            On::Numbers => (x.dtype != DType::Bool, "a numeric dtype", x.dtype),
            On::Tests => (x.dtype.is_float(), "a floating-point dtype", DType::Bool),
            On::Bools => (x.dtype == DType::Bool, "bool", DType::Bool),
        };
        if !fits {
            let what = format!("`{}` does not apply to {}", self.name(), x.dtype);
            return Err(OpError::new(what, expected, x.to_string()).help("cast the input first"));
        }
        Ok(vec![Type::new(dtype, &x.shape)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let data = inputs[0].data.iter().map(|&x| self.eval(x)).collect();
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        match self.gradient(&node.inputs[0], &node.outputs[0], &node.grad(0)) {
            Some(gradient) => Vjp::Rule(vec![Some(gradient)]),
            None => Vjp::ZeroAlmostEverywhere,
        }
    }
}

impl Described for Unary {
    const INFO: Info = Info {
        name: "unary",
        kind: Kind::Primitive,
        summary: "functions of one number: negative, exp, tanh, …",
        samples: || Unary::ALL.iter().flat_map(|&f| samples(f)).collect(),
        errors: || {
            let float = Type::new(DType::F32, [2]);
            let int = Type::new(DType::I32, [2]);
            vec![
                BadSample::new(
                    Unary::Exp,
                    std::slice::from_ref(&int),
                    "`exp` does not apply to int32\n  expected  a floating-point dtype\n  \
                     received  int32 (2,)\n  help: cast the input first",
                ),
                BadSample::new(
                    Unary::Not,
                    std::slice::from_ref(&float),
                    "`logical_not` does not apply to float32\n  expected  bool\n  \
                     received  float32 (2,)\n  help: cast the input first",
                ),
                BadSample::new(
                    Unary::Exp,
                    &[float.clone(), float],
                    "`exp` takes 1 input\n  expected  1\n  received  2",
                ),
            ]
        },
    };
}

fn samples(f: Unary) -> Vec<Sample> {
    let (low, high) = f.domain();
    let smooth = |shape: &[usize]| Values::uniform(shape, low, high, f as u64);
    let edges = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 88.0];
    match f.on() {
        On::Bools => {
            let x = Values::integers(DType::Bool, [3, 5], 0, 2, 1);
            vec![Sample::new(f.name(), f, vec![x]).without_gradient()]
        }
        On::Floats | On::Numbers | On::Tests => vec![
            Sample::new(f.name(), f, vec![smooth(&[3, 5])]),
            Sample::new(format!("{} of a scalar", f.name()), f, vec![smooth(&[])]),
            Sample::new(format!("{} of nothing", f.name()), f, vec![smooth(&[0, 2])]),
            Sample::new(format!("{} at its edges", f.name()), f, vec![Values::of([10], &edges)])
                .without_gradient(),
        ],
    }
}

impl std::ops::Neg for &Tensor {
    type Output = Tensor;

    #[track_caller]
    fn neg(self) -> Tensor {
        self.negative()
    }
}

impl std::ops::Neg for Tensor {
    type Output = Tensor;

    #[track_caller]
    fn neg(self) -> Tensor {
        self.negative()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn erfinv_inverts_erf() {
        for i in -999..1000 {
            let y = f64::from(i) / 1000.0;
            assert!((libm::erf(super::erfinv(y)) - y).abs() < 1e-14, "{y}");
        }
        assert_eq!(super::erfinv(1.0), f64::INFINITY);
    }
}
