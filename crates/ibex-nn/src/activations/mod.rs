//! Activation functions: one file each, one row each in the table.
//!
//! Functions with parameters have Keras's defaults in the table; their files hold the function for
//! any parameter, to be used in [`Activation::custom`].

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use ibex_graph::Tensor;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, json};

use crate::object::{ConfigError, class_and_config, nearest};

pub mod threshold;

macro_rules! activations {
    ($($(#[$doc:meta])* $variant:ident $name:literal [$($alias:literal)?] $module:ident;)*) => {
        $(pub mod $module;)*

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

            /// Other names that Keras accepts, with those in files.
            const ALIASES: &'static [(&'static str, &'static str)] = &[$($(($alias, $name),)?)*];

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
    /// `max(x, 0) + e^min(x, 0) - 1`.
    Celu "celu" [] celu;
    /// `x` where positive, else `e^x - 1`.
    Elu "elu" [] elu;
    /// `e^x`.
    Exponential "exponential" [] exponential;
    /// `x` times the probability that a normal number is below `x`.
    Gelu "gelu" [] gelu;
    /// The first half along the last axis, times the sigmoid of the second half.
    Glu "glu" [] glu;
    /// `x` where it is beyond `±0.5`, else 0.
    HardShrink "hard_shrink" [] hard_shrink;
    /// `relu6(x + 3) / 6`.
    HardSigmoid "hard_sigmoid" [] hard_sigmoid;
    /// `x · hard_sigmoid(x)`.
    HardSilu "hard_silu" ["hard_swish"] hard_silu;
    /// `x`, but at least -1 and at most 1.
    HardTanh "hard_tanh" [] hard_tanh;
    /// `x` where it is not negative, else `0.2 · x`.
    LeakyRelu "leaky_relu" [] leaky_relu;
    /// The logarithm of the sigmoid.
    LogSigmoid "log_sigmoid" [] log_sigmoid;
    /// The logarithm of the softmax along the last axis.
    LogSoftmax "log_softmax" [] log_softmax;
    /// `x · tanh(softplus(x))`.
    Mish "mish" [] mish;
    /// `max(x, 0)`.
    Relu "relu" [] relu;
    /// `x`, but at least 0 and at most 6.
    Relu6 "relu6" [] relu6;
    /// The exponential linear unit with the constants that keep activations normalised.
    Selu "selu" [] selu;
    /// `1 / (1 + e^-x)`.
    Sigmoid "sigmoid" [] sigmoid;
    /// `x · sigmoid(x)`.
    Silu "silu" ["swish"] silu;
    /// `x` moved towards 0 by 0.5, and 0 if nearer than that.
    SoftShrink "soft_shrink" [] soft_shrink;
    /// `e^x`, divided by the sum along the last axis.
    Softmax "softmax" [] softmax;
    /// `log(e^x + 1)`.
    Softplus "softplus" [] softplus;
    /// `x / (|x| + 1)`.
    Softsign "softsign" [] softsign;
    /// 0 up to -1, `(x + 1)² / 4` up to 1, `x` from there.
    SparsePlus "sparse_plus" [] sparse_plus;
    /// `(x + 1) / 2`, but at least 0 and at most 1.
    SparseSigmoid "sparse_sigmoid" [] sparse_sigmoid;
    /// The nearest probabilities along the last axis; many are exactly 0.
    Sparsemax "sparsemax" [] sparsemax;
    /// `(x + sqrt(x² + 4)) / 2`.
    Squareplus "squareplus" [] squareplus;
    /// The hyperbolic tangent.
    Tanh "tanh" [] tanh;
    /// `x - tanh(x)`.
    TanhShrink "tanh_shrink" [] tanh_shrink;
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

/// Users' own activations, by the name in files.
static REGISTRY: Mutex<BTreeMap<&'static str, Activation>> = Mutex::new(BTreeMap::new());

impl Activation {
    /// A user's own function under the name that files give it.
    pub fn custom(
        name: &'static str,
        function: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Activation {
        Activation::Custom(name, Arc::new(function))
    }

    /// Makes files that name a custom activation load with it.
    pub fn register(activation: Activation) {
        let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
        registry.insert(activation.name(), activation);
    }
}

impl FromStr for Activation {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Activation, ConfigError> {
        let alias = Activation::ALIASES.iter().find(|(alias, _)| *alias == name);
        let name = alias.map_or(name, |(_, own)| own);
        if let Some((_, found)) = Activation::ALL.iter().find(|(n, _)| *n == name) {
            return Ok(found.clone());
        }
        let registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = registry.get(name) {
            return Ok(found.clone());
        }
        let names = || Activation::ALL.iter().map(|(n, _)| *n);
        let error = ConfigError::new(format!("unknown activation `{name}`"));
        Err(match nearest(name, names()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error
                .expected(names().collect::<Vec<_>>().join(", "))
                .help("register your own with `Activation::register` before loading"),
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
        match self {
            // As Keras writes a function that is not its own.
            Activation::Custom(name, _) => json!({
                "module": null,
                "class_name": "function",
                "config": name,
                "registered_name": name,
            })
            .serialize(to),
            own => to.serialize_str(own.name()),
        }
    }
}

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Activation, D::Error> {
        let value = Value::deserialize(from)?;
        Activation::from_value(&value).map_err(de::Error::custom)
    }
}
