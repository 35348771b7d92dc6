//! The vectors of embedding layers, as the projector of TensorBoard reads them.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use ibex_nn::{ConfigError, Instance};

use crate::error::{Error, Result};
use crate::model::Model;

/// The embedding layers of a model, those of models in it too.
fn embeddings(model: &Model) -> Vec<Arc<Instance>> {
    fn collect(layer: &Arc<Instance>, found: &mut Vec<Arc<Instance>>) {
        if layer.layer().class_name() == "Embedding" {
            found.push(layer.clone());
        }
        layer.children().iter().for_each(|(_, child)| collect(child, found));
    }
    let mut found = Vec::new();
    collect(&model.instance, &mut found);
    found
}

/// Refuses labels for a layer that is no embedding of the model.
pub(super) fn check(model: &Model, metadata: &[(String, Vec<String>)]) -> Result<()> {
    let layers = embeddings(model);
    match metadata.iter().find(|(name, _)| !layers.iter().any(|layer| layer.name() == name)) {
        None => Ok(()),
        Some((name, _)) => {
            let names: Vec<&str> = layers.iter().map(|layer| layer.name()).collect();
            Err(Error::Config(
                ConfigError::new("labels are given for a layer that is no embedding of the model")
                    .expected(format!("one of: {}", names.join(", ")))
                    .received(name.clone()),
            ))
        }
    }
}

/// Writes the vectors of each layer and what the projector shall show.
pub(super) fn write(
    folder: &Path,
    model: &Model,
    metadata: &[(String, Vec<String>)],
) -> Result<()> {
    let mut config = String::new();
    for layer in embeddings(model) {
        let name = layer.name();
        let Some(variable) = layer.weight("embeddings").and_then(|weight| weight.variable()) else {
            continue;
        };
        let value = variable.get();
        let width = value.shape().last().copied().unwrap_or(1).max(1);
        let mut text = String::new();
        for row in value.to_f64_vec().chunks(width) {
            let numbers: Vec<String> = row.iter().map(f64::to_string).collect();
            let _ = writeln!(text, "{}", numbers.join("\t")); // A String takes any text.
        }
        crate::write_text(folder.join(format!("{name}.tsv")), &text)?;
        let _ = writeln!(config, "embeddings {{\n  tensor_name: \"{name}\"");
        let _ = writeln!(config, "  tensor_path: \"{name}.tsv\"");
        if let Some((_, labels)) = metadata.iter().find(|(layer, _)| layer == name) {
            let line = |label: &String| label.replace(['\n', '\t'], " ") + "\n";
            let labels: String = labels.iter().map(line).collect();
            crate::write_text(folder.join(format!("{name}.labels.tsv")), &labels)?;
            let _ = writeln!(config, "  metadata_path: \"{name}.labels.tsv\"");
        }
        config.push_str("}\n");
    }
    crate::write_text(folder.join("projector_config.pbtxt"), &config)
}
