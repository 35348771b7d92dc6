//! Functions of two numbers, applied to each pair of elements: one row of the table each.
//!
//! Inputs have the same dtype and shape; the operators of [`Tensor`] broadcast first.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::{DType, OpError, Tensor, Type};

type Gradients = Option<(Tensor, Tensor)>;

macro_rules! binary_functions {
    ($($(#[$doc:meta])* $variant:ident $name:ident $domain:expr, $f:expr, $vjp:expr;)*) => {
        /// A function of two numbers.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Binary {
            $($(#[$doc])* $variant,)*
        }

        impl Binary {
            /// Every function of the table.
            pub const ALL: &[Binary] = &[$(Binary::$variant,)*];

            /// The function on two numbers.
            pub fn eval(self, a: f64, b: f64) -> f64 {
                match self { $(Binary::$variant => { let f: fn(f64, f64) -> f64 = $f; f(a, b) })* }
            }

            fn function_name(self) -> &'static str {
                match self { $(Binary::$variant => stringify!($name),)* }
            }

            fn domain(self) -> (f64, f64) {
                match self { $(Binary::$variant => $domain,)* }
            }

            fn gradient(self, a: &Tensor, b: &Tensor, y: &Tensor, g: &Tensor) -> Gradients {
                match self { $(Binary::$variant => {
                    let vjp: fn(&Tensor, &Tensor, &Tensor, &Tensor) -> Gradients = $vjp;
                    vjp(a, b, y, g)
                })* }
            }
        }

        impl Tensor {
            $($(#[$doc])*
            ///
            /// Shapes broadcast.
            #[track_caller]
            pub fn $name(&self, other: &Tensor) -> Tensor {
                let (a, b) = self.broadcast_pair(other);
                Tensor::apply(Binary::$variant, &[&a, &b])
            })*
        }
    };
}

const ANY: (f64, f64) = (-2.0, 2.0);
const POSITIVE: (f64, f64) = (0.4, 2.5);
const BOOLS: (f64, f64) = (0.0, 2.0);
const INTEGERS: (f64, f64) = (0.0, 20.0);

binary_functions! {
    /// `a + b`.
    Add add ANY, |a, b| a + b, |_, _, _, g| Some((g.clone(), g.clone()));
    /// `a - b`.
    Subtract subtract ANY, |a, b| a - b, |_, _, _, g| Some((g.clone(), -g));
    /// `a * b`.
    Multiply multiply ANY, |a, b| a * b, |a, b, _, g| Some((g * b, g * a));
    /// `a / b`.
    Divide divide POSITIVE, |a, b| a / b, |_, b, y, g| Some((g / b, -(g * y / b)));
    /// `a` to the power of `b`.
    Power power POSITIVE, f64::powf, |a, b, y, g| {
        let zero = a.zeros_like();
        let safe = a.greater(&zero).select(a, &a.ones_like());
        let log = a.greater(&zero).select(&safe.log(), &zero);
        let flat = b.equal(&zero).select(&zero, &(b * a.power(&(b - 1.0))));
        Some((g * flat, g * y * log))
    };
    /// The larger of `a` and `b`; NaN if either is; ties share the gradient.
    Maximum maximum ANY, |a, b| if a.is_nan() || a > b { a } else { b },
        |a, b, _, g| Some(split(g, a.greater(b), a.equal(b)));
    /// The smaller of `a` and `b`; NaN if either is; ties share the gradient.
    Minimum minimum ANY, |a, b| if a.is_nan() || a < b { a } else { b },
        |a, b, _, g| Some(split(g, a.less(b), a.equal(b)));
    /// The remainder of floor division, with the sign of `b`, as in Python.
    Remainder remainder POSITIVE, |a, b| a - b * (a / b).floor(),
        |a, b, _, g| Some((g.clone(), -(g * (a / b).floor())));
    /// The angle of the point `(b, a)`, in radians.
    Atan2 atan2 POSITIVE, f64::atan2, |a, b, _, g| {
        let square = a * a + b * b;
        Some((g * b / &square, -(g * a / &square)))
    };
    /// The bits that both integers have.
    BitAnd bit_and INTEGERS, |a, b| ((a as i64) & (b as i64)) as f64, |_, _, _, _| None;
    /// The bits that one of the integers has.
    BitOr bit_or INTEGERS, |a, b| ((a as i64) | (b as i64)) as f64, |_, _, _, _| None;
    /// The bits that exactly one of the integers has.
    BitXor bit_xor INTEGERS, |a, b| ((a as i64) ^ (b as i64)) as f64, |_, _, _, _| None;
    /// The integer `a` with its bits `b` places higher.
    ShiftLeft shift_left INTEGERS, |a, b| (a as i64).wrapping_shl(b as u32) as f64,
        |_, _, _, _| None;
    /// The integer `a` with its bits `b` places lower.
    ShiftRight shift_right INTEGERS, |a, b| ((a as i64) >> (b as i64).clamp(0, 63)) as f64,
        |_, _, _, _| None;
    /// The largest integer that divides both; 0 of zeros.
    Gcd greatest_common_divisor INTEGERS, |a, b| {
        let (mut a, mut b) = (a.abs(), b.abs());
        while b != 0.0 {
            (a, b) = (b, a % b);
        }
        a
    }, |_, _, _, _| None;
    /// The `float32` next to `a` on the way to `b`.
    NextAfter next_after ANY, |a, b| f64::from(next_after(a as f32, b as f32)),
        |_, _, _, _| None;
    /// Whether both are true.
    And logical_and BOOLS, |a, b| (a != 0.0 && b != 0.0) as u8 as f64, |_, _, _, _| None;
    /// Whether one is true.
    Or logical_or BOOLS, |a, b| (a != 0.0 || b != 0.0) as u8 as f64, |_, _, _, _| None;
    /// Whether exactly one is true.
    Xor logical_xor BOOLS, |a, b| ((a != 0.0) != (b != 0.0)) as u8 as f64, |_, _, _, _| None;
}

/// The gradients of a choice between two inputs: all to the first where `first`, half each where
/// they tie.
fn split(g: &Tensor, first: Tensor, tie: Tensor) -> (Tensor, Tensor) {
    let zero = g.zeros_like();
    let half = g * 0.5;
    let to_first = tie.select(&half, &first.select(g, &zero));
    let to_second = tie.select(&half, &first.select(&zero, g));
    (to_first, to_second)
}

impl Binary {
    /// Whether it works on truth values.
    pub fn is_logical(self) -> bool {
        matches!(self, Binary::And | Binary::Or | Binary::Xor)
    }

    /// Whether it works on integers only.
    pub fn is_integral(self) -> bool {
        matches!(
            self,
            Binary::BitAnd
                | Binary::BitOr
                | Binary::BitXor
                | Binary::ShiftLeft
                | Binary::ShiftRight
                | Binary::Gcd
        )
    }

    fn needs_floats(self) -> bool {
        matches!(self, Binary::Divide | Binary::Power | Binary::Atan2 | Binary::NextAfter)
    }
}

/// The common type of two inputs that must be alike.
pub(crate) fn alike(name: &str, a: &Type, b: &Type) -> Result<Type, OpError> {
    if a.dtype != b.dtype {
        let what = format!("`{name}` needs two inputs of one dtype");
        return Err(OpError::new(what, a.dtype.name(), b.dtype.name()).help("cast one of them"));
    }
    if a.shape != b.shape {
        return Err(OpError::new(
            format!("`{name}` cannot combine {} and {}", a.shape, b.shape),
            "equal extents, or 1, along each axis counted from the last",
            format!("{} and {}", a.shape, b.shape),
        ));
    }
    Ok(a.clone())
}

impl Rule for Binary {
    fn name(&self) -> &'static str {
        self.function_name()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [a, b] = expect_inputs(self.name(), inputs)?;
        let ty = alike(self.name(), a, b)?;
        let expected = match (self.is_logical(), self.needs_floats()) {
            (true, _) if ty.dtype != DType::Bool => "bool",
            (_, true) if !ty.dtype.is_float() => "a floating-point dtype",
            _ if self.is_integral() && !ty.dtype.is_integer() => "an integer dtype",
            // The neighbour in `float32` is no number of half precision.
            _ if *self == Binary::NextAfter && ty.dtype.size() < 4 => "float32 or float64",
            (false, _) if ty.dtype == DType::Bool => "a numeric dtype",
            _ => return Ok(vec![ty]),
        };
        let what = format!("`{}` does not apply to {}", self.name(), ty.dtype);
        Err(OpError::new(what, expected, ty.dtype.name()).help("cast the inputs first"))
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let pairs = inputs[0].data.iter().zip(&inputs[1].data);
        vec![Values::new(outputs[0].clone(), pairs.map(|(&a, &b)| self.eval(a, b)).collect())]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let [a, b] = node.inputs else { return Vjp::Rule(Vec::new()) };
        match self.gradient(a, b, &node.outputs[0], &node.grad(0)) {
            Some((a, b)) => Vjp::Rule(vec![Some(a), Some(b)]),
            None => Vjp::ZeroAlmostEverywhere,
        }
    }
}

impl Described for Binary {
    const INFO: Info = Info {
        name: "binary",
        kind: Kind::Primitive,
        summary: "functions of two numbers: add, multiply, maximum, …",
        samples: || Binary::ALL.iter().flat_map(|&f| samples(f)).collect(),
        errors: || {
            let ty = |dtype, shape: &[usize]| Type::new(dtype, shape);
            vec![
                BadSample::new(
                    Binary::Add,
                    &[ty(DType::F32, &[2, 3]), ty(DType::F32, &[4])],
                    "`add` cannot combine (2, 3) and (4,)\n  expected  equal extents, or 1, along \
                     each axis counted from the last\n  received  (2, 3) and (4,)",
                ),
                BadSample::new(
                    Binary::Multiply,
                    &[ty(DType::F32, &[2]), ty(DType::I32, &[2])],
                    "`multiply` needs two inputs of one dtype\n  expected  float32\n  received  \
                     int32\n  help: cast one of them",
                ),
                BadSample::new(
                    Binary::Divide,
                    &[ty(DType::I32, &[2]), ty(DType::I32, &[2])],
                    "`divide` does not apply to int32\n  expected  a floating-point dtype\n  \
                     received  int32\n  help: cast the inputs first",
                ),
            ]
        },
    };
}

/// The neighbour of `from` towards `to`.
fn next_after(from: f32, to: f32) -> f32 {
    if from.is_nan() || to.is_nan() {
        return f32::NAN;
    }
    if from == to {
        return to;
    }
    if to > from { from.next_up() } else { from.next_down() }
}

fn samples(f: Binary) -> Vec<Sample> {
    let (low, high) = f.domain();
    if f.is_integral() {
        let x = |low, salt| Values::integers(DType::I32, [3, 5], low, 20, salt);
        return vec![Sample::new(f.name(), f, vec![x(-20, 1), x(0, 2)]).without_gradient()];
    }
    if f.is_logical() {
        let x = |salt| Values::integers(DType::Bool, [3, 5], 0, 2, salt);
        return vec![Sample::new(f.name(), f, vec![x(1), x(2)]).without_gradient()];
    }
    let x = |shape: &[usize], salt| Values::uniform(shape, low, high, salt);
    let edges = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, 1.0, -1.0, 2.5];
    let pair = |i: usize| edges[i];
    let first: Vec<f64> = (0..49).map(|i| pair(i / 7)).collect();
    let second: Vec<f64> = (0..49).map(|i| pair(i % 7)).collect();
    let mut all = vec![
        Sample::new(f.name(), f, vec![x(&[3, 5], 1), x(&[3, 5], 2)]),
        Sample::new(format!("{} of scalars", f.name()), f, vec![x(&[], 3), x(&[], 4)]),
        Sample::new(format!("{} of nothing", f.name()), f, vec![x(&[0], 3), x(&[0], 4)]),
    ];
    // The quotient's rounding decides the remainder at infinities; no two libraries agree there.
    // The neighbour of a large number is one of `float32`, which other dtypes may not have.
    if !matches!(f, Binary::Remainder | Binary::NextAfter) {
        let (a, b) = (Values::of([49], &first), Values::of([49], &second));
        let label = format!("{} at its edges", f.name());
        all.push(Sample::new(label, f, vec![a, b]).without_gradient());
    }
    match f {
        // As in JAX its gradient is zero, although the function is nearly the first input.
        Binary::NextAfter => all.into_iter().map(Sample::without_gradient).collect(),
        _ => all,
    }
}

macro_rules! operators {
    ($($operator:ident $method:ident $function:ident;)*) => {$(
        impl std::ops::$operator<&Tensor> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor { Tensor::$function(self, other) }
        }
        impl std::ops::$operator<Tensor> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor { Tensor::$function(self, &other) }
        }
        impl std::ops::$operator<&Tensor> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor { Tensor::$function(&self, other) }
        }
        impl std::ops::$operator<Tensor> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor { Tensor::$function(&self, &other) }
        }
        impl std::ops::$operator<f64> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: f64) -> Tensor {
                Tensor::$function(self, &Tensor::scalar(self.dtype(), other))
            }
        }
        impl std::ops::$operator<f64> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: f64) -> Tensor {
                Tensor::$function(&self, &Tensor::scalar(self.dtype(), other))
            }
        }
        impl std::ops::$operator<&Tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                Tensor::scalar(other.dtype(), self).$function(other)
            }
        }
        impl std::ops::$operator<Tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                Tensor::scalar(other.dtype(), self).$function(&other)
            }
        }
    )*};
}

operators! {
    Add add add;
    Sub sub subtract;
    Mul mul multiply;
    Div div divide;
    Rem rem remainder;
}
