//! What a training leaves behind: the logs of each epoch.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Names and numbers of one epoch or batch, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(String, Written)>", into = "Vec<(String, Written)>")]
pub struct Logs(Vec<(String, f64)>);

/// A number in JSON, which has none for NaN and infinity.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Text(String),
}

impl From<Logs> for Vec<(String, Written)> {
    fn from(logs: Logs) -> Vec<(String, Written)> {
        let written = |value: f64| match value.is_finite() {
            true => Written::Number(value),
            false => Written::Text(value.to_string()),
        };
        logs.0.into_iter().map(|(name, value)| (name, written(value))).collect()
    }
}

impl From<Vec<(String, Written)>> for Logs {
    fn from(pairs: Vec<(String, Written)>) -> Logs {
        let read = |value: Written| match value {
            Written::Number(value) => value,
            Written::Text(text) => text.parse().unwrap_or(f64::NAN),
        };
        pairs.into_iter().map(|(name, value)| (name, read(value))).collect()
    }
}

impl Logs {
    /// No logs.
    pub fn new() -> Logs {
        Logs::default()
    }

    /// The number under a name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| *value)
    }

    /// Sets the number under a name; a new name goes to the end.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Puts the names into alphabetic order.
    pub(crate) fn sort(&mut self) {
        self.0.sort_by(|a, b| a.0.cmp(&b.0));
    }

    /// The names and numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The names, in order.
    pub fn names(&self) -> Vec<&str> {
        self.iter().map(|(name, _)| name).collect()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, f64)> for Logs {
    fn from_iter<I: IntoIterator<Item = (String, f64)>>(pairs: I) -> Logs {
        Logs(pairs.into_iter().collect())
    }
}

/// The logs of every epoch of a training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The number of each epoch, counted from 0.
    pub epochs: Vec<usize>,
    /// The logs of each epoch.
    pub logs: Vec<Logs>,
    /// The wall-clock seconds of each epoch.
    pub seconds: Vec<f64>,
    /// The median seconds of the steps of each epoch.
    pub step_seconds_median: Vec<f64>,
}

impl History {
    /// The values under a name, one for each epoch that has it.
    pub fn get(&self, name: &str) -> Vec<f64> {
        self.logs.iter().filter_map(|logs| logs.get(name)).collect()
    }

    /// The last value under a name.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.logs.iter().rev().find_map(|logs| logs.get(name))
    }

    /// Every name that some epoch logged, in order of first appearance.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (name, _) in self.logs.iter().flat_map(Logs::iter) {
            if !names.iter().any(|n| n == name) {
                names.push(name.to_string());
            }
        }
        names
    }

    /// The median of the median step times of the epochs; of all but the first if there are more.
    pub fn median_step_seconds(&self) -> Option<f64> {
        let skip = (self.step_seconds_median.len() > 1) as usize;
        let mut times: Vec<f64> = self.step_seconds_median.iter().skip(skip).copied().collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    }

    /// As JSON: `{"epoch": […], "loss": […], …, "seconds": […], "step_seconds_median": x}`.
    ///
    /// A number that JSON cannot hold (NaN, infinity) is `null`.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("epoch".to_string(), json!(self.epochs));
        for name in self.names() {
            let values: Vec<Option<f64>> = self.logs.iter().map(|logs| logs.get(&name)).collect();
            object.insert(name, json!(values));
        }
        object.insert("seconds".to_string(), json!(self.seconds));
        object.insert("step_seconds_median".to_string(), json!(self.median_step_seconds()));
        Value::Object(object)
    }
}

impl History {
    /// Reads what [`History::to_json`] gave, from a file; other numbers in it are left out.
    ///
    /// # Errors
    /// If the file cannot be read, or holds no lists of numbers under names.
    pub fn read_json(path: impl AsRef<std::path::Path>) -> crate::error::Result<History> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| crate::error::Error::Io {
            action: "read",
            path: path.to_path_buf(),
            source,
        })?;
        let value = ibex_format::json::parse(&bytes)?;
        let numbers = |key: &str| -> Option<Vec<f64>> {
            let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
            Some(value.get(key)?.as_array()?.iter().map(number).collect())
        };
        let (Some(object), Some(epochs)) = (value.as_object(), numbers("epoch")) else {
            return Err(crate::error::Error::Data(
                ibex_nn::ConfigError::new(format!("`{}` is no history", path.display()))
                    .expected("an object with `epoch` and other lists of numbers")
                    .help("write one with `ibex train … --history FILE.json`"),
            ));
        };
        let mut logs = vec![Logs::new(); epochs.len()];
        for key in object.keys().filter(|key| !["epoch", "seconds"].contains(&key.as_str())) {
            for (logs, value) in logs.iter_mut().zip(numbers(key).unwrap_or_default()) {
                logs.set(key.as_str(), value);
            }
        }
        let seconds = numbers("seconds").unwrap_or_default();
        let epochs = epochs.into_iter().map(|epoch| epoch as usize).collect();
        Ok(History { epochs, logs, seconds, step_seconds_median: Vec::new() })
    }

    /// Draws the curve of the loss to a `.png` or `.svg` file, that of validation dashed.
    ///
    /// # Errors
    /// If there is nothing to draw or the file cannot be written.
    pub fn plot(&self, path: impl AsRef<std::path::Path>) -> crate::error::Result<()> {
        self.plot_of(&["loss"], path)
    }

    /// Draws the curves of some numbers, each with its `val_` counterpart dashed.
    ///
    /// # Errors
    /// As [`History::plot`].
    pub fn plot_of(
        &self,
        names: &[&str],
        path: impl AsRef<std::path::Path>,
    ) -> crate::error::Result<()> {
        let wanted = names.iter().flat_map(|name| [name.to_string(), format!("val_{name}")]);
        let curve = |name: String| {
            let pairs = self.epochs.iter().zip(&self.logs);
            let points: Vec<(f64, f64)> =
                pairs.filter_map(|(e, logs)| Some((*e as f64 + 1.0, logs.get(&name)?))).collect();
            let dashed = name.starts_with("val_");
            (!points.is_empty()).then_some(crate::plot::Series { name, points, dashed })
        };
        let series: Vec<crate::plot::Series> = wanted.filter_map(curve).collect();
        let title = names.join(", ");
        Ok(crate::plot::line_chart(&title, "epoch", &title, &series, path)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_lacks_come_back() {
        let values = [0.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        let logs: Logs = values.iter().map(|value| (format!("{value}"), *value)).collect();
        let text = serde_json::to_string(&logs).unwrap();
        let back: Logs = serde_json::from_str(&text).unwrap();
        let bits = |logs: &Logs| logs.iter().map(|(_, v)| v.to_bits()).collect::<Vec<u64>>();
        assert_eq!(bits(&back), bits(&logs), "{text}");
    }
}
