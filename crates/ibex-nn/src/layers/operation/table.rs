//! What a row of the table of operations is.

use ibex_graph::{OpError, Tensor};

use super::given::Given;

/// What a function of the table gives, or what is wrong with its arguments.
pub(super) type Outcome<T> = Result<T, OpError>;

/// One `keras.ops` function.
#[derive(Debug)]
pub struct OperationRow {
    /// The name in files, such as `Add`.
    pub class_name: &'static str,
    /// The module in files, such as `keras.src.ops.numpy`.
    pub module: &'static str,
    /// The names of its options, which files keep in its configuration.
    pub options: &'static [&'static str],
    /// The names of the arguments of its calls, in order.
    pub arguments: &'static [&'static str],
    /// Whether a call may have more arguments than those.
    pub variadic: bool,
    /// Why Ibex refuses it, if it knows it only for that.
    pub refused: Option<&'static str>,
    /// How it is computed.
    pub(super) compute: fn(&Given<'_>) -> Outcome<Vec<Tensor>>,
}

/// Writes a table: `Class [options] (arguments) = one result;`, with `=>` for several results and
/// `(arguments ..)` for functions that take any number.
macro_rules! operations {
    ($(#[$doc:meta])* $table:ident, $module:literal; $(
        $class:ident [$($option:ident)*] ($($argument:ident)* $(; $variadic:ident)?)
            $kind:tt $compute:expr;
    )*) => {
        $(#[$doc])*
        pub(super) const $table: &[$crate::layers::operation::OperationRow] =
            &[$($crate::layers::operation::OperationRow {
                class_name: stringify!($class),
                module: concat!("keras.src.ops.", $module),
                options: &[$(stringify!($option)),*],
                arguments: &[$(stringify!($argument)),*],
                variadic: operations!(@variadic $($variadic)?),
                refused: None,
                compute: operations!(@compute $kind $compute),
            },)*];
    };
    (@variadic) => { false };
    (@variadic any) => { true };
    (@compute -> $compute:expr) => {
        |given| {
            let function: fn(&Given<'_>) -> Outcome<Tensor> = $compute;
            Ok(vec![function(given)?])
        }
    };
    (@compute => $compute:expr) => { $compute };
}

pub(super) use operations;
