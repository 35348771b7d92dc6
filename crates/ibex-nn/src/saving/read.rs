//! From Keras's JSON to a model.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::Location;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::arguments::{Argument, CallArguments};
use crate::layer::{Base, Layer};
use crate::layers::operation::Operation;
use crate::layers::{Input, InputLayer, layer_loader};
use crate::models::structure::Structure;
use crate::models::symbolic::{SymbolicTensor, apply_to};
use crate::models::{Functional, ModelError, Sequential};
use crate::object::{ConfigError, shortened};
use crate::partial::PartialShape;
use crate::policy::DTypePolicy;
use crate::saving::legacy;

/// How deep models may stand in each other, and arguments in lists.
const DEPTH: usize = 32;

/// The model that a configuration describes; weights get initial values.
///
/// Layers keep their names and are frozen where the configuration says so.
/// Configurations of Keras 1 and 2 are read as well.
///
/// # Errors
/// If the configuration is no model's, or names classes that are not known: the text names the
/// layer.
/// Code of `Lambda` layers is never run.
#[track_caller]
pub fn model_from_config(config: &Value) -> Result<Arc<Functional>, ConfigError> {
    let reader = Reader { location: Location::caller() };
    let mut config = config.clone();
    legacy::modernize(&mut config);
    reader.model(&config, 0).map(Arc::new)
}

/// The layer that a configuration describes, with class and module.
///
/// # Errors
/// As [`model_from_config`].
#[track_caller]
pub fn layer_from_config(config: &Value) -> Result<Arc<dyn Layer>, ConfigError> {
    let reader = Reader { location: Location::caller() };
    match class_of(config) {
        "InputLayer" => Ok(Arc::new(input_layer(config)?)),
        _ => reader.layer(config, 0),
    }
}

/// Reads models; it knows for whom.
#[derive(Clone, Copy)]
struct Reader {
    location: &'static Location<'static>,
}

/// A layer that was read, with its calls.
struct Entry {
    layer: Arc<dyn Layer>,
    /// What each call gave, in order.
    calls: Vec<Vec<SymbolicTensor>>,
    /// Calls whose inputs are not there yet.
    waiting: VecDeque<Value>,
}

impl Reader {
    fn model(self, object: &Value, depth: usize) -> Result<Functional, ConfigError> {
        if depth > DEPTH {
            return Err(ConfigError::new("the models in the configuration are nested too deeply")
                .expected(format!("at most {DEPTH} levels")));
        }
        let class = object.get("class_name").and_then(Value::as_str).unwrap_or_default();
        let Some(config) = object.get("config").and_then(Value::as_object) else {
            return Err(ConfigError::new("this is not the configuration of a model")
                .expected("an object with `class_name` and `config`")
                .received(shortened(object)));
        };
        let model = match class {
            "Functional" | "Model" => self.functional(config, depth),
            "Sequential" => self.sequential(config, depth),
            other => Err(ConfigError::new(format!("a model cannot be a `{other}`"))
                .expected("Functional or Sequential")
                .received(format!("class_name = {other}"))
                .help("models that are Python classes of their own cannot be read")),
        }?;
        let mut model = model;
        // Only sequential models write it.
        if let Some(dtype) = config.get("dtype").filter(|dtype| !dtype.is_null()) {
            model.base_mut().dtype = DTypePolicy::from_value(dtype)?;
        }
        // The flags of the layers inside are their own.
        model.base_mut().trainable =
            config.get("trainable").and_then(Value::as_bool) != Some(false);
        Ok(match config.get("name").and_then(Value::as_str) {
            Some(name) => model.name(name),
            None => model,
        })
    }

    fn sequential(
        self,
        config: &Map<String, Value>,
        depth: usize,
    ) -> Result<Functional, ConfigError> {
        let mut chain = Sequential::new();
        for object in list(config, "layers")? {
            if class_of(object) == "InputLayer" {
                chain = chain.add(Input::from_layer(input_layer(object)?));
            } else {
                chain = chain.add(self.layer(object, depth)?);
            }
        }
        if let Some(shape) = config.get("build_input_shape").filter(|shape| shape.is_array()) {
            let shape: PartialShape = serde_json::from_value(shape.clone())
                .map_err(|_| unfit("build_input_shape", shape))?;
            chain = chain.or_input(Input::with_batch_shape(shape));
        }
        chain.to_functional_at(self.location).map_err(mistakes)
    }

    fn functional(
        self,
        config: &Map<String, Value>,
        depth: usize,
    ) -> Result<Functional, ConfigError> {
        let mut names = Vec::new();
        let mut entries = HashMap::new();
        for object in list(config, "layers")? {
            let name = name_of(object)?;
            let entry = self.entry(object, depth)?;
            if entries.insert(name.clone(), entry).is_some() {
                return Err(ConfigError::new(format!("two layers are named `{name}`")));
            }
            names.push(name);
        }
        self.call_all(&names, &mut entries)?;
        let (inputs, input_structure) = ends(config, "input_layers", &entries)?;
        let (outputs, output_structure) = ends(config, "output_layers", &entries)?;
        let model = Functional::new(inputs, outputs).map_err(mistakes)?;
        Ok(model.structures(input_structure, output_structure))
    }

    /// A layer of a functional model and the calls of it that are still to be made.
    fn entry(self, object: &Value, depth: usize) -> Result<Entry, ConfigError> {
        let waiting = match object.get("inbound_nodes") {
            Some(Value::Array(nodes)) => nodes.iter().cloned().collect(),
            None | Some(Value::Null) => VecDeque::new(),
            Some(other) => return Err(unfit("inbound_nodes", other)),
        };
        if class_of(object) == "InputLayer" {
            let input = Input::from_layer(input_layer(object)?);
            let layer = input.layer().shared();
            let calls = vec![vec![input.tensor_at(self.location)]];
            return Ok(Entry { layer, calls, waiting: VecDeque::new() });
        }
        Ok(Entry { layer: self.layer(object, depth)?, calls: Vec::new(), waiting })
    }

    /// A layer that is not an input.
    fn layer(self, object: &Value, depth: usize) -> Result<Arc<dyn Layer>, ConfigError> {
        let class = class_of(object);
        let name = name_of(object).unwrap_or_else(|_| class.to_string());
        if matches!(class, "Functional" | "Sequential" | "Model") {
            let model = self.model(object, depth + 1).map_err(|error| in_layer(error, &name))?;
            return Ok(Arc::new(model));
        }
        let config = object.get("config").cloned().unwrap_or_default();
        if is_operation(object) {
            let operation = Operation::from_config(class, &config);
            return Ok(operation.map_err(|error| in_layer(error, &name))?.shared());
        }
        let registered = object.get("registered_name").and_then(Value::as_str);
        let load = layer_loader(class, registered);
        load.and_then(|load| load(&config)).map_err(|error| in_layer(error, &name))
    }

    /// Makes all calls, in the order in which Keras makes them.
    fn call_all(
        self,
        names: &[String],
        entries: &mut HashMap<String, Entry>,
    ) -> Result<(), ConfigError> {
        loop {
            let mut waiting = 0;
            let mut made = 0;
            for name in names {
                made += self.call_ready(name, entries)?;
                waiting += entries.get(name).map_or(0, |entry| entry.waiting.len());
            }
            if waiting == 0 {
                return Ok(());
            }
            if made == 0 {
                let stuck = |name: &&String| {
                    entries.get(*name).is_some_and(|entry| !entry.waiting.is_empty())
                };
                let stuck: Vec<&str> = names.iter().filter(stuck).map(String::as_str).collect();
                return Err(ConfigError::new("the layers of the model cannot be connected")
                    .expected("calls without loops, on outputs of layers that are there")
                    .received(format!("no inputs for `{}`", stuck.join("`, `"))));
            }
        }
    }

    /// Makes the calls of a layer whose inputs are there; the number of them.
    fn call_ready(
        self,
        name: &str,
        entries: &mut HashMap<String, Entry>,
    ) -> Result<usize, ConfigError> {
        let mut made = 0;
        while let Some(node) = entries.get(name).and_then(|entry| entry.waiting.front()) {
            let arguments = call_arguments(node, entries).map_err(|e| in_layer(e, name))?;
            let Some(arguments) = arguments else { break };
            let Some(entry) = entries.get_mut(name) else { break };
            entry.waiting.pop_front();
            entry.calls.push(apply_to(&entry.layer, &arguments, self.location));
            made += 1;
        }
        Ok(made)
    }
}

/// The arguments of a call; `None` if a tensor among them is not there yet.
fn call_arguments(
    node: &Value,
    entries: &HashMap<String, Entry>,
) -> Result<Option<CallArguments<SymbolicTensor>>, ConfigError> {
    let Some(positional) = node.get("args").and_then(Value::as_array) else {
        return Err(ConfigError::new("a call has no arguments")
            .expected("an object with `args` and `kwargs`")
            .received(shortened(node)));
    };
    let mut arguments = CallArguments::new(Vec::new());
    for value in positional {
        let Some(item) = argument(value, entries, 0)? else { return Ok(None) };
        arguments.positional.push(item);
    }
    for (name, value) in node.get("kwargs").and_then(Value::as_object).into_iter().flatten() {
        let Some(item) = argument(value, entries, 0)? else { return Ok(None) };
        arguments.named.insert(name.clone(), item);
    }
    Ok(Some(arguments))
}

fn argument(
    value: &Value,
    entries: &HashMap<String, Entry>,
    depth: usize,
) -> Result<Option<Argument<SymbolicTensor>>, ConfigError> {
    if depth > DEPTH {
        return Err(ConfigError::new("the arguments of a call are nested too deeply"));
    }
    if let Some(history) = history_of(value) {
        let (name, node, output) = place(history)?;
        return Ok(find(entries, name, node, output)?.cloned().map(Argument::Tensor));
    }
    Ok(Some(match value {
        Value::Array(items) => {
            let mut list = Vec::new();
            for item in items {
                let Some(item) = argument(item, entries, depth + 1)? else { return Ok(None) };
                list.push(item);
            }
            Argument::List(list)
        }
        // Serialized objects, such as a dtype or a slice, are values, not dictionaries.
        Value::Object(items) if !items.contains_key("class_name") => {
            let mut dict = BTreeMap::new();
            for (key, item) in items {
                let Some(item) = argument(item, entries, depth + 1)? else { return Ok(None) };
                dict.insert(key.clone(), item);
            }
            Argument::Dict(dict)
        }
        other => Argument::Value(other.clone()),
    }))
}

/// An output of a call; `None` if the call has not been made.
fn find<'a>(
    entries: &'a HashMap<String, Entry>,
    name: &str,
    node: usize,
    output: usize,
) -> Result<Option<&'a SymbolicTensor>, ConfigError> {
    let Some(entry) = entries.get(name) else {
        return Err(ConfigError::new(format!("there is no layer `{name}` to take an input from")));
    };
    let Some(call) = entry.calls.get(node) else { return Ok(None) };
    // A call that failed has one poisoned output, which carries the mistake.
    match call.get(output).or(call.first().filter(|tensor| tensor.is_poisoned())) {
        Some(tensor) => Ok(Some(tensor)),
        None => Err(ConfigError::new(format!("the layer `{name}` has no output {output}"))),
    }
}

/// The inputs or outputs of a model and how they are arranged.
fn ends(
    config: &Map<String, Value>,
    key: &str,
    entries: &HashMap<String, Entry>,
) -> Result<(Vec<SymbolicTensor>, Structure), ConfigError> {
    let value = config.get(key).unwrap_or(&Value::Null);
    let mut places = Vec::new();
    let structure = structure_of(value, &mut places, 0).ok_or_else(|| {
        unfit(key, value).expected("a place [layer, call, output], a list or a dictionary of them")
    })?;
    let tensor = |value: &&Value| {
        let (name, node, output) = place(value)?;
        // Keras counts the calls of a functional model from one here, and only here.
        let is_model = entries.get(name).is_some_and(|e| e.layer.class_name() == "Functional");
        let node = node.saturating_sub(is_model as usize);
        find(entries, name, node, output)?.cloned().ok_or_else(|| {
            ConfigError::new(format!("`{key}` names a call of `{name}` that is not there"))
        })
    };
    let tensors = places.iter().map(tensor).collect::<Result<Vec<_>, ConfigError>>()?;
    match tensors.is_empty() {
        true => Err(ConfigError::new(format!("the model has no {}", key.replace('_', " ")))),
        false => Ok((tensors, structure)),
    }
}

/// How places are arranged, and the places in the order in which Keras flattens them; `None` if
/// there is something else among them.
fn structure_of<'a>(
    value: &'a Value,
    places: &mut Vec<&'a Value>,
    depth: usize,
) -> Option<Structure> {
    match value {
        _ if depth > DEPTH => None,
        place if place.get(0).is_some_and(Value::is_string) => {
            places.push(place);
            Some(Structure::Single)
        }
        Value::Array(items) => {
            let items = items.iter().map(|item| structure_of(item, places, depth + 1));
            items.collect::<Option<_>>().map(Structure::List)
        }
        Value::Object(items) => {
            let sorted: BTreeMap<&String, &Value> = items.iter().collect();
            let items = sorted
                .into_iter()
                .map(|(key, item)| Some((key.clone(), structure_of(item, places, depth + 1)?)));
            items.collect::<Option<_>>().map(Structure::Dict)
        }
        _ => None,
    }
}

/// The layer, call and output that `[name, call, output]` says.
fn place(value: &Value) -> Result<(&str, usize, usize), ConfigError> {
    let number = |place: usize| value.get(place)?.as_u64()?.try_into().ok();
    let parts = value.get(0).and_then(Value::as_str).zip(number(1)).zip(number(2));
    let ((name, node), output) = parts.ok_or_else(|| {
        ConfigError::new("this does not say where a tensor comes from")
            .expected("[layer, call, output]")
            .received(shortened(value))
    })?;
    Ok((name, node, output))
}

fn history_of(value: &Value) -> Option<&Value> {
    (value.get("class_name")?.as_str()? == "__keras_tensor__")
        .then(|| value.get("config")?.get("keras_history"))?
}

fn input_layer(object: &Value) -> Result<InputLayer, ConfigError> {
    let config = object.get("config").cloned().unwrap_or_default();
    let name = name_of(object).unwrap_or_else(|_| "input_layer".to_string());
    let mut fields = config.as_object().cloned().unwrap_or_default();
    // Keras 2 has another name for it.
    if let Some(shape) = fields.remove("batch_input_shape") {
        fields.insert("batch_shape".to_string(), shape);
    }
    let read = || {
        let base = Base::take_from(&mut fields)?;
        let mut layer: InputLayer =
            crate::object::from_config("InputLayer", &Value::Object(fields))?;
        *layer.base_mut() = base;
        Ok(layer)
    };
    read().map_err(|error| in_layer(error, &name))
}

fn is_operation(object: &Value) -> bool {
    let module = object.get("module").and_then(Value::as_str).unwrap_or_default();
    module.starts_with("keras.src.ops") || module.starts_with("keras.ops")
}

fn class_of(object: &Value) -> &str {
    object.get("class_name").and_then(Value::as_str).unwrap_or_default()
}

/// The name of a layer in a model.
fn name_of(object: &Value) -> Result<String, ConfigError> {
    let own = object.get("name").or_else(|| object.get("config")?.get("name"));
    own.and_then(Value::as_str).map(str::to_string).ok_or_else(|| {
        ConfigError::new("a layer of the model has no name").received(shortened(object))
    })
}

fn list<'a>(config: &'a Map<String, Value>, key: &str) -> Result<&'a Vec<Value>, ConfigError> {
    let value = config.get(key).unwrap_or(&Value::Null);
    value.as_array().ok_or_else(|| unfit(key, value).expected("a list"))
}

fn unfit(key: &str, value: &Value) -> ConfigError {
    ConfigError::new(format!("`{key}` of the model's configuration does not fit"))
        .received(shortened(value))
}

fn in_layer(error: ConfigError, name: &str) -> ConfigError {
    ConfigError { what: format!("layer `{name}`: {}", error.what), ..error }
}

fn mistakes(error: ModelError) -> ConfigError {
    match error.mistakes.as_slice() {
        [one] => one.error.clone(),
        _ => ConfigError::new(error.to_string()),
    }
}
