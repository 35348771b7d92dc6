//! `MeanMetricWrapper`: any loss as a metric.

use ibex_graph::{Array, Tensor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::losses::values_of;
use super::reduction::{Values, mean_result, mean_states, mean_update};
use super::{MetricFunction, State, metric_object};
use crate::losses::Loss;
use crate::object::class_and_config;
use crate::{ConfigError, PartialType};

/// The key of the wrapped function.
pub(crate) const FUNCTION: &str = "fn";

/// The mean of a loss over the samples, or over the batches.
///
/// [`MeanMetricWrapper::new`] takes the mean of the loss's values, as Keras does with a function;
/// [`MeanMetricWrapper::of_batches`] that of the reduced loss of each batch, as Keras does with an
/// object.
///
/// ```
/// use ibex_nn::losses::Huber;
/// use ibex_nn::metrics::{MeanMetricWrapper, Metric};
/// let metric = Metric::from(MeanMetricWrapper::new(Huber::new().delta(0.5)).name("huber"));
/// assert_eq!(metric.name(), "huber");
/// ```
/// Source: <https://keras.io/api/metrics/metrics_wrappers/>.
#[derive(Clone, Debug)]
pub struct MeanMetricWrapper {
    name: String,
    dtype: String,
    loss: Loss,
    by_batch: bool,
}

impl MeanMetricWrapper {
    /// The mean of the loss of each sample.
    pub fn new(loss: impl Into<Loss>) -> MeanMetricWrapper {
        MeanMetricWrapper {
            name: "mean_metric_wrapper".to_string(),
            dtype: "float32".to_string(),
            loss: loss.into(),
            by_batch: false,
        }
    }

    /// The mean of the reduced loss of each batch, however many samples it has.
    pub fn of_batches(loss: impl Into<Loss>) -> MeanMetricWrapper {
        MeanMetricWrapper { by_batch: true, ..MeanMetricWrapper::new(loss) }
    }

    /// The name in logs.
    pub fn name(mut self, name: impl Into<String>) -> MeanMetricWrapper {
        self.name = name.into();
        self
    }

    /// The name of Keras's function for the loss; `None` if it has none.
    fn function(&self) -> Option<&'static str> {
        let row = Loss::ROWS.iter().find(|row| row.class_name == self.loss.class_name())?;
        row.aliases.first().copied().filter(|_| !self.by_batch)
    }

    /// The options of the loss that differ from its defaults, which are a function's arguments.
    fn arguments(&self) -> Map<String, Value> {
        let default = self.loss.class_name().parse::<Loss>().map(|loss| loss.config());
        let (Value::Object(config), Ok(default)) = (self.loss.config(), default) else {
            return Map::new();
        };
        let own = |key: &str| !matches!(key, "name" | "reduction");
        config.into_iter().filter(|(key, v)| own(key) && default.get(key) != Some(v)).collect()
    }
}

impl Default for MeanMetricWrapper {
    fn default() -> MeanMetricWrapper {
        MeanMetricWrapper::new(crate::losses::MeanSquaredError::new())
    }
}

impl Serialize for MeanMetricWrapper {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut config = Map::new();
        config.insert("name".to_string(), json!(self.name));
        config.insert("dtype".to_string(), json!(self.dtype));
        match self.function() {
            Some(name) => {
                let function = json!({
                    "module": "builtins",
                    "class_name": "function",
                    "config": name,
                    "registered_name": "function",
                });
                config.insert(FUNCTION.to_string(), function);
                config.extend(self.arguments());
            }
            None => _ = config.insert(FUNCTION.to_string(), self.loss.to_value()),
        }
        config.serialize(to)
    }
}

impl<'de> Deserialize<'de> for MeanMetricWrapper {
    /// A configuration whose further keys are arguments of the function.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<MeanMetricWrapper, D::Error> {
        let mut config = Map::deserialize(from)?;
        let text = |value: Option<Value>| value.and_then(|v| v.as_str().map(str::to_string));
        let default = MeanMetricWrapper::default();
        let name = text(config.remove("name")).unwrap_or(default.name);
        let dtype = text(config.remove("dtype")).unwrap_or(default.dtype);
        let function = config.remove(FUNCTION).unwrap_or_default();
        let by_batch = function.get("config").is_some_and(Value::is_object);
        let loss = match by_batch || config.is_empty() {
            true => Loss::from_value(&function),
            false => class_and_config(&function, "a function").and_then(|(function, _)| {
                let arguments = Value::Object(config);
                Loss::from_value(&json!({ "class_name": function, "config": arguments }))
            }),
        };
        let loss = loss.map_err(serde::de::Error::custom)?;
        Ok(MeanMetricWrapper { name, dtype, loss, by_batch })
    }
}

impl MetricFunction for MeanMetricWrapper {
    metric_object!(MeanMetricWrapper);

    fn states(
        &self,
        y_true: &PartialType,
        y_pred: &PartialType,
    ) -> Result<Vec<State>, ConfigError> {
        self.loss.check(y_true, y_pred)?;
        Ok(mean_states())
    }

    fn update(
        &self,
        states: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor> {
        let values = match self.by_batch {
            true => Values::from(self.loss.value(y_true, y_pred, None, None)),
            false => values_of(&*self.loss, y_true, y_pred),
        };
        mean_update(states, values, weight)
    }

    fn uses_mask(&self) -> bool {
        true
    }

    fn result(&self, states: &[Array]) -> f64 {
        mean_result(states)
    }
}
