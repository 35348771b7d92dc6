//! `ibex inspect`: what a file of weights or of a model holds.

use std::path::PathBuf;

use clap::Args;
use ibex::train::files::{self, Format};
use ibex::train::tensors::NamedArrays;
use serde_json::{Value, json};

use super::local;
use crate::failure::Failure;
use crate::output::print;

/// What `ibex inspect` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A file of a model or of weights, of any kind that `ibex convert` reads
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let path = local(&self.file)?;
        let format = files::of_file(&path)?;
        let content = (format.read)(&path)?;
        let config = format.read_config.map(|read| read(&path)).transpose()?;
        let config = config.filter(|config| !config.is_null());
        let size = std::fs::metadata(&path).map_or(0, |data| data.len());
        let found = Found { format, size, content, config };
        print(&if self.json { found.json().to_string() } else { found.text(&self.file) });
        Ok(())
    }
}

/// What was found in a file.
struct Found {
    format: &'static Format,
    size: u64,
    content: NamedArrays,
    config: Option<Value>,
}

impl Found {
    fn elements(&self) -> usize {
        self.content.arrays.iter().map(|(_, array)| array.len()).sum()
    }

    fn json(&self) -> Value {
        let arrays = self.content.arrays.iter().map(|(name, array)| {
            json!({
                "name": name,
                "dtype": array.dtype().name(),
                "shape": array.shape(),
                "bytes": array.data().len(),
            })
        });
        json!({
            "format": self.format.name,
            "file_bytes": self.size,
            "arrays": arrays.collect::<Vec<Value>>(),
            "elements": self.elements(),
            "bytes": self.content.bytes(),
            "metadata": self.content.metadata,
            "config": self.config,
        })
    }

    fn text(&self, file: &std::path::Path) -> String {
        let mut lines =
            vec![format!("{}: {}, {}", file.display(), self.format.name, bytes(self.size))];
        if let Some(config) = &self.config {
            lines.extend(model_lines(config));
        }
        let texts = self.content.metadata.iter();
        lines.extend(texts.map(|(key, text)| format!("{key}: {text}")));
        lines.extend(tree_lines(&self.content));
        lines.push(format!(
            "{} arrays, {} elements, {}",
            self.content.arrays.len(),
            self.elements(),
            bytes(self.content.bytes())
        ));
        lines.join("\n")
    }
}

/// The model of a configuration, and what it is compiled with.
fn model_lines(config: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_string();
    let layers = config["config"]["layers"].as_array().map_or(0, Vec::len);
    let (class, name) = (text(&config["class_name"]), text(&config["config"]["name"]));
    let mut lines = vec![format!("model: {class} `{name}`, {layers} layers")];
    let compiled = &config["compile_config"];
    if let Some(settings) = compiled.as_object().filter(|settings| !settings.is_empty()) {
        let optimizer = text(&compiled["optimizer"]["class_name"]);
        let rate = &compiled["optimizer"]["config"]["learning_rate"];
        let rate = if rate.is_number() { format!(", learning rate {rate}") } else { String::new() };
        lines.push(format!("optimizer: {optimizer}{rate}"));
        for key in ["loss", "metrics", "loss_weights", "weighted_metrics"] {
            if let Some(value) = settings.get(key).filter(|value| !value.is_null()) {
                lines.push(format!("{key}: {}", brief(value)));
            }
        }
    } else {
        lines.push("not compiled".to_string());
    }
    lines
}

/// A value of a compile configuration: objects of Keras by their classes.
fn brief(value: &Value) -> String {
    match value {
        Value::Object(map) => match map.get("class_name").and_then(Value::as_str) {
            Some(class) => class.to_string(),
            None => {
                let parts = map.iter().map(|(key, value)| format!("{key}: {}", brief(value)));
                format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
            }
        },
        Value::Array(list) => {
            format!("[{}]", list.iter().map(brief).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The arrays below the groups that their names share, in the order of the file.
fn tree_lines(content: &NamedArrays) -> Vec<String> {
    let mut rows = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    for (name, array) in &content.arrays {
        let parts: Vec<&str> = name.split(['/', '.']).collect();
        let Some((leaf, groups)) = parts.split_last() else { continue };
        let shared = above.iter().zip(groups).take_while(|(a, b)| a == b).count();
        for (depth, group) in groups.iter().enumerate().skip(shared) {
            rows.push((format!("{}{group}", "  ".repeat(depth)), String::new()));
        }
        let extents: Vec<String> = array.shape().iter().map(ToString::to_string).collect();
        let kind = format!("{} ({})", array.dtype(), extents.join(", "));
        let size = bytes(array.data().len() as u64);
        rows.push((format!("{}{leaf}", "  ".repeat(groups.len())), format!("{kind}  {size}")));
        above = groups.to_vec();
    }
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let line = |(name, kind): (String, String)| match kind.is_empty() {
        true => name,
        false => format!("{name:width$}  {kind}"),
    };
    rows.into_iter().map(line).collect()
}

/// A number of bytes as people read it.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    let mut size = count as f64;
    let mut unit = "bytes";
    for name in UNITS {
        if size < 1000.0 {
            break;
        }
        (size, unit) = (size / 1000.0, name);
    }
    if unit == "bytes" { format!("{count} bytes") } else { format!("{size:.1} {unit}") }
}
