//! The `.h5` files of Keras 1, 2 and 3: which array belongs to which weight, and how they were
//! compiled.
//!
//! Such a file lists its layers in order, and the arrays of each layer in order: first those that
//! were trained, then the others; a model in the model is one layer.
//! What is left over of `weight_names` beyond 64 KiB is cut into `weight_names0`, `weight_names1`.
//! It must not know archives, nor how layers are made.

use std::borrow::Cow;
use std::sync::Arc;

use ibex_format::error::{Problem, excerpt};
use ibex_format::{Attribute, FormatError, Hdf5Group, RawArray};
use ibex_graph::{Shape, Variable};
use ibex_nn::metrics::Metric;
use ibex_nn::optimizers::{Optimizer, OptimizerState};
use ibex_nn::{Instance, Weight};
use serde_json::{Map, Value, json};

use super::keras_1;
use super::weights::{Assignments, Mismatch, assigned, paired};
use crate::error::Result;

/// The attribute with the configuration of a whole model.
const MODEL_CONFIG: &str = "model_config";

/// The attribute with optimizer, losses and metrics.
const TRAINING_CONFIG: &str = "training_config";

/// The group with the weights in a file of a whole model.
const MODEL_WEIGHTS: &str = "model_weights";

/// The group with the variables of the optimizer.
const OPTIMIZER_WEIGHTS: &str = "optimizer_weights";

const LAYER_NAMES: &str = "layer_names";
const WEIGHT_NAMES: &str = "weight_names";

/// Whether a file holds weights in this arrangement.
pub(super) fn has_weights(tree: &Hdf5Group) -> bool {
    weights_of(tree).is_some()
}

/// The group that lists the layers.
fn weights_of(tree: &Hdf5Group) -> Option<&Hdf5Group> {
    let lists = |group: &Hdf5Group| {
        let names = [LAYER_NAMES.to_string(), format!("{LAYER_NAMES}0")];
        names.iter().any(|name| group.attributes.contains_key(name))
    };
    Some(tree).filter(|tree| lists(tree)).or_else(|| tree.group(MODEL_WEIGHTS))
}

/// The `config.json` that a file of a whole model would have today.
///
/// # Errors
/// If the file holds no model, or its configuration is no JSON.
pub(super) fn config(tree: &Hdf5Group) -> Result<Value> {
    let mut config = match json_of(tree, MODEL_CONFIG)? {
        Some(config) => config,
        None => {
            let received = if has_weights(tree) || tree.group("layers").is_some() {
                "weights alone"
            } else {
                "an HDF5 file of something else"
            };
            return Err(Problem::new("the file holds no whole model")
                .expected(format!("an attribute `{MODEL_CONFIG}`, as `model.save` writes it"))
                .received(received)
                .help("build the model, or load its configuration, and use `load_weights`")
                .missing()
                .into());
        }
    };
    if let Some(training) = json_of(tree, TRAINING_CONFIG)?
        && let Some(object) = config.as_object_mut()
    {
        object.insert("compile_config".to_string(), compile_config(&training));
    }
    Ok(config)
}

fn json_of(tree: &Hdf5Group, name: &str) -> Result<Option<Value>> {
    let Some(text) = tree.attributes.get(name).and_then(Attribute::as_text) else {
        return Ok(None);
    };
    let parsed = ibex_format::json::parse(text.as_bytes());
    Ok(Some(parsed.map_err(|error| error.in_member(name))?))
}

/// The compile configuration in the words of today.
fn compile_config(training: &Value) -> Value {
    let mut config = Map::new();
    for key in ["loss", "loss_weights", "metrics", "weighted_metrics"] {
        config.insert(key.to_string(), modern(training.get(key).unwrap_or(&Value::Null)));
    }
    // Keras 2 wrote an empty list or dictionary where there was none.
    for key in ["loss_weights", "metrics", "weighted_metrics"] {
        let is_empty = match &config[key] {
            Value::Array(items) => items.is_empty(),
            Value::Object(items) => items.is_empty(),
            _ => false,
        };
        if is_empty {
            config.insert(key.to_string(), Value::Null);
        }
    }
    let optimizer = training.get("optimizer_config").unwrap_or(&Value::Null);
    config.insert("optimizer".to_string(), modern_optimizer(optimizer));
    Value::Object(config)
}

/// Losses and metrics, which wrapped functions and had other words for their reductions.
fn modern(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(modern).collect(),
        Value::Object(items) => {
            let pairs = items.iter().map(|(key, value)| (key.clone(), modern(value)));
            modern_object(pairs.collect())
        }
        other => other.clone(),
    }
}

fn modern_object(mut object: Map<String, Value>) -> Value {
    let is_wrapper = object.get("class_name").is_some_and(|class| class == "MeanMetricWrapper");
    let Some(config) = object.get_mut("config").and_then(Value::as_object_mut) else {
        return Value::Object(object);
    };
    if config.get("reduction").is_some_and(|reduction| reduction == "auto") {
        config.insert("reduction".to_string(), json!("sum_over_batch_size"));
    }
    // What the other classes compute is said by their names.
    if !is_wrapper {
        config.remove("fn");
    }
    // Some functions are metrics of a class of their own today.
    let function = config.get("fn").filter(|function| Metric::from_value(function).is_ok());
    if let Some(function) = function.cloned() {
        config.remove("fn");
        object.insert("class_name".to_string(), function);
    }
    Value::Object(object)
}

/// An optimizer with the options of today.
fn modern_optimizer(value: &Value) -> Value {
    let mut value = value.clone();
    // Late versions of Keras 2 wrote some of its own classes as if they were a user's.
    let own = value.get("class_name").and_then(Value::as_str);
    let own = own.and_then(|name| name.strip_prefix("Custom>"));
    let row = Optimizer::ROWS.iter().find(|row| Some(row.class_name) == own);
    if let Some(row) = row {
        value["class_name"] = json!(row.class_name);
    }
    let Some(config) = value.get_mut("config").and_then(Value::as_object_mut) else {
        return value;
    };
    if let Some(rate) = config.remove("lr") {
        config.entry("learning_rate").or_insert(rate);
    }
    // Keras 3 too says that the learning rate does not decay by itself any more.
    for dropped in ["decay", "schedule_decay", "is_legacy_optimizer", "jit_compile"] {
        config.remove(dropped);
    }
    if config.get("epsilon").is_some_and(Value::is_null) {
        config.remove("epsilon");
    }
    value
}

/// The names in an attribute, or in the pieces into which it is cut.
fn names(group: &Hdf5Group, attribute: &str) -> Vec<String> {
    let texts = |name: &str| match group.attributes.get(name)? {
        Attribute::Text(text) => Some(vec![text.clone()]),
        other => other.as_texts().map(<[String]>::to_vec),
    };
    if let Some(names) = texts(attribute) {
        return names;
    }
    (0..).map_while(|piece| texts(&format!("{attribute}{piece}"))).flatten().collect()
}

/// The arrays of one layer, in order.
fn arrays<'a>(group: &'a Hdf5Group, at: &str) -> Result<Vec<&'a RawArray>> {
    let array = |name: &String| {
        group.array(name.trim_start_matches('/')).map_err(|error| error.in_member(excerpt(at)))
    };
    Ok(names(group, WEIGHT_NAMES).iter().map(array).collect::<Result<_, FormatError>>()?)
}

/// A layer of the file.
pub(super) struct Stored<'a> {
    name: String,
    arrays: Vec<Cow<'a, RawArray>>,
}

/// The layers of the file, in its order.
fn stored_layers(tree: &Hdf5Group) -> Result<(Vec<Stored<'_>>, bool)> {
    let group = weights_of(tree).unwrap_or(tree);
    let version = group.attributes.get("keras_version").or(tree.attributes.get("keras_version"));
    let is_first = version.and_then(Attribute::as_text).is_none_or(|v| v.starts_with("1."));
    let mut layers = Vec::new();
    for name in names(group, LAYER_NAMES) {
        let layer = group.group(name.trim_start_matches('/')).ok_or_else(|| {
            Problem::new(format!(
                "the file lists a layer `{}` that it does not hold",
                excerpt(&name)
            ))
            .missing()
        })?;
        let arrays = arrays(layer, &name)?.into_iter().map(Cow::Borrowed).collect();
        layers.push(Stored { name, arrays });
    }
    Ok((layers, is_first))
}

/// Which layers of a file belong to which of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pairing {
    /// The first with weights to the first with weights, and so on.
    Order,
    /// Those of the same name; others are left alone on both sides.
    Name,
}

/// Reads the weights of a model out of the layers that are paired with its own.
///
/// # Errors
/// If weights or shapes differ; see [`Mismatch`].
pub(super) fn read<'a>(pairs: &'a [Pair<'_>], mismatch: Mismatch) -> Result<Assignments<'a>> {
    let mut assignments = Assignments::default();
    for (layer, stored) in pairs {
        match fitting(layer, stored).and_then(|pairs| assigned(pairs, &mut assignments)) {
            Err(_) if mismatch == Mismatch::Skip => {
                assignments.skipped.push(layer.name().to_string());
            }
            other => other?,
        }
    }
    Ok(assignments)
}

/// Whether a file has every weight of a model, with its shape.
///
/// # Errors
/// As [`read`] with [`Mismatch::Refuse`].
pub(super) fn check(layers: &[Arc<Instance>], tree: &Hdf5Group) -> Result<()> {
    let pairs = pairs(layers, tree, Pairing::Order)?;
    pairs.iter().try_for_each(|(layer, stored)| fitting(layer, stored).map(|_| ()))
}

/// A layer with weights, and what the file holds for it.
pub(super) type Pair<'a> = (&'a Arc<Instance>, Stored<'a>);

/// The layers with weights, each with what the file holds for it.
///
/// # Errors
/// If the file lacks what it lists, or has another number of layers.
pub(super) fn pairs<'a>(
    layers: &'a [Arc<Instance>],
    tree: &'a Hdf5Group,
    pairing: Pairing,
) -> Result<Vec<Pair<'a>>> {
    let (mut stored, is_first) = stored_layers(tree)?;
    let weighted = layers.iter().filter(|layer| !layer.all_weights().is_empty());
    let weighted: Vec<&Arc<Instance>> = weighted.collect();
    let mut pairs = Vec::new();
    match pairing {
        Pairing::Order => {
            stored.retain(|layer| !layer.arrays.is_empty());
            if stored.len() != weighted.len() {
                return Err(count_of_layers(&weighted, &stored).into());
            }
            pairs.extend(weighted.into_iter().zip(stored));
        }
        Pairing::Name => {
            for own in stored {
                let named = weighted.iter().find(|layer| layer.name() == own.name);
                pairs.extend(named.map(|layer| (*layer, own)));
            }
        }
    }
    if is_first {
        for (layer, own) in &mut pairs {
            keras_1::convert(layer, &mut own.arrays)?;
        }
    }
    Ok(pairs)
}

/// The weights of a layer in the order of such files.
fn weights_in_order(layer: &Instance) -> Vec<&Weight> {
    let trained = layer.trainable_weights();
    let is_trained = |weight: &&Weight| trained.iter().any(|other| std::ptr::eq(*other, *weight));
    let others = layer.all_weights().into_iter().filter(|weight| !is_trained(weight));
    let others: Vec<&Weight> = others.collect();
    trained.into_iter().chain(others).collect()
}

fn fitting<'a>(
    layer: &'a Instance,
    stored: &'a Stored<'_>,
) -> Result<Vec<(&'a Weight, &'a RawArray)>> {
    let weights = weights_in_order(layer);
    let mut arrays: Vec<&RawArray> = stored.arrays.iter().map(AsRef::as_ref).collect();
    // Keras 2 counted the samples of a `Normalization` too.
    if layer.layer().class_name() == "Normalization" && arrays.len() == weights.len() + 1 {
        arrays.pop();
    }
    let place = || excerpt(&stored.name);
    if arrays.len() != weights.len() {
        let names: Vec<&str> = weights.iter().map(|w| w.spec().name.as_str()).collect();
        return Err(Problem::new(format!(
            "the file has another number of weights for layer `{}`",
            layer.name()
        ))
        .expected(format!("{} ({})", weights.len(), names.join(", ")))
        .received(arrays.len().to_string())
        .help(super::weights::HELP)
        .invalid()
        .in_member(place())
        .into());
    }
    for (weight, array) in weights.iter().zip(&arrays) {
        if array.shape() != weight.spec().shape.dims() {
            return Err(Problem::new(format!(
                "the weight `{}` of layer `{}` has another shape in the file",
                weight.spec().name,
                layer.name()
            ))
            .expected(weight.spec().shape.to_string())
            .received(Shape::from(array.shape()).to_string())
            .help(super::weights::HELP)
            .invalid()
            .in_member(place())
            .into());
        }
    }
    Ok(weights.into_iter().zip(arrays).collect())
}

fn count_of_layers(layers: &[&Arc<Instance>], stored: &[Stored<'_>]) -> FormatError {
    let shown = |names: Vec<&str>| match names.len() {
        0 => "none".to_string(),
        count => {
            let rest = if count > 8 { ", …" } else { "" };
            let names: Vec<String> = names.iter().take(8).map(|name| excerpt(name)).collect();
            format!("{count} ({}{rest})", names.join(", "))
        }
    };
    Problem::new("the file has another number of layers with weights")
        .expected(shown(layers.iter().map(|layer| layer.name()).collect()))
        .received(shown(stored.iter().map(|layer| layer.name.as_str()).collect()))
        .help("`load_weights_by_name` takes the layers whose names are the same")
        .invalid()
}

/// The variables of the optimizer; `None` if the file has none, or none that fit.
///
/// Those of Keras 3 stand in its order; those of Keras 2 are found by what stands at the end of
/// their names, or, before they had names, by their number.
pub(super) fn optimizer<'a>(
    state: &OptimizerState,
    tree: &'a Hdf5Group,
) -> Result<Option<Assignments<'a>>> {
    let Some(group) = tree.group(OPTIMIZER_WEIGHTS) else { return Ok(None) };
    let (names, arrays) = (names(group, WEIGHT_NAMES), arrays(group, OPTIMIZER_WEIGHTS)?);
    let variables = state.variables();
    if let Some(found) = paired(&variables, &arrays)? {
        return Ok(Some(found));
    }
    match keras_2_order(&variables, &names, &arrays) {
        Some((variables, arrays)) => paired(&variables, &arrays),
        None => Ok(None),
    }
}

/// What Keras 2 called the slots of today.
const SLOTS: &[(&str, &str)] = &[
    ("momentum", "m"),
    ("momentum", "momentum"),
    ("velocity", "v"),
    ("velocity", "velocity"),
    ("velocity", "rms"),
    ("velocity_hat", "vhat"),
    ("average_gradient", "average_gradient"),
    ("average_gradient", "mg"),
    ("norm", "u"),
    ("norm", "v"),
    ("accumulator", "accumulator"),
    ("linear", "linear"),
    ("accumulated_grad", "accumulated_grad"),
    ("accumulated_grad", "accum_grad"),
    ("accumulated_delta_var", "accumulated_delta_var"),
    ("accumulated_delta_var", "accum_var"),
];

/// The variables that Keras 2 kept with the optimizer: all but the learning rate.
pub(super) fn without_rate(variables: &[Variable]) -> Vec<Variable> {
    let is_rate = |variable: &&Variable| !variable.name().ends_with("/learning_rate");
    variables.iter().filter(is_rate).cloned().collect()
}

/// The variables that Keras 2 kept, and the arrays in their order.
fn keras_2_order<'a>(
    variables: &[Variable],
    names: &[String],
    arrays: &[&'a RawArray],
) -> Option<(Vec<Variable>, Vec<&'a RawArray>)> {
    let wanted = without_rate(variables);
    if let Some(found) = named(&wanted, names, arrays) {
        return Some((wanted, found));
    }
    // Before slots had names: the step, then all weights' first slots, all their second ones.
    let slot = |variable: &Variable| {
        SLOTS.iter().position(|(new, _)| variable.name().ends_with(&format!("_{new}")))
    };
    let mut grouped = wanted;
    grouped.sort_by_key(slot);
    let arrays = arrays.get(..grouped.len())?.to_vec();
    Some((grouped, arrays))
}

/// The array of each variable, by the names of slots; each is taken once, in order.
fn named<'a>(
    variables: &[Variable],
    names: &[String],
    arrays: &[&'a RawArray],
) -> Option<Vec<&'a RawArray>> {
    let plain = |name: &String| name.rsplit_once(':').map_or(name.clone(), |(n, _)| n.to_string());
    let names: Vec<String> = names.iter().map(plain).collect();
    // `Adam/dense/kernel/m`, and later `Adam/m/dense/kernel`.
    let parts = |name: &'_ String| {
        let parts: Vec<String> = name.split('/').map(str::to_string).collect();
        let (first, last) = (parts.get(1).cloned(), parts.last().cloned());
        [last.unwrap_or_default(), first.unwrap_or_default()]
    };
    let parts: Vec<[String; 2]> = names.iter().map(parts).collect();
    let mut taken = vec![false; arrays.len().min(names.len())];
    let mut found = Vec::new();
    for variable in variables {
        let path = variable.name();
        let fits = |at: &usize| {
            if path.ends_with("/iteration") {
                return ["iterations", "iteration", "iter"].contains(&parts[*at][0].as_str());
            }
            let is_slot = |(new, old): &(&str, &str)| {
                parts[*at].iter().any(|part| part == old) && path.ends_with(&format!("_{new}"))
            };
            SLOTS.iter().any(is_slot)
        };
        let dims = variable.shape().dims();
        let at = (0..taken.len()).find(|at| !taken[*at] && arrays[*at].shape() == dims && fits(at));
        taken[at?] = true;
        found.push(arrays[at?]);
    }
    Some(found)
}
