//! A loss as users give it: an object, or a name whose meaning depends on the output.

use std::sync::Arc;

use serde_json::Value;

use super::{Loss, LossFunction, resolve};
use crate::object::{ConfigError, class_and_config};
use crate::partial::PartialType;

/// A loss, or a name that may mean another loss for each kind of output (`crossentropy`).
///
/// A name stays a name in files, as in Keras.
#[derive(Clone, Debug)]
pub enum LossChoice {
    /// A name as in Keras.
    Named(String),
    /// A loss.
    Loss(Loss),
}

impl LossChoice {
    /// The loss for targets and predictions of these types.
    ///
    /// # Errors
    /// If no loss has that name; the nearest is suggested.
    pub fn resolve(&self, y_true: &PartialType, y_pred: &PartialType) -> Result<Loss, ConfigError> {
        match self {
            LossChoice::Named(name) => resolve(name, y_true, y_pred),
            LossChoice::Loss(loss) => Ok(loss.clone()),
        }
    }

    /// The choice that a name, or an object of a file, describes.
    ///
    /// A function of Keras is its name.
    ///
    /// # Errors
    /// If no loss has that name, or its configuration does not fit.
    pub fn from_value(value: &Value) -> Result<LossChoice, ConfigError> {
        let is_function = value.get("class_name").is_some_and(|name| name == "function");
        if !value.is_string() && !is_function {
            return Loss::from_value(value).map(LossChoice::Loss);
        }
        let (name, _) = class_and_config(value, "loss")?;
        // Whether there is such a name does not depend on the types.
        let any = PartialType::new(ibex_graph::DType::F32, crate::PartialShape(vec![None, None]));
        resolve(&name, &any, &any).map(|_| LossChoice::Named(name))
    }

    /// As Keras writes it.
    pub fn to_value(&self) -> Value {
        match self {
            LossChoice::Named(name) => Value::String(name.clone()),
            LossChoice::Loss(loss) => loss.to_value(),
        }
    }
}

impl std::str::FromStr for LossChoice {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<LossChoice, ConfigError> {
        LossChoice::from_value(&Value::String(name.to_string()))
    }
}

impl From<&str> for LossChoice {
    /// The name is looked up when the model is compiled.
    fn from(name: &str) -> LossChoice {
        LossChoice::Named(name.to_string())
    }
}

impl From<Loss> for LossChoice {
    fn from(loss: Loss) -> LossChoice {
        LossChoice::Loss(loss)
    }
}

impl<L: LossFunction + 'static> From<L> for LossChoice {
    fn from(loss: L) -> LossChoice {
        LossChoice::Loss(Loss::from_arc(Arc::new(loss)))
    }
}
