//! `Operation`: a `keras.ops` function called on symbolic tensors, such as `&a + &b`.
//!
//! Keras lists such calls among the layers of a functional model, but they have no weights.
//! One row of [`OPERATIONS`] each; the arguments that are no tensors are kept as they were given.

use std::ops::RangeInclusive;
use std::panic::Location;
use std::sync::Arc;

use ibex_graph::ops::concatenate::concatenate;
use ibex_graph::{OpError, Tensor};
use serde_json::{Map, Value, json};

use crate::layer::{Base, Layer, share_identity};
use crate::models::symbolic::{SymbolicTensor, apply};
use crate::object::{ConfigError, nearest, shortened};
use crate::trace::Call;

/// One function of the table.
#[derive(Debug)]
pub struct OperationRow {
    /// The name in files, such as `Add`.
    pub class_name: &'static str,
    /// The module in files.
    pub module: &'static str,
    /// How it is computed.
    compute: Compute,
}

/// How an operation is computed from its arguments.
#[derive(Debug, Clone, Copy)]
enum Compute {
    /// From one tensor.
    One(fn(&Tensor) -> Tensor),
    /// From two tensors or numbers.
    Two(fn(&Tensor, &Tensor) -> Tensor),
    /// From one tensor along the axes that `axis` and `keepdims` name.
    Reduce(fn(&Tensor, &[usize], bool) -> Tensor),
    /// From a list of tensors, along `axis`.
    Join,
}

macro_rules! operations {
    ($($module:literal { $($class:ident $kind:ident $function:expr,)* })*) => {
        /// Every operation that files may name.
        pub const OPERATIONS: &[OperationRow] = &[$($(OperationRow {
            class_name: stringify!($class),
            module: concat!("keras.src.ops.", $module),
            compute: operations!(@ $kind $function),
        },)*)*];
    };
    (@ Join $function:expr) => { Compute::Join };
    (@ $kind:ident $function:expr) => { Compute::$kind($function) };
}

operations! {
    "numpy" {
        Absolute One Tensor::abs,
        Add Two Tensor::add,
        Concatenate Join (),
        Cos One Tensor::cos,
        Divide Two Tensor::divide,
        Exp One Tensor::exp,
        Log One Tensor::log,
        Log1p One Tensor::log1p,
        Matmul Two Tensor::matmul,
        Max Reduce Tensor::max,
        Maximum Two Tensor::maximum,
        Mean Reduce Tensor::mean,
        Min Reduce Tensor::min,
        Minimum Two Tensor::minimum,
        Multiply Two Tensor::multiply,
        Negative One Tensor::negative,
        Power Two Tensor::power,
        Sin One Tensor::sin,
        Sqrt One Tensor::sqrt,
        Square One Tensor::square,
        Subtract Two Tensor::subtract,
        Sum Reduce Tensor::sum,
        Tanh One Tensor::tanh,
        TrueDivide Two Tensor::divide,
    }
    "nn" {
        Relu One Tensor::relu,
        Sigmoid One Tensor::sigmoid,
        Softplus One Tensor::softplus,
    }
    "math" {
        Erf One Tensor::erf,
        Rsqrt One Tensor::rsqrt,
    }
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// The input of this number.
    Tensor(usize),
    /// A list of arguments.
    List(Vec<Argument>),
    /// A number, a shape, a name.
    Value(Value),
}

/// A `keras.ops` function in a model: one call of it.
#[derive(Clone, Debug)]
pub struct Operation {
    row: &'static OperationRow,
    options: Map<String, Value>,
    arguments: Vec<Argument>,
    base: Base,
}

impl Operation {
    /// The operation that a file describes: its class, its configuration and its arguments.
    ///
    /// # Errors
    /// If there is no such operation, or its arguments are not those that it takes.
    pub fn from_config(
        class_name: &str,
        config: &Value,
        arguments: Vec<Argument>,
    ) -> Result<Operation, ConfigError> {
        let row = OPERATIONS.iter().find(|row| row.class_name == class_name).ok_or_else(|| {
            let error = ConfigError::new(format!("unknown operation `{class_name}`"));
            match nearest(class_name, OPERATIONS.iter().map(|row| row.class_name)) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("replace it by a layer of your own in the model"),
            }
        })?;
        let mut options = config.as_object().cloned().unwrap_or_default();
        let mut base = Base::new();
        base.name = options.remove("name").and_then(|name| name.as_str().map(str::to_string));
        let operation = Operation { row, options, arguments, base };
        operation.checked()
    }

    /// The call of the function `class_name` on tensors and numbers.
    fn of(row: &'static OperationRow, arguments: Vec<Argument>) -> Operation {
        Operation { row, options: Map::new(), arguments, base: Base::new() }
    }

    fn checked(self) -> Result<Operation, ConfigError> {
        let is_operand = |argument: &Argument| match argument {
            Argument::Tensor(_) => true,
            Argument::Value(value) => value.is_number(),
            Argument::List(_) => false,
        };
        let is_tensor = |argument: &Argument| matches!(argument, Argument::Tensor(_));
        let (fits, expected) = match (self.row.compute, self.arguments.as_slice()) {
            (Compute::One(_) | Compute::Reduce(_), [x]) => (is_tensor(x), "one tensor"),
            (Compute::One(_) | Compute::Reduce(_), _) => (false, "one tensor"),
            (Compute::Two(_), [a, b]) => {
                (is_operand(a) && is_operand(b) && self.count() > 0, "two tensors or numbers")
            }
            (Compute::Two(_), _) => (false, "two tensors or numbers"),
            (Compute::Join, [Argument::List(list)]) => {
                (!list.is_empty() && list.iter().all(is_tensor), "a list of tensors")
            }
            (Compute::Join, _) => (false, "a list of tensors"),
        };
        match fits {
            true => Ok(self),
            false => Err(ConfigError::new(format!(
                "the operation `{}` is called in a way that is not supported",
                self.row.class_name
            ))
            .expected(expected)
            .received(shortened(&self.call_arguments(vec![json!("tensor"); self.count()])))),
        }
    }

    fn count(&self) -> usize {
        fn count(argument: &Argument) -> usize {
            match argument {
                Argument::Tensor(_) => 1,
                Argument::List(list) => list.iter().map(count).sum(),
                Argument::Value(_) => 0,
            }
        }
        self.arguments.iter().map(count).sum()
    }

    /// The operand at a place: an input, or a number of the inputs' dtype.
    fn operand(&self, place: usize, inputs: &[Tensor]) -> Option<Tensor> {
        match self.arguments.get(place)? {
            Argument::Tensor(index) => inputs.get(*index).cloned(),
            Argument::Value(value) => {
                Some(Tensor::scalar(inputs.first()?.dtype(), value.as_f64()?))
            }
            Argument::List(_) => None,
        }
    }

    /// The axes that the option `axis` names: one, several, or by default all.
    fn axes(&self, x: &Tensor) -> Option<Vec<usize>> {
        let resolve = |axis: &Value| x.shape().axis(isize::try_from(axis.as_i64()?).ok()?);
        match self.options.get("axis") {
            None | Some(Value::Null) => Some(x.all_axes()),
            Some(Value::Array(axes)) => axes.iter().map(resolve).collect(),
            Some(axis) => Some(vec![resolve(axis)?]),
        }
    }

    fn compute(&self, inputs: &[Tensor]) -> Option<Tensor> {
        let flag = |name: &str| self.options.get(name).and_then(Value::as_bool).unwrap_or(false);
        let first = self.operand(0, inputs);
        Some(match self.row.compute {
            Compute::One(function) => function(&first?),
            Compute::Two(function) => function(&first?, &self.operand(1, inputs)?),
            Compute::Reduce(function) => {
                let x = first?;
                function(&x, &self.axes(&x)?, flag("keepdims"))
            }
            Compute::Join => {
                let axis = self.options.get("axis").map_or(Some(-1), Value::as_i64)?;
                concatenate(inputs, isize::try_from(axis).ok()?)
            }
        })
    }
}

impl Layer for Operation {
    fn base(&self) -> &Base {
        &self.base
    }

    fn base_mut(&mut self) -> &mut Base {
        &mut self.base
    }

    fn class_name(&self) -> &'static str {
        self.row.class_name
    }

    fn module(&self) -> Option<&'static str> {
        Some(self.row.module)
    }

    fn registered_name(&self) -> Option<&'static str> {
        Some(self.row.class_name)
    }

    fn config(&self) -> Value {
        Value::Object(self.options.clone())
    }

    fn full_config(&self, name: &str, _: bool) -> Map<String, Value> {
        let mut config = Map::from_iter([("name".to_string(), json!(name))]);
        config.extend(self.options.clone());
        config
    }

    fn shared(&self) -> Arc<dyn Layer> {
        let mut copy = self.clone();
        share_identity(&self.base, &mut copy.base);
        Arc::new(copy)
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let wrong = || {
            Tensor::poisoned(OpError::new(
                format!("`{}` does not apply to its input", self.row.class_name),
                "axes that the input has",
                format!("{}", Value::Object(self.options.clone())),
            ))
        };
        vec![self.compute(inputs).unwrap_or_else(wrong)]
    }

    fn input_count(&self) -> RangeInclusive<usize> {
        self.count()..=self.count()
    }

    fn is_built_at_once(&self) -> bool {
        true
    }

    fn call_arguments(&self, tensors: Vec<Value>) -> Value {
        fn written(argument: &Argument, tensors: &[Value]) -> Value {
            match argument {
                Argument::Tensor(index) => tensors.get(*index).cloned().unwrap_or_default(),
                Argument::List(list) => list.iter().map(|item| written(item, tensors)).collect(),
                Argument::Value(value) => value.clone(),
            }
        }
        self.arguments.iter().map(|argument| written(argument, &tensors)).collect()
    }
}

/// One side of an operator: a tensor or a number.
enum Side {
    Tensor(SymbolicTensor),
    Number(f64),
}

impl From<&SymbolicTensor> for Side {
    fn from(tensor: &SymbolicTensor) -> Side {
        Side::Tensor(tensor.clone())
    }
}

impl From<SymbolicTensor> for Side {
    fn from(tensor: SymbolicTensor) -> Side {
        Side::Tensor(tensor)
    }
}

impl From<f64> for Side {
    fn from(number: f64) -> Side {
        Side::Number(number)
    }
}

/// Calls the operation `class_name` on its operands.
#[track_caller]
fn operate<const N: usize>(class_name: &str, sides: [Side; N]) -> SymbolicTensor {
    let mut inputs = Vec::new();
    let mut argument = |side: Side| match side {
        Side::Number(number) => Argument::Value(json!(number)),
        Side::Tensor(tensor) => {
            inputs.push(tensor);
            Argument::Tensor(inputs.len() - 1)
        }
    };
    let arguments = sides.into_iter().map(&mut argument).collect();
    let row = OPERATIONS.iter().find(|row| row.class_name == class_name);
    let operation = Operation::of(row.unwrap_or(&OPERATIONS[0]), arguments);
    apply(&operation.shared(), inputs, Location::caller()).swap_remove(0)
}

macro_rules! operators {
    ($($operator:ident $method:ident $class:literal;)*) => {$(
        operators!(@ $operator $method $class; &SymbolicTensor, &SymbolicTensor);
        operators!(@ $operator $method $class; &SymbolicTensor, SymbolicTensor);
        operators!(@ $operator $method $class; SymbolicTensor, &SymbolicTensor);
        operators!(@ $operator $method $class; SymbolicTensor, SymbolicTensor);
        operators!(@ $operator $method $class; &SymbolicTensor, f64);
        operators!(@ $operator $method $class; SymbolicTensor, f64);
        operators!(@ $operator $method $class; f64, &SymbolicTensor);
        operators!(@ $operator $method $class; f64, SymbolicTensor);
    )*};
    (@ $operator:ident $method:ident $class:literal; $left:ty, $right:ty) => {
        impl std::ops::$operator<$right> for $left {
            type Output = SymbolicTensor;
            #[track_caller]
            fn $method(self, other: $right) -> SymbolicTensor {
                operate($class, [self.into(), other.into()])
            }
        }
    };
}

operators! {
    Add add "Add";
    Sub sub "Subtract";
    Mul mul "Multiply";
    Div div "TrueDivide";
}

impl std::ops::Neg for &SymbolicTensor {
    type Output = SymbolicTensor;
    #[track_caller]
    fn neg(self) -> SymbolicTensor {
        operate("Negative", [self.into()])
    }
}

impl std::ops::Neg for SymbolicTensor {
    type Output = SymbolicTensor;
    #[track_caller]
    fn neg(self) -> SymbolicTensor {
        operate("Negative", [self.into()])
    }
}
