//! The compile configuration as Keras's JSON, both ways.
//!
//! Keras keeps what the user gave to `compile`: names, objects, lists and dictionaries of them.
//! It must not know files, weights or programs.

use ibex_nn::losses::{Loss, LossChoice};
use ibex_nn::metrics::{MeanMetricWrapper, Metric};
use ibex_nn::models::{Functional, Structure};
use ibex_nn::object::{class_and_config, shortened};
use ibex_nn::optimizers::{Optimizer, OptimizerState};
use ibex_nn::{ConfigError, Instance};
use serde_json::{Map, Value, json};

use crate::compile::{Compile, MetricChoice, PerOutput};

/// What Keras writes as `compile_config`, with the optimizer's learning rate of this moment.
pub(crate) fn to_json(config: &Compile, state: &OptimizerState, model: &Functional) -> Value {
    let outputs = model.outputs().len();
    let structure = model.output_structure().unpacked();
    let judged = |metrics: &PerOutput<Vec<MetricChoice>>| match structure.is_flat() {
        true => per_output(metrics, outputs, |list| written(list)),
        // Keras wants the very arrangement of the outputs.
        false => match metrics.resolve("metrics", &model.names_for_judging()) {
            Ok(lists) if !metrics.is_none() => {
                let lists = lists.iter().map(|list| written(list.as_deref().unwrap_or_default()));
                structure.arranged(lists).into()
            }
            _ => Value::Null,
        },
    };
    // Keras wants as many losses as factors.
    let losses = if config.loss_weights.is_none() { 1 } else { outputs };
    json!({
        "optimizer": optimizer(config, state),
        "loss": per_output(&config.losses, losses, LossChoice::to_value),
        "loss_weights": per_output(&config.loss_weights, outputs, |factor| json!(factor)),
        "metrics": judged(&config.metrics),
        "weighted_metrics": judged(&config.weighted_metrics),
        "run_eagerly": false,
        "steps_per_execution": 1,
        "jit_compile": model.layers().iter().all(|layer| supports_jit(layer)),
    })
}

/// The layers that Keras's compilers cannot compile.
const WITHOUT_JIT: [&str; 11] = [
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "RandomCrop",
    "RandomPerspective",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "StringLookup",
    "TextVectorization",
];

/// Whether Keras would compile the code of a layer and of those inside it.
fn supports_jit(layer: &Instance) -> bool {
    let own = !WITHOUT_JIT.contains(&layer.layer().class_name());
    own && layer.children().iter().all(|(_, child)| supports_jit(child))
}

/// The optimizer as it was given: Keras does not write a loss scale that `compile` adds.
fn optimizer(config: &Compile, state: &OptimizerState) -> Value {
    match config.optimizer.loss_scale() {
        Some(_) => state.to_value(),
        None => state.inner_to_value(),
    }
}

/// The value for each output; what is the same for all is written `repeat` times.
fn per_output<T>(values: &PerOutput<T>, repeat: usize, write: impl Fn(&T) -> Value) -> Value {
    let one = |value: &Option<T>| value.as_ref().map_or(Value::Null, &write);
    match values {
        PerOutput::None => Value::Null,
        PerOutput::Each(value) if repeat == 1 => write(value),
        PerOutput::Each(value) => Value::Array(vec![write(value); repeat]),
        PerOutput::List(list) => list.iter().map(one).collect(),
        PerOutput::Dict(dict) => {
            let pairs = dict.iter().map(|(name, value)| (name.clone(), one(value)));
            Value::Object(pairs.collect::<Map<String, Value>>())
        }
    }
}

fn written(list: &[MetricChoice]) -> Value {
    let write = |choice: &MetricChoice| match choice {
        MetricChoice::Named(name) => json!(name),
        MetricChoice::Metric(metric) => unwrapped(metric.to_value()),
    };
    list.iter().map(write).collect()
}

/// A function or a loss by itself, where Keras would wrap it under the same name.
fn unwrapped(metric: Value) -> Value {
    let config = &metric["config"];
    // Further keys are arguments of the function.
    let is_plain = config.as_object().is_some_and(|config| config.len() == 3);
    let inner = &config["fn"];
    let name = inner["config"].as_str().or(inner["config"]["name"].as_str());
    match is_plain && name.is_some() && name == config["name"].as_str() {
        true => inner.clone(),
        false => metric,
    }
}

/// The compile configuration of a model with outputs of this structure; `None` if it is not
/// compiled.
///
/// Whether Keras compiled its own code, and how many steps it ran at once, changes no number and
/// is passed over.
///
/// # Errors
/// If an optimizer, a loss or a metric is not known, or something has another form.
pub(crate) fn from_json(
    value: &Value,
    outputs: &Structure,
) -> Result<Option<Compile>, ConfigError> {
    let fields = match value {
        Value::Null => return Ok(None),
        Value::Object(fields) if fields.is_empty() => return Ok(None),
        Value::Object(fields) => fields,
        other => return Err(wrong_form("the compile configuration", "an object", other)),
    };
    let field = |name: &str| fields.get(name).unwrap_or(&Value::Null);
    let optimizer = match field("optimizer") {
        // Keras's default.
        Value::Null => Optimizer::from_value(&json!("rmsprop"))?,
        given => Optimizer::from_value(given)?,
    };
    Ok(Some(Compile {
        optimizer,
        losses: read_per_output(field("loss"), outputs, LossChoice::from_value)?,
        loss_weights: read_per_output(field("loss_weights"), outputs, read_factor)?,
        metrics: read_metrics(field("metrics"), outputs)?,
        weighted_metrics: read_metrics(field("weighted_metrics"), outputs)?,
        auto_scale_loss: true,
    }))
}

fn read_per_output<T>(
    value: &Value,
    outputs: &Structure,
    read: impl Fn(&Value) -> Result<T, ConfigError>,
) -> Result<PerOutput<T>, ConfigError> {
    let one = |value: &Value| if value.is_null() { Ok(None) } else { read(value).map(Some) };
    if let Some(flat) = flattened(value, outputs).filter(|_| !outputs.is_flat()) {
        return Ok(PerOutput::List(flat.into_iter().map(one).collect::<Result<_, _>>()?));
    }
    Ok(match value {
        Value::Null => PerOutput::None,
        Value::Array(list) => PerOutput::List(list.iter().map(one).collect::<Result<_, _>>()?),
        Value::Object(dict) if !is_serialized(value) => {
            let pair = |(name, value): (&String, &Value)| Ok((name.clone(), one(value)?));
            PerOutput::Dict(dict.iter().map(pair).collect::<Result<_, ConfigError>>()?)
        }
        single => PerOutput::Each(read(single)?),
    })
}

/// What belongs to each output, in order, of a value that is arranged as the outputs are; `None` if
/// it is not.
fn flattened<'a>(value: &'a Value, outputs: &Structure) -> Option<Vec<&'a Value>> {
    let parts: Vec<Vec<&Value>> = match (outputs, value) {
        (Structure::Single, leaf) => vec![vec![leaf]],
        (Structure::List(inner), Value::Array(values)) if inner.len() == values.len() => {
            let pairs = inner.iter().zip(values);
            pairs.map(|(inner, value)| flattened(value, inner)).collect::<Option<_>>()?
        }
        (Structure::Dict(inner), Value::Object(values)) if !is_serialized(value) => {
            if values.keys().any(|key| !inner.contains_key(key)) {
                return None;
            }
            let part = |(key, inner): (&String, &Structure)| match values.get(key) {
                Some(value) if !value.is_null() => flattened(value, inner),
                _ => Some(vec![&Value::Null; inner.count()]),
            };
            inner.iter().map(part).collect::<Option<_>>()?
        }
        _ => return None,
    };
    Some(parts.concat())
}

fn read_factor(value: &Value) -> Result<f64, ConfigError> {
    value.as_f64().ok_or_else(|| wrong_form("a loss weight", "a number", value))
}

/// Metrics come as one list for the only output, or as one entry for each output.
fn read_metrics(
    value: &Value,
    outputs: &Structure,
) -> Result<PerOutput<Vec<MetricChoice>>, ConfigError> {
    match value {
        // Keras flattens what is given for the only output.
        Value::Array(list) if outputs.count() == 1 => {
            let flat = list.iter().flat_map(|entry| match entry {
                Value::Array(inner) => inner.clone(),
                one => vec![one.clone()],
            });
            Ok(PerOutput::Each(read_metric_list(&flat.collect::<Value>())?))
        }
        other => read_per_output(other, outputs, read_metric_list),
    }
}

fn read_metric_list(value: &Value) -> Result<Vec<MetricChoice>, ConfigError> {
    match value {
        Value::Array(list) => list.iter().filter(|v| !v.is_null()).map(read_metric).collect(),
        single => Ok(vec![read_metric(single)?]),
    }
}

/// A name, a metric, or what Keras makes a metric of: a function of its own, or a loss.
fn read_metric(value: &Value) -> Result<MetricChoice, ConfigError> {
    if let Value::String(name) = value {
        return Ok(MetricChoice::Named(name.clone()));
    }
    let is = |key: &str, text: &str| value.get(key).is_some_and(|found| found == text);
    if is("class_name", "function") {
        let (name, _) = class_and_config(value, "a metric")?;
        return match Metric::from_value(value) {
            Ok(_) => Ok(MetricChoice::Named(name)),
            Err(error) => match Loss::from_value(value) {
                Ok(loss) => Ok(MeanMetricWrapper::new(loss).name(name).into()),
                Err(_) => Err(error),
            },
        };
    }
    if is("module", "keras.losses") {
        let loss = Loss::from_value(value)?;
        let name = loss.name();
        return Ok(MeanMetricWrapper::of_batches(loss).name(name).into());
    }
    Metric::from_value(value).map(MetricChoice::Metric)
}

/// Whether it is an object of Keras, not a dictionary of outputs.
fn is_serialized(value: &Value) -> bool {
    value.get("class_name").is_some_and(Value::is_string) && value.get("config").is_some()
}

fn wrong_form(what: &str, expected: &str, value: &Value) -> ConfigError {
    ConfigError::new(format!("{what} has another form"))
        .expected(expected)
        .received(shortened(value))
}
