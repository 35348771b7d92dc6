//! What files hold beside configuration and weights: the vocabularies of adapted layers.
//!
//! They are put into the configuration before layers are made of it, and written beside it.
//! It must not know what a vocabulary is for.

use std::collections::BTreeMap;
use std::sync::Arc;

use ibex_format::error::Problem;
use ibex_format::{Hdf5Group, KerasArchive, RawArray};
use ibex_nn::Instance;
use ibex_nn::layer::snake_case;
use ibex_nn::object::shortened;
use serde_json::{Value, json};

use super::weights::{joined, placed_layers};
use crate::error::Result;

/// The file of a vocabulary, below the place of its layer.
const VOCABULARY: &str = "vocabulary.txt";

/// The array with the weights of a vocabulary, below the place of its layer.
const WEIGHTS: &str = "vars/idf_weights";

/// Writes the vocabularies of the layers of a model, and their weights into the tree.
///
/// # Errors
/// If a name cannot be one in a file.
pub(super) fn write(
    root: &Arc<Instance>,
    tree: &mut Hdf5Group,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for placed in placed_layers(root) {
        let Some(assets) = placed.instance.layer().assets() else { continue };
        for place in assets.places {
            let place =
                if place.is_empty() { placed.path.clone() } else { joined(&placed.path, place) };
            files.insert(joined(&place, VOCABULARY), assets.vocabulary.clone().into_bytes());
            if let Some(weights) = &assets.idf_weights {
                let weights: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
                let array = RawArray::from_slice(&[weights.len()], &weights)?;
                tree.insert(&joined(&place, WEIGHTS), array)?;
            }
        }
    }
    Ok(files)
}

/// The configuration of an archive with the vocabularies that it holds beside it.
///
/// # Errors
/// If a vocabulary is no text, or not of integers where it should be.
pub(super) fn filled_config(archive: &KerasArchive) -> Result<Value> {
    let mut config = archive.config.clone();
    if !archive.assets.is_empty() {
        fill(&mut config, "", archive)?;
    }
    Ok(config)
}

/// Fills in what the layers of a model lack; `path` is the place of the model.
fn fill(model: &mut Value, path: &str, archive: &KerasArchive) -> Result<()> {
    let layers = model.get_mut("config").and_then(|config| config.get_mut("layers"));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for layer in layers.and_then(Value::as_array_mut).into_iter().flatten() {
        let class = layer.get("class_name").and_then(Value::as_str).unwrap_or_default();
        let stem = snake_case(class.rsplit_once('>').map_or(class, |(_, name)| name));
        let count = counts.entry(stem.clone()).or_default();
        let name = if *count == 0 { stem } else { format!("{stem}_{count}") };
        *count += 1;
        let place = joined(path, &format!("layers/{name}"));
        // Only models have layers; the reader of models refuses them when they nest too deeply,
        // and so does the reader of JSON.
        fill(layer, &place, archive)?;
        let Some(config) = layer.get_mut("config") else { continue };
        let file = joined(&place, VOCABULARY);
        let Some(bytes) = archive.assets.get(&file) else { continue };
        if config.get("vocabulary").is_some_and(Value::is_null) {
            let is_integer = config.get("vocabulary_dtype").is_some_and(|dtype| dtype == "int64");
            let tokens = tokens(bytes, is_integer).map_err(|error| error.in_member(file))?;
            config["vocabulary"] = tokens;
            config["adapted"] = json!(true);
            if let Ok(weights) = archive.weights.array(&joined(&place, WEIGHTS)) {
                config["idf_weights"] = json!(weights.to_f64_vec());
            }
        }
    }
    Ok(())
}

/// The lines of a vocabulary; empty ones at the end do not count.
fn tokens(bytes: &[u8], is_integer: bool) -> ibex_format::Result<Value> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Problem::new("the vocabulary is no text in UTF-8").received(error.to_string()).invalid()
    })?;
    let lines = text.trim_end_matches('\n').split('\n');
    if !is_integer {
        return Ok(lines.map(Value::from).collect());
    }
    let integer = |line: &str| {
        line.trim().parse::<i64>().map(Value::from).map_err(|_| {
            Problem::new("the vocabulary is not of integers")
                .expected("an integer in each line")
                .received(shortened(&Value::from(line)))
                .invalid()
        })
    };
    lines.map(integer).collect()
}
