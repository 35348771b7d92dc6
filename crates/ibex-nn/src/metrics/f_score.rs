//! Means of precision and recall: what `F1Score` and `FBetaScore` share.

use ibex_graph::{Array, DType, Shape, Tensor};
use serde::{Deserialize, Serialize};

use super::State;
use crate::{ConfigError, PartialType};

/// Kept away from a division by zero, as in Keras.
const EPSILON: f64 = 1e-7;

/// How the scores of the classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Average {
    /// All classes are counted together.
    Micro,
    /// The mean of the scores.
    Macro,
    /// The mean of the scores, weighted by how often each class is right.
    Weighted,
}

/// The options of a score.
#[derive(Clone, Debug)]
pub(super) struct FScore<'a> {
    pub(super) name: &'a str,
    pub(super) average: Option<Average>,
    pub(super) beta: f64,
    /// Predictions above it are ones; only the largest if `None`.
    pub(super) threshold: Option<f64>,
}

impl FScore<'_> {
    pub(super) fn states(
        &self,
        y_true: &PartialType,
        y_pred: &PartialType,
    ) -> Result<Vec<State>, ConfigError> {
        let wrong = |what: &str| ConfigError::new(format!("the metric `{}` {what}", self.name));
        if self.beta <= 0.0 {
            let error = wrong("weighs recall by no positive number");
            return Err(error.expected("`beta` above 0").received(self.beta.to_string()));
        }
        if let Some(threshold) = self.threshold.filter(|t| !(*t > 0.0 && *t <= 1.0)) {
            let error = wrong("has a threshold out of range");
            return Err(error.expected("above 0, up to 1").received(threshold.to_string()));
        }
        let classes = y_pred.shape.dim(-1);
        let (true, true, Some(classes)) =
            (y_true.shape.rank() == 2, y_pred.shape.rank() == 2, classes)
        else {
            return Err(wrong("compares classes of samples")
                .expected("targets and predictions (None, classes)")
                .received(format!("targets {}, predictions {}", y_true.shape, y_pred.shape)));
        };
        let shape = match self.average {
            Some(Average::Micro) => Shape::from(()),
            _ => Shape::from([classes]),
        };
        let names =
            ["true_positives", "false_positives", "false_negatives", "intermediate_weights"];
        Ok(names.map(|name| State::zeros(name, shape.clone())).into())
    }

    pub(super) fn update(
        &self,
        states: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor> {
        let (y_true, y_pred) = (y_true.cast(DType::F32), y_pred.cast(DType::F32));
        let Some(last) = y_pred.shape().axis(-1) else { return states.to_vec() };
        let number = |value: f64| Tensor::scalar(DType::F32, value);
        let positive = match self.threshold {
            Some(threshold) => y_pred.greater(&number(threshold)),
            // A row of zeros has no largest prediction.
            None => y_pred
                .greater_equal(&y_pred.max(&[last], true))
                .logical_and(&y_pred.abs().greater(&number(1e-9))),
        };
        let positive = positive.cast(DType::F32);
        let weight = weight.map(|weight| match weight.rank() {
            1 => weight.cast(DType::F32).expand_dims(1),
            _ => weight.cast(DType::F32),
        });
        let axes: &[usize] = match self.average {
            Some(Average::Micro) => &[0, 1],
            _ => &[0],
        };
        let total = |values: Tensor| match &weight {
            Some(weight) => (values * weight).sum(axes, false),
            None => values.sum(axes, false),
        };
        let added = [
            total(&positive * &y_true),
            total(&positive * (1.0 - &y_true)),
            total((1.0 - &positive) * &y_true),
            total(y_true.clone()),
        ];
        states.iter().zip(added).map(|(state, added)| state + added).collect()
    }

    /// The score of each class, or the one of all.
    pub(super) fn results(&self, states: &[Array]) -> Vec<f64> {
        let [right, wrong, missed, support] = states else { return Vec::new() };
        let squared = self.beta * self.beta;
        let [right, wrong, missed, support] =
            [right, wrong, missed, support].map(Array::to_f64_vec);
        let score = |class: usize| {
            let precision = right[class] / (right[class] + wrong[class] + EPSILON);
            let recall = right[class] / (right[class] + missed[class] + EPSILON);
            precision * recall / (squared * precision + recall + EPSILON) * (1.0 + squared)
        };
        let scores: Vec<f64> = (0..right.len()).map(score).collect();
        match self.average {
            None => scores,
            Some(Average::Weighted) => {
                let total = support.iter().sum::<f64>() + EPSILON;
                vec![scores.iter().zip(support).map(|(score, n)| score * (n / total)).sum()]
            }
            Some(_) => vec![mean(&scores)],
        }
    }
}

/// The mean; 0 of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Implements a metric that is its `score`.
macro_rules! f_score_metric {
    ($member:ident) => {
        impl $crate::metrics::MetricFunction for $member {
            $crate::metrics::metric_object!($member);

            fn states(
                &self,
                y_true: &$crate::PartialType,
                y_pred: &$crate::PartialType,
            ) -> Result<Vec<$crate::metrics::State>, $crate::ConfigError> {
                self.score().states(y_true, y_pred)
            }

            fn update(
                &self,
                states: &[::ibex_graph::Tensor],
                y_true: &::ibex_graph::Tensor,
                y_pred: &::ibex_graph::Tensor,
                weight: Option<&::ibex_graph::Tensor>,
            ) -> Vec<::ibex_graph::Tensor> {
                self.score().update(states, y_true, y_pred, weight)
            }

            fn result(&self, states: &[::ibex_graph::Array]) -> f64 {
                $crate::metrics::f_score::mean(&self.results(states))
            }

            fn results(&self, states: &[::ibex_graph::Array]) -> Vec<f64> {
                self.score().results(states)
            }
        }
    };
}

pub(super) use f_score_metric;
