//! Functions of one, two and three numbers.

use ibex_format::onnx::OnnxAttribute;
use ibex_graph::DType;
use ibex_graph::ops::binary::Binary;
use ibex_graph::ops::compare::Compare;
use ibex_graph::ops::unary::Unary;

use super::super::site::{Outcome, Site};
use super::windows;
use crate::error::Result;

/// The number of a dtype in ONNX.
pub(super) fn code(dtype: DType) -> i64 {
    match dtype {
        DType::F32 => 1,
        DType::U8 => 2,
        DType::I32 => 6,
        DType::I64 => 7,
        DType::Bool => 9,
        DType::F16 => 10,
        DType::F64 => 11,
        DType::BF16 => 16,
    }
}

impl Site<'_> {
    /// The value in another dtype.
    pub(super) fn cast_to(&mut self, name: &str, dtype: DType) -> String {
        let to = ("to".to_string(), OnnxAttribute::Int(code(dtype)));
        self.builder.node_with("Cast", &[name], vec![to])
    }

    fn number(&mut self, value: f64) -> Result<String> {
        self.builder.scalar(self.dtype(0), value)
    }
}

fn one(value: String) -> Result<Outcome> {
    Ok(Outcome::Values(vec![value]))
}

/// A conversion.
pub(super) fn cast(site: &mut Site<'_>, to: DType) -> Result<Outcome> {
    let x = site.x(0);
    one(site.cast_to(&x, to))
}

/// A function of one number.
pub(super) fn unary(site: &mut Site<'_>, op: Unary) -> Result<Outcome> {
    let name = match op {
        Unary::Negative => "Neg",
        Unary::Abs => "Abs",
        Unary::Sign => "Sign",
        Unary::Exp => "Exp",
        Unary::Log => "Log",
        Unary::Sqrt => "Sqrt",
        Unary::Reciprocal => "Reciprocal",
        Unary::Sin => "Sin",
        Unary::Cos => "Cos",
        Unary::Tan => "Tan",
        Unary::Asin => "Asin",
        Unary::Acos => "Acos",
        Unary::Atan => "Atan",
        Unary::Sinh => "Sinh",
        Unary::Cosh => "Cosh",
        Unary::Asinh => "Asinh",
        Unary::Acosh => "Acosh",
        Unary::Atanh => "Atanh",
        Unary::Tanh => "Tanh",
        Unary::Sigmoid => "Sigmoid",
        Unary::Relu => "Relu",
        Unary::Erf => "Erf",
        Unary::Floor => "Floor",
        Unary::Ceil => "Ceil",
        Unary::Round => "Round",
        Unary::IsNan => "IsNaN",
        Unary::IsInf => "IsInf",
        Unary::Not => "Not",
        Unary::Expm1 => return expm1(site),
        Unary::Log1p => return log1p(site),
        Unary::Rsqrt => {
            let root = site.builder.node("Sqrt", &[site.x(0)]);
            return one(site.builder.node("Reciprocal", &[root]));
        }
        Unary::Square => {
            let x = site.x(0);
            return one(site.builder.node("Mul", &[&x, &x]));
        }
        Unary::IsFinite => {
            // Of what is not finite, and of nothing else, the difference from itself is not zero.
            let x = site.x(0);
            let difference = site.builder.node("Sub", &[&x, &x]);
            let zero = site.number(0.0)?;
            return one(site.builder.node("Equal", &[difference, zero]));
        }
        Unary::Erfinv => return Ok(Outcome::Lacking("ONNX has no inverse of the error function")),
    };
    site.direct(name, Vec::new())
}

/// `e^x - 1 = tanh(x / 2) (e^x + 1)`, exact near zero.
fn expm1(site: &mut Site<'_>) -> Result<Outcome> {
    let (x, half, unit) = (site.x(0), site.number(0.5)?, site.number(1.0)?);
    let b = &mut *site.builder;
    let exp = b.node("Exp", &[&x]);
    let sum = b.node("Add", &[&exp, &unit]);
    let halved = b.node("Mul", &[&x, &half]);
    let tanh = b.node("Tanh", &[halved]);
    one(b.node("Mul", &[tanh, sum]))
}

/// With `u = 1 + x` rounded and `d = u - 1`: `log(u) x / d` is `log(1 + x)` but where `d` is 0,
/// and where it is `x` itself `log(u)` is exact already.
fn log1p(site: &mut Site<'_>) -> Result<Outcome> {
    let (x, unit, zero) = (site.x(0), site.number(1.0)?, site.number(0.0)?);
    let b = &mut *site.builder;
    let u = b.node("Add", &[&x, &unit]);
    let log = b.node("Log", &[&u]);
    let d = b.node("Sub", &[&u, &unit]);
    let tiny = b.node("Equal", &[&d, &zero]);
    let exact = b.node("Equal", &[&d, &x]);
    let product = b.node("Mul", &[&log, &x]);
    let quotient = b.node("Div", &[&product, &d]);
    let inner = b.node("Where", &[exact, log, quotient]);
    one(b.node("Where", &[tiny, x, inner]))
}

/// A function of two numbers.
pub(super) fn binary(site: &mut Site<'_>, op: Binary) -> Result<Outcome> {
    if matches!(op, Binary::Divide | Binary::Multiply)
        && let Some(average) = windows::average(site, op)?
    {
        return one(average);
    }
    let operands = site.operands();
    let name = match op {
        Binary::Add => "Add",
        Binary::Subtract => "Sub",
        Binary::Multiply => "Mul",
        Binary::Divide => "Div",
        Binary::Power => "Pow",
        Binary::Maximum => "Max",
        Binary::Minimum => "Min",
        Binary::BitAnd => "BitwiseAnd",
        Binary::BitOr => "BitwiseOr",
        Binary::BitXor => "BitwiseXor",
        Binary::And => "And",
        Binary::Or => "Or",
        Binary::Xor => "Xor",
        Binary::Remainder => return remainder(site, &operands),
        Binary::Atan2 => return atan2(site, &operands),
        Binary::ShiftLeft => {
            let power = power_of_two(site, &operands[1])?;
            return one(site.builder.node("Mul", &[&operands[0], &power]));
        }
        Binary::ShiftRight => {
            // Division cuts toward zero; without the remainder, which is never negative, it fits.
            let power = power_of_two(site, &operands[1])?;
            let rest = site.builder.node("Mod", &[&operands[0], &power]);
            let whole = site.builder.node("Sub", &[&operands[0], &rest]);
            return one(site.builder.node("Div", &[whole, power]));
        }
        Binary::Gcd => return Ok(Outcome::Lacking("ONNX has no greatest common divisor")),
        Binary::NextAfter => return Ok(Outcome::Lacking("ONNX has no neighbours of numbers")),
    };
    // The programs that run ONNX compute with bytes only here and there.
    let arithmetic = matches!(name, "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min");
    if site.dtype(0) == DType::U8 && arithmetic {
        let wide: Vec<String> = operands.iter().map(|x| site.cast_to(x, DType::I32)).collect();
        let result = site.builder.node(name, &wide);
        return one(site.cast_to(&result, DType::U8));
    }
    one(site.builder.node(name, &operands))
}

fn power_of_two(site: &mut Site<'_>, exponent: &str) -> Result<String> {
    let dtype = site.dtype(0);
    let exponent = site.cast_to(exponent, DType::F64);
    let two = site.builder.scalar(DType::F64, 2.0)?;
    let power = site.builder.node("Pow", &[two, exponent]);
    Ok(site.cast_to(&power, dtype))
}

/// The remainder with the sign of the divisor: `a - b floor(a / b)`.
fn remainder(site: &mut Site<'_>, operands: &[String]) -> Result<Outcome> {
    let b = &mut *site.builder;
    if site.graph.ty(site.node.inputs[0]).dtype.is_integer() {
        return one(b.node("Mod", operands));
    }
    let quotient = b.node("Div", operands);
    let whole = b.node("Floor", &[quotient]);
    let product = b.node("Mul", &[&operands[1], &whole]);
    one(b.node("Sub", &[&operands[0], &product]))
}

/// The angle of `(b, a)`: that of a line through it, turned by half a circle where `b` is negative.
fn atan2(site: &mut Site<'_>, operands: &[String]) -> Result<Outcome> {
    let (zero, turn) = (site.number(0.0)?, site.number(std::f64::consts::PI)?);
    let (a, x) = (&operands[0], &operands[1]);
    let b = &mut *site.builder;
    let quotient = b.node("Div", &[a, x]);
    let angle = b.node("Atan", &[quotient]);
    let back = b.node("Neg", &[&turn]);
    let below = b.node("Less", &[a, &zero]);
    let half = b.node("Where", &[&below, &back, &turn]);
    let turned = b.node("Add", &[&angle, &half]);
    let left = b.node("Less", &[x, &zero]);
    let result = b.node("Where", &[&left, &turned, &angle]);
    // At the origin itself the line has no direction; the angle is 0.
    let (no_a, no_x) = (b.node("Equal", &[a, &zero]), b.node("Equal", &[x, &zero]));
    let origin = b.node("And", &[no_a, no_x]);
    one(b.node("Where", &[origin, zero, result]))
}

/// A comparison.
pub(super) fn compare(site: &mut Site<'_>, op: Compare) -> Result<Outcome> {
    let mut operands = site.operands();
    let (name, ordered) = match op {
        Compare::Equal => ("Equal", false),
        Compare::NotEqual => {
            let equal = site.builder.node("Equal", &operands);
            return one(site.builder.node("Not", &[equal]));
        }
        Compare::Less => ("Less", true),
        Compare::LessEqual => ("LessOrEqual", true),
        Compare::Greater => ("Greater", true),
        Compare::GreaterEqual => ("GreaterOrEqual", true),
    };
    if ordered && matches!(site.dtype(0), DType::Bool | DType::U8) {
        operands = operands.iter().map(|x| site.cast_to(x, DType::I32)).collect();
    }
    one(site.builder.node(name, &operands))
}

/// One of two values by a condition.
pub(super) fn select(site: &mut Site<'_>) -> Result<Outcome> {
    let operands = site.operands();
    if site.dtype(1) != DType::Bool {
        return one(site.builder.node("Where", &operands));
    }
    let [condition, a, b] = [0, 1, 2].map(|at| operands[at].as_str());
    let builder = &mut *site.builder;
    let first = builder.node("And", &[condition, a]);
    let other = builder.node("Not", &[condition]);
    let second = builder.node("And", &[&other, b]);
    one(builder.node("Or", &[first, second]))
}
