//! `Operation`: a `keras.ops` function called on symbolic tensors, such as `&a + &b`.
//!
//! Keras lists such calls among the layers of a functional model, but they have no weights.
//! One row of a table each: elementwise, reductions, shapes, …; [`operations`] lists them all.
//! Arguments and options are kept as they were given, so that files come out as they went in.
//! Read in this order: `table`, `given`, and then any table.

use std::ops::RangeInclusive;
use std::panic::Location;
use std::sync::Arc;

use ibex_graph::{DType, Tensor};
use serde_json::{Map, Value, json};

use crate::arguments::{Argument, Bound, CallArguments};
use crate::instance::Build;
use crate::layer::{Base, Layer, share_identity};
use crate::models::symbolic::{SymbolicTensor, apply_to};
use crate::object::{ConfigError, nearest, shortened};
use crate::partial::PartialType;
use crate::policy::DTypePolicy;
use crate::trace::Call;

mod ctc;
mod elementwise;
mod given;
mod image;
mod indexing;
mod linalg;
mod linear;
mod math;
mod nn;
mod reductions;
mod shapes;
mod table;
mod unique;
mod unsupported;

use given::Given;
pub use table::OperationRow;

/// The tables of all operations that files may name.
const TABLES: &[&[OperationRow]] = &[
    elementwise::ELEMENTWISE,
    image::IMAGE,
    indexing::INDEXING,
    indexing::SCATTERING,
    linalg::DETERMINANTS,
    linalg::LINALG,
    linalg::LOG_DETERMINANTS,
    linear::LINEAR,
    math::MATH,
    nn::NN,
    reductions::REDUCTIONS,
    shapes::EINOPS,
    shapes::OTHER_SHAPES,
    shapes::SHAPES,
    unsupported::UNSUPPORTED,
];

/// Every operation that files may name.
pub fn operations() -> impl Iterator<Item = &'static OperationRow> {
    TABLES.iter().copied().flatten()
}

/// The base of an operation: unlike layers, operations do not cast their inputs.
#[track_caller]
fn base() -> Base {
    let mut base = Base::new();
    base.dtype = DTypePolicy::from(DType::Bool);
    base
}

/// A `keras.ops` function in a model; its arguments belong to the calls.
#[derive(Clone, Debug)]
pub struct Operation {
    row: &'static OperationRow,
    options: Map<String, Value>,
    /// Whether files have its name in its configuration; a few classes leave it out.
    names_itself: bool,
    base: Base,
}

impl Operation {
    /// The operation that a file describes: its class and its configuration.
    ///
    /// # Errors
    /// If there is no such operation.
    pub fn from_config(class_name: &str, config: &Value) -> Result<Operation, ConfigError> {
        let row = operations().find(|row| row.class_name == class_name).ok_or_else(|| {
            let error = ConfigError::new(format!("unknown operation `{class_name}`"));
            match nearest(class_name, operations().map(|row| row.class_name)) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("replace it by a layer of your own in the model"),
            }
        })?;
        let mut options = config.as_object().cloned().unwrap_or_default();
        let mut base = base();
        base.name = options.shift_remove("name").and_then(|name| name.as_str().map(str::to_string));
        let names_itself = base.name.is_some();
        let operation = Operation { row, options, names_itself, base };
        operation.check_options()?;
        Ok(operation)
    }

    /// Whether the calls of a function have an argument of that name.
    pub(crate) fn has_argument(class_name: &str, name: &str) -> bool {
        let row = operations().find(|row| row.class_name == class_name);
        row.is_some_and(|row| row.arguments.contains(&name))
    }

    /// The function `class_name`, which is in the tables, with options.
    pub(crate) fn with_options(class_name: &str, options: Map<String, Value>) -> Operation {
        let row = operations().find(|row| row.class_name == class_name);
        Operation { options, ..Operation::of(row.unwrap_or(&elementwise::ELEMENTWISE[0])) }
    }

    /// The function of a row, without options.
    fn of(row: &'static OperationRow) -> Operation {
        Operation { row, options: Map::new(), names_itself: true, base: base() }
    }

    /// Whether the arguments of a call are those that the function takes.
    fn check_arguments(&self, arguments: &Bound) -> Result<(), ConfigError> {
        let surplus =
            arguments.arguments().filter(|(name, _)| name.starts_with("argument ")).count();
        if surplus > 0 && !self.row.variadic {
            let count = self.row.arguments.len();
            return Err(ConfigError::new(format!(
                "the operation `{}` is called with too many arguments",
                self.row.class_name
            ))
            .expected(self.row.arguments.join(", "))
            .received(format!("{} arguments", count + surplus)));
        }
        Ok(())
    }

    /// Whether the options are those that the function has.
    fn check_options(&self) -> Result<(), ConfigError> {
        match self.options.keys().find(|key| !self.row.options.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(ConfigError::new(format!(
                "the operation `{}` has no option `{key}`",
                self.row.class_name
            ))
            .expected(self.row.options.join(", "))
            .received(shortened(&self.options[key]))),
        }
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
        let mut config = Map::new();
        if self.names_itself {
            config.insert("name".to_string(), json!(name));
        }
        config.extend(self.options.clone());
        config
    }

    fn shared(&self) -> Arc<dyn Layer> {
        let mut copy = self.clone();
        share_identity(&self.base, &mut copy.base);
        Arc::new(copy)
    }

    fn check(&self) -> Vec<ConfigError> {
        self.check_options().err().into_iter().collect()
    }

    fn build(&self, build: &mut Build<'_>, _: &[PartialType]) -> Result<(), ConfigError> {
        self.check_arguments(build.arguments())
    }

    fn own_types(&self, arguments: &Bound, inputs: &[PartialType]) -> Option<Vec<PartialType>> {
        let (row, options) = (self.row, &self.options);
        let given = Given { row, options, bound: arguments, inputs: &[] };
        shapes::type_of_reshape(&given, inputs.first()?).map(|ty| vec![ty])
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let (row, options) = (self.row, &self.options);
        let given = Given { row, options, bound: call.arguments(), inputs };
        (row.compute)(&given).unwrap_or_else(|error| vec![Tensor::poisoned(error)])
    }

    fn input_count(&self) -> RangeInclusive<usize> {
        0..=usize::MAX
    }

    fn signature(&self) -> &'static [&'static str] {
        self.row.arguments
    }

    fn mask_arguments(&self) -> &'static [&'static str] {
        &[]
    }

    fn takes_any_argument(&self) -> bool {
        self.row.variadic
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
    let row = operations().find(|row| row.class_name == class_name);
    let operation = Operation::of(row.unwrap_or(&elementwise::ELEMENTWISE[0])).shared();
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
