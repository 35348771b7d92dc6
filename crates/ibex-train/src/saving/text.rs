//! Models of files that begin with strings: the layers that read them, and the rest as a model.
//!
//! Graphs hold no strings, and neither does Keras on JAX predict from them.
//! What such a file holds is cut behind the layers that read strings; these work on the data.

use std::path::Path;

use ibex_format::KerasArchive;
use ibex_graph::Array;
use ibex_nn::ConfigError;
use ibex_nn::layer::layer_from_config;
use ibex_nn::layers::{Hashing, StringLookup, TextVectorization};
use ibex_nn::object::shortened;
use ibex_nn::text::{Features, Strings};
use serde_json::{Value, json};

use super::assets;
use super::load::{functional, in_file, unsupported};
use crate::error::{Error, Result};
use crate::model::Model;

/// A layer of a file that reads strings.
#[derive(Clone, Debug)]
pub enum TextLayer {
    /// Hashes of strings.
    Hashing(Hashing),
    /// Indices of strings.
    StringLookup(StringLookup),
    /// Indices of the words in texts.
    TextVectorization(TextVectorization),
}

impl TextLayer {
    /// The layer of a configuration; `None` if it is of another class.
    fn of(object: &Value) -> Option<Result<TextLayer, ConfigError>> {
        let config = object.get("config").unwrap_or(&Value::Null);
        Some(match object.get("class_name")?.as_str()? {
            "Hashing" => layer_from_config("Hashing", config).map(TextLayer::Hashing),
            "StringLookup" => {
                layer_from_config("StringLookup", config).map(TextLayer::StringLookup)
            }
            "TextVectorization" => {
                layer_from_config("TextVectorization", config).map(TextLayer::TextVectorization)
            }
            _ => return None,
        })
    }

    /// Applies the layer to strings.
    ///
    /// # Errors
    /// As the layer's own `apply`.
    pub fn apply(&self, data: impl Into<Features>) -> Result<Array> {
        let given = match (self, data.into()) {
            (TextLayer::Hashing(layer), data) => layer.apply(data),
            (TextLayer::StringLookup(layer), Features::Strings(data)) => layer.apply(data),
            (TextLayer::TextVectorization(layer), Features::Strings(data)) => layer.apply(data),
            (_, data) => Err(ConfigError::new("the layer reads strings").received(data.kind())),
        };
        given.map_err(Error::Data)
    }

    /// The shape and the dtype of what it gives for strings of this shape.
    fn output(&self, input: &[Value]) -> Value {
        let extent = |value: &Value| value.as_u64().map_or(1, |extent| extent as usize);
        let dims: Vec<usize> = input.iter().map(extent).collect();
        let blank = vec![String::new(); dims.iter().product()];
        let given =
            Strings::new(dims, blank).map_err(Error::Data).and_then(|data| self.apply(data));
        let Ok(given) = given else {
            return json!({"batch_shape": [null, null], "dtype": "int64"});
        };
        let is_text = matches!(self, TextLayer::TextVectorization(_));
        // What is as long as the data has no extent yet.
        let known = |(axis, &extent): (usize, &usize)| match input.get(axis) {
            _ if axis == 0 || extent == 0 => Value::Null,
            Some(given) if !is_text && given.is_null() && extent == 1 => Value::Null,
            _ => json!(extent),
        };
        let shape: Vec<Value> = given.shape().iter().enumerate().map(known).collect();
        json!({"batch_shape": shape, "dtype": given.dtype().name()})
    }
}

impl Model {
    /// Reads a `.keras` file whose inputs are strings: for each such input the layer that reads
    /// it, in the order of the inputs, and the model of what these layers give.
    ///
    /// The model is not compiled.
    ///
    /// ```no_run
    /// use ibex_train::Model;
    ///
    /// let (text, mut model) = Model::load_text("reviews.keras")?;
    /// let found = model.predict(&text[0].apply(["a film to see twice"])?)?;
    /// # Ok::<(), ibex_train::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::load`]; also if something else than `TextVectorization`, `StringLookup` or
    /// `Hashing` reads strings.
    pub fn load_text(path: impl AsRef<Path>) -> Result<(Vec<TextLayer>, Model)> {
        let path = path.as_ref();
        let mut archive = KerasArchive::read(path)?;
        let mut read = || {
            let mut config = assets::filled_config(&archive)?;
            let in_config = |error: ConfigError| unsupported(error).in_member("config.json");
            let texts = cut(&mut config).map_err(in_config)?;
            functional(&config)?;
            archive.config = config;
            archive.assets.clear();
            Ok((texts, Model::from_archive(&archive, false)?))
        };
        read().map_err(|error| in_file(error, path))
    }
}

/// Takes the layers that read strings out of a configuration; inputs stand in their places.
fn cut(model: &mut Value) -> Result<Vec<TextLayer>, ConfigError> {
    let is_sequential = model.get("class_name").is_some_and(|class| class == "Sequential");
    let layers = model.pointer_mut("/config/layers").and_then(Value::as_array_mut);
    let Some(layers) = layers else {
        return Err(ConfigError::new("the configuration has no layers"));
    };
    let (mut texts, mut renamed) = (Vec::new(), Vec::new());
    while let Some(place) = layers.iter().position(is_string_input) {
        let input = layers.remove(place);
        let name = name_of(&input);
        let readers: Vec<usize> = match is_sequential {
            true => vec![place],
            false => {
                (0..layers.len()).filter(|&i| reads(&layers[i]["inbound_nodes"], &name)).collect()
            }
        };
        let reader = match readers[..] {
            [reader] => layers.get_mut(reader),
            _ => None,
        };
        let text = reader.as_ref().and_then(|reader| TextLayer::of(reader));
        let (Some(reader), Some(text)) = (reader, text) else {
            return Err(ConfigError::new(format!(
                "the strings of `{name}` are read by no text layer"
            ))
            .expected("one `TextVectorization`, `StringLookup` or `Hashing`")
            .received(format!("{} layers that read them", readers.len())));
        };
        let text = text?;
        let shape = input.pointer("/config/batch_shape").and_then(Value::as_array).cloned();
        let mut config = text.output(&shape.unwrap_or_default());
        let own = name_of(reader);
        config["name"] = json!(own);
        *reader = json!({
            "class_name": "InputLayer", "config": config, "name": own, "inbound_nodes": [],
        });
        texts.push((own.clone(), text));
        renamed.push((name, own));
    }
    if texts.is_empty() {
        return Err(
            ConfigError::new("no input of the model is of strings").help("`Model::load` loads it")
        );
    }
    if is_sequential {
        let shape = model.pointer("/config/layers/0/config/batch_shape").cloned();
        model["config"]["build_input_shape"] = shape.unwrap_or_default();
    } else if let Some(inputs) = model.pointer_mut("/config/input_layers") {
        rename(inputs, &renamed);
        let mut order = Vec::new();
        names(inputs, &mut order);
        texts.sort_by_key(|(name, _)| order.iter().position(|other| other == name));
    }
    Ok(texts.into_iter().map(|(_, text)| text).collect())
}

fn is_string_input(layer: &Value) -> bool {
    layer["class_name"] == "InputLayer" && layer["config"]["dtype"] == "string"
}

fn name_of(layer: &Value) -> String {
    let name = layer["name"].as_str().or(layer["config"]["name"].as_str());
    name.map_or_else(|| shortened(&layer["class_name"]), str::to_string)
}

/// Whether a call among these nodes takes an output of the layer `name`.
fn reads(nodes: &Value, name: &str) -> bool {
    match nodes {
        Value::Array(list) => list.iter().any(|item| reads(item, name)),
        Value::Object(object) => {
            let history = nodes.pointer("/config/keras_history/0");
            history.is_some_and(|from| from == name)
                || object.values().any(|item| reads(item, name))
        }
        _ => false,
    }
}

/// The names of inputs, in order, whatever they are arranged in.
fn names(inputs: &Value, found: &mut Vec<String>) {
    match inputs {
        Value::String(name) => found.push(name.clone()),
        Value::Array(list) => list.iter().for_each(|item| names(item, found)),
        Value::Object(object) => {
            let mut pairs: Vec<(&String, &Value)> = object.iter().collect();
            pairs.sort_by_key(|(key, _)| *key);
            pairs.into_iter().for_each(|(_, item)| names(item, found));
        }
        _ => {}
    }
}

/// Gives inputs their new names, whatever they are arranged in.
fn rename(inputs: &mut Value, renamed: &[(String, String)]) {
    match inputs {
        Value::String(name) => {
            if let Some((_, new)) = renamed.iter().find(|(old, _)| old == name) {
                *name = new.clone();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|item| rename(item, renamed)),
        Value::Object(object) => object.values_mut().for_each(|item| rename(item, renamed)),
        _ => {}
    }
}
