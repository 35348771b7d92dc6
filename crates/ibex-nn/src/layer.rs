//! What a layer is: a configuration, weights it asks for, and a forward function.
//!
//! A layer is a struct whose serde fields are its Keras configuration, plus a [`Base`] with the
//! facts that every layer has.
//! It holds no weights: [`Layer::build`] asks for them, an [`Instance`] keeps them, and
//! [`Layer::forward`] reads them through a [`Call`].
//! Users' own layers implement the same trait and need no registration unless files name them.

use std::fmt;
use std::ops::RangeInclusive;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use ibex_graph::Tensor;
use serde_json::{Map, Value, json};

use crate::arguments::{Argument, Bound};
use crate::instance::{Build, Instance};
use crate::layers::recurrent::{Cell, Recurrent};
use crate::models::symbolic::{Arguments, SymbolicTensor};
use crate::object::{ConfigError, from_config_with};
use crate::partial::PartialType;
use crate::policy::DTypePolicy;
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

    /// The name under which Keras registered the class; users' own are registered by their name.
    fn registered_name(&self) -> Option<&'static str> {
        match self.module() {
            Some(_) => None,
            None => Some(self.class_name()),
        }
    }

    /// The configuration without the base's keys.
    fn config(&self) -> Value;

    /// The configuration as files have it, for the layer in a model that names it `name`.
    fn full_config(&self, name: &str, trainable: bool) -> Map<String, Value> {
        self.base().full_config(self.config(), name, trainable)
    }

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

    /// The types of the outputs, for layers that know them without being called.
    ///
    /// By default they are found by tracing [`Layer::forward`].
    fn own_types(&self, arguments: &Bound, inputs: &[PartialType]) -> Option<Vec<PartialType>> {
        let _ = (arguments, inputs);
        None
    }

    /// Computes the outputs from the inputs.
    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor>;

    /// Whether the layer passes masks on; one that does not ends them.
    fn supports_masking(&self) -> bool {
        false
    }

    /// The masks of the outputs from those of the first argument (`None`: nothing is masked).
    ///
    /// By default a layer that supports masking passes the mask of its first input on.
    fn mask(
        &self,
        call: &mut Call<'_>,
        inputs: &[Tensor],
        masks: &[Option<Tensor>],
    ) -> Vec<Option<Tensor>> {
        let _ = (call, inputs);
        let passed = if self.supports_masking() { 1 } else { 0 };
        masks.iter().take(passed).cloned().collect()
    }

    /// How many inputs the layer takes.
    fn input_count(&self) -> RangeInclusive<usize> {
        match self.takes_list() {
            true => 1..=usize::MAX,
            false => 1..=1,
        }
    }

    /// Whether its weights, if any, do not depend on the inputs: Keras then writes no
    /// `build_config`.
    fn is_built_at_once(&self) -> bool {
        false
    }

    /// Whether it draws random numbers while training: Keras then saves the state of a generator
    /// with the layer.
    fn draws_random_numbers(&self) -> bool {
        false
    }

    /// Whether it computes in `float32` where its policy says `float16` or `bfloat16`, as
    /// normalisations do; its outputs are cast back.
    fn computes_in_float32(&self) -> bool {
        false
    }

    /// Whether inputs are cast to the dtype of its policy; large indices would not come through.
    fn casts_inputs(&self) -> bool {
        true
    }

    /// How Keras passes the inputs: one after the other, or as one list.
    fn takes_list(&self) -> bool {
        false
    }

    /// How a call is arranged that gives nothing but `count` tensors.
    fn arrangement(&self, count: usize) -> Vec<Argument<usize>> {
        match self.takes_list() {
            true => vec![Argument::tensors_of(0..count)],
            false => (0..count).map(Argument::Tensor).collect(),
        }
    }

    /// What files have of the layer beside its configuration and its weights.
    fn assets(&self) -> Option<Assets> {
        None
    }

    /// The names of the arguments of a call, in order: those of Keras's `call`, with masks where
    /// Keras takes them by position too.
    fn signature(&self) -> &'static [&'static str] {
        &["inputs"]
    }

    /// The arguments whose shapes Keras notes with a layer that was built.
    fn arguments_of_build(&self) -> &'static [&'static str] {
        self.signature()
    }

    /// The names of the arguments of a call that are masks: `mask`, or `query_mask`, ….
    ///
    /// An input carries its mask to the layer if it is the only one and there is a `mask`, or if
    /// there is one under its own name, as in Keras.
    fn mask_arguments(&self) -> &'static [&'static str] {
        &["mask"]
    }

    /// Whether a call may have arguments that are not in the signature.
    fn takes_any_argument(&self) -> bool {
        false
    }

    /// The layer as a cell: one step of a recurrent layer; `None` if it is none.
    fn as_cell(&self) -> Option<&dyn Cell> {
        None
    }

    /// The layer as one that goes through time; `None` if it does not.
    fn as_recurrent(&self) -> Option<&dyn Recurrent> {
        None
    }

    /// The layers and calls within, if the layer is a model.
    fn as_model(&self) -> Option<&crate::models::Functional> {
        None
    }

    /// Whether an output of a batch may depend on other samples than its own, while training.
    ///
    /// Users' own layers are taken to be so, unless they say otherwise.
    fn mixes_samples(&self) -> bool {
        self.module().is_none()
    }

    /// Whether what only the first step computes has been computed, and need not be in the programs
    /// of further steps; true of nearly all layers.
    fn is_initialized(&self, instance: &Instance) -> bool {
        let _ = instance;
        true
    }

    /// Replaces the cells that are options of this one by independent ones.
    fn renew_inner_layers(&mut self) {}

    /// The layers that are options of this one, such as a wrapper's; they get automatic names too.
    fn inner_layers(&self) -> Vec<Arc<dyn Layer>> {
        Vec::new()
    }

    /// The stem of automatic names; Keras's snake case of the class name.
    fn stem(&self) -> String {
        snake_case(self.class_name())
    }
}

/// What a lookup layer that found its vocabulary in data has in files beside its configuration.
#[derive(Clone, Debug)]
pub struct Assets {
    /// Where it lies, below the place of the layer.
    pub places: &'static [&'static str],
    /// The tokens, one in each line.
    pub vocabulary: String,
    /// The weight of each token, if they are weighted.
    pub idf_weights: Option<Vec<f64>>,
}

/// What every layer has.
#[derive(Debug)]
pub struct Base {
    /// The name; `None` until a model gives an automatic one.
    pub name: Option<String>,
    /// Whether training may change the weights.
    pub trainable: bool,
    /// The dtypes of weights and computation.
    pub dtype: DTypePolicy,
    /// Penalty on the outputs, divided by the batch size and added to the loss.
    pub activity_regularizer: Option<Regularizer>,
    /// The prefix of the name and the layer that it follows, as in `forward_lstm`.
    pub(crate) named_after: Option<(&'static str, Identity)>,
    pub(crate) identity: Identity,
}

impl Base {
    /// No name, trainable, the thread's dtype policy; remembers the caller's line for messages.
    #[track_caller]
    pub fn new() -> Base {
        Base {
            name: None,
            trainable: true,
            dtype: DTypePolicy::of_thread(),
            activity_regularizer: None,
            named_after: None,
            identity: Identity::new(),
        }
    }

    /// The name: its own, or the automatic one once a model has given it.
    pub fn known_name(&self) -> Option<&str> {
        if let Some(name) = self.name.as_deref().or_else(|| self.identity.name()) {
            return Some(name);
        }
        let (prefix, other) = self.named_after.as_ref()?;
        let name = format!("{prefix}{}", other.name()?);
        Some(self.identity.set_name(name))
    }

    /// Names the layer `prefix` and then as `other` will be named.
    pub fn name_after(&mut self, prefix: &'static str, other: &Base) {
        match &other.name {
            Some(name) => self.name = Some(format!("{prefix}{name}")),
            None => self.named_after = Some((prefix, other.identity.clone())),
        }
    }

    /// The base described by the keys `name`, `trainable`, `dtype` and `activity_regularizer`,
    /// which are taken out.
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
            base.dtype = DTypePolicy::from_value(&dtype)?;
        }
        if let Some(penalty) = config.remove("activity_regularizer").filter(|v| !v.is_null()) {
            base.activity_regularizer = Some(Regularizer::from_value(&penalty)?);
        }
        Ok(base)
    }

    /// The keys that every layer has, and the configuration without them.
    fn split_from(config: &Value) -> Result<(Base, Value), ConfigError> {
        let mut own = config.as_object().cloned().unwrap_or_default();
        let base = Base::take_from(&mut own)?;
        Ok((base, Value::Object(own)))
    }

    /// The configuration of a layer with the keys that every layer has before its own.
    fn full_config(&self, own: Value, name: &str, trainable: bool) -> Map<String, Value> {
        let mut config = self.to_config(name, trainable);
        if let Value::Object(own) = own {
            config.extend(own);
        }
        config
    }

    /// The keys `name`, `trainable`, `dtype` and, if there is one, `activity_regularizer` as Keras
    /// writes them.
    pub fn to_config(&self, name: &str, trainable: bool) -> Map<String, Value> {
        let policy = self.dtype.to_value();
        let pairs = [("name", json!(name)), ("trainable", json!(trainable)), ("dtype", policy)];
        let penalty = self.activity_regularizer.as_ref().map(Regularizer::to_value);
        let penalty = penalty.map(|value| ("activity_regularizer", value));
        pairs.into_iter().chain(penalty).map(|(key, value)| (key.to_string(), value)).collect()
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
        Base {
            name: self.name.clone(),
            trainable: self.trainable,
            dtype: self.dtype,
            activity_regularizer: self.activity_regularizer.clone(),
            named_after: self.named_after.clone(),
            identity,
        }
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Which layer it is: calls on the same layer share its weights.
#[derive(Clone)]
pub(crate) struct Identity(Arc<IdentityData>);

impl fmt::Debug for Identity {
    /// The number only: the instance holds the layer, which holds its identity.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0.sequence)
    }
}

struct IdentityData {
    sequence: u64,
    location: &'static Location<'static>,
    name: OnceLock<String>,
    instance: OnceLock<Arc<Instance>>,
}

impl Identity {
    #[track_caller]
    fn new() -> Identity {
        Identity::at(Location::caller())
    }

    fn at(location: &'static Location<'static>) -> Identity {
        let sequence = NEXT.fetch_add(1, Ordering::Relaxed);
        let (name, instance) = (OnceLock::new(), OnceLock::new());
        Identity(Arc::new(IdentityData { sequence, location, name, instance }))
    }

    /// The automatic name, once a model has given it.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.name.get().map(String::as_str)
    }

    /// Gives the automatic name; the first one stays.
    pub(crate) fn set_name(&self, name: String) -> &str {
        self.0.name.get_or_init(|| name)
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
        crate::models::symbolic::apply(&self.shared(), inputs, location).remove(0)
    }

    /// Applies the layer and gives all its outputs.
    #[track_caller]
    fn call_all(&self, inputs: impl Arguments) -> Vec<SymbolicTensor> {
        let location = Location::caller();
        crate::models::symbolic::apply(&self.shared(), inputs, location)
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
    let (base, own) = Base::split_from(config)?;
    let mistakes = |layer: &L| layer.check().len();
    let mut layer: L = from_config_with(class_name, &own, &mistakes)?;
    *layer.base_mut() = base;
    Ok(layer)
}

/// Implements everything of [`Layer`] that follows from the struct: a field `base`, serde fields.
#[macro_export]
macro_rules! layer_facts {
    ($layer:ident) => {
        // A struct of plain fields always serializes.
        $crate::layer_facts!($layer, |layer| $crate::private::serde_json::to_value(layer)
            .unwrap_or_default());
    };
    ($layer:ident, |$this:ident| $config:expr) => {
        fn base(&self) -> &$crate::layer::Base {
            &self.base
        }

        fn base_mut(&mut self) -> &mut $crate::layer::Base {
            &mut self.base
        }

        fn class_name(&self) -> &'static str {
            stringify!($layer)
        }

        fn config(&self) -> $crate::private::serde_json::Value {
            let $this = self;
            $config
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

/// The setters that every layer has: `name`, `trainable`, `dtype`, `activity_regularizer`.
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

            /// The dtype of weights and computation, or a policy with a dtype for each.
            pub fn dtype(mut self, dtype: impl Into<$crate::policy::DTypePolicy>) -> Self {
                self.base.dtype = dtype.into();
                self
            }

            /// Adds a penalty on the outputs, divided by the batch size, to the loss.
            pub fn activity_regularizer(
                mut self,
                regularizer: impl Into<$crate::regularizers::Regularizer>,
            ) -> Self {
                self.base.activity_regularizer = Some(regularizer.into());
                self
            }
        }
    };
}

/// Defines a layer's struct from its options, one line each: fields, defaults and setters.
///
/// ```text
/// layer! {
///     /// Docs of the layer.
///     Dense {
///         /// Docs of the option, for the field and for the setter.
///         units: is usize = 1,
///         activation: into Activation = Activation::Linear,
///         kernel_regularizer: some Regularizer = None,
///     }
/// }
/// ```
/// A setter takes the type itself (`is`), what converts into it (`into`), the content of an
/// `Option` (`given`), or what converts into that (`some`).
#[macro_export]
macro_rules! layer {
    (
        $(#[doc = $doc:literal])*
        $layer:ident {
            $($(#[doc = $help:literal])* $(#[serde($($serde:tt)*)])?
            $field:ident: $kind:ident $ty:ty = $default:expr,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(default)]
        pub struct $layer {
            $($(#[doc = $help])* $(#[serde($($serde)*)])?
            pub $field: $crate::layer!(@field $kind $ty),)*
            #[serde(skip)]
            base: $crate::layer::Base,
        }

        impl Default for $layer {
            #[track_caller]
            fn default() -> $layer {
                $layer { $($field: $default,)* base: $crate::layer::Base::new() }
            }
        }

        impl $layer {
            $($crate::layer!(@setter ($($help)*) $field $kind $ty);)*
        }

        $crate::layer_setters!($layer);
    };
    (@field some $ty:ty) => { Option<$ty> };
    (@field given $ty:ty) => { Option<$ty> };
    (@field $kind:ident $ty:ty) => { $ty };
    (@setter ($($help:literal)*) $field:ident is $ty:ty) => {
        $(#[doc = $help])*
        pub fn $field(mut self, $field: $ty) -> Self {
            self.$field = $field;
            self
        }
    };
    (@setter ($($help:literal)*) $field:ident into $ty:ty) => {
        $(#[doc = $help])*
        pub fn $field(mut self, $field: impl Into<$ty>) -> Self {
            self.$field = $field.into();
            self
        }
    };
    (@setter ($($help:literal)*) $field:ident given $ty:ty) => {
        $(#[doc = $help])*
        pub fn $field(mut self, $field: $ty) -> Self {
            self.$field = Some($field);
            self
        }
    };
    (@setter ($($help:literal)*) $field:ident some $ty:ty) => {
        $(#[doc = $help])*
        pub fn $field(mut self, $field: impl Into<$ty>) -> Self {
            self.$field = Some($field.into());
            self
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
