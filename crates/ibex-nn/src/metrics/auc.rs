//! `AUC`: the area under a curve of right answers over wrong ones, at many thresholds.

use ibex_graph::{Array, Tensor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::auc_curve::{Counts, area};
use super::confusion::{Cell, Confusion};
use super::reduction::quotient;
use super::{
    AUCCurve, AUCSummationMethod, MetricFunction, State, Thresholds, metric_options, thresholds,
};
use crate::options::config_without;
use crate::{ConfigError, PartialType};

metric_options! {
    /// The area under the ROC or the precision-recall curve, approximated at thresholds.
    ///
    /// Targets are 0 or 1, predictions probabilities (or logits, if so set).
    ///
    /// Source: <https://keras.io/api/metrics/classification_metrics/>.
    AUC = "auc" {
        /// The number of thresholds, spread evenly from 0 to 1.
        num_thresholds: usize = 200,
        /// The curve.
        curve: AUCCurve = AUCCurve::ROC,
        /// How the area between two points is taken.
        summation_method: AUCSummationMethod = AUCSummationMethod::Interpolation,
        /// Whether the areas of the labels (the last axis) are averaged.
        multi_label: bool = false,
        /// The number of labels; that of the predictions if `None`.
        num_labels: Option<usize> = None,
        /// The weight of each label.
        label_weights: Option<LabelWeights> = None,
        /// Whether predictions are logits rather than probabilities.
        from_logits: bool = false,
        /// Thresholds between 0 and 1 in place of evenly spread ones.
        thresholds: Option<Thresholds> = None,
    }
}

/// Numbers that Keras writes as a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelWeights(pub Vec<f64>);

impl<V: Into<Vec<f64>>> From<V> for LabelWeights {
    fn from(weights: V) -> LabelWeights {
        LabelWeights(weights.into())
    }
}

impl Serialize for LabelWeights {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let value: Vec<f64> = self.0.iter().map(|&w| f64::from(w as f32)).collect();
        let tensor = json!({ "value": value, "dtype": "float32" });
        json!({ "class_name": "__tensor__", "config": tensor }).serialize(to)
    }
}

impl<'de> Deserialize<'de> for LabelWeights {
    /// A list of numbers, or a tensor that holds one.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<LabelWeights, D::Error> {
        let value = Value::deserialize(from)?;
        let list = value.pointer("/config/value").unwrap_or(&value).clone();
        serde_json::from_value(list).map(LabelWeights).map_err(serde::de::Error::custom)
    }
}

impl AUC {
    /// All thresholds, with one below 0 and one above 1.
    fn all_thresholds(&self) -> Vec<f64> {
        let mut inner = match &self.thresholds {
            Some(given) => given.to_vec(),
            None => {
                let steps = self.num_thresholds.saturating_sub(1);
                (1..steps).map(|i| i as f64 / steps as f64).collect()
            }
        };
        inner.sort_by(f64::total_cmp);
        // As near to the ends as Keras puts them.
        [vec![-1e-7], inner, vec![1.0 + 1e-7]].concat()
    }

    fn confusion(&self) -> Confusion {
        let label_weights = self.label_weights.as_ref().filter(|_| !self.multi_label);
        Confusion {
            thresholds: self.all_thresholds(),
            top_k: None,
            class_id: None,
            multi_label: self.multi_label,
            label_weights: label_weights.map(|weights| weights.0.clone()),
        }
    }

    /// The number of labels whose areas are averaged; `None` if all labels count together.
    fn labels(&self, y_pred: &PartialType) -> Result<Option<usize>, ConfigError> {
        if !self.multi_label {
            return Ok(None);
        }
        let labels = self.num_labels.or(y_pred.shape.dim(-1));
        match labels.filter(|_| y_pred.shape.rank() == 2) {
            Some(labels) => Ok(Some(labels)),
            None => Err(ConfigError::new(format!(
                "the metric `{}` cannot tell the labels apart",
                self.name
            ))
            .expected("predictions (None, labels)")
            .received(y_pred.shape.to_string())
            .help("without `multi_label` all labels count together")),
        }
    }
}

impl MetricFunction for AUC {
    fn class_name(&self) -> &'static str {
        "AUC"
    }

    fn config(&self) -> Value {
        let mut config = config_without(self, &["thresholds"]);
        config["num_thresholds"] = json!(self.all_thresholds().len());
        config
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn states(&self, _: &PartialType, y_pred: &PartialType) -> Result<Vec<State>, ConfigError> {
        thresholds::checked(&self.name, self.thresholds.as_ref())?;
        if self.num_thresholds < 2 {
            return Err(ConfigError::new(format!("the metric `{}` has no curve", self.name))
                .expected("num_thresholds of at least 2")
                .received(self.num_thresholds.to_string()));
        }
        let mut shape = vec![self.all_thresholds().len()];
        shape.extend(self.labels(y_pred)?);
        Ok(Cell::ALL.iter().map(|cell| State::zeros(cell.name(), shape.clone())).collect())
    }

    fn update(
        &self,
        states: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor> {
        let y_pred = if self.from_logits { y_pred.sigmoid() } else { y_pred.clone() };
        self.confusion().update(states, &Cell::ALL, y_true, &y_pred, weight)
    }

    fn result(&self, states: &[Array]) -> f64 {
        let [yes, yes_wrong, no, no_wrong] = states else { return 0.0 };
        let labels = yes.shape().get(1).copied().unwrap_or(1);
        let states = [yes, yes_wrong, no, no_wrong].map(Array::to_f64_vec);
        let counts_of = |label: usize| -> Vec<Counts> {
            let at = |row: usize| Counts {
                true_positives: states[0][row * labels + label],
                false_positives: states[1][row * labels + label],
                true_negatives: states[2][row * labels + label],
                false_negatives: states[3][row * labels + label],
            };
            (0..states[0].len() / labels.max(1)).map(at).collect()
        };
        let each = (0..labels).map(|l| area(&counts_of(l), self.curve, self.summation_method));
        let weights = self.label_weights.as_ref().filter(|_| self.multi_label);
        let weight = |l: usize| weights.map_or(1.0, |w| w.0.get(l).copied().unwrap_or(0.0));
        let total: f64 = (0..labels).map(weight).sum();
        quotient(each.enumerate().map(|(l, area)| area * weight(l)).sum(), total)
    }
}
