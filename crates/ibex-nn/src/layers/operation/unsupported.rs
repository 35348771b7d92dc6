//! Operations that Ibex does not have, each with its reason: a model with one is refused by name.

use super::given::Given;
use super::table::{OperationRow, Outcome};
use ibex_graph::Tensor;

macro_rules! unsupported {
    ($($module:literal $reason:literal: $($class:ident)*;)*) => {
        /// Operations that are known and refused.
        pub(super) const UNSUPPORTED: &[OperationRow] = &[$($(OperationRow {
            class_name: stringify!($class),
            module: concat!("keras.src.ops.", $module),
            options: &[],
            arguments: &[],
            variadic: true,
            refused: Some($reason),
            compute: |given| refused(given, $reason),
        },)*)*];
    };
}

fn refused(given: &Given<'_>, reason: &str) -> Outcome<Vec<Tensor>> {
    Err(given
        .wrong("this operation is not supported", "an operation without this need", reason)
        .help("replace it by a layer of your own under its name in the model"))
}

unsupported! {
    "core" "it calls Python functions":
        AssociativeScan Cond ForiLoop Map Scan Switch VectorizedMap WhileLoop;
    "image" "it draws random numbers from a seed of its own": ElasticTransform;
    "linalg" "it calls Python functions": JVP;
    "linalg" "it gives complex numbers": Eig;
    "math" "it gives complex numbers": ViewAsComplex ViewAsReal;
    "nn" "it gives complex numbers": Polar;
    "numpy" "the shape of its result depends on values": Nonzero;
    "numpy" "it reads the bytes of numbers as other numbers": View;
}
