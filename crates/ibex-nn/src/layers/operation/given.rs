//! The arguments and options of one call of an operation, read by name.
//!
//! Keras keeps some arguments in the configuration of the operation and others in its call; a
//! function of the table asks for each by its name alone.

use ibex_graph::{Array, DType, OpError, Tensor};
use serde_json::{Map, Value};

use super::table::{OperationRow, Outcome};
use crate::arguments::{Argument, Bound};
use crate::object::shortened;

/// Everything that a function of the table may ask for.
#[derive(Debug)]
pub(super) struct Given<'a> {
    pub(super) row: &'static OperationRow,
    pub(super) options: &'a Map<String, Value>,
    pub(super) bound: &'a Bound,
    /// All tensors of the call, in order.
    pub(super) inputs: &'a [Tensor],
}

/// A tensor, or a number that takes the dtype of the tensors beside it.
#[derive(Clone, Debug)]
enum Operand {
    Tensor(Tensor),
    Float(f64),
    Integer(f64),
}

/// The dtype of floating-point results for an input of `dtype`.
pub(super) fn float_of(dtype: DType) -> DType {
    if dtype.is_float() { dtype } else { DType::F32 }
}

/// The dtype to which both are promoted, as JAX does.
pub(super) fn promote(a: DType, b: DType) -> DType {
    match (a.is_float(), b.is_float()) {
        (true, false) => a,
        (false, true) => b,
        (true, true) if a != b && a.size() == 2 && b.size() == 2 => DType::F32,
        _ => a.max(b),
    }
}

impl Given<'_> {
    /// A mistake in an argument.
    pub(super) fn wrong(&self, what: &str, expected: &str, received: impl ToString) -> OpError {
        let what = format!("`{}`: {what}", self.row.class_name);
        OpError::new(what, expected, received.to_string())
    }

    fn unfit(&self, name: &str, expected: &str) -> OpError {
        let received = match (self.bound.get(name), self.options.get(name)) {
            (Some(Argument::Value(value)), _) | (None, Some(value)) => shortened(value),
            (Some(Argument::Tensor(_)), _) => "a tensor".to_string(),
            (Some(_), _) => "a list".to_string(),
            (None, None) => "nothing".to_string(),
        };
        self.wrong(&format!("the argument `{name}` does not fit"), expected, received)
    }

    /// A value that is no tensor, if it was given.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        fn plain(argument: &Argument<usize>) -> Option<Value> {
            match argument {
                Argument::Value(value) => Some(value.clone()),
                Argument::List(items) => items.iter().map(plain).collect(),
                Argument::Tensor(_) | Argument::Dict(_) => None,
            }
        }
        let value = match self.bound.get(name) {
            Some(argument) => plain(argument),
            None => self.options.get(name).cloned(),
        };
        value.filter(|value| !value.is_null())
    }

    /// Whether something was given under that name.
    pub(super) fn has(&self, name: &str) -> bool {
        let in_call = |argument: &Argument<usize>| argument.value() != Some(&Value::Null);
        self.bound.get(name).is_some_and(in_call) || self.value(name).is_some()
    }

    fn operand(&self, argument: &Argument<usize>) -> Option<Operand> {
        match argument {
            Argument::Tensor(index) => self.inputs.get(*index).cloned().map(Operand::Tensor),
            Argument::Value(Value::Number(number)) => Some(match number.is_f64() {
                true => Operand::Float(number.as_f64()?),
                false => Operand::Integer(number.as_f64()?),
            }),
            Argument::Value(value @ Value::Object(_)) => constant(value).map(Operand::Tensor),
            Argument::Value(Value::Bool(flag)) => {
                Some(Operand::Tensor(Tensor::scalar(DType::Bool, f64::from(u8::from(*flag)))))
            }
            Argument::List(items) => self.list_of_numbers(items).map(Operand::Tensor),
            Argument::Value(_) | Argument::Dict(_) => None,
        }
    }

    /// Nested lists of numbers as a constant, lists of scalars as a vector.
    fn list_of_numbers(&self, items: &[Argument<usize>]) -> Option<Tensor> {
        fn plain(argument: &Argument<usize>) -> Option<Value> {
            match argument {
                Argument::Value(value) => Some(value.clone()),
                Argument::List(items) => items.iter().map(plain).collect(),
                _ => None,
            }
        }
        if let Some(list) = items.iter().map(plain).collect::<Option<Vec<Value>>>() {
            let list = Value::Array(list);
            let dtype = if any_float(&list) { DType::F32 } else { DType::I32 };
            return array_of(&list, dtype).map(Tensor::constant);
        }
        let operands = items.iter().map(|item| self.operand(item)).collect::<Option<Vec<_>>>()?;
        Some(ibex_graph::ops::concatenate::stack(&promoted(&operands, |dtype| dtype), 0))
    }

    fn find(&self, name: &str) -> Outcome<Operand> {
        let found = match (self.bound.get(name), self.options.get(name)) {
            (Some(argument), _) => self.operand(argument),
            (None, Some(value)) => self.operand(&listed(value)),
            (None, None) => None,
        };
        found.ok_or_else(|| self.unfit(name, "a tensor or numbers"))
    }

    /// The tensor of that name; numbers become one of their own dtype.
    pub(super) fn tensor(&self, name: &str) -> Outcome<Tensor> {
        Ok(promoted(&[self.find(name)?], |dtype| dtype).swap_remove(0))
    }

    /// The tensor of that name, if it was given.
    pub(super) fn optional(&self, name: &str) -> Outcome<Option<Tensor>> {
        if self.has(name) { self.tensor(name).map(Some) } else { Ok(None) }
    }

    /// The only, or first, argument.
    pub(super) fn first(&self) -> Outcome<Tensor> {
        self.tensor(self.row.arguments.first().copied().unwrap_or("argument 0"))
    }

    /// The first argument as a float.
    pub(super) fn float(&self) -> Outcome<Tensor> {
        self.first().map(|x| x.cast(float_of(x.dtype())))
    }

    /// The arguments of these names, promoted to one dtype, on which `f` decides further.
    pub(super) fn together(
        &self,
        names: &[&str],
        f: impl Fn(DType) -> DType,
    ) -> Outcome<Vec<Tensor>> {
        let operands = names.iter().map(|name| self.find(name)).collect::<Outcome<Vec<_>>>()?;
        Ok(promoted(&operands, f))
    }

    /// The first two arguments, promoted to one dtype, on which `f` decides further.
    pub(super) fn pair(&self, f: impl Fn(DType) -> DType) -> Outcome<[Tensor; 2]> {
        let names = self.row.arguments.get(..2).unwrap_or_default();
        let pair = self.together(names, f)?;
        pair.try_into().map_err(|_| self.wrong("too few arguments", "two tensors", "one"))
    }

    /// The list of tensors of that name, promoted to one dtype.
    pub(super) fn tensors(&self, name: &str) -> Outcome<Vec<Tensor>> {
        let operands = match self.bound.get(name) {
            Some(Argument::List(items)) => items.iter().map(|item| self.operand(item)).collect(),
            Some(argument) => self.operand(argument).map(|operand| vec![operand]),
            None => None,
        };
        let operands: Option<Vec<Operand>> = operands;
        match operands.filter(|operands| !operands.is_empty()) {
            Some(operands) => Ok(promoted(&operands, |dtype| dtype)),
            None => Err(self.unfit(name, "a list of tensors")),
        }
    }

    /// Every argument of the call, promoted to one dtype.
    pub(super) fn everything(&self) -> Outcome<Vec<Tensor>> {
        let operands = self.bound.arguments().map(|(_, argument)| self.operand(argument));
        let operands: Option<Vec<Operand>> = operands.collect();
        let operands = operands.filter(|operands| !operands.is_empty());
        let wrong = || self.wrong("the arguments do not fit", "tensors", "something else");
        operands.map(|operands| promoted(&operands, |dtype| dtype)).ok_or_else(wrong)
    }

    /// A flag; `default` if it was not given.
    pub(super) fn flag(&self, name: &str, default: bool) -> Outcome<bool> {
        match self.value(name) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.unfit(name, "true or false")),
        }
    }

    /// A number, if it was given.
    pub(super) fn number(&self, name: &str) -> Outcome<Option<f64>> {
        let number = |value: Value| value.as_f64().ok_or_else(|| self.unfit(name, "a number"));
        self.value(name).map(number).transpose()
    }

    /// An integer, if it was given.
    pub(super) fn integer(&self, name: &str) -> Outcome<Option<isize>> {
        let integer = |value: Value| {
            let found = value.as_i64().and_then(|number| isize::try_from(number).ok());
            found.ok_or_else(|| self.unfit(name, "an integer"))
        };
        self.value(name).map(integer).transpose()
    }

    /// A count, if it was given.
    pub(super) fn count(&self, name: &str) -> Outcome<Option<usize>> {
        match self.integer(name)? {
            None => Ok(None),
            Some(count) => match usize::try_from(count) {
                Ok(count) => Ok(Some(count)),
                Err(_) => Err(self.unfit(name, "an integer of at least 0")),
            },
        }
    }

    /// A count that must be there.
    pub(super) fn needed(&self, name: &str) -> Outcome<usize> {
        self.count(name)?.ok_or_else(|| self.unfit(name, "an integer"))
    }

    /// One or more integers, if they were given.
    pub(super) fn integers(&self, name: &str) -> Outcome<Option<Vec<isize>>> {
        let one = |value: &Value| isize::try_from(value.as_i64()?).ok();
        let many = |value: Value| match constant_numbers(&value) {
            Some(list) => list.iter().map(one).collect::<Option<Vec<isize>>>(),
            None => one(&value).map(|number| vec![number]),
        };
        match self.value(name) {
            None => Ok(None),
            Some(value) => {
                many(value).map(Some).ok_or_else(|| self.unfit(name, "one or more integers"))
            }
        }
    }

    /// A name, if it was given.
    pub(super) fn text(&self, name: &str) -> Outcome<Option<String>> {
        let text = |value: Value| match value.as_str() {
            Some(text) => Ok(text.to_string()),
            None => Err(self.unfit(name, "a name")),
        };
        self.value(name).map(text).transpose()
    }

    /// A name of a table of choices; the first one by default.
    pub(super) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Outcome<T> {
        let text = self.text(name)?;
        let found = match &text {
            None => choices.first(),
            Some(text) => choices.iter().find(|(known, _)| known == text),
        };
        let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        found.map(|(_, choice)| *choice).ok_or_else(|| self.unfit(name, &names()))
    }

    /// A dtype, if it was given.
    pub(super) fn dtype(&self, name: &str) -> Outcome<Option<DType>> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => match text.as_str() {
                "int" => Ok(Some(DType::I32)),
                "float" => Ok(Some(DType::F32)),
                // What has no dtype of its own here is kept as the next wider one.
                "int8" | "int16" | "uint16" => Ok(Some(DType::I32)),
                "uint32" => Ok(Some(DType::I64)),
                text => text.parse().map(Some).map_err(|_| self.unfit(name, "a dtype")),
            },
        }
    }

    /// The axis under `name` of a tensor of `rank` axes.
    pub(super) fn axis_of(&self, name: &str, axis: isize, rank: usize) -> Outcome<usize> {
        ibex_graph::shape::resolve_axis(axis, rank)
            .ok_or_else(|| self.unfit(name, &format!("an axis of {rank}")))
    }

    /// The axes under `name`; `None` if none was given.
    pub(super) fn axes(&self, name: &str, rank: usize) -> Outcome<Option<Vec<usize>>> {
        let Some(axes) = self.integers(name)? else { return Ok(None) };
        let axes: Vec<usize> =
            axes.iter().map(|&axis| self.axis_of(name, axis, rank)).collect::<Outcome<_>>()?;
        let repeated = axes.iter().enumerate().any(|(at, axis)| axes[..at].contains(axis));
        if repeated { Err(self.unfit(name, "different axes")) } else { Ok(Some(axes)) }
    }

    /// The axis that the option `axis` names, or `default`.
    pub(super) fn axis(&self, default: isize, rank: usize) -> Outcome<usize> {
        self.axis_of("axis", self.integer("axis")?.unwrap_or(default), rank)
    }

    /// The tensor itself and the axis that the option `axis` names; all elements as a vector if it
    /// names none.
    pub(super) fn along(&self, x: Tensor) -> Outcome<(Tensor, usize)> {
        match self.integer("axis")? {
            None => Ok((x.flatten(), 0)),
            Some(axis) => {
                let axis = self.axis_of("axis", axis, x.rank())?;
                Ok((x, axis))
            }
        }
    }

    /// A function of one tensor.
    pub(super) fn one(&self, f: impl Fn(&Tensor) -> Tensor) -> Outcome<Tensor> {
        self.first().map(|x| f(&x))
    }

    /// A function of one tensor of floats.
    pub(super) fn of_float(&self, f: impl Fn(&Tensor) -> Tensor) -> Outcome<Tensor> {
        self.float().map(|x| f(&x))
    }

    /// A function of two tensors of one dtype.
    pub(super) fn two(&self, f: impl Fn(&Tensor, &Tensor) -> Tensor) -> Outcome<Tensor> {
        self.pair(|dtype| dtype).map(|[a, b]| f(&a, &b))
    }

    /// A function of two tensors of floats.
    pub(super) fn two_floats(&self, f: impl Fn(&Tensor, &Tensor) -> Tensor) -> Outcome<Tensor> {
        self.pair(float_of).map(|[a, b]| f(&a, &b))
    }

    /// A function of two truth values.
    pub(super) fn two_truths(&self, f: impl Fn(&Tensor, &Tensor) -> Tensor) -> Outcome<Tensor> {
        self.pair(|dtype| dtype).map(|[a, b]| f(&truth(&a), &truth(&b)))
    }
}

/// Whether each element is not zero.
pub(super) fn truth(x: &Tensor) -> Tensor {
    if x.dtype() == DType::Bool { x.clone() } else { x.not_equal(&x.zeros_like()) }
}

/// The operands as tensors of one dtype: that of the tensors, widened by numbers as in Keras.
fn promoted(operands: &[Operand], f: impl Fn(DType) -> DType) -> Vec<Tensor> {
    let strong = operands.iter().filter_map(|operand| match operand {
        Operand::Tensor(tensor) => Some(tensor.dtype()),
        _ => None,
    });
    let strong = strong.reduce(promote);
    let has_float = operands.iter().any(|operand| matches!(operand, Operand::Float(_)));
    let has_integer = operands.iter().any(|operand| matches!(operand, Operand::Integer(_)));
    let dtype = f(match strong {
        Some(dtype) if has_float => float_of(dtype),
        Some(DType::Bool) if has_integer => DType::I32,
        Some(dtype) => dtype,
        None if has_float => DType::F32,
        None => DType::I32,
    });
    let cast = operands.iter().map(|operand| match operand {
        Operand::Tensor(tensor) => tensor.cast(dtype),
        Operand::Float(number) | Operand::Integer(number) => Tensor::scalar(dtype, *number),
    });
    cast.collect()
}

/// A value as an argument; lists become lists.
fn listed(value: &Value) -> Argument<usize> {
    match value {
        Value::Array(items) => Argument::List(items.iter().map(listed).collect()),
        other => Argument::Value(other.clone()),
    }
}

fn any_float(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(any_float),
        value => value.is_f64(),
    }
}

/// The list in a list, or in an array of a file.
fn constant_numbers(value: &Value) -> Option<&Vec<Value>> {
    match value {
        Value::Array(list) => Some(list),
        object => object.get("config")?.get("value")?.as_array(),
    }
}

/// An array of a file: `__numpy__` or `__tensor__`.
pub(super) fn constant(value: &Value) -> Option<Tensor> {
    let class = value.get("class_name")?.as_str()?;
    if !matches!(class, "__numpy__" | "__tensor__") {
        return None;
    }
    let config = value.get("config")?;
    let dtype = match config.get("dtype")?.as_str()? {
        "int8" | "int16" | "uint16" => DType::I32,
        "uint32" | "uint64" => DType::I64,
        name => name.parse().ok()?,
    };
    array_of(config.get("value")?, dtype).map(Tensor::constant)
}

/// Nested lists of numbers as an array.
fn array_of(value: &Value, dtype: DType) -> Option<Array> {
    let mut shape = Vec::new();
    let mut inner = value;
    while let Value::Array(items) = inner {
        shape.push(items.len());
        let Some(first) = items.first() else { break };
        inner = first;
    }
    let mut numbers = Vec::new();
    collect(value, &shape, &mut numbers)?;
    Some(Array::from_f64_slice(dtype, shape, &numbers))
}

fn collect(value: &Value, shape: &[usize], numbers: &mut Vec<f64>) -> Option<()> {
    match (value, shape) {
        (Value::Array(items), [extent, rest @ ..]) if items.len() == *extent => {
            items.iter().try_for_each(|item| collect(item, rest, numbers))
        }
        (Value::Bool(flag), []) => {
            numbers.push(f64::from(u8::from(*flag)));
            Some(())
        }
        (value, []) => {
            numbers.push(value.as_f64()?);
            Some(())
        }
        _ => None,
    }
}
