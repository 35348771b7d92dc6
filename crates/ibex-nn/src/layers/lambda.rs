//! `Lambda`: a function as a layer.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ibex_graph::{OpError, Tensor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value, json};

use crate::activations::Activation;
use crate::layer::Layer;
use crate::object::{ConfigError, nearest, shortened};
use crate::trace::Call;
use crate::{layer, layer_facts};

/// What a function of a [`Lambda`] computes from its inputs and the layer's `arguments`.
type Compute = dyn Fn(&[Tensor], &Map<String, Value>) -> Tensor + Send + Sync;

/// A function under the name that files give it, such as `my_package>double`.
#[derive(Clone)]
pub struct Function {
    name: String,
    compute: Arc<Compute>,
}

impl Function {
    /// A function of the inputs and of the layer's `arguments`.
    pub fn new(
        name: impl Into<String>,
        compute: impl Fn(&[Tensor], &Map<String, Value>) -> Tensor + Send + Sync + 'static,
    ) -> Function {
        Function { name: name.into(), compute: Arc::new(compute) }
    }

    /// The name in files.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes files that name this function load with it.
    ///
    /// ```
    /// use ibex_nn::layers::lambda::Function;
    ///
    /// Function::register(Function::new("shop>scale", |inputs, arguments| {
    ///     let factor = arguments.get("factor").and_then(|f| f.as_f64()).unwrap_or(2.0);
    ///     &inputs[0] * factor
    /// }));
    /// ```
    pub fn register(function: Function) {
        let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
        registry.insert(function.name.clone(), function);
    }

    /// The function that a configuration names.
    ///
    /// # Errors
    /// If it holds code, which is never run, or a name that nobody registered.
    fn from_value(value: &Value) -> Result<Function, ConfigError> {
        if value.get("class_name").and_then(Value::as_str) == Some("__lambda__") {
            return Err(ConfigError::new("a `Lambda` layer holds Python code, which is never run")
                .help("write it as a layer in Rust and call `register_layer(\"Lambda\", …)`"));
        }
        let name = value.as_str().or_else(|| value.get("config")?.as_str()).ok_or_else(|| {
            ConfigError::new("this is not a function")
                .expected("the name of a registered function")
                .received(shortened(value))
        })?;
        let registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = registry.get(name) {
            return Ok(function.clone());
        }
        if let Ok(activation) = name.parse::<Activation>() {
            return Ok(Function::new(name, move |inputs, _| activation.apply(&inputs[0])));
        }
        let error = ConfigError::new(format!("unknown function `{name}` of a `Lambda` layer"));
        let register = format!("`Function::register(Function::new(\"{name}\", …))` before loading");
        Err(error.help(match nearest(name, registry.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? Call {register}, if it is your own"),
            None => format!("call {register}"),
        }))
    }
}

static REGISTRY: Mutex<BTreeMap<String, Function>> = Mutex::new(BTreeMap::new());

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Default for Function {
    /// The first input itself.
    fn default() -> Function {
        Function::new("linear", |inputs, _| inputs[0].clone())
    }
}

impl Serialize for Function {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        json!({
            "module": "builtins",
            "class_name": "function",
            "config": self.name,
            "registered_name": "function",
        })
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Function {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Function, D::Error> {
        let value = Value::deserialize(from)?;
        Function::from_value(&value).map_err(de::Error::custom)
    }
}

layer! {
    /// A function as a layer, without weights.
    ///
    /// The output has the shape that the function gives.
    /// A file holds the name of the function alone: [`Function::register`] says what it stands
    /// for; Python code in a file is refused.
    /// Source: <https://keras.io/api/layers/core_layers/lambda/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, Lambda};
    ///
    /// let y = Lambda::new("shop>double", |x| x * 2.0).call(&Input::new([3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 3)");
    /// ```
    Lambda {
        /// The function.
        function: is Function = Function::default(),
        /// The shape of the output that the file notes; the function decides.
        output_shape: some Value = None,
        /// The function of masks that the file notes; none but `null` can be read.
        mask: some Function = None,
        /// Further arguments of the function, by name.
        arguments: is Map<String, Value> = Map::new(),
    }
}

impl Lambda {
    /// A function of one tensor, under the name that files will have.
    #[track_caller]
    pub fn new(
        name: impl Into<String>,
        function: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static,
    ) -> Lambda {
        let function = Function::new(name, move |inputs, _| function(&inputs[0]));
        Lambda { function, ..Lambda::default() }
    }
}

impl Layer for Lambda {
    layer_facts!(Lambda, |layer| {
        let mut config = serde_json::to_value(layer).unwrap_or_default();
        if let Value::Object(fields) = &mut config {
            fields.retain(|_, value| !value.is_null());
        }
        config
    });

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        match inputs.is_empty() {
            true => vec![Tensor::poisoned(OpError::new(
                "a `Lambda` layer is called on nothing",
                "a tensor",
                "none",
            ))],
            false => vec![(self.function.compute)(inputs, &self.arguments)],
        }
    }

    fn supports_masking(&self) -> bool {
        false
    }

    fn input_count(&self) -> std::ops::RangeInclusive<usize> {
        1..=usize::MAX
    }
}
