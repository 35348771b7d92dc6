//! Activation functions: one file each, one row each in the table.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ibex_graph::Tensor;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::object::{ConfigError, class_and_config, nearest};

macro_rules! activations {
    ($($(#[$doc:meta])* $variant:ident $name:literal $module:ident;)*) => {
        $(mod $module;)*

        /// A function applied to a layer's result.
        #[derive(Clone, Default)]
        pub enum Activation {
            $($(#[$doc])* $variant,)*
            /// `x` itself.
            #[default]
            Linear,
            /// A user's own function, under the name that files give it.
            Custom(&'static str, Arc<dyn Fn(&Tensor) -> Tensor + Send + Sync>),
        }

        $(
            $(#[$doc])*
            ///
            /// Stands for the variant of [`Activation`] with the same name.
            #[derive(Clone, Copy, Debug, Default)]
            pub struct $variant;

            impl From<$variant> for Activation {
                fn from(_: $variant) -> Activation { Activation::$variant }
            }
        )*

        impl Activation {
            /// Every activation of the table with its name in files.
            pub const ALL: &'static [(&'static str, Activation)] =
                &[("linear", Activation::Linear), $(($name, Activation::$variant),)*];

            /// The name in files, such as `relu`.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Activation::$variant => $name,)*
                    Activation::Linear => "linear",
                    Activation::Custom(name, _) => name,
                }
            }

            /// The function's value.
            #[track_caller]
            pub fn apply(&self, x: &Tensor) -> Tensor {
                match self {
                    $(Activation::$variant => $module::$module(x),)*
                    Activation::Linear => x.clone(),
                    Activation::Custom(_, f) => f(x),
                }
            }
        }
    };
}

activations! {
    /// `max(x, 0)`.
    Relu "relu" relu;
    /// `1 / (1 + e^-x)`.
    Sigmoid "sigmoid" sigmoid;
}

impl Activation {
    /// The activation that a configuration names; `null` is `linear`.
    ///
    /// # Errors
    /// If there is none of that name; the nearest is suggested.
    pub fn from_value(value: &Value) -> Result<Activation, ConfigError> {
        if value.is_null() {
            return Ok(Activation::Linear);
        }
        class_and_config(value, "an activation")?.0.parse()
    }
}

impl FromStr for Activation {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Activation, ConfigError> {
        if let Some((_, found)) = Activation::ALL.iter().find(|(n, _)| *n == name) {
            return Ok(found.clone());
        }
        let names = || Activation::ALL.iter().map(|(n, _)| *n);
        let error = ConfigError::new(format!("unknown activation `{name}`"));
        Err(match nearest(name, names()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.expected(names().collect::<Vec<_>>().join(", ")),
        })
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Activation {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Activation, D::Error> {
        let value = Value::deserialize(from)?;
        Activation::from_value(&value).map_err(de::Error::custom)
    }
}
