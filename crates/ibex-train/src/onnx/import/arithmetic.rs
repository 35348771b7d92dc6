//! Elementwise functions: layers for pairs of tensors of one shape, `keras.ops` elsewhere.

use ibex_graph::DType;
use ibex_nn::arguments::Argument;
use ibex_nn::models::SymbolicTensor;
use ibex_nn::ops;
use serde_json::json;

use super::node::{NodeSite, one};
use super::value::{Extent, Value, from_extents};
use super::{NodeError, NodeRow, Outcome, rows, unsupported};

/// A function of one tensor.
macro_rules! unary {
    ($function:ident) => {
        |site| {
            let x = site.argument(0)?;
            one(ops::$function(x))
        }
    };
}

/// A function of two tensors.
macro_rules! binary {
    ($function:ident) => {
        |site| {
            let (a, b) = (site.argument(0)?, site.argument(1)?);
            one(ops::$function(a, b))
        }
    };
}

pub(super) const ROWS: &[NodeRow] = rows! {
    "Abs" unary!(abs);
    "Acos" unary!(arccos);
    "Acosh" unary!(arccosh);
    "Asin" unary!(arcsin);
    "Asinh" unary!(arcsinh);
    "Atan" unary!(arctan);
    "Atanh" unary!(arctanh);
    "Ceil" unary!(ceil);
    "Cos" unary!(cos);
    "Cosh" unary!(cosh);
    "Erf" unary!(erf);
    "Exp" unary!(exp);
    "Floor" unary!(floor);
    "IsInf" unary!(isinf);
    "IsNaN" unary!(isnan);
    "Log" unary!(log);
    "Neg" unary!(negative);
    "Not" unary!(logical_not);
    "Reciprocal" unary!(reciprocal);
    "Round" unary!(round);
    "Sign" unary!(sign);
    "Sin" unary!(sin);
    "Sinh" unary!(sinh);
    "Sqrt" unary!(sqrt);
    "Tan" unary!(tan);
    "Add" |site| arithmetic(site, Some("Add"), |a, b| ops::add(a, b), i64::checked_add);
    "Sub" |site| {
        arithmetic(site, Some("Subtract"), |a, b| ops::subtract(a, b), i64::checked_sub)
    };
    "Mul" |site| {
        arithmetic(site, Some("Multiply"), |a, b| ops::multiply(a, b), i64::checked_mul)
    };
    "Div" divide;
    "Max" |site| variadic(site, |a, b| ops::maximum(a, b));
    "Min" |site| variadic(site, |a, b| ops::minimum(a, b));
    "Sum" |site| variadic(site, |a, b| ops::add(a, b));
    "Mean" |site| {
        let count = site.node.inputs.len() as f64;
        let sum = sum_of(site, |a, b| ops::add(a, b))?;
        one(ops::multiply(sum, 1.0 / count))
    };
    "Pow" binary!(power);
    "Mod" |site| {
        let (a, b) = (site.argument(0)?, site.argument(1)?);
        one(if site.int("fmod", 0) == 1 { ops::fmod(a, b) } else { ops::mod_(a, b) })
    };
    "And" binary!(logical_and);
    "Or" binary!(logical_or);
    "Xor" binary!(logical_xor);
    "BitwiseAnd" binary!(bitwise_and);
    "BitwiseOr" binary!(bitwise_or);
    "BitwiseXor" binary!(bitwise_xor);
    "Equal" binary!(equal);
    "Greater" binary!(greater);
    "GreaterOrEqual" binary!(greater_equal);
    "Less" binary!(less);
    "LessOrEqual" binary!(less_equal);
    "Where" |site| {
        let [condition, a, b] = [site.argument(0)?, site.argument(1)?, site.argument(2)?];
        one(ops::where_(condition, a, b))
    };
    "Cast" cast;
    "CastLike" |site| {
        let (x, like) = (site.argument(0)?, site.tensor(1)?);
        one(ops::cast(x, like.dtype()))
    };
};

type Two = fn(Argument<SymbolicTensor>, Argument<SymbolicTensor>) -> SymbolicTensor;

/// Arithmetic, of extents too.
fn arithmetic(
    site: &mut NodeSite<'_, '_>,
    layer: Option<&str>,
    f: Two,
    of_extents: fn(i64, i64) -> Option<i64>,
) -> Outcome {
    let (a, b) = (site.value(0)?, site.value(1)?);
    if let Some(extents) = extents(&a, &b, of_extents) {
        return Ok(vec![extents]);
    }
    if let (Value::Open(a), Value::Open(b), Some(layer)) = (&a, &b, layer)
        && a.ty() == b.ty()
    {
        let inputs = vec![a.clone(), b.clone()];
        return one(site.layer(layer, json!({}), inputs, Vec::new())?.swap_remove(0));
    }
    one(f(site.argument(0)?, site.argument(1)?))
}

/// Arithmetic with extents of which some depend on the data.
fn extents(a: &Value, b: &Value, f: fn(i64, i64) -> Option<i64>) -> Option<Value> {
    if !matches!(a, Value::Extents(..)) && !matches!(b, Value::Extents(..)) {
        return None;
    }
    let (x, y) = (a.extents()?, b.extents()?);
    let count = x.len().max(y.len());
    let at = |list: &[Extent], at: usize| list.get(if list.len() == 1 { 0 } else { at }).copied();
    let result = |i: usize| match (at(&x, i)?, at(&y, i)?) {
        (Extent::Known(x), Extent::Known(y)) => f(x, y).map(Extent::Known),
        _ => Some(Extent::Open),
    };
    let results = (0..count).map(result).collect::<Option<Vec<Extent>>>()?;
    let is_list = [a, b].iter().any(|v| match v {
        Value::Extents(_, is_list) => *is_list,
        Value::Known(array) => array.shape().rank() == 1,
        Value::Open(_) => false,
    });
    Some(from_extents(results, is_list))
}

/// Integers are divided toward zero, numbers truly.
fn divide(site: &mut NodeSite<'_, '_>) -> Outcome {
    let (a, b) = (site.value(0)?, site.value(1)?);
    if let Some(extents) = extents(&a, &b, i64::checked_div) {
        return Ok(vec![extents]);
    }
    let dtype = match &a {
        Value::Open(tensor) => tensor.dtype(),
        Value::Known(array) => array.dtype(),
        Value::Extents(..) => DType::I64,
    };
    let (a, b) = (site.argument(0)?, site.argument(1)?);
    match dtype.is_float() {
        true => one(ops::divide(a, b)),
        false => one(ops::cast(ops::trunc(ops::divide(a, b)), dtype)),
    }
}

fn sum_of(site: &mut NodeSite<'_, '_>, f: Two) -> Result<Argument<SymbolicTensor>, NodeError> {
    let arguments = site.arguments()?;
    let joined = arguments.into_iter().reduce(|a, b| f(a, b).into());
    joined.map_or_else(|| unsupported("it has no inputs"), Ok)
}

/// A function of any number of tensors.
fn variadic(site: &mut NodeSite<'_, '_>, f: Two) -> Outcome {
    if site.node.inputs.len() == 1 {
        return Ok(vec![site.value(0)?]);
    }
    match sum_of(site, f)? {
        Argument::Tensor(tensor) => one(tensor),
        _ => unsupported("it has no inputs"),
    }
}

/// A conversion; the numbers of the element types are those of `TensorProto.DataType`.
fn cast(site: &mut NodeSite<'_, '_>) -> Outcome {
    let dtype = match site.int("to", 0) {
        1 => DType::F32,
        2 => DType::U8,
        3..=6 => DType::I32,
        7 | 12 | 13 => DType::I64,
        9 => DType::Bool,
        10 => DType::F16,
        11 => DType::F64,
        16 => DType::BF16,
        other => return unsupported(format!("element type {other}")),
    };
    match site.value(0)? {
        extents @ Value::Extents(..) if dtype.is_integer() => Ok(vec![extents]),
        Value::Known(array) => Ok(vec![Value::Known(array.cast(dtype))]),
        Value::Open(tensor) if tensor.dtype() == dtype => one(tensor),
        _ => one(ops::cast(site.argument(0)?, dtype)),
    }
}
