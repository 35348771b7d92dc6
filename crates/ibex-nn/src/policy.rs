//! Dtype policies: in which dtype a layer keeps its weights and in which it computes.
//!
//! Source: <https://keras.io/api/mixed_precision/policy/>.

use std::cell::Cell;
use std::str::FromStr;

use ibex_graph::DType;
use serde_json::{Value, json};

use crate::object::{ConfigError, shortened};

thread_local! {
    static POLICY: Cell<DTypePolicy> = const { Cell::new(DTypePolicy::FLOAT32) };
}

/// The dtypes of a layer's weights and of its computation.
///
/// ```
/// use ibex_nn::policy::DTypePolicy;
/// use ibex_nn::private::DType;
///
/// let mixed: DTypePolicy = "mixed_bfloat16".parse()?;
/// assert_eq!((mixed.variable(), mixed.compute()), (DType::F32, DType::BF16));
/// # Ok::<(), ibex_nn::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DTypePolicy {
    variable: DType,
    compute: DType,
}

impl DTypePolicy {
    /// Everything in `float32`.
    pub const FLOAT32: DTypePolicy = DTypePolicy { variable: DType::F32, compute: DType::F32 };

    /// Weights in `float32`, computation in `bfloat16`.
    pub const MIXED_BFLOAT16: DTypePolicy =
        DTypePolicy { variable: DType::F32, compute: DType::BF16 };

    /// Weights in `float32`, computation in `float16`.
    pub const MIXED_FLOAT16: DTypePolicy =
        DTypePolicy { variable: DType::F32, compute: DType::F16 };

    /// The policy of layers that are made on this thread and given no other: `float32` unless
    /// [`DTypePolicy::scope`] says something else.
    pub fn of_thread() -> DTypePolicy {
        POLICY.get()
    }

    /// Makes it the policy of the layers that `make` makes.
    ///
    /// ```
    /// use ibex_nn::Layer;
    /// use ibex_nn::layers::Dense;
    /// use ibex_nn::policy::DTypePolicy;
    ///
    /// let layer = DTypePolicy::MIXED_BFLOAT16.scope(|| Dense::new(8));
    /// assert_eq!(layer.base().dtype.name(), "mixed_bfloat16");
    /// ```
    pub fn scope<T>(self, make: impl FnOnce() -> T) -> T {
        struct Restore(DTypePolicy);
        impl Drop for Restore {
            fn drop(&mut self) {
                POLICY.set(self.0);
            }
        }
        let _restore = Restore(POLICY.replace(self));
        make()
    }

    /// The dtype of the weights.
    pub fn variable(self) -> DType {
        self.variable
    }

    /// The dtype of the computation, and of the outputs.
    pub fn compute(self) -> DType {
        self.compute
    }

    /// The name in files, such as `mixed_bfloat16` or `float32`.
    pub fn name(self) -> &'static str {
        match self {
            DTypePolicy::MIXED_BFLOAT16 => "mixed_bfloat16",
            DTypePolicy::MIXED_FLOAT16 => "mixed_float16",
            plain => plain.compute.name(),
        }
    }

    /// The policy that a configuration names, as a string or as an object.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn from_value(value: &Value) -> Result<DTypePolicy, ConfigError> {
        let name = match value {
            Value::Null => return Ok(DTypePolicy::default()),
            Value::Object(policy) => {
                policy.get("config").and_then(|c| c.get("name")).unwrap_or(value)
            }
            other => other,
        };
        match name.as_str() {
            Some(text) => text.parse(),
            None => Err(unknown(&shortened(name))),
        }
    }

    /// As Keras serializes it.
    pub fn to_value(self) -> Value {
        json!({
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": self.name()},
            "registered_name": null,
        })
    }
}

impl Default for DTypePolicy {
    /// `float32` for everything.
    fn default() -> DTypePolicy {
        DTypePolicy::FLOAT32
    }
}

impl From<DType> for DTypePolicy {
    fn from(dtype: DType) -> DTypePolicy {
        DTypePolicy { variable: dtype, compute: dtype }
    }
}

impl FromStr for DTypePolicy {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<DTypePolicy, ConfigError> {
        match name {
            "mixed_bfloat16" => Ok(DTypePolicy::MIXED_BFLOAT16),
            "mixed_float16" => Ok(DTypePolicy::MIXED_FLOAT16),
            plain => plain.parse::<DType>().map(DTypePolicy::from).map_err(|_| unknown(name)),
        }
    }
}

fn unknown(received: &str) -> ConfigError {
    if received == "string" {
        return ConfigError::new("graphs hold no strings")
            .expected("numbers")
            .received("dtype = string")
            .help(
                "`Model::load_text` gives the layers that read strings, and a model of the rest",
            );
    }
    let plain = DType::ALL.map(DType::name).join(", ");
    ConfigError::new("unknown dtype policy")
        .expected(format!("{plain}, mixed_bfloat16 or mixed_float16"))
        .received(received)
}
