//! Keras objects: named things with a configuration, in families.
//!
//! A family (initializers, losses, …) is a trait, a handle type and a table with one row for each
//! member; `keras_family!` makes the handle, the table and the JSON both ways.
//! A member is a struct whose serde fields are its Keras configuration.
//! Users' own members are registered under a name with `register`, and files that name them load.

mod unfit;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

/// A configuration from a file, the command line or a string that does not make an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// What cannot be made, in one clause.
    pub what: String,
    /// What would have been right; empty if there is nothing to say.
    pub expected: String,
    /// What was there; empty if there is nothing to say.
    pub received: String,
    /// What to do about it; empty if there is nothing to add.
    pub help: String,
}

impl ConfigError {
    /// An error that only says what is wrong.
    pub fn new(what: impl Into<String>) -> ConfigError {
        let empty = String::new;
        ConfigError { what: what.into(), expected: empty(), received: empty(), help: empty() }
    }

    /// Adds what would have been right.
    pub fn expected(mut self, text: impl Into<String>) -> ConfigError {
        self.expected = text.into();
        self
    }

    /// Adds what was there.
    pub fn received(mut self, text: impl Into<String>) -> ConfigError {
        self.received = text.into();
        self
    }

    /// Adds what to do about it.
    pub fn help(mut self, text: impl Into<String>) -> ConfigError {
        self.help = text.into();
        self
    }
}

impl ConfigError {
    /// The error that was displayed as `text`, in its parts again: how what is wrong inside an
    /// option comes through `serde`, whose errors are texts.
    fn from_text(text: &str) -> ConfigError {
        let mut error = ConfigError::new("");
        for (index, line) in text.lines().enumerate() {
            if let Some(rest) = line.strip_prefix(EXPECTED) {
                error.expected = rest.to_string();
            } else if let Some(rest) = line.strip_prefix(RECEIVED) {
                error.received = rest.to_string();
            } else if let Some(rest) = line.strip_prefix(HELP) {
                error.help = rest.to_string();
            } else {
                let gap = if index > 0 { "\n" } else { "" };
                error.what = format!("{}{gap}{line}", error.what);
            }
        }
        error
    }
}

/// What stands before the parts of an error when it is displayed.
const EXPECTED: &str = "  expected  ";
const RECEIVED: &str = "  received  ";
const HELP: &str = "  help: ";

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for (label, part) in
            [(EXPECTED, &self.expected), (RECEIVED, &self.received), (HELP, &self.help)]
        {
            if !part.is_empty() {
                write!(f, "\n{label}{part}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The name among `names` that is nearest to `text`, if one is near.
pub fn nearest<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |s: &str| s.to_lowercase().replace(['_', '-', ' '], "");
    let wanted = plain(text);
    let scored = names.into_iter().map(|name| (edit_distance(&wanted, &plain(name)), name));
    let (distance, name) = scored.min()?;
    (distance <= 1 + wanted.chars().count() / 3).then_some(name)
}

/// The number of insertions, deletions, replacements and swaps of neighbours between two texts.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]) as usize;
                let moved = rows[i - 1][j].min(rows[i][j - 1]) + 1;
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let best = replaced.min(moved);
                if swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
            };
        }
    }
    rows[a.len()][b.len()]
}

/// An object as Keras writes it: `{"module", "class_name", "config", "registered_name"}`.
pub fn serialized(
    module: &str,
    class_name: &str,
    config: Value,
    registered_name: Option<&str>,
) -> Value {
    json!({
        "module": if registered_name.is_some() { Value::Null } else { json!(module) },
        "class_name": class_name,
        "config": config,
        "registered_name": registered_name,
    })
}

/// The class name and the configuration of a serialized object, or of a bare name.
///
/// # Errors
/// If the value is neither.
pub fn class_and_config(value: &Value, noun: &str) -> Result<(String, Value), ConfigError> {
    let bad = || {
        ConfigError::new(format!("this is not {noun}"))
            .expected("a name, or an object with `class_name` and `config`")
            .received(shortened(value))
    };
    match value {
        Value::String(name) => Ok((name.clone(), Value::Object(Map::new()))),
        Value::Object(object) => {
            let name = object.get("class_name").and_then(Value::as_str).ok_or_else(bad)?;
            // Custom functions carry their name in `config`, classes a nested object.
            let registered = object.get("registered_name").and_then(Value::as_str);
            let config = object.get("config").cloned().unwrap_or(Value::Object(Map::new()));
            match (name, &config) {
                ("function", Value::String(function)) => {
                    Ok((function.clone(), Value::Object(Map::new())))
                }
                _ => Ok((registered.filter(|r| !r.is_empty()).unwrap_or(name).to_string(), config)),
            }
        }
        _ => Err(bad()),
    }
}

/// The text of a value, cut to a readable length.
pub fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Makes a member of a family from its configuration.
///
/// Keys that the member does not have are ignored when they are `null` or `false`, the values by
/// which Keras says that an option is not used, and are an error otherwise.
///
/// # Errors
/// If a key is unknown, or a value does not fit its field.
pub fn from_config<T>(class_name: &str, config: &Value) -> Result<T, ConfigError>
where
    T: Default + serde::Serialize + serde::de::DeserializeOwned,
{
    from_config_with(class_name, config, &|_| 0)
}

/// The same for members that count what is wrong with themselves: where 0 is one mistake more than
/// 1, messages ask for a positive number.
pub(crate) fn from_config_with<T>(
    class_name: &str,
    config: &Value,
    mistakes: &dyn Fn(&T) -> usize,
) -> Result<T, ConfigError>
where
    T: Default + serde::Serialize + serde::de::DeserializeOwned,
{
    let mut object = T::default();
    let defaults = serde_json::to_value(&object).unwrap_or_default();
    make(class_name, config, defaults, &mut |fields| {
        // Not by way of a `Value`, which could be a list, too: half of the code for each type.
        object = T::deserialize(fields)?;
        Ok(mistakes(&object))
    })?;
    Ok(object)
}

/// Makes an object from its fields, and counts what it finds wrong with itself.
type Attempt<'a> = dyn FnMut(Map<String, Value>) -> serde_json::Result<usize> + 'a;

/// Makes an object from its configuration and its defaults; there once, whatever the type.
fn make(
    class_name: &str,
    config: &Value,
    defaults: Value,
    attempt: &mut Attempt,
) -> Result<(), ConfigError> {
    let Value::Object(given) = config else {
        let what = format!("the configuration of `{class_name}` is no object");
        return Err(ConfigError::new(what).received(shortened(config)));
    };
    let known = match defaults {
        Value::Object(known) => known,
        _ => Map::new(),
    };
    // What is not given keeps the member's own default, also inside flattened options.
    let mut fields = known.clone();
    // What wraps a function takes the arguments of the function beside its own options.
    let wraps = known.contains_key("fn");
    for (key, value) in given {
        if value.is_null() && key.ends_with("_initializer") && known.contains_key(key) {
            // What Keras takes for a weight without an initializer.
            fields.insert(key.clone(), json!("glorot_uniform"));
        } else if wraps || known.contains_key(key) {
            fields.insert(key.clone(), value.clone());
        } else if !matches!(value, Value::Null | Value::Bool(false)) {
            let error = ConfigError::new(format!("`{class_name}` has no option `{key}`"))
                .received(format!("{key} = {}", shortened(value)));
            return Err(match nearest(key, known.keys().map(String::as_str)) {
                Some(name) => error.help(format!("did you mean `{name}`?")),
                None => error,
            });
        }
    }
    match attempt(fields) {
        Ok(_) => Ok(()),
        Err(error) => Err(unfit::unfit(class_name, &known, given, &error, attempt)),
    }
}

/// Users' own members of a family, by registered name.
pub type Registry<O> = Mutex<BTreeMap<String, Loader<O>>>;

/// Makes an object from its configuration.
pub type Loader<O> = fn(&Value) -> Result<Arc<O>, ConfigError>;

/// One member of a family.
pub struct Row<O: ?Sized> {
    /// The name in files, such as `GlorotUniform`.
    pub class_name: &'static str,
    /// Other names that Keras accepts, such as `glorot_uniform`.
    pub aliases: &'static [&'static str],
    /// Makes it from its configuration.
    pub load: Loader<O>,
}

/// The object that `value` names or describes.
///
/// # Errors
/// If no member has that name (the nearest is suggested), or its configuration does not fit.
pub fn load<O: ?Sized>(
    value: &Value,
    noun: &str,
    rows: &[Row<O>],
    registry: &Registry<O>,
) -> Result<Arc<O>, ConfigError> {
    let (name, config) = class_and_config(value, noun)?;
    let registered = registry.lock().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
    let has_name = |row: &&Row<O>| row.class_name == name || row.aliases.contains(&name.as_str());
    match rows.iter().find(has_name).map(|row| row.load).or(registered) {
        Some(load) => load(&config),
        None => {
            let names = rows
                .iter()
                .flat_map(|r| [r.class_name].into_iter().chain(r.aliases.iter().copied()));
            let error = ConfigError::new(format!("unknown {noun} `{name}`"));
            let known: Vec<&str> = rows.iter().map(|r| r.class_name).collect();
            // Keras notes the registration of what is not its own; other names are mistyped.
            let register = match value.get("registered_name").is_some_and(Value::is_string) {
                true => " Register your own under this name before loading.",
                false => "",
            };
            Err(match nearest(&name, names) {
                Some(near) => error.help(format!("did you mean `{near}`?{register}")),
                None => error
                    .expected(format!("one of {}", known.join(", ")))
                    .help("register your own under this name before loading"),
            })
        }
    }
}

/// Defines the handle and the table of a family of Keras objects.
///
/// ```text
/// keras_family! {
///     /// Docs of the handle.
///     Initializer(dyn Initialize), "keras.initializers", "an initializer", {
///         GlorotUniform: ["glorot_uniform"],
///     }
/// }
/// ```
/// The trait must provide `class_name(&self) -> &'static str` and `config(&self) -> Value`; each
/// row's type must be in scope, implement the trait, `Default`, and serde both ways.
#[macro_export]
macro_rules! keras_family {
    ($(#[$doc:meta])* $handle:ident(dyn $object:path), $module:literal, $noun:literal, {
        $($member:ident: [$($alias:literal),*],)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $handle(::std::sync::Arc<dyn $object>);

        impl $handle {
            /// The rows of the family's table.
            pub const ROWS: &'static [$crate::object::Row<dyn $object>] = &[$(
                $crate::object::Row {
                    class_name: stringify!($member),
                    aliases: &[$($alias),*],
                    load: |config| {
                        let name = stringify!($member);
                        let object: $member = $crate::object::from_config(name, config)?;
                        Ok(::std::sync::Arc::new(object))
                    },
                },
            )*];

            fn registry() -> &'static $crate::object::Registry<dyn $object> {
                static REGISTRY: $crate::object::Registry<dyn $object> =
                    ::std::sync::Mutex::new(::std::collections::BTreeMap::new());
                &REGISTRY
            }

            /// A handle of a user's own object.
            pub fn custom(object: impl $object + 'static) -> $handle {
                $handle(::std::sync::Arc::new(object))
            }

            /// A handle of a shared object.
            pub fn from_arc(object: ::std::sync::Arc<dyn $object>) -> $handle {
                $handle(object)
            }

            /// Makes files that name `name` (such as `my_package>MyName`) load with `load`.
            pub fn register(name: &str, load: $crate::object::Loader<dyn $object>) {
                let mut registry = Self::registry().lock()
                    .unwrap_or_else(::std::sync::PoisonError::into_inner);
                registry.insert(name.to_string(), load);
            }

            /// The object that a name or a serialized object describes.
            ///
            /// # Errors
            /// If no member has that name, or its configuration does not fit.
            pub fn from_value(
                value: &::serde_json::Value,
            ) -> Result<$handle, $crate::object::ConfigError> {
                $crate::object::load(value, $noun, Self::ROWS, Self::registry()).map($handle)
            }

            /// As Keras serializes it.
            pub fn to_value(&self) -> ::serde_json::Value {
                let own = Self::ROWS.iter().any(|row| row.class_name == self.0.class_name());
                let name = self.0.class_name();
                let registered = (!own).then_some(name);
                $crate::object::serialized($module, name, self.0.config(), registered)
            }
        }

        impl ::std::ops::Deref for $handle {
            type Target = dyn $object;
            fn deref(&self) -> &Self::Target {
                &*self.0
            }
        }

        impl ::std::str::FromStr for $handle {
            type Err = $crate::object::ConfigError;
            fn from_str(name: &str) -> Result<$handle, Self::Err> {
                Self::from_value(&::serde_json::Value::String(name.to_string()))
            }
        }

        impl ::serde::Serialize for $handle {
            fn serialize<S: ::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                ::serde::Serialize::serialize(&self.to_value(), to)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $handle {
            fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> Result<$handle, D::Error> {
                let value: ::serde_json::Value = ::serde::Deserialize::deserialize(from)?;
                $handle::from_value(&value).map_err(::serde::de::Error::custom)
            }
        }

        $(impl From<$member> for $handle {
            fn from(object: $member) -> $handle {
                $handle(::std::sync::Arc::new(object))
            }
        })*
    };
}

/// Implements `class_name` and `config` for a member whose serde fields are its configuration.
#[macro_export]
macro_rules! keras_object {
    ($member:ident) => {
        fn class_name(&self) -> &'static str {
            stringify!($member)
        }

        fn config(&self) -> ::serde_json::Value {
            // A struct of plain fields always serializes.
            ::serde_json::to_value(self).unwrap_or_default()
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let names = ["Adam", "AdamW", "SGD", "RMSprop"];
        assert_eq!(nearest("adm", names), Some("Adam"));
        assert_eq!(nearest("rms_prop", names), Some("RMSprop"));
        assert_eq!(nearest("levenberg", names), None);
    }
}
