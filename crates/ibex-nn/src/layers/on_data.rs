//! What layers have in common that work on data before or after a model, because graphs hold no
//! strings.

use ibex_graph::{OpError, Tensor};

use crate::object::ConfigError;

/// The output of such a layer inside a model: a mistake that says what to do.
#[track_caller]
pub(super) fn refused(layer: &str, reason: &str) -> Vec<Tensor> {
    vec![Tensor::poisoned(
        OpError::new(
            format!("`{layer}` cannot be part of a model"),
            format!("`{layer}` applied to data, and a model of what it gives"),
            reason,
        )
        .help("call `apply` of the layer on the data, and give the model the result"),
    )]
}

/// The output of a lookup layer that has no vocabulary yet.
#[track_caller]
pub(super) fn without_vocabulary(layer: &str) -> Vec<Tensor> {
    vec![Tensor::poisoned(
        OpError::new(
            format!("`{layer}` has no vocabulary"),
            "a vocabulary that is given or found in data",
            "none",
        )
        .help("call `adapt` of the layer before it is used in a model"),
    )]
}

/// The error of an encoding that is not Unicode's.
pub(super) fn check_encoding(encoding: &str) -> Option<ConfigError> {
    (!encoding.eq_ignore_ascii_case("utf-8")).then(|| {
        ConfigError::new("strings are always encoded as UTF-8")
            .expected("encoding = utf-8")
            .received(format!("encoding = {encoding}"))
    })
}
