//! Watching one number of the logs: which way is better, and whether it got better.

use crate::error::{Error, Result};
use crate::history::Logs;

/// Which way a monitored number is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Larger for accuracies, AUC and F-scores, smaller otherwise, by the number's name.
    #[default]
    Auto,
    /// Smaller is better.
    Min,
    /// Larger is better.
    Max,
}

/// A number of the logs and its best value so far.
#[derive(Clone, Debug)]
pub(crate) struct Monitor {
    name: String,
    larger: bool,
    min_delta: f64,
    best: Option<f64>,
}

impl Monitor {
    pub(crate) fn new(name: &str, direction: Direction, min_delta: f64) -> Monitor {
        let larger = match direction {
            Direction::Min => false,
            Direction::Max => true,
            Direction::Auto => {
                let stem = name.strip_prefix("val_").unwrap_or(name);
                ["acc", "accuracy", "auc", "precision", "recall", "f1", "iou"]
                    .iter()
                    .any(|word| stem.split('_').any(|part| part.starts_with(word)))
            }
        };
        Monitor { name: name.to_string(), larger, min_delta: min_delta.abs(), best: None }
    }

    /// The same with another least change.
    pub(crate) fn with_min_delta(self, min_delta: f64) -> Monitor {
        Monitor { min_delta: min_delta.abs(), ..self }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn best(&self) -> Option<f64> {
        self.best
    }

    pub(crate) fn set_best(&mut self, best: Option<f64>) {
        self.best = best;
    }

    /// The monitored number.
    ///
    /// # Errors
    /// If the logs do not have it, naming what they have.
    pub(crate) fn value(&self, callback: &str, logs: &Logs) -> Result<f64> {
        logs.get(&self.name).ok_or_else(|| Error::Callback {
            name: callback.to_string(),
            reason: format!(
                "the logs have no `{}`\n  expected  one of {}\n  help: {}",
                self.name,
                logs.names().join(", "),
                match self.name.starts_with("val_") {
                    true => "give `fit` validation data, or monitor a number of the training",
                    false => "monitor one of these names, or add the metric to `compile`",
                }
            ),
        })
    }

    /// Whether `value` is better than the best by more than the least change; NaN never is.
    pub(crate) fn is_better(&self, value: f64) -> bool {
        match self.best {
            None => !value.is_nan(),
            Some(best) if self.larger => value - self.min_delta > best,
            Some(best) => value + self.min_delta < best,
        }
    }

    /// Takes `value` as the best if it is better, and says whether it is.
    pub(crate) fn improve(&mut self, value: f64) -> bool {
        let better = self.is_better(value);
        if better {
            self.best = Some(value);
        }
        better
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_which_way_is_better() {
        let mut accuracy = Monitor::new("val_accuracy", Direction::Auto, 0.0);
        assert!(accuracy.improve(0.5) && accuracy.improve(0.6) && !accuracy.improve(0.55));
        let mut loss = Monitor::new("val_loss", Direction::Auto, 0.1);
        assert!(loss.improve(1.0) && !loss.improve(0.95) && loss.improve(0.8));
        assert!(!loss.improve(f64::NAN));
    }
}
