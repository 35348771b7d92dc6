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

use crate::arguments::{Argument, Bound, CallArguments};
use crate::instance::Build;
use crate::layer::{Base, Layer, share_identity};
use crate::models::symbolic::{SymbolicTensor, apply_to};
use crate::object::{ConfigError, nearest, shortened};
use crate::partial::PartialType;
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

/// A `keras.ops` function in a model; its arguments belong to the calls.
#[derive(Clone, Debug)]
pub struct Operation {
    row: &'static OperationRow,
    options: Map<String, Value>,
    base: Base,
}

impl Operation {
    /// The operation that a file describes: its class and its configuration.
    ///
    /// # Errors
    /// If there is no such operation.
    pub fn from_config(class_name: &str, config: &Value) -> Result<Operation, ConfigError> {
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
        Ok(Operation { row, options, base })
    }

    /// The function of a row, without options.
    fn of(row: &'static OperationRow) -> Operation {
        Operation { row, options: Map::new(), base: Base::new() }
    }

    /// Whether the arguments of a call are those that the function takes.
    fn check_arguments(&self, arguments: &Bound) -> Result<(), ConfigError> {
        let is_operand = |argument: &Argument<usize>| match argument {
            Argument::Tensor(_) => true,
            Argument::Value(value) => value.is_number(),
            Argument::List(_) | Argument::Dict(_) => false,
        };
        let is_tensor = |argument: &Argument<usize>| matches!(argument, Argument::Tensor(_));
        let given: Vec<&Argument<usize>> = arguments.arguments().map(|(_, item)| item).collect();
        let (fits, expected) = match (self.row.compute, given.as_slice()) {
            (Compute::One(_) | Compute::Reduce(_), [x]) => (is_tensor(x), "one tensor"),
            (Compute::One(_) | Compute::Reduce(_), _) => (false, "one tensor"),
            (Compute::Two(_), [a, b]) => (is_operand(a) && is_operand(b), "two tensors or numbers"),
            (Compute::Two(_), _) => (false, "two tensors or numbers"),
            (Compute::Join, [Argument::List(list)]) => {
                (!list.is_empty() && list.iter().all(is_tensor), "a list of tensors")
            }
            (Compute::Join, _) => (false, "a list of tensors"),
        };
        if fits {
            return Ok(());
        }
        let written = |item: &&Argument<usize>| match item {
            Argument::Tensor(_) => "a tensor".to_string(),
            Argument::Value(value) => shortened(value),
            Argument::List(items) => format!("a list of {}", items.len()),
            Argument::Dict(_) => "a dictionary".to_string(),
        };
        Err(ConfigError::new(format!(
            "the operation `{}` is called in a way that is not supported",
            self.row.class_name
        ))
        .expected(expected)
        .received(given.iter().map(written).collect::<Vec<_>>().join(", ")))
    }

    /// The operand at a place: an input, or a number of the inputs' dtype.
    fn operand(&self, place: usize, arguments: &Bound, inputs: &[Tensor]) -> Option<Tensor> {
        match arguments.arguments().nth(place)?.1 {
            Argument::Tensor(index) => inputs.get(*index).cloned(),
            Argument::Value(value) => {
                Some(Tensor::scalar(inputs.first()?.dtype(), value.as_f64()?))
            }
            Argument::List(_) | Argument::Dict(_) => None,
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

    fn compute(&self, arguments: &Bound, inputs: &[Tensor]) -> Option<Tensor> {
        let flag = |name: &str| self.options.get(name).and_then(Value::as_bool).unwrap_or(false);
        let first = self.operand(0, arguments, inputs);
        Some(match self.row.compute {
            Compute::One(function) => function(&first?),
            Compute::Two(function) => function(&first?, &self.operand(1, arguments, inputs)?),
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

    fn build(&self, build: &mut Build<'_>, _: &[PartialType]) -> Result<(), ConfigError> {
        self.check_arguments(build.arguments())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let wrong = || {
            Tensor::poisoned(OpError::new(
                format!("`{}` does not apply to its input", self.row.class_name),
                "axes that the input has",
                format!("{}", Value::Object(self.options.clone())),
            ))
        };
        vec![self.compute(call.arguments(), inputs).unwrap_or_else(wrong)]
    }

    fn input_count(&self) -> RangeInclusive<usize> {
        0..=usize::MAX
    }

    fn signature(&self) -> &'static [&'static str] {
        &[]
    }

    fn mask_arguments(&self) -> &'static [&'static str] {
        &[]
    }

    fn takes_any_argument(&self) -> bool {
        true
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}

impl From<&SymbolicTensor> for Argument<SymbolicTensor> {
    fn from(tensor: &SymbolicTensor) -> Argument<SymbolicTensor> {
        Argument::Tensor(tensor.clone())
    }
}

impl From<SymbolicTensor> for Argument<SymbolicTensor> {
    fn from(tensor: SymbolicTensor) -> Argument<SymbolicTensor> {
        Argument::Tensor(tensor)
    }
}

impl From<f64> for Argument<SymbolicTensor> {
    fn from(number: f64) -> Argument<SymbolicTensor> {
        Argument::Value(json!(number))
    }
}

/// Calls the operation `class_name` on its operands.
#[track_caller]
fn operate<const N: usize>(
    class_name: &str,
    operands: [Argument<SymbolicTensor>; N],
) -> SymbolicTensor {
    let row = OPERATIONS.iter().find(|row| row.class_name == class_name);
    let operation = Operation::of(row.unwrap_or(&OPERATIONS[0])).shared();
    let arguments = CallArguments::new(operands.into());
    apply_to(&operation, &arguments, Location::caller()).swap_remove(0)
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
