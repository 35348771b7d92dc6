//! A metric as users give it: an object, or a name whose meaning depends on the output.

use std::sync::Arc;

use super::{Metric, MetricFunction, resolve};
use crate::object::ConfigError;
use crate::partial::PartialType;

/// A metric, or a name that means another metric for each kind of output (`accuracy`).
#[derive(Clone, Debug)]
pub enum MetricChoice {
    /// A name as in Keras.
    Named(String),
    /// A metric.
    Metric(Metric),
}

impl MetricChoice {
    /// The metric for targets and predictions of these types.
    ///
    /// # Errors
    /// If no metric has that name; the nearest is suggested.
    pub fn resolve(
        &self,
        y_true: &PartialType,
        y_pred: &PartialType,
    ) -> Result<Metric, ConfigError> {
        match self {
            MetricChoice::Named(name) => resolve(name, y_true, y_pred),
            MetricChoice::Metric(metric) => Ok(metric.clone()),
        }
    }

    /// The name in logs.
    pub fn name(&self) -> String {
        match self {
            MetricChoice::Named(name) => name.clone(),
            MetricChoice::Metric(metric) => metric.name(),
        }
    }
}

impl From<&str> for MetricChoice {
    fn from(name: &str) -> MetricChoice {
        MetricChoice::Named(name.to_string())
    }
}

impl From<Metric> for MetricChoice {
    fn from(metric: Metric) -> MetricChoice {
        MetricChoice::Metric(metric)
    }
}

impl<M: MetricFunction + 'static> From<M> for MetricChoice {
    fn from(metric: M) -> MetricChoice {
        MetricChoice::Metric(Metric::from_arc(Arc::new(metric)))
    }
}
