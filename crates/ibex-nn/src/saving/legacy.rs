//! Configurations of Keras 1 and 2, and of the `.h5` files of Keras 3, in the words of `.keras`.
//!
//! [`modernize`] rewrites classes that got another name, options that got another name or were
//! dropped because they change no number, and calls that are lists of places.
//! What it does not know stays as it is, so that the reader of layers names it.
//! It must not know how layers are made of their configurations.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

mod names;

/// How deep models and wrapped layers may stand in each other; the reader refuses more.
const DEPTH: usize = 40;

/// The classes of models.
const MODELS: &[&str] = &["Functional", "Model", "Sequential"];

/// Rewrites a model or a layer, and everything in it.
pub(super) fn modernize(object: &mut Value) {
    rewrite(object, 0);
}

fn rewrite(object: &mut Value, depth: usize) {
    if depth > DEPTH {
        return;
    }
    // Keras 3 notes the module of what it writes as `.keras`; the meaning of a name that was used
    // twice over the years depends on it.
    let is_old = object.get("module").is_none();
    let class = class_of(object).to_string();
    if MODELS.contains(&class.as_str()) {
        return rewrite_model(object, &class, depth);
    }
    if is_old && let Some(new) = names::class(&class) {
        object["class_name"] = json!(new);
    }
    let class = class_of(object).to_string();
    let Some(config) = object.get_mut("config").and_then(Value::as_object_mut) else { return };
    if is_old {
        names::rename_options(&class, config);
    }
    names::rename_options_of(&class, config);
    names::drop_options(&class, config);
    for (key, value) in config.iter_mut() {
        match value {
            Value::Array(items) if key == "cells" => {
                items.iter_mut().for_each(|item| rewrite(item, depth + 1));
            }
            value if value.get("class_name").is_some() => rewrite(value, depth + 1),
            _ => {}
        }
    }
}

fn rewrite_model(object: &mut Value, class: &str, depth: usize) {
    // Until Keras 2.2.2 the configuration of a chain was the list of its layers.
    if let Some(layers) = object.get("config").filter(|config| config.is_array()).cloned() {
        object["config"] = json!({"name": class.to_lowercase(), "layers": layers});
    }
    let Some(config) = object.get_mut("config").and_then(Value::as_object_mut) else { return };
    match class {
        "Sequential" => note_input_shape(config),
        _ => rewrite_calls(config),
    }
    let layers = config.get_mut("layers").and_then(Value::as_array_mut);
    layers.into_iter().flatten().for_each(|layer| rewrite(layer, depth + 1));
}

/// Notes for a chain the shape of its input, which may stand with its first layer.
fn note_input_shape(config: &mut Map<String, Value>) {
    let first = config.get("layers").and_then(|layers| layers.get(0));
    let Some(first) = first.filter(|first| class_of(first) != "InputLayer") else { return };
    if let Some(shape) = input_shape(first, 0)
        && !config.get("build_input_shape").is_some_and(Value::is_array)
    {
        config.insert("build_input_shape".to_string(), shape);
    }
}

/// The shape of the input of a layer, where the layer says it.
fn input_shape(layer: &Value, depth: usize) -> Option<Value> {
    let config = layer.get("config")?;
    let own = config.get("batch_input_shape").or_else(|| config.get("batch_shape"));
    if let Some(shape) = own.filter(|shape| shape.is_array()) {
        return Some(shape.clone());
    }
    let layers = config.get("layers").unwrap_or(config);
    layers.get(0).filter(|_| depth < DEPTH).and_then(|first| input_shape(first, depth + 1))
}

/// Rewrites calls that are lists of places as calls with arguments.
fn rewrite_calls(config: &mut Map<String, Value>) {
    let Some(layers) = config.get("layers").and_then(Value::as_array) else { return };
    let mut places = Places::default();
    for layer in layers {
        let name = name_of(layer);
        places.names.insert(name.to_string(), class_of(layer).to_string());
    }
    for node in layers.iter().flat_map(nodes) {
        places.note(node, 0);
    }
    if !places.is_old {
        return;
    }
    if let Some(ends) = config.get_mut("output_layers") {
        places.shift_end(ends);
    }
    let layers = config.get_mut("layers").and_then(Value::as_array_mut);
    for layer in layers.into_iter().flatten() {
        let class = class_of(layer).to_string();
        let nodes = layer.get_mut("inbound_nodes").and_then(Value::as_array_mut);
        for node in nodes.into_iter().flatten().filter(|node| is_old_node(node)) {
            *node = places.call(node, &class);
        }
    }
}

fn nodes(layer: &Value) -> impl Iterator<Item = &Value> {
    layer.get("inbound_nodes").and_then(Value::as_array).into_iter().flatten()
}

/// A list of places, or a dictionary of them.
fn is_old_node(node: &Value) -> bool {
    node.is_array() || node.is_object() && node.get("args").is_none()
}

/// What is known of the layers to which places refer.
#[derive(Default)]
struct Places {
    /// The class of each layer by its name.
    names: BTreeMap<String, String>,
    /// The smallest number of a call of each model in the model.
    smallest: BTreeMap<String, u64>,
    /// Whether any call is a list.
    is_old: bool,
}

impl Places {
    /// The name and the number of a call, if this is a place: `[layer, call, output, …]`.
    fn place<'a>(&self, value: &'a Value) -> Option<(&'a str, u64)> {
        let name = value.get(0)?.as_str().filter(|name| self.names.contains_key(*name))?;
        value.get(2)?.as_u64()?;
        Some((name, value.get(1)?.as_u64()?))
    }

    /// Notes to which calls the places in an old call refer.
    fn note(&mut self, value: &Value, depth: usize) {
        if depth == 0 {
            if !is_old_node(value) {
                return;
            }
            self.is_old = true;
        }
        if depth > DEPTH {
            return;
        }
        if let Some((name, call)) = self.place(value) {
            let smallest = self.smallest.entry(name.to_string()).or_insert(call);
            *smallest = call.min(*smallest);
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.note(item, depth + 1)),
            Value::Object(items) => items.values().for_each(|item| self.note(item, depth + 1)),
            _ => {}
        }
    }

    /// How much larger the numbers of the calls of a layer are than ours.
    ///
    /// Keras 2 counted the making of a model as its first call.
    fn shift(&self, name: &str) -> u64 {
        let is_model = self.names.get(name).is_some_and(|class| MODELS.contains(&class.as_str()));
        let counts_from_one = self.smallest.get(name).is_none_or(|&smallest| smallest > 0);
        u64::from(is_model && counts_from_one)
    }

    /// Outputs of chains in the model count as in calls; those of functional models from one.
    fn shift_end(&self, ends: &mut Value) {
        if let Some((name, call)) = self.place(ends) {
            let is_chain = self.names.get(name).is_some_and(|class| class == "Sequential");
            let shift = if is_chain { self.shift(name) } else { 0 };
            ends[1] = json!(call.saturating_sub(shift));
            return;
        }
        match ends {
            Value::Array(items) => items.iter_mut().for_each(|item| self.shift_end(item)),
            Value::Object(items) => items.values_mut().for_each(|item| self.shift_end(item)),
            _ => {}
        }
    }

    fn tensor(&self, value: &Value) -> Option<Value> {
        let (name, call) = self.place(value)?;
        let call = call.saturating_sub(self.shift(name));
        Some(json!({
            "class_name": "__keras_tensor__",
            "config": {"keras_history": [name, call, value.get(2)]},
        }))
    }

    /// The arguments of a call by name: places among them are tensors.
    fn argument(&self, value: &Value, depth: usize) -> Value {
        match value {
            _ if depth > DEPTH => value.clone(),
            Value::Array(items) => self.tensor(value).unwrap_or_else(|| {
                items.iter().map(|item| self.argument(item, depth + 1)).collect()
            }),
            other => other.clone(),
        }
    }

    /// A call of a layer of this class.
    fn call(&self, node: &Value, class: &str) -> Value {
        let items: Vec<&Value> = match node {
            Value::Array(items) => items.iter().collect(),
            Value::Object(items) => items.values().collect(),
            _ => Vec::new(),
        };
        let mut named = Map::new();
        for item in &items {
            for (name, value) in item.get(3).and_then(Value::as_object).into_iter().flatten() {
                named.insert(name.clone(), self.argument(value, 0));
            }
        }
        let tensor = |item: &&Value| self.tensor(item).unwrap_or_else(|| (*item).clone());
        let mut tensors: Vec<Value> = items.iter().map(tensor).collect();
        if let Value::Object(items) = node {
            let pairs = items.keys().cloned().zip(tensors);
            return json!({"args": [pairs.collect::<Map<_, _>>()], "kwargs": named});
        }
        // Keras 2 gave states that a recurrent layer begins with along with its inputs.
        if names::RECURRENT.contains(&class) && tensors.len() > 1 {
            let states = tensors.split_off(1);
            named.insert("initial_state".to_string(), Value::Array(states));
        }
        let argument = match tensors.len() {
            1 => tensors.swap_remove(0),
            _ => Value::Array(tensors),
        };
        json!({"args": [argument], "kwargs": named})
    }
}

fn class_of(object: &Value) -> &str {
    object.get("class_name").and_then(Value::as_str).unwrap_or_default()
}

fn name_of(layer: &Value) -> &str {
    let own = layer.get("name").or_else(|| layer.get("config")?.get("name"));
    own.and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modernized(mut object: Value) -> Value {
        modernize(&mut object);
        object
    }

    #[test]
    fn lists_of_layers_are_chains_with_the_shape_of_their_first_layer() {
        let dense = json!({"class_name": "Dense", "config": {
            "name": "d", "output_dim": 3, "init": "uniform", "bias": true, "input_dim": 4,
            "batch_input_shape": [null, 4], "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5},
        }});
        let model = modernized(json!({"class_name": "Sequential", "config": [dense]}));
        assert_eq!(model["config"]["build_input_shape"], json!([null, 4]));
        assert_eq!(model["config"]["name"], "sequential");
        let expected = json!({
            "name": "d", "units": 3, "kernel_initializer": "random_uniform", "use_bias": true,
            "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.5}},
        });
        assert_eq!(model["config"]["layers"][0]["config"], expected);
    }

    #[test]
    fn places_become_arguments_and_calls_of_models_count_from_zero() {
        let layer = |class: &str, name: &str, nodes: Value| {
            json!({"class_name": class, "name": name, "config": {"name": name},
                   "inbound_nodes": nodes})
        };
        let model = modernized(json!({"class_name": "Model", "config": {
            "layers": [
                layer("InputLayer", "a", json!([])),
                layer("Sequential", "m", json!([[["a", 0, 0, {"training": false}]]])),
                layer("LSTM", "l", json!([[["a", 0, 0, {}], ["m", 1, 0, {}], ["m", 1, 0, {}]]])),
                layer("Attention", "t", json!([[["l", 0, 0, {"value": ["m", 1, 0]}]]])),
            ],
            "input_layers": [["a", 0, 0]],
            "output_layers": [["m", 1, 0]],
        }}));
        let tensor = |name: &str| json!({"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}});
        let node = |at: usize| model["config"]["layers"][at]["inbound_nodes"][0].clone();
        assert_eq!(node(1), json!({"args": [tensor("a")], "kwargs": {"training": false}}));
        let states = json!({"initial_state": [tensor("m"), tensor("m")]});
        assert_eq!(node(2), json!({"args": [tensor("a")], "kwargs": states}));
        assert_eq!(node(3), json!({"args": [tensor("l")], "kwargs": {"value": tensor("m")}}));
        assert_eq!(model["config"]["output_layers"], json!([["m", 0, 0]]));
    }

    #[test]
    fn what_keras_3_writes_stays_as_it_is() {
        let dense = json!({"module": "keras.layers", "class_name": "Dropout", "config": {
            "name": "d", "rate": 0.5, "p": 1, "seed": null, "dtype": "float32",
        }});
        assert_eq!(modernized(dense.clone()), dense);
    }
}
