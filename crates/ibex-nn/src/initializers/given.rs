//! [`Given`]: values that are already known, such as the statistics of a data set.

use ibex_graph::{Array, DType, Shape};
use serde_json::{Value, json};

use super::{Initialize, Initializer, Seeds};
use crate::object::ConfigError;

/// Values that are already known; files do not hold it.
#[derive(Clone, Debug)]
pub(crate) struct Given(pub(crate) Array);

impl Initialize for Given {
    fn class_name(&self) -> &'static str {
        "Given"
    }

    fn config(&self) -> Value {
        json!({})
    }

    fn check(&self, shape: &Shape) -> Result<(), ConfigError> {
        match self.0.shape() == shape {
            true => Ok(()),
            false => Err(ConfigError::new("the known values have another shape")
                .expected(shape.to_string())
                .received(self.0.shape().to_string())),
        }
    }

    fn initialize(&self, _: &Shape, _: &mut Seeds) -> Array {
        self.0.cast(DType::F32)
    }
}

impl From<Given> for Initializer {
    fn from(given: Given) -> Initializer {
        Initializer::custom(given)
    }
}
