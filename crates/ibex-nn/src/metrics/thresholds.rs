//! Thresholds above which a prediction counts as positive.

use serde::{Deserialize, Serialize};

use crate::ConfigError;

/// One threshold or several, each from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number or a list of numbers")]
pub enum Thresholds {
    /// One.
    One(f64),
    /// Several; the metric has a result for each.
    Many(Vec<f64>),
}

impl Thresholds {
    /// The thresholds, in the given order.
    pub fn to_vec(&self) -> Vec<f64> {
        match self {
            Thresholds::One(threshold) => vec![*threshold],
            Thresholds::Many(thresholds) => thresholds.clone(),
        }
    }
}

impl From<f64> for Thresholds {
    fn from(threshold: f64) -> Thresholds {
        Thresholds::One(threshold)
    }
}

impl From<Vec<f64>> for Thresholds {
    fn from(thresholds: Vec<f64>) -> Thresholds {
        Thresholds::Many(thresholds)
    }
}

impl<const N: usize> From<[f64; N]> for Thresholds {
    fn from(thresholds: [f64; N]) -> Thresholds {
        Thresholds::Many(thresholds.to_vec())
    }
}

/// The thresholds of a metric that was given these, or `default`.
///
/// # Errors
/// If there are none, or one is not from 0 to 1.
pub(super) fn checked(metric: &str, given: Option<&Thresholds>) -> Result<(), ConfigError> {
    let Some(thresholds) = given.map(Thresholds::to_vec) else { return Ok(()) };
    let wrong = |received: String| {
        Err(ConfigError::new(format!("the metric `{metric}` has a threshold out of range"))
            .expected("one or more numbers from 0 to 1")
            .received(received))
    };
    match thresholds.iter().find(|t| !(0.0..=1.0).contains(*t)) {
        Some(threshold) => wrong(threshold.to_string()),
        None if thresholds.is_empty() => wrong("none".to_string()),
        None => Ok(()),
    }
}
