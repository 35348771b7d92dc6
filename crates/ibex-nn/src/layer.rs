//! What a layer is: a configuration, weights it asks for, and a forward function.
//!
//! A layer is a struct whose serde fields are its Keras configuration, plus a [`Base`] with the
//! facts that every layer has.
//! It holds no weights: [`Layer::build`] asks for them, an [`Instance`] keeps them, and
//! [`Layer::forward`] reads them through a [`Call`].
//! Users' own layers implement the same trait and need no registration unless files name them.

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use ibex_graph::{DType, Tensor};
use serde_json::{Map, Value, json};

use crate::instance::{Build, Instance};
use crate::models::symbolic::{Arguments, SymbolicTensor};
use crate::object::{ConfigError, from_config};
use crate::partial::PartialType;
use crate::regularizers::Regularizer;
use crate::trace::Call;

/// How a layer behaves.
pub trait Layer: fmt::Debug + Send + Sync {
    /// Name, trainability, dtype and identity.
    fn base(&self) -> &Base;

    /// The same, to be changed.
    fn base_mut(&mut self) -> &mut Base;

    /// The name of the class in files, such as `Dense`.
    fn class_name(&self) -> &'static str;

    /// The module of the class in files; `None` for users' own layers.
    fn module(&self) -> Option<&'static str> {
        Some("keras.layers")
    }

    /// The configuration without the base's keys.
    fn config(&self) -> Value;

    /// The layer itself as a shared object, with the same identity.
    fn shared(&self) -> Arc<dyn Layer>;

    /// What is wrong with the configuration by itself, whatever the input.
    fn check(&self) -> Vec<ConfigError> {
        Vec::new()
    }

    /// Asks for the weights that inputs of these types need.
    ///
    /// # Errors
    /// If the layer cannot be applied to such inputs.
    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let _ = (build, inputs);
        Ok(())
    }

    /// The types of the outputs, for layers that do not compute them from inputs.
    fn own_types(&self) -> Option<Vec<PartialType>> {
        None
    }

    /// Computes the outputs from the inputs.
    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor>;

    /// The masks of the outputs from those of the inputs (`None`: nothing is masked).
    ///
    /// By default a layer passes the mask of its only input on.
    fn mask(
        &self,
        call: &mut Call<'_>,
        inputs: &[Tensor],
        masks: &[Option<Tensor>],
    ) -> Vec<Option<Tensor>> {
        let _ = (call, inputs);
        masks.iter().take(1).cloned().collect()
    }

    /// A penalty on the outputs that is added to the loss.
    fn activity_regularizer(&self) -> Option<&Regularizer> {
        None
    }

    /// How Keras passes the inputs: one after the other, or as one list.
    fn takes_list(&self) -> bool {
        false
    }

    /// The stem of automatic names; Keras's snake case of the class name.
    fn stem(&self) -> String {
        snake_case(self.class_name())
    }
}

/// What every layer has.
#[derive(Debug)]
pub struct Base {
    /// The name; `None` until a model gives an automatic one.
    pub name: Option<String>,
    /// Whether training may change the weights.
    pub trainable: bool,
    /// The dtype of weights and computation.
    pub dtype: DType,
    pub(crate) identity: Identity,
}

impl Base {
    /// No name, trainable, `float32`; remembers the caller's line for messages.
    #[track_caller]
    pub fn new() -> Base {
        Base { name: None, trainable: true, dtype: DType::F32, identity: Identity::new() }
    }

    /// The base described by the keys `name`, `trainable` and `dtype`, which are taken out.
    ///
    /// # Errors
    /// If a key has a value of the wrong kind.
    #[track_caller]
    pub fn take_from(config: &mut Map<String, Value>) -> Result<Base, ConfigError> {
        let mut base = Base::new();
        if let Some(name) = config.remove("name") {
            base.name = name.as_str().map(str::to_string);
        }
        if let Some(trainable) = config.remove("trainable") {
            base.trainable = trainable.as_bool().unwrap_or(true);
        }
        if let Some(dtype) = config.remove("dtype") {
            base.dtype = dtype_of(&dtype)?;
        }
        Ok(base)
    }

    /// The keys `name`, `trainable` and `dtype` as Keras writes them.
    pub fn to_config(&self, name: &str) -> Map<String, Value> {
        let policy = json!({
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": self.dtype.name()},
            "registered_name": null,
        });
        let pairs =
            [("name", json!(name)), ("trainable", json!(self.trainable)), ("dtype", policy)];
        pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }
}

impl Default for Base {
    #[track_caller]
    fn default() -> Base {
        Base::new()
    }
}

impl Clone for Base {
    /// A clone of a layer is another layer: it shares no weights.
    fn clone(&self) -> Base {
        let identity = Identity::at(self.identity.location());
        Base { name: self.name.clone(), trainable: self.trainable, dtype: self.dtype, identity }
    }
}

/// The dtype that a configuration names, as a string or as a policy object.
///
/// # Errors
/// If it is no dtype, or a policy that is not a plain dtype.
pub fn dtype_of(value: &Value) -> Result<DType, ConfigError> {
    let name = match value {
        Value::Null => return Ok(DType::F32),
        Value::Object(policy) => policy.get("config").and_then(|c| c.get("name")).unwrap_or(value),
        other => other,
    };
    let text = name.as_str().unwrap_or_default();
    text.parse().map_err(|_| {
        ConfigError::new("unknown dtype policy")
            .expected(DType::ALL.map(DType::name).join(", "))
            .received(crate::object::shortened(name))
    })
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Which layer it is: calls on the same layer share its weights.
#[derive(Clone, Debug)]
pub(crate) struct Identity(Arc<IdentityData>);

#[derive(Debug)]
struct IdentityData {
    sequence: u64,
    location: &'static Location<'static>,
    instance: OnceLock<Arc<Instance>>,
}

impl Identity {
    #[track_caller]
    fn new() -> Identity {
        Identity::at(Location::caller())
    }

    fn at(location: &'static Location<'static>) -> Identity {
        let sequence = NEXT.fetch_add(1, Ordering::Relaxed);
        Identity(Arc::new(IdentityData { sequence, location, instance: OnceLock::new() }))
    }

    /// A number that grows in order of creation: automatic names follow it.
    pub(crate) fn sequence(&self) -> u64 {
        self.0.sequence
    }

    /// The line that made the layer.
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.0.location
    }

    /// The layer with its weights, once it has been called.
    pub(crate) fn instance(&self) -> Option<&Arc<Instance>> {
        self.0.instance.get()
    }

    /// Remembers the layer with its weights; the first one stays.
    pub(crate) fn set_instance(&self, instance: Arc<Instance>) -> &Arc<Instance> {
        self.0.instance.get_or_init(|| instance)
    }
}

/// Calling a layer on symbolic tensors: how functional models are written.
pub trait LayerExt: Layer {
    /// Applies the layer; calls on the same layer share its weights.
    ///
    /// Mistakes are kept in the result and reported when the model is made.
    #[track_caller]
    fn call(&self, inputs: impl Arguments) -> SymbolicTensor {
        let location = Location::caller();
        crate::models::symbolic::apply(&self.shared(), inputs.into_inputs(), location).remove(0)
    }

    /// Applies the layer and gives all its outputs.
    #[track_caller]
    fn call_all(&self, inputs: impl Arguments) -> Vec<SymbolicTensor> {
        let location = Location::caller();
        crate::models::symbolic::apply(&self.shared(), inputs.into_inputs(), location)
    }
}

impl<T: Layer + ?Sized> LayerExt for T {}

/// Makes a layer from a configuration that holds the base's keys too.
///
/// # Errors
/// If a key is unknown, or a value does not fit.
pub fn layer_from_config<L>(class_name: &str, config: &Value) -> Result<L, ConfigError>
where
    L: Layer + Default + serde::Serialize + serde::de::DeserializeOwned,
{
    let mut config = config.as_object().cloned().unwrap_or_default();
    let base = Base::take_from(&mut config)?;
    let mut layer: L = from_config(class_name, &Value::Object(config))?;
    *layer.base_mut() = base;
    Ok(layer)
}

/// Implements everything of [`Layer`] that follows from the struct: a field `base`, serde fields.
#[macro_export]
macro_rules! layer_facts {
    ($layer:ident) => {
        fn base(&self) -> &$crate::layer::Base {
            &self.base
        }

        fn base_mut(&mut self) -> &mut $crate::layer::Base {
            &mut self.base
        }

        fn class_name(&self) -> &'static str {
            stringify!($layer)
        }

        fn config(&self) -> ::serde_json::Value {
            // A struct of plain fields always serializes.
            ::serde_json::to_value(self).unwrap_or_default()
        }

        fn shared(&self) -> ::std::sync::Arc<dyn $crate::layer::Layer> {
            let mut copy = self.clone();
            $crate::layer::share_identity(&self.base, &mut copy.base);
            ::std::sync::Arc::new(copy)
        }
    };
}

/// Makes `copy` stand for the same layer as `original`: they share weights.
pub fn share_identity(original: &Base, copy: &mut Base) {
    copy.identity = original.identity.clone();
}

/// The setters that every layer has: `name`, `trainable`, `dtype`.
#[macro_export]
macro_rules! layer_setters {
    ($layer:ident) => {
        impl $layer {
            /// Names the layer; names are unique in a model.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.base.name = Some(name.into());
                self
            }

            /// Whether training may change the weights.
            pub fn trainable(mut self, trainable: bool) -> Self {
                self.base.trainable = trainable;
                self
            }

            /// The dtype of weights and computation.
            pub fn dtype(mut self, dtype: ::ibex_graph::DType) -> Self {
                self.base.dtype = dtype;
                self
            }
        }
    };
}

/// Keras's snake case: `Conv2D` → `conv2d`, `BatchNormalization` → `batch_normalization`.
pub fn snake_case(class_name: &str) -> String {
    let chars: Vec<char> = class_name.chars().collect();
    let mut out = String::new();
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|j| chars[j]);
        let after = chars.get(i + 1);
        let starts_word = c.is_ascii_uppercase()
            && before.is_some_and(|b| {
                b.is_ascii_lowercase()
                    || (after.is_some_and(|a| a.is_ascii_lowercase()) && b != '_')
            });
        if starts_word && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn automatic_names_are_those_of_keras() {
        // As `keras.utils.naming.to_snake_case` gives them.
        let cases = [
            ("Dense", "dense"),
            ("Conv2D", "conv2d"),
            ("BatchNormalization", "batch_normalization"),
            ("ReLU", "re_lu"),
            ("LeakyReLU", "leaky_re_lu"),
            ("MaxPooling2D", "max_pooling2d"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
            ("LSTM", "lstm"),
            ("ConvLSTM2D", "conv_lstm2d"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("RMSNormalization", "rms_normalization"),
        ];
        for (class, name) in cases {
            assert_eq!(snake_case(class), name);
        }
    }
}
