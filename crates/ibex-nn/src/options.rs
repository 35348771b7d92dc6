//! Structs of options: fields with defaults, and a setter for each.
//!
//! [`keras_options!`](crate::keras_options) writes what every member of a family of
//! [Keras objects](crate::object) repeats: the struct, serde both ways, `Default`, the setters.

use serde::Serialize;
use serde_json::Value;

/// Defines a struct whose fields have defaults and setters; it serializes under its field names.
///
/// ```
/// ibex_nn::keras_options! {
///     /// A circle.
///     Circle {
///         /// The radius.
///         radius: f64 = 1.0,
///         /// The colour, if it has one.
///         colour: Option<u64> = None,
///     }
/// }
/// let circle = Circle::default().radius(2.0).colour(7);
/// assert_eq!((circle.radius, circle.colour), (2.0, Some(7)));
/// ```
/// Setters of `Option` fields take what is inside; those of numbers take numbers, the others
/// whatever converts to the field's type.
#[macro_export]
macro_rules! keras_options {
    ($(#[$doc:meta])* $member:ident {
        $($(#[$field_doc:meta])* $field:ident: $ty:ident $(<$inner:ident>)? = $default:expr,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(default)]
        pub struct $member {
            $($(#[$field_doc])* pub $field: $ty $(<$inner>)?,)*
        }

        impl Default for $member {
            fn default() -> $member {
                $member { $($field: $default,)* }
            }
        }

        impl $member {
            $($crate::keras_setter! { [$(#[$field_doc])*] $field: $ty $(<$inner>)? })*
        }
    };
}

/// The setter of one field of [`keras_options!`](crate::keras_options).
#[macro_export]
macro_rules! keras_setter {
    ([$($doc:tt)*] $field:ident: Option<$inner:ident>) => {
        $($doc)*
        pub fn $field(mut self, $field: $crate::keras_argument!($inner)) -> Self {
            self.$field = Some($field.into());
            self
        }
    };
    ([$($doc:tt)*] $field:ident: $ty:ident $(<$inner:ident>)?) => {
        $($doc)*
        pub fn $field(mut self, $field: $crate::keras_argument!($ty $(<$inner>)?)) -> Self {
            self.$field = $field.into();
            self
        }
    };
}

/// The type of a setter's argument: the field's own for numbers, so that literals need no suffix.
#[macro_export]
macro_rules! keras_argument {
    (f64) => { f64 };
    (bool) => { bool };
    (usize) => { usize };
    (isize) => { isize };
    (u64) => { u64 };
    (i64) => { i64 };
    ($ty:ident $(<$inner:ident>)?) => { impl Into<$ty $(<$inner>)?> };
}

/// The configuration of `object` without those of `keys` that have their default.
///
/// For options that Keras accepts when it loads a file but does not write itself.
pub fn config_without<T: Default + Serialize>(object: &T, keys: &[&str]) -> Value {
    // Structs of plain fields always serialize.
    let mut config = serde_json::to_value(object).unwrap_or_default();
    let default = serde_json::to_value(T::default()).unwrap_or_default();
    if let Value::Object(fields) = &mut config {
        fields
            .retain(|key, value| !keys.contains(&key.as_str()) || default.get(key) != Some(value));
    }
    config
}
