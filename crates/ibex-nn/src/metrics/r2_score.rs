//! `R2Score`: how much of the variance of the targets the predictions explain.

use ibex_graph::{Array, DType, Tensor};
use serde::{Deserialize, Serialize};

use super::f_score::mean;
use super::reduction::number;
use super::{MetricFunction, State, metric_object, metric_options};
use crate::losses::shapes::same_rank;
use crate::{ConfigError, PartialType};

/// How the scores of the outputs become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassAggregation {
    /// Their mean.
    UniformAverage,
    /// Their mean, weighted by the variance of each target.
    VarianceWeightedAverage,
}

metric_options! {
    /// One minus the squared errors over the variance of the targets: 1 is perfect, 0 no better
    /// than the mean.
    ///
    /// Targets and predictions have the shape `(None, outputs)`.
    /// The result is no number before the first batch and where targets do not vary.
    ///
    /// ```
    /// use ibex_nn::metrics::{Metric, R2Score};
    /// let metric = Metric::from(R2Score::new().num_regressors(3));
    /// assert_eq!(metric.config()["class_aggregation"], "uniform_average");
    /// ```
    /// Source: <https://keras.io/api/metrics/regression_metrics/>.
    R2Score = "r2_score" {
        /// How the scores of the outputs become one; in logs stands their mean if `None`.
        class_aggregation: Option<ClassAggregation> = Some(ClassAggregation::UniformAverage),
        /// The number of independent variables, for the adjusted score.
        num_regressors: u64 = 0,
    }
}

impl R2Score {
    /// The score, lowered for what so many variables explain by chance.
    fn adjusted(&self, score: f64, samples: f64) -> f64 {
        let free = samples - self.num_regressors as f64 - 1.0;
        match self.num_regressors == 0 || free <= 0.0 {
            true => score,
            false => 1.0 - (1.0 - score) * (samples - 1.0) / free,
        }
    }
}

impl MetricFunction for R2Score {
    metric_object!(R2Score);

    fn states(
        &self,
        y_true: &PartialType,
        y_pred: &PartialType,
    ) -> Result<Vec<State>, ConfigError> {
        let outputs = y_pred.shape.dim(-1);
        let is_column = y_true.shape.rank() == 1 && outputs == Some(1);
        let Some(outputs) =
            outputs.filter(|_| y_pred.shape.rank() == 2 && (y_true.shape.rank() == 2 || is_column))
        else {
            let what = format!("the metric `{}` compares outputs of samples", self.name);
            return Err(ConfigError::new(what)
                .expected("targets and predictions (None, outputs)")
                .received(format!("targets {}, predictions {}", y_true.shape, y_pred.shape)));
        };
        let mut states = vec![State::zeros("num_samples", ())];
        let each = ["squared_sum", "sum", "residual", "count"];
        states.extend(each.map(|name| State::zeros(name, [outputs])));
        Ok(states)
    }

    fn update(
        &self,
        states: &[Tensor],
        y_true: &Tensor,
        y_pred: &Tensor,
        weight: Option<&Tensor>,
    ) -> Vec<Tensor> {
        let (y_true, y_pred) = same_rank(&y_true.cast(DType::F32), &y_pred.cast(DType::F32), true);
        let weight = match weight.map(|weight| weight.cast(DType::F32)) {
            Some(weight) if weight.rank() == 1 => weight.expand_dims(1),
            Some(weight) => weight,
            None => Tensor::scalar(DType::F32, 1.0),
        };
        let weight = weight.broadcast_to(y_true.shape());
        let total = |values: Tensor| values.sum(&[0], false);
        let weighted = &y_true * &weight;
        let added = [
            Tensor::scalar(DType::F32, y_true.shape().size() as f64),
            total(&y_true * &weighted),
            total(weighted),
            total((&y_true - y_pred).square() * &weight),
            total(weight),
        ];
        states.iter().zip(added).map(|(state, added)| state + added).collect()
    }

    fn result(&self, states: &[Array]) -> f64 {
        mean(&self.results(states))
    }

    fn results(&self, states: &[Array]) -> Vec<f64> {
        let [samples, squares, sums, residuals, counts] = states else { return Vec::new() };
        let [squares, sums, residuals, counts] =
            [squares, sums, residuals, counts].map(Array::to_f64_vec);
        let variance = |i: usize| squares[i] - sums[i] * (sums[i] / counts[i]);
        let variances: Vec<f64> = (0..sums.len()).map(variance).collect();
        let score = |(residual, variance): (&f64, &f64)| match 1.0 - residual / variance {
            score if score.is_infinite() => 0.0,
            score => score,
        };
        let scores: Vec<f64> = residuals.iter().zip(&variances).map(score).collect();
        let scores = match self.class_aggregation {
            None => scores,
            Some(ClassAggregation::UniformAverage) => vec![mean(&scores)],
            Some(ClassAggregation::VarianceWeightedAverage) => {
                let weighted: f64 = scores.iter().zip(&variances).map(|(s, v)| s * v).sum();
                vec![weighted / variances.iter().sum::<f64>()]
            }
        };
        scores.into_iter().map(|score| self.adjusted(score, number(samples))).collect()
    }
}
